import type { Failure, PatchStat } from '../../drizzle/schema';
import { whyStopped } from './better';
import type { Database, Sql, Tx } from './db';
import { Fenced } from './errors';
import { append, type Claim } from './event';
import { admit } from './limit';
import { deriveRun } from './run-status';
import { end, type Locked, park, type QueuedVariation, queuedOf, requeue, selectToLock } from './variation';
import { gone } from './worker';

/** A worker's death is not the work's fault, until it has happened this often without a model's answer in between. */
const lossesAllowed = 2;

export type Claimed = Claim & { attempt: number; worker: string };

/**
 * Takes a variation for a worker: it runs from now on under a new epoch, which shuts out whoever had it before.
 * A job that is delivered again while its variation runs has nothing to do: what runs under a worker that is gone is
 * queued anew by `requeueLost`, for another job.
 * @returns null when there is nothing to do: stopped or paused meanwhile, requeued for a newer job, in the hands of a
 * worker already, or without a place under a limit of concurrency (then it is held).
 */
export async function claim(
  { sql }: Pick<Database, 'sql'>,
  id: number,
  jobEpoch: number,
  worker: string,
): Promise<Claimed | null> {
  return sql.begin(async (tx) => {
    const [row] = await tx<Locked[]>`
      ${selectToLock(tx)}
      where v.id = ${id} and v.job_epoch = ${jobEpoch} and v.status = 'queued' and r.status <> 'pending'
      for update of v`;
    return row ? take(tx, row, worker, jobEpoch) : null;
  });
}

/**
 * Takes the most urgent variation that waits, past the queue: the job that was made for it finds nothing to do.
 * @returns null when none waits
 */
export async function claimNext({ sql }: Pick<Database, 'sql'>, worker: string): Promise<Claimed | null> {
  // One without a place is held, and the next one asked.
  for (let left = 50; left > 0; left -= 1) {
    const taken = await claimFirst(sql, worker);
    if (taken !== 'held') return taken;
  }
  return null;
}

function claimFirst(sql: Sql, worker: string): Promise<Claimed | null | 'held'> {
  return sql.begin(async (tx) => {
    const [row] = await tx<Locked[]>`
      ${selectToLock(tx)}
      where v.status = 'queued' and v.held is null and r.status <> 'pending'
        and (v.not_before is null or v.not_before <= now())
      order by r.priority desc, v.position, v.id limit 1 for update of v skip locked`;
    return row ? ((await take(tx, row, worker, row.epoch + 1)) ?? ('held' as const)) : null;
  });
}

async function take(tx: Tx, row: Locked, worker: string, jobEpoch: number): Promise<Claimed | null> {
  const held = await admit(tx, row, worker);
  if (held !== null) {
    await tx`update variations set held = ${held}, updated_at = now() where id = ${row.id}`;
    return null;
  }
  const epoch = row.epoch + 1;
  const attempt = row.attempt + 1;
  // It goes on from its checkpoint and the conversation made again from events.
  await tx`
    update variations set status = 'running', epoch = ${epoch}, job_epoch = ${jobEpoch}, batch = 0, attempt = ${attempt},
      worker = ${worker}, held = null, not_before = null, reserved_tokens = 0, reserved_usd = 0,
      started_at = coalesce(started_at, now()), updated_at = now()
    where id = ${row.id}`;
  await append(tx, row.run_id, row.position, [
    {
      type: 'variation.started',
      payload: { attempt, epoch, worker, agent: row.agent, model: row.model },
    },
  ]);
  await deriveRun(tx, row.run_id);
  return { runId: row.run_id, variationId: row.id, position: row.position, epoch, attempt, worker };
}

/**
 * Counts the loss of a variation's worker, and settles what a person wanted of it or what was lost too often;
 * `lost` when it is to go on.
 */
async function afterLoss(tx: Tx, row: Locked): Promise<'settled' | 'lost'> {
  if (await grantWish(tx, row)) return 'settled';
  if (row.losses >= lossesAllowed) {
    const message = `Its worker died ${row.losses + 1} times while it did the same`;
    await end(tx, row, 'failed', { error: { code: 'worker_lost', message } });
    return 'settled';
  }
  await tx`update variations set losses = losses + 1 where id = ${row.id}`;
  row.losses += 1;
  return 'lost';
}

/**
 * Gives new jobs to variations whose job some worker has taken without having taken them, for `lateS` seconds: it died,
 * or was stopped, in between. The old job finds nothing to do, whenever it comes back.
 * @param taken names of jobs, as `jobId` makes them
 * @returns what must be handed to the queue
 */
export async function replaceJobs(
  { sql }: Pick<Database, 'sql'>,
  taken: readonly string[],
  lateS: number,
): Promise<QueuedVariation[]> {
  if (taken.length === 0) return [];
  const rows = await sql<{ run_id: number; id: number }[]>`
    update variations set epoch = epoch + 1, job_epoch = epoch + 1, updated_at = now()
    where id in (
      select id from variations
      where status = 'queued' and 'v' || id || '-' || job_epoch in ${sql(taken)}
        and updated_at < now() - make_interval(secs => ${lateS})
        and (not_before is null or not_before < now() - make_interval(secs => ${lateS}))
      order by id for update skip locked)
    returning run_id, id`;
  const queued: QueuedVariation[] = [];
  for (const runId of new Set(rows.map((row) => row.run_id)))
    queued.push(...(await queuedOf({ sql }, runId)));
  return queued.filter((one) => rows.some((row) => row.id === one.id));
}

/** Does what is wanted of a locked variation whose worker lets go of it, or is gone; false when nothing is wanted. */
export async function grantWish(tx: Tx, row: Locked): Promise<boolean> {
  if (row.wanted === 'stop') await end(tx, row, 'stopped', { error: await whyStopped(tx, row) });
  else if (row.wanted === 'pause') await park(tx, row, 'paused', [{ type: 'variation.paused', payload: {} }]);
  return row.wanted !== null;
}

/**
 * Gives back variations that run under a worker that is gone: queued again under a new epoch, so that the old worker,
 * should it wake, is fenced.
 * @returns how many
 */
export async function requeueLost({ sql }: Pick<Database, 'sql'>): Promise<number> {
  return sql.begin(async (tx) => {
    const rows = await tx<Locked[]>`
      ${selectToLock(tx)}
      where v.status = 'running' and ${gone(tx, tx`v.worker`)}
      order by v.id limit 100 for update of v skip locked`;
    for (const row of rows) {
      if ((await afterLoss(tx, row)) === 'lost') await requeue(tx, row, { why: 'worker_lost' });
    }
    return rows.length;
  });
}

export type Ending =
  | {
      status: 'completed';
      summary: string | null;
      patch: PatchStat | null;
      commit_sha: string | null;
      branch: string | null;
    }
  | {
      status: 'needs_review' | 'failed' | 'stopped';
      error: Failure;
      summary?: string | null;
      patch?: PatchStat | null;
    };

/**
 * Ends a claimed variation, with its event and what follows for the run, in one transaction. Said again, after a
 * connection that broke, it finds that done. A directive that came in the last moment is not lost: the variation goes
 * on with it instead.
 * @throws Fenced when another worker has it, or it does not run any more.
 */
export async function finish(sql: Sql, claimed: Claim, ending: Ending): Promise<void> {
  await sql.begin(async (tx) => {
    const row = await lockClaimed(tx, claimed);
    if (row === 'left') return;
    const [directive] =
      ending.status === 'completed'
        ? await tx`select from directives where variation_id = ${row.id} and delivered_at is null limit 1`
        : [];
    if (directive) {
      if (await grantWish(tx, row)) return;
      await requeue(tx, row, { why: 'directive', iterate: true, fresh: true });
      return;
    }
    await end(tx, row, ending.status, {
      error: ending.status === 'completed' ? null : await errorOf(tx, row, ending.error),
      summary: ending.summary ?? null,
      patch: ending.patch ?? null,
      commit_sha: ending.status === 'completed' ? ending.commit_sha : null,
      branch: ending.status === 'completed' ? ending.branch : null,
    });
  });
}

/** The worker that is told to stop is not told why: that is found out here. */
async function errorOf(tx: Tx, row: Locked, error: Failure): Promise<Failure> {
  return row.wanted === 'stop' && error.code === 'stopped' ? whyStopped(tx, row) : error;
}

/**
 * Gives a claimed variation back to the queue, at a shutdown: another epoch, another job.
 * @throws Fenced when another worker has it already.
 */
export async function release(sql: Sql, claimed: Claim): Promise<void> {
  await sql.begin(async (tx) => {
    const row = await lockClaimed(tx, claimed);
    if (row === 'left' || (await grantWish(tx, row))) return;
    await requeue(tx, row, { why: 'shutdown' });
  });
}

/**
 * Gives back a claimed variation that its worker could not finish and could not say why: it counts as a loss, so that it
 * does not go round for ever.
 * @throws Fenced
 */
export async function giveUp(sql: Sql, claimed: Claim): Promise<void> {
  await sql.begin(async (tx) => {
    const row = await lockClaimed(tx, claimed);
    if (row !== 'left' && (await afterLoss(tx, row)) === 'lost')
      await requeue(tx, row, { why: 'worker_lost' });
  });
}

/**
 * Puts a claimed variation off after a failure that may pass: it is tried again after `delay_ms`.
 * @throws Fenced
 */
export async function postpone(
  sql: Sql,
  claimed: Claim,
  error: Failure,
  { retry, of, delay_ms }: { retry: number; of: number; delay_ms: number },
): Promise<void> {
  await sql.begin(async (tx) => {
    const row = await lockClaimed(tx, claimed);
    if (row === 'left' || (await grantWish(tx, row))) return;
    await tx`update variations set tries = tries + 1 where id = ${row.id}`;
    await requeue(tx, row, {
      why: 'retry',
      retry: true,
      later: {
        delay_ms,
        fact: (at) => ({ type: 'variation.retrying', payload: { error, retry, of, at, delay_ms } }),
      },
    });
  });
}

/**
 * The claimed variation, locked; `left` when this very claim has let go of it before: the answer to that was lost.
 * @throws Fenced
 */
export async function lockClaimed(tx: Tx, claimed: Claim): Promise<Locked | 'left'> {
  const [row] = await tx<Locked[]>`
    ${selectToLock(tx)} where v.id = ${claimed.variationId} for update of v`;
  const { epoch } = claimed;
  if (row?.epoch === epoch && row.status === 'running') return row;
  // Ends keep the epoch; what parks or queues raises it by one, and the next to take it by another.
  if (row && row.status !== 'running' && (row.epoch === epoch || row.epoch === epoch + 1)) return 'left';
  throw new Fenced(claimed.variationId, epoch);
}
