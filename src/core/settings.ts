import type { Database } from './db';

export interface Settings {
  /** False keeps new work queued; what runs finishes. */
  execution: boolean;
}

const defaults: Settings = { execution: true };

export async function readSettings({ sql }: Pick<Database, 'sql'>): Promise<Settings> {
  const rows = await sql<{ key: string; value: unknown }[]>`select key, value from settings`;
  const stored = Object.fromEntries(rows.map((row) => [row.key, row.value]));
  return { execution: typeof stored.execution === 'boolean' ? stored.execution : defaults.execution };
}

export async function changeSettings(
  { sql }: Pick<Database, 'sql'>,
  change: Partial<Settings>,
): Promise<Settings> {
  for (const [key, value] of Object.entries(change)) {
    await sql`
      insert into settings (key, value) values (${key}, ${sql.json(value)})
      on conflict (key) do update set value = excluded.value, updated_at = now()`;
  }
  return readSettings({ sql });
}
