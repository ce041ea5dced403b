import type { Failure, RunOptions, RunStatus, VariationStatus } from '../../drizzle/schema';
import type { TaskStatus } from './contract';
import type { Tx } from './db';
import { append } from './event';
import type { Fact } from './fact';
import { dropVerdict, wantVerdict } from './verdict';

/** A run's status as its variations make it, in the order of the contract. */
export function statusOf(variations: readonly VariationStatus[]): RunStatus {
  const order: VariationStatus[] = [
    'running',
    'awaiting_approval',
    'paused',
    'queued',
    'completed',
    'needs_review',
    'failed',
  ];
  return order.find((status) => variations.includes(status)) ?? 'stopped';
}

/** The same in the six words of the monitoring API. */
export const taskStatusOf: Record<RunStatus, TaskStatus> = {
  pending: 'pending',
  queued: 'queued',
  running: 'running',
  paused: 'running',
  awaiting_approval: 'running',
  needs_review: 'failed',
  completed: 'completed',
  failed: 'failed',
  stopped: 'cancelled',
};

/** Statuses in which nothing happens any more unless a person starts something again. */
const over: ReadonlySet<RunStatus> = new Set<RunStatus>(['completed', 'needs_review', 'failed', 'stopped']);

/**
 * Brings a run's status in line with its variations, with the event that says so; inside the transaction that changed
 * a variation, after that change. The run's row is locked first, so that of two variations that end at the same time
 * the second sees the first. `no key update`: a stronger lock would wait for rows that refer to the run (checks), whose
 * transactions may wait for ours. A run that is not released yet stays `pending` while any variation may still run.
 */
export async function deriveRun(tx: Tx, runId: number): Promise<void> {
  const [run] = await tx<{ status: RunStatus; started_at: Date | null; options: RunOptions }[]>`
    select status, started_at, options from runs where id = ${runId} for no key update`;
  if (!run) return;
  const variations = await tx<{ status: VariationStatus; result: string | null; error: Failure | null }[]>`
    select status, result, error from variations where run_id = ${runId} order by position`;
  const status = statusOf(variations.map((one) => one.status));
  const ended = over.has(status);
  if (status === run.status || (run.status === 'pending' && !ended)) return;
  const first = variations.find((one) => one.status === status);
  const fact = factOf(status, run.started_at !== null, first?.result ?? null, first?.error ?? null);
  await tx`
    update runs set status = ${status}, updated_at = now(),
      started_at = case when ${status === 'running'} then coalesce(started_at, now()) else started_at end,
      completed_at = ${ended ? tx`now()` : null}, thinned_at = case when ${ended} then thinned_at end,
      result = ${ended ? (first?.result ?? null) : null},
      error = ${ended && first?.error ? tx.json({ ...first.error }) : null}
    where id = ${runId}`;
  if (fact) await append(tx, runId, null, [fact]);
  if (!ended) await dropVerdict(tx, runId);
  else if (status === 'completed' && !run.options.dry_run) {
    const rivals = variations.filter((one) => one.status === 'completed').length > 1;
    if (rivals || run.options.pick === 'verdict') await wantVerdict(tx, runId, 'run');
  }
}

function factOf(
  status: RunStatus,
  startedBefore: boolean,
  summary: string | null,
  error: Failure | null,
): Fact | null {
  const failure = error ?? { code: 'internal' as const, message: 'No reason was recorded' };
  switch (status) {
    case 'queued':
      return { type: 'run.queued', payload: {} };
    case 'running':
      return { type: startedBefore ? 'run.resumed' : 'run.started', payload: {} };
    case 'paused':
      return { type: 'run.paused', payload: {} };
    case 'completed':
      return { type: 'run.completed', payload: { summary } };
    case 'failed':
      return { type: 'run.failed', payload: { error: failure } };
    case 'needs_review':
      return { type: 'run.needs_review', payload: { error: failure } };
    case 'stopped':
      return { type: 'run.stopped', payload: { error: failure } };
    case 'awaiting_approval':
      return null; // Told by the variation's `approval.requested`.
    case 'pending':
      return null; // Variations never lead there.
  }
}
