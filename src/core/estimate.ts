import type { TaskType, VariationStatus } from '../../drizzle/schema';
import type { Sql, Tx } from './db';

/** Seconds that a run of each type takes, before the project has a history of its own. */
const seconds: Record<TaskType, number> = {
  general: 300,
  analysis: 600,
  coding: 1800,
  research: 900,
  review: 420,
  documentation: 720,
};

/** Estimated duration in seconds where nothing is known of the project: longer goals take longer. */
export function estimateDuration(taskType: TaskType, goal: string): number {
  return Math.round(seconds[taskType] * (1 + 0.5 * Math.min(goal.length / 100, 5)));
}

/** Variations that a median is taken of: at most, and at least. */
const sample = { most: 20, least: 3 };
/** The project's newest runs that are looked at, so that an old installation answers as fast as a new one. */
const runsLookedAt = 200;

/**
 * Estimated seconds of work of a new run, from the project's newest 200 runs: the median work of the last 20 completed
 * variations of this task type by this agent; where there are not three, by any agent; else `estimateDuration`.
 * Of several agents the slowest counts: its variations work side by side. Where a limit of concurrency makes them wait
 * for each other, the run takes longer than this says.
 */
export async function estimateRun(
  sql: Sql | Tx,
  run: { project_id: number; task_type: TaskType; goal: string; agents: readonly number[] },
): Promise<number> {
  const done = await sql<{ agent_id: number; worked_ms: number }[]>`
    with lately as (
      select id, task_type from runs where project_id = ${run.project_id}
      order by created_at desc, id desc limit ${runsLookedAt}
    )
    select v.agent_id, v.worked_ms::float8 as worked_ms
    from lately r join variations v on v.run_id = r.id
    where r.task_type = ${run.task_type} and v.status = 'completed' and v.worked_ms > 0
    order by v.completed_at desc, v.id desc`;
  const ofAll = medianSeconds(done);
  const estimates = [...new Set(run.agents)].map(
    (agent) => medianSeconds(done.filter((one) => one.agent_id === agent)) ?? ofAll,
  );
  const known = estimates.filter((one) => one !== null);
  return known.length > 0 ? Math.max(...known) : estimateDuration(run.task_type, run.goal);
}

function medianSeconds(newest: readonly { worked_ms: number }[]): number | null {
  const times = newest
    .slice(0, sample.most)
    .map((one) => one.worked_ms)
    .sort((a, b) => a - b);
  if (times.length < sample.least) return null;
  const middle = (times.length - 1) / 2;
  const median = ((times[Math.floor(middle)] ?? 0) + (times[Math.ceil(middle)] ?? 0)) / 2;
  return Math.max(1, Math.round(median / 1000));
}

/** What is known of a variation's work so far. */
export interface Worked {
  status: VariationStatus;
  progress_percentage: number;
  /** Seconds of work; waiting is not counted. */
  worked_s: number;
}

/** Percent of progress from which it says more than the estimate alone. */
const tellingProgress = 5;

/**
 * Seconds of work that a run still takes: as long as the longest of its variations that have not ended. The more of the
 * work is done, the more its own pace counts and the less the estimate; nothing works longer than `timeout_s`.
 */
export function timeLeft(
  { estimated_s, timeout_s }: { estimated_s: number; timeout_s: number },
  variations: readonly Worked[],
): number {
  const left = variations
    .filter((one) => !ended.has(one.status))
    .map(({ progress_percentage, worked_s }) => {
      const done = progress_percentage / 100;
      // At its own pace it takes worked · (1 - done) / done more, by the estimate (estimated - worked): weighed by `done`.
      const more =
        progress_percentage < tellingProgress
          ? estimated_s - worked_s
          : (1 - done) * Math.max(worked_s, estimated_s);
      return Math.min(more, timeout_s - worked_s);
    });
  return Math.max(0, ...left.map(Math.round));
}

const ended: ReadonlySet<VariationStatus> = new Set(['completed', 'needs_review', 'failed', 'stopped']);
