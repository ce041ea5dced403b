import { sql } from 'drizzle-orm';
import type { Database, Db, Sql, Tx } from './db';
import { invalid } from './errors';
import { cleanText } from './text';

type DrizzleTx = Pick<Db, 'execute'>;

/** How many variations may run at the same time, over all workers; null is no limit. */
export interface Limits {
  all: number | null;
  per_project: number | null;
  per_agent: number | null;
  per_provider: number | null;
}

export interface Settings {
  /** False keeps new work queued; what runs finishes. */
  execution: boolean;
  limits: Limits;
  /** Days after its end at which a run's streamed pieces and long outputs go; null is never. */
  retention_days: number | null;
  /** Days after its end at which a whole run goes; null is never. */
  remove_after_days: number | null;
  /** Names of agents whose models judge, the preferred first; empty: nobody does. */
  judges: string[];
}

export const mostJudges = 10;

/** A change; of `limits`, those that are not named stay. */
export type SettingsChange = Partial<Omit<Settings, 'limits'> & { limits: Partial<Limits> }>;

export const noLimits: Limits = { all: null, per_project: null, per_agent: null, per_provider: null };
const defaults: Settings = {
  execution: true,
  limits: noLimits,
  retention_days: null,
  remove_after_days: null,
  judges: [],
};

/** @param fallback what holds where nothing was set: `BAKEOFF_RETENTION_DAYS` */
export async function readSettings(
  { sql }: { sql: Sql | Tx },
  fallback: Partial<Settings> = {},
): Promise<Settings> {
  const rows = await sql<{ key: string; value: unknown }[]>`
    select key, value from settings where key in ${sql(Object.keys(defaults))}`;
  const stored = new Map(rows.map((row) => [row.key, row.value]));
  const days = (key: 'retention_days' | 'remove_after_days'): number | null =>
    stored.has(key) ? positive(stored.get(key)) : (fallback[key] ?? defaults[key]);
  const execution = stored.get('execution');
  return {
    execution: typeof execution === 'boolean' ? execution : defaults.execution,
    limits: limitsOf(stored.get('limits')),
    retention_days: days('retention_days'),
    remove_after_days: days('remove_after_days'),
    judges: namesOf(stored.get('judges')),
  };
}

/** @throws BakeoffError 422 when a judge is no agent */
export async function changeSettings(
  { sql }: Pick<Database, 'sql'>,
  change: SettingsChange,
  fallback: Partial<Settings> = {},
): Promise<Settings> {
  await sql.begin(async (tx) => {
    if (change.judges) await requireAgents(tx, change.judges);
    for (const [key, value] of Object.entries(change)) {
      if (value === undefined || !Object.hasOwn(defaults, key)) continue;
      // Of an object, what is not named stays. Through text: `tx.json` makes a null no JSON, but none at all.
      await tx`
        insert into settings (key, value) values (${key}, ${JSON.stringify(value)}::text::jsonb)
        on conflict (key) do update set updated_at = now(), value =
          case when jsonb_typeof(excluded.value) = 'object' then settings.value || excluded.value
            else excluded.value end`;
    }
  });
  return readSettings({ sql }, fallback);
}

/** Inside the transaction that renames an agent: it judges under its new name. */
export async function renameJudge(tx: DrizzleTx, from: string, to: string): Promise<void> {
  await tx.execute(sql`
    update settings set updated_at = now(), value = (
      select jsonb_agg(case name when ${from} then ${to} else name end order by place)
      from jsonb_array_elements_text(value) with ordinality as judges (name, place))
    where key = 'judges' and value ? ${from}`);
}

async function requireAgents(tx: Tx, names: readonly string[]): Promise<void> {
  const found = await tx<
    { name: string }[]
  >`select name from agents where name = any(${names.map(cleanText)}::text[]) for share`;
  const known = new Set(found.map((row) => row.name));
  for (const [i, name] of names.entries()) {
    if (!known.has(name)) throw invalid(`judges.${i}`, `There is no agent ${name}`);
    if (names.indexOf(name) < i) throw invalid(`judges.${i}`, `${name} is named twice`);
  }
}

function namesOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function limitsOf(value: unknown): Limits {
  const stored = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  return {
    all: positive(stored.all),
    per_project: positive(stored.per_project),
    per_agent: positive(stored.per_agent),
    per_provider: positive(stored.per_provider),
  };
}

function positive(value: unknown): number | null {
  return Number.isInteger(value) && (value as number) > 0 ? (value as number) : null;
}
