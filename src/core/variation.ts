import type { Failure, PatchStat, VariationStatus } from '../../drizzle/schema';
import type { Database, Sql, Tx } from './db';
import { conflict, Fenced, notFound } from './errors';
import { append, type Claim } from './event';
import type { Fact } from './fact';
import { deriveRun } from './run-status';

/** Channel of `pg_notify` on which a variation's id is said when a person wants something of its worker. */
export const controlChannel = 'bakeoff_control';

/** How a variation may move (invariant 1); every transition below states its `from` in its `WHERE`. */
export const transitions: Record<VariationStatus, readonly VariationStatus[]> = {
  queued: ['running', 'stopped', 'failed'],
  running: ['completed', 'needs_review', 'failed', 'stopped', 'queued'],
  paused: [],
  awaiting_approval: [],
  needs_review: [],
  completed: [],
  failed: [],
  stopped: [],
};

/** A worker's death is not the work's fault, until it has happened this often. */
const lossesAllowed = 3;

/** Names the job of a variation: one for each time it was queued (invariant 4). Not a pure integer, no colon. */
export function jobId(variationId: number, jobEpoch: number): string {
  return `v${variationId}-${jobEpoch}`;
}

export interface QueuedVariation {
  id: number;
  job_epoch: number;
  priority: number;
}

/** Variations that wait for a worker, most urgent first: what the queue ought to hold. */
export async function listQueued({ sql }: Pick<Database, 'sql'>, limit = 10_000): Promise<QueuedVariation[]> {
  return sql<QueuedVariation[]>`
    select v.id, v.job_epoch, r.priority from variations v join runs r on r.id = v.run_id
    where v.status = 'queued' order by r.priority desc, v.id limit ${limit}`;
}

/**
 * Takes a variation for a worker: it runs from now on under a new epoch, which shuts out whoever had it before.
 * A job that is delivered again (its worker died) finds the variation running and takes it over.
 * @returns null when there is nothing to do: stopped meanwhile, or requeued for a newer job, or lost too often.
 */
export async function claim(
  { sql }: Pick<Database, 'sql'>,
  id: number,
  jobEpoch: number,
  worker: string,
): Promise<Claimed | null> {
  return sql.begin(async (tx) => {
    const [row] = await tx<ClaimRow[]>`
      ${selectForClaim(tx)}
      where v.id = ${id} and v.job_epoch = ${jobEpoch} and v.status in ('queued', 'running')
      for update of v`;
    return row ? take(tx, row, worker, jobEpoch) : null;
  });
}

/**
 * Takes the most urgent variation that waits, past the queue: the job that was made for it finds nothing to do.
 * @returns null when none waits
 */
export async function claimNext({ sql }: Pick<Database, 'sql'>, worker: string): Promise<Claimed | null> {
  return sql.begin(async (tx) => {
    const [row] = await tx<ClaimRow[]>`
      ${selectForClaim(tx)} join runs r on r.id = v.run_id
      where v.status = 'queued' order by r.priority desc, v.id limit 1 for update of v skip locked`;
    return row ? take(tx, row, worker, row.epoch + 1) : null;
  });
}

export type Claimed = Claim & { attempt: number };

function selectForClaim(tx: Tx) {
  return tx`
    select v.id, v.run_id, v.position, v.epoch, v.attempt, v.status, v.wanted, a.name as agent, a.model
    from variations v join agents a on a.id = v.agent_id`;
}

async function take(tx: Tx, row: ClaimRow, worker: string, jobEpoch: number): Promise<Claimed | null> {
  if (await endInstead(tx, row)) return null;
  const epoch = row.epoch + 1;
  const attempt = row.attempt + 1;
  // It goes on from its newest checkpoint; only evidence is taken anew.
  await tx`
    update variations set status = 'running', epoch = ${epoch}, job_epoch = ${jobEpoch}, attempt = ${attempt},
      worker = ${worker}, started_at = coalesce(started_at, now()), updated_at = now()
    where id = ${row.id}`;
  if (epoch > 1) await tx`delete from checks where variation_id = ${row.id}`;
  await append(tx, row.run_id, row.position, [
    {
      type: 'variation.started',
      payload: { attempt, epoch, worker, agent: row.agent, model: row.model },
    },
  ]);
  await deriveRun(tx, row.run_id);
  return { runId: row.run_id, variationId: row.id, position: row.position, epoch, attempt };
}

/** Ends what a person wanted stopped before its worker was lost, and what was lost too often. */
async function endInstead(tx: Tx, row: ClaimRow): Promise<boolean> {
  if (row.wanted === 'stop') {
    await end(tx, row, 'stopped', { error: stoppedByPerson });
    return true;
  }
  if (row.status !== 'running' || row.attempt <= lossesAllowed) return false;
  const message = `Its worker died ${row.attempt} times`;
  await end(tx, row, 'failed', { error: { code: 'worker_lost', message } });
  return true;
}

interface ClaimRow extends VariationRef {
  epoch: number;
  attempt: number;
  status: VariationStatus;
  wanted: 'stop' | null;
  agent: string;
  model: string;
}

interface VariationRef {
  id: number;
  run_id: number;
  position: number;
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
 * Ends a claimed variation, with its event and what follows for the run, in one transaction.
 * @throws Fenced when another worker has it, or it does not run any more.
 */
export async function finish(sql: Sql, claimed: Claim, ending: Ending): Promise<void> {
  await sql.begin(async (tx) => {
    const [row] = await tx`
      select id from variations
      where id = ${claimed.variationId} and epoch = ${claimed.epoch} and status = 'running' for update`;
    if (!row) throw new Fenced(claimed.variationId, claimed.epoch);
    const ref = { id: claimed.variationId, run_id: claimed.runId, position: claimed.position };
    await end(tx, ref, ending.status, {
      error: ending.status === 'completed' ? null : ending.error,
      summary: ending.summary ?? null,
      patch: ending.patch ?? null,
      commit_sha: ending.status === 'completed' ? ending.commit_sha : null,
      branch: ending.status === 'completed' ? ending.branch : null,
    });
  });
}

/**
 * Gives a claimed variation back to the queue, at a shutdown: another epoch, another job.
 * @throws Fenced when another worker has it already.
 */
export async function release(sql: Sql, claimed: Claim): Promise<void> {
  await sql.begin(async (tx) => {
    const [row] = await tx<{ agent: string; model: string }[]>`
      update variations v set status = 'queued', epoch = v.epoch + 1, job_epoch = v.epoch + 1, worker = null,
        attempt = v.attempt - 1, updated_at = now()
      from agents a
      where v.id = ${claimed.variationId} and v.epoch = ${claimed.epoch} and v.status = 'running' and a.id = v.agent_id
      returning a.name as agent, a.model`;
    if (!row) throw new Fenced(claimed.variationId, claimed.epoch);
    await append(tx, claimed.runId, claimed.position, [{ type: 'variation.queued', payload: { ...row } }]);
    await deriveRun(tx, claimed.runId);
  });
}

export const stoppedByPerson: Failure = { code: 'stopped', message: 'A person stopped it' };

/**
 * Wants variations of a run to stop: one that waits is stopped at once, one that runs as soon as its worker hears of
 * it (well under a second). Without `position`, all that have not ended.
 * @throws BakeoffError 404, or 409 when there is nothing to stop.
 */
export async function stop({ sql }: Pick<Database, 'sql'>, runId: number, position?: number): Promise<void> {
  await sql.begin(async (tx) => {
    const rows = await tx<(VariationRef & { status: VariationStatus })[]>`
      select id, run_id, position, status from variations
      where run_id = ${runId} ${position === undefined ? tx`` : tx`and position = ${position}`}
      order by id for update`;
    if (rows.length === 0) {
      throw position === undefined
        ? notFound('run', runId)
        : notFound('variation', `${position} of run ${runId}`);
    }
    const live = rows.filter((row) => transitions[row.status].includes('stopped'));
    if (live.length === 0)
      throw conflict('already_ended', `There is nothing to stop: it is ${rows[0]?.status}`);
    for (const row of live) {
      if (row.status === 'running') {
        await tx`update variations set wanted = 'stop', updated_at = now() where id = ${row.id}`;
        await tx`select pg_notify(${controlChannel}, ${String(row.id)})`;
      } else {
        await end(tx, row, 'stopped', { error: stoppedByPerson });
      }
    }
  });
}

/** Which of these running variations a person wants stopped. */
export async function listWantedStops(
  { sql }: Pick<Database, 'sql'>,
  ids: readonly number[],
): Promise<number[]> {
  if (ids.length === 0) return [];
  const rows = await sql<{ id: number }[]>`
    select id from variations where id in ${sql(ids)} and (wanted = 'stop' or status <> 'running')`;
  return rows.map((row) => row.id);
}

/**
 * Gives back variations that run under a worker not heard for `silentS` seconds: queued again under a new epoch, so
 * that the old worker, should it wake, is fenced. Only for jobs that the queue itself has lost; the queue gives back
 * the others sooner.
 * @returns how many
 */
export async function requeueLost({ sql }: Pick<Database, 'sql'>, silentS: number): Promise<number> {
  return sql.begin(async (tx) => {
    const rows = await tx<ClaimRow[]>`
      ${selectForClaim(tx)}
      where v.status = 'running' and not exists (
        select from workers w where w.id = v.worker and w.heard_at > now() - make_interval(secs => ${silentS}))
      order by v.id limit 100 for update of v skip locked`;
    for (const row of rows) {
      if (await endInstead(tx, row)) continue;
      await tx`
        update variations set status = 'queued', epoch = epoch + 1, job_epoch = epoch + 1, worker = null,
          updated_at = now()
        where id = ${row.id}`;
      await append(tx, row.run_id, row.position, [
        { type: 'variation.queued', payload: { agent: row.agent, model: row.model } },
      ]);
      await deriveRun(tx, row.run_id);
    }
    return rows.length;
  });
}

/** The last state of a variation, its event, and what follows for the run. The row is locked by the caller. */
async function end(
  tx: Tx,
  row: VariationRef,
  status: 'completed' | 'needs_review' | 'failed' | 'stopped',
  last: {
    error: Failure | null;
    summary?: string | null;
    patch?: PatchStat | null;
    commit_sha?: string | null;
    branch?: string | null;
  },
): Promise<void> {
  const { error, summary = null, patch = null, commit_sha = null, branch = null } = last;
  await tx`
    update variations set status = ${status}, wanted = null, error = ${json(tx, error)}, result = ${summary},
      patch = coalesce(${json(tx, patch)}, patch), commit_sha = ${commit_sha}, branch = ${branch}, current_step = null,
      progress_percentage = ${status === 'completed' ? 100 : tx`progress_percentage`},
      completed_at = now(), updated_at = now()
    where id = ${row.id}`;
  await append(tx, row.run_id, row.position, [ending(status, error, summary, patch)]);
  await deriveRun(tx, row.run_id);
}

function ending(
  status: string,
  error: Failure | null,
  summary: string | null,
  patch: PatchStat | null,
): Fact {
  if (error === null) return { type: 'variation.completed', payload: { summary, patch } };
  return { type: `variation.${status as 'failed' | 'needs_review' | 'stopped'}`, payload: { error } };
}

function json(tx: Tx, value: object | null) {
  // Spread into a plain object: `tx.json` wants an index signature that interfaces lack.
  return value === null ? null : tx.json({ ...value });
}
