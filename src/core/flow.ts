import type { Database } from './db';
import { BakeoffError, invalid } from './errors';
import { type Idempotency, recall, remember } from './idempotency';
import { insertRun, type NewRun } from './run';

/** A run of a flow, which knows the others by their keys. */
export interface FlowRun {
  key: string;
  run: NewRun;
  /** Keys of runs that must be completed first, besides those that `run.depends_on` names. */
  after: readonly string[];
  /** The run of the flow whose result is the base. */
  base: string | null;
}

/**
 * Creates runs that may depend on each other, all or none, each as `createRun` does.
 * @returns their ids in the order given, and whether they were there already under the same idempotency key
 * @throws BakeoffError 422 as `orderFlow` and `createRun` do
 */
export async function createFlow(
  { sql }: Pick<Database, 'sql'>,
  flow: readonly FlowRun[],
  idempotency?: Idempotency,
): Promise<{ ids: number[]; existed: boolean }> {
  const ordered = orderFlow(flow);
  return sql.begin(async (tx) => {
    const ids = new Map<string, number>();
    const idOf = (key: string): number => ids.get(key) ?? 0;
    const make = async (): Promise<number> => {
      for (const { key, run, after, base } of ordered) {
        const whole = {
          ...run,
          depends_on: [...(run.depends_on ?? []), ...after.map(idOf)],
          base_run: base === null ? (run.base_run ?? null) : idOf(base),
        };
        const index = flow.findIndex((one) => one.key === key);
        ids.set(key, await within(index, () => insertRun(tx, whole)));
      }
      for (const [i, { key }] of flow.entries()) {
        if (i > 0) await remember(tx, scopeOf(i), idempotency, async () => idOf(key));
      }
      return idOf(flow[0]?.key ?? '');
    };
    const { existed } = await remember(tx, scopeOf(0), idempotency, make);
    if (existed) return { ids: (await recallFlow({ sql: tx }, flow.length, idempotency)) ?? [], existed };
    return { ids: flow.map(({ key }) => idOf(key)), existed };
  });
}

/**
 * Creates runs that each start from the result of the one before, all or none, and know each other as one flow.
 * @returns the last one's id and the first one's, and whether they were there already under the same idempotency key
 * @throws BakeoffError 422 as `createRun` does
 */
export async function createChain(
  { sql }: Pick<Database, 'sql'>,
  links: readonly NewRun[],
  idempotency?: Idempotency,
): Promise<{ id: number; first: number; existed: boolean }> {
  let first = 0;
  const made = await sql.begin((tx) =>
    remember(tx, 'runs', idempotency, async () => {
      let last = 0;
      for (const [i, link] of links.entries()) {
        last = await insertRun(tx, i === 0 ? link : { ...link, base_run: last });
        if (i === 0) first = last;
        await tx`update runs set flow = ${first}, flow_place = ${i + 1} where id = ${last}`;
      }
      return last;
    }),
  );
  return { ...made, first };
}

/**
 * The runs that a key made before, in the order given then.
 * @throws BakeoffError 409 when the key came with another body before
 */
export async function recallFlow(
  database: Parameters<typeof recall>[0],
  count: number,
  idempotency: Idempotency | undefined,
): Promise<number[] | null> {
  const ids: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const id = await recall(database, scopeOf(i), idempotency);
    if (id === null) return null;
    ids.push(id);
  }
  return ids;
}

/** Says which run of a flow a refusal is about: its field becomes `runs.<index>.<field>`. */
export async function within<T>(index: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BakeoffError)) throw error;
    const { code, message, status, field } = error;
    throw new BakeoffError(code, message, status, `runs.${index}${field ? `.${field}` : ''}`);
  }
}

/** Each run of a flow has a row of its own under the key. */
function scopeOf(index: number): string {
  return `flow ${index + 1}`;
}

/**
 * A flow's runs so that each comes after those that it depends on.
 * @throws BakeoffError 422 for a key that is given twice or that none has, and for a cycle, which it names
 */
export function orderFlow<T extends Pick<FlowRun, 'key' | 'after' | 'base'>>(flow: readonly T[]): T[] {
  const byKey = new Map(flow.map((one) => [one.key, one]));
  const ordered = new Set<T>();
  for (const [i, { key, after, base }] of flow.entries()) {
    if (byKey.get(key) !== flow[i]) throw invalid(`runs.${i}.key`, `Two runs have the key ${key}`);
    const unknown = after.find((one) => !byKey.has(one));
    if (unknown !== undefined)
      throw invalid(`runs.${i}.depends_on`, `No run of this flow has the key ${unknown}`);
    if (base !== null && !byKey.has(base))
      throw invalid(`runs.${i}.base`, `No run of this flow has the key ${base}`);
  }
  const place = (one: T, path: readonly T[]): void => {
    if (ordered.has(one)) return;
    const before = path.indexOf(one);
    if (before >= 0) {
      const cycle = [...path.slice(before), one].map(({ key }) => key).join(' → ');
      throw invalid('runs', `These runs wait for each other: ${cycle}`, 'cycle');
    }
    for (const key of needsOf(one)) {
      const needed = byKey.get(key);
      if (needed) place(needed, [...path, one]);
    }
    ordered.add(one);
  };
  for (const one of flow) place(one, []);
  return [...ordered];
}

function needsOf({ after, base }: Pick<FlowRun, 'after' | 'base'>): string[] {
  return base === null ? [...after] : [...after, base];
}
