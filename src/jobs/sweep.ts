import type { Database } from '../core/db';
import { forgetOldKeys } from '../core/idempotency';
import { readSettings } from '../core/settings';
import { listQueued, requeueLost } from '../core/variation';
import { forgetDead, silentAfterS } from '../core/worker';
import type { Log } from '../log';
import type { JobQueue } from './queue';

/** One process of the cluster sweeps at a time. */
const sweepLock = 0x5eee9;

/**
 * Puts the queue in line with the rows (invariant 4): what waits without a job gets one, what runs under a worker that
 * is gone waits again. Safe to do at any time, by anybody.
 */
export async function sweep(database: Database, queue: JobQueue, log: Log): Promise<void> {
  const connection = await database.sql.reserve();
  try {
    const [lock] = await connection<{ mine: boolean }[]>`select pg_try_advisory_lock(${sweepLock}) as mine`;
    if (!lock?.mine) return;
    try {
      const lost = await requeueLost(database, silentAfterS);
      if (lost > 0) log.warn('took back variations whose worker is gone', { variations: lost });
      await queue.restore(await listQueued(database));
      await queue.hold(!(await readSettings(database)).execution);
      await forgetOldKeys(database);
      await forgetDead(database);
    } finally {
      await connection`select pg_advisory_unlock(${sweepLock})`;
    }
  } finally {
    connection.release();
  }
}
