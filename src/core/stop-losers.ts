import { listLosers, stoppedFor } from './better';
import type { Database } from './db';
import { want } from './steer';
import { end, type Locked, selectToLock } from './variation';

/**
 * Stops what is left of a run that is to stop its losers, once one of its variations has passed everything required:
 * what waits at once, what runs as soon as its worker hears of it. Does nothing when there is nothing to stop, however
 * often it is called; what a person started again after that goes on.
 */
export async function stopLosers({ sql }: Pick<Database, 'sql'>, runId: number): Promise<void> {
  // Looked at without a lock first: most often there is nothing to do.
  if ((await listLosers(sql, runId)).length === 0) return;
  await sql.begin(async (tx) => {
    const rows = await tx<
      Locked[]
    >`${selectToLock(tx)} where v.run_id = ${runId} order by v.id for update of v`;
    // And once more under it, since a variation may have been started again meanwhile.
    const losers = new Map((await listLosers(tx, runId)).map((one) => [one.id, one.best]));
    for (const row of rows) {
      const best = losers.get(row.id);
      if (best === undefined) continue;
      if (row.status === 'running') await want(tx, row, 'stop');
      else await end(tx, row, 'stopped', { error: stoppedFor(best) });
    }
  });
}

/** The same for all runs: what a process that died after a variation's end has left to do. For the tick. */
export async function stopAllLosers(database: Pick<Database, 'sql'>): Promise<void> {
  const losers = await listLosers(database.sql);
  for (const runId of new Set(losers.map((one) => one.run_id))) await stopLosers(database, runId);
}
