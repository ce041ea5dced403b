import type { Failure, PatchStat, Provider, VariationStatus } from '../../drizzle/schema';
import type { Database, Tx } from './db';
import { waitAgain } from './dependency';
import { notFound } from './errors';
import { append } from './event';
import type { Fact, QueuedWhy } from './fact';
import { deriveRun } from './run-status';
import { reopened } from './winner';

/** Channel of `pg_notify` on which a variation's id is said when a person wants something of its worker. */
export const controlChannel = 'bakeoff_control';

/** How a variation may move (invariant 1); every transition locks its row and states its `from`. */
export const transitions: Record<VariationStatus, readonly VariationStatus[]> = {
  queued: ['running', 'paused', 'stopped', 'failed'],
  running: ['completed', 'needs_review', 'failed', 'stopped', 'queued', 'paused', 'awaiting_approval'],
  paused: ['queued', 'awaiting_approval', 'stopped'],
  awaiting_approval: ['queued', 'paused', 'stopped'],
  needs_review: ['queued'],
  completed: ['queued'],
  failed: ['queued'],
  stopped: ['queued'],
};

/** Whether it has ended: nothing happens to it any more unless a person starts it again. */
export function isOver(status: VariationStatus): boolean {
  return transitions[status].length === 1;
}

/** Names the job of a variation: one for each time it was queued (invariant 4). Not a pure integer, no colon. */
export function jobId(variationId: number, jobEpoch: number): string {
  return `v${variationId}-${jobEpoch}`;
}

/** What the queue is to know of a variation that waits for a worker. */
export interface QueuedVariation {
  id: number;
  job_epoch: number;
  /** The run's, 1–10, higher first. */
  priority: number;
  /** Its place within its run, from 0: each run's first goes before any run's second, so that no run starves another. */
  rank: number;
  /** Milliseconds before it may be taken: the pause before another try. */
  delay_ms: number;
}

/** Variations that wait for a worker, most urgent first: what the queue ought to hold. */
export async function listQueued({ sql }: Pick<Database, 'sql'>, limit = 10_000): Promise<QueuedVariation[]> {
  return sql<QueuedVariation[]>`
    ${queued(sql)} order by r.priority desc, v.position, v.id limit ${limit}`;
}

/** The same of one run: to be handed to the queue after something was started in it. */
export async function queuedOf({ sql }: Pick<Database, 'sql'>, runId: number): Promise<QueuedVariation[]> {
  return sql<QueuedVariation[]>`${queued(sql)} and v.run_id = ${runId} order by v.position`;
}

function queued(sql: Database['sql']) {
  return sql`
    select v.id, v.job_epoch, r.priority, v.position - 1 as rank,
      greatest(0, ceil(extract(epoch from coalesce(v.not_before, now()) - now()) * 1000))::int as delay_ms
    from variations v join runs r on r.id = v.run_id
    where v.status = 'queued' and v.held is null and r.status <> 'pending'`;
}

export interface VariationRef {
  id: number;
  run_id: number;
  position: number;
}

/** A variation whose row is locked until the transaction ends. */
export interface Locked extends VariationRef {
  status: VariationStatus;
  epoch: number;
  attempt: number;
  losses: number;
  wanted: 'stop' | 'pause' | null;
  worker: string | null;
  checkpoint: number;
  error: Failure | null;
  agent_id: number;
  agent: string;
  model: string;
  provider: Provider;
  project_id: number;
}

/** The beginning of a query for rows to lock; ends before `where`. Aliases: v, its run r, its agent a. */
export function selectToLock(tx: Tx) {
  return tx`
    select v.id, v.run_id, v.position, v.status, v.epoch, v.attempt, v.losses, v.wanted, v.worker, v.checkpoint, v.error,
      v.agent_id, a.name as agent, a.model, a.provider, r.project_id
    from variations v join agents a on a.id = v.agent_id join runs r on r.id = v.run_id`;
}

/**
 * Locks variations of a run in the order that everybody keeps: by id, and before the run.
 * @throws BakeoffError 404 for the run or the variation
 */
export async function lock(tx: Tx, runId: number, position?: number): Promise<[Locked, ...Locked[]]> {
  const rows = await tx<Locked[]>`
    ${selectToLock(tx)} where v.run_id = ${runId} ${position === undefined ? tx`` : tx`and v.position = ${position}`}
    order by v.id for update of v`;
  const [first, ...rest] = rows;
  if (first) return [first, ...rest];
  const [run] = await tx`select id from runs where id = ${runId}`;
  throw position === undefined || !run
    ? notFound('run', runId)
    : notFound('variation', `${position} of run ${runId}`);
}

/** What a locked variation is queued for, and with what allowance. */
export interface Requeue {
  why: QueuedWhy;
  /** Where it goes on from, when a person chose it. */
  checkpoint?: number;
  /** A person started it: steps, time and tries are counted anew. */
  fresh?: boolean;
  /** Counts as a retry. */
  retry?: boolean;
  /** Another round of work after an end. */
  iterate?: boolean;
  /** Instead of `variation.queued`, and only after `delay_ms`. */
  later?: { delay_ms: number; fact: (at: string) => Fact };
}

/** Goings-on of the same attempt, which do not count as another. */
const sameAttempt: ReadonlySet<QueuedWhy> = new Set(['shutdown', 'resumed', 'decided']);

/** Puts a locked variation back in the queue under a new epoch and job, with its event and what follows for the run. */
export async function requeue(tx: Tx, row: Locked, how: Requeue): Promise<void> {
  // What ended before its run was ever released waits for the same as before.
  if (isOver(row.status)) {
    await waitAgain(tx, row.run_id);
    await reopened(tx, row.run_id, row.position);
  }
  // What is taken from a worker skips the epoch that the worker's own letting go would have raised it to.
  const raise = how.why === 'worker_lost' ? 2 : 1;
  const back = sameAttempt.has(how.why) ? 1 : 0;
  const fresh = how.fresh === true;
  /** The same work, by the same means. */
  const goesOn = sameAttempt.has(how.why) || how.why === 'worker_lost' || how.later !== undefined;
  const [changed] = await tx<{ iteration: number; not_before: Date | null }[]>`
    update variations v set status = 'queued', epoch = epoch + ${raise}, job_epoch = epoch + ${raise}, worker = null, wanted = null,
      held = null, error = null, result = null, completed_at = null, reserved_tokens = 0, reserved_usd = 0, updated_at = now(),
      attempt = greatest(0, attempt - ${back}),
      retry_count = retry_count + ${how.retry ? 1 : 0},
      iteration = iteration + ${how.iterate ? 1 : 0},
      mended = case when ${goesOn} then mended end,
      feedback = case when ${goesOn} then feedback end,
      commit_sha = case when ${isOver(row.status)} then null else commit_sha end,
      branch = case when ${isOver(row.status)} then null else branch end,
      not_before = ${how.later ? tx`now() + make_interval(secs => ${how.later.delay_ms / 1000})` : null}
      ${
        fresh
          ? tx`, tries = 0, losses = 0, worked_ms = 0, iterations_before = iteration - ${how.iterate ? 0 : 1},
              steps_before = greatest(steps_before, ${highest(tx, row, 'step.started', 'step')})`
          : tx``
      }
    where id = ${row.id} returning iteration, not_before`;
  const { agent, model } = row;
  const facts: Fact[] = how.later
    ? [how.later.fact((changed?.not_before ?? new Date()).toISOString())]
    : [
        {
          type: 'variation.queued',
          payload: {
            ...{ agent, model, why: how.why },
            ...(how.checkpoint === undefined ? {} : { checkpoint: how.checkpoint }),
          },
        },
      ];
  if (how.iterate) facts.push({ type: 'iteration.started', payload: { iteration: changed?.iteration ?? 1 } });
  await append(tx, row.run_id, row.position, facts);
  await deriveRun(tx, row.run_id);
}

/** The highest number that a variation's events of a type say: what comes after it counts on from there. */
export function highest(tx: Tx, row: VariationRef, type: Fact['type'], field: 'step' | 'call' | 'tool') {
  return tx`(
    select coalesce(max((payload->>${field})::int), 0) from events
    where run_id = ${row.run_id} and variation = ${row.position} and type = ${type})`;
}

/** Lets a locked variation wait for a person: without a worker, and until something puts it back in the queue. */
export async function park(
  tx: Tx,
  row: VariationRef,
  status: 'paused' | 'awaiting_approval',
  facts: readonly Fact[],
): Promise<void> {
  await tx`
    update variations set status = ${status}, epoch = epoch + 1, worker = null, wanted = null, held = null,
      not_before = null, reserved_tokens = 0, reserved_usd = 0, updated_at = now()
    where id = ${row.id}`;
  await append(tx, row.run_id, row.position, facts);
  await deriveRun(tx, row.run_id);
}

/** What a variation ends with. */
export interface Last {
  error: Failure | null;
  summary?: string | null;
  patch?: PatchStat | null;
  commit_sha?: string | null;
  branch?: string | null;
}

/** Ends a locked variation, with its event and what follows for the run. */
export async function end(
  tx: Tx,
  row: VariationRef,
  status: 'completed' | 'needs_review' | 'failed' | 'stopped',
  last: Last,
): Promise<void> {
  const { error, summary = null, patch = null, commit_sha = null, branch = null } = last;
  await tx`
    update variations set status = ${status}, wanted = null, held = null, not_before = null,
      error = ${json(tx, error)}, result = ${summary}, patch = coalesce(${json(tx, patch)}, patch),
      commit_sha = ${commit_sha}, branch = ${branch}, current_step = null, mended = null, reserved_tokens = 0, reserved_usd = 0,
      progress_percentage = ${status === 'completed' ? 100 : tx`progress_percentage`},
      completed_at = now(), updated_at = now()
    where id = ${row.id}`;
  await withdrawOpen(tx, row);
  await append(tx, row.run_id, row.position, [ending(status, error, summary, patch)]);
  await deriveRun(tx, row.run_id);
}

/** Questions of a variation that is past them are not asked any more. */
export async function withdrawOpen(tx: Tx, row: VariationRef): Promise<void> {
  await tx`
    update approvals set withdrawn_at = now()
    where variation_id = ${row.id} and decision is null and withdrawn_at is null`;
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

/** A value for a JSON column; interfaces lack the index signature that `tx.json` wants. */
export function json(tx: Tx, value: object | null) {
  return value === null ? null : tx.json({ ...value } as { [key: string]: string });
}
