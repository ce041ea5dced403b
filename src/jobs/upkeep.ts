import { tidySetups } from '../agent/tidy-setups';
import type { Database } from '../core/db';
import { retain } from '../core/retention';
import { readSettings } from '../core/settings';
import { every, seldom } from './every';
import type { Parts } from './parts';
import { setupsDir } from './place';

const upkeepMs = 60_000;
const sayAgainMs = 600_000;
/** What is under way at a stop is waited for so long; it is gone on with at the next start. */
const stopMs = 1_000;

/**
 * Frees what nobody needs any more, every minute: of the database what has grown old, by whichever process of the
 * cluster comes first; of this machine's data directory what has no owner.
 * @returns ends it
 */
export function startUpkeep(parts: Parts): () => Promise<void> {
  const ended = new AbortController();
  const failed = (what: string) =>
    seldom(sayAgainMs, (error) => ended.signal.aborted || parts.log.warn(what, { error }));
  const stops = [
    every(upkeepMs, () => removeOld(parts, ended.signal), failed('what has grown old could not be removed')),
    every(upkeepMs, () => removeLeftovers(parts, ended.signal), failed('leftovers could not be removed')),
  ];
  return async () => {
    ended.abort();
    await Promise.race([Promise.all(stops.map((stop) => stop())), Bun.sleep(stopMs)]);
  };
}

/** Thins and removes runs by the settings' ages, for about two seconds. */
export async function removeOld(
  { database, config, log }: Pick<Parts, 'database' | 'config' | 'log'>,
  signal?: AbortSignal,
): Promise<void> {
  const ages = await readSettings(database, { retention_days: config.retentionDays });
  const freed = await retain(database, ages, { signal });
  if (freed.bytes > 0 || freed.runs > 0) log.info('removed what had grown old', { ...freed });
}

/** Removes from the data directory what no variation and no project owns. What is in use is left alone. */
export async function removeLeftovers(
  {
    config,
    database,
    workspaces,
    mirrors,
    log,
  }: Pick<Parts, 'config' | 'database' | 'workspaces' | 'mirrors' | 'log'>,
  signal?: AbortSignal,
): Promise<void> {
  const gone = await workspaces.sweep();
  const owners = {
    projects: (ids: readonly number[]) => known(database, 'projects', ids),
    runs: (ids: readonly number[]) => known(database, 'runs', ids),
  };
  const tidied = await mirrors.tidy(owners, signal);
  const { setups } = await tidySetups(setupsDir(config), { projects: owners.projects, signal });
  if (gone + tidied.mirrors + tidied.refs + tidied.repacked + setups > 0)
    log.info('tidied the data directory', { workspaces: gone, ...tidied, setups });
}

/** Which of these are in the database. */
async function known(
  { sql }: Pick<Database, 'sql'>,
  table: 'projects' | 'runs',
  ids: readonly number[],
): Promise<Set<number>> {
  // As one text: a list of parameters has an end.
  const rows = await sql<{ id: number }[]>`
    select id from ${sql(table)} where id = any(${`{${ids.join(',')}}`}::text::bigint[])`;
  return new Set(rows.map((row) => row.id));
}
