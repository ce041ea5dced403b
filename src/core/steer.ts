import { stoppedByPerson } from './better';
import { grantWish, lockClaimed } from './claim';
import type { Database, Sql, Tx } from './db';
import { conflict } from './errors';
import type { Claim } from './event';
import { controlChannel, end, isOver, type Locked, lock, park, requeue } from './variation';

/**
 * Wants variations of a run to stop: one that waits is stopped at once, one that runs as soon as its worker hears of
 * it (well under a second). Without `position`, all that have not ended.
 * @throws BakeoffError 404, or 409 when there is nothing to stop.
 */
export async function stop({ sql }: Pick<Database, 'sql'>, runId: number, position?: number): Promise<void> {
  await sql.begin(async (tx) => {
    const rows = await lock(tx, runId, position);
    const live = rows.filter((row) => !isOver(row.status));
    if (live.length === 0)
      throw conflict('already_ended', `There is nothing to stop: it is ${said(rows[0])}`);
    for (const row of live) {
      if (row.status === 'running') await want(tx, row, 'stop');
      else await end(tx, row, 'stopped', { error: stoppedByPerson });
    }
  });
}

/**
 * Wants variations of a run to pause: one that waits does so at once, one that runs at its next boundary. Paused, it
 * holds no worker, and survives restarts. Without `position`, all that have not ended.
 * @throws BakeoffError 404; 409 when nothing can be paused, or the run has not been released yet.
 */
export async function pause({ sql }: Pick<Database, 'sql'>, runId: number, position?: number): Promise<void> {
  await sql.begin(async (tx) => {
    const rows = await lock(tx, runId, position);
    await refusePending(tx, runId, 'paused');
    const live = rows.filter((row) => !isOver(row.status));
    if (live.length === 0)
      throw conflict('already_ended', `There is nothing to pause: it is ${said(rows[0])}`);
    if (live.every((row) => row.wanted === 'stop')) throw conflict('stopping', 'It is being stopped');
    for (const row of live) {
      if (row.wanted === 'stop' || row.status === 'paused') continue;
      if (row.status === 'running') await want(tx, row, 'pause');
      else await park(tx, row, 'paused', [{ type: 'variation.paused', payload: {} }]);
    }
  });
}

/**
 * Lets paused variations go on: from where they were, which may be a question that is still open. A pause that has not
 * taken effect yet is taken back. Without `position`, all that are paused.
 * @throws BakeoffError 404, or 409 when nothing is paused.
 */
export async function resume(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  position?: number,
): Promise<void> {
  await sql.begin(async (tx) => {
    const rows = await lock(tx, runId, position);
    const paused = rows.filter((row) => row.status === 'paused' || row.wanted === 'pause');
    if (paused.length === 0) throw conflict('not_paused', `Nothing is paused here: it is ${said(rows[0])}`);
    for (const row of paused) {
      if (row.status !== 'paused') await want(tx, row, null);
      else if (await hasQuestion(tx, row)) await park(tx, row, 'awaiting_approval', []);
      else await requeue(tx, row, { why: 'resumed' });
    }
  });
}

/**
 * A worker lets go of a claimed variation that a person wants paused: it has come to a boundary.
 * @throws Fenced
 */
export async function pauseClaimed(sql: Sql, claimed: Claim): Promise<void> {
  await sql.begin(async (tx) => {
    const row = await lockClaimed(tx, claimed);
    if (row === 'left' || (await grantWish(tx, row))) return;
    // Resumed in the very moment: it goes on, by way of the queue.
    await requeue(tx, row, { why: 'resumed' });
  });
}

/** What a person wants of running variations, for the process that works on them. */
export interface Wanted {
  id: number;
  epoch: number;
  status: string;
  wanted: 'stop' | 'pause' | null;
}

export async function listWanted({ sql }: Pick<Database, 'sql'>, ids: readonly number[]): Promise<Wanted[]> {
  if (ids.length === 0) return [];
  return sql<Wanted[]>`select id, epoch, status, wanted from variations where id in ${sql(ids)}`;
}

/** Says what is wanted of a locked variation that runs: its worker hears of it, and the page shows it. */
export async function want(tx: Tx, row: Locked, wanted: 'stop' | 'pause' | null): Promise<void> {
  if (row.wanted === 'stop' && wanted !== 'stop') return;
  await tx`update variations set wanted = ${wanted}, updated_at = now() where id = ${row.id}`;
  // Readers of the run see the wish: it is on the run's page.
  await tx`update runs set updated_at = now() where id = ${row.run_id}`;
  await tx`select pg_notify(${controlChannel}, ${String(row.id)})`;
}

async function hasQuestion(tx: Tx, row: Locked): Promise<boolean> {
  const [open] = await tx`
    select id from approvals where variation_id = ${row.id} and decision is null and withdrawn_at is null limit 1`;
  return open !== undefined;
}

/** @throws BakeoffError 409 when the run waits for its time or for other runs */
export async function refusePending(tx: Tx, runId: number, what: string): Promise<void> {
  const [run] = await tx<{ status: string }[]>`select status from runs where id = ${runId}`;
  if (run?.status !== 'pending') return;
  throw conflict(
    'run_pending',
    `The run has not begun, so it cannot be ${what}: change its time, or stop it`,
  );
}

function said(row: Locked | undefined): string {
  return (row?.status ?? 'gone').replace('_', ' ');
}
