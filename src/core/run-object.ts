import { eq, inArray } from 'drizzle-orm';
import { agents, checks, projects, type RunStatus, runs, variations } from '../../drizzle/schema';
import type { CheckOutcome, Run, Variation } from './contract';
import type { Db } from './db';
import { estimateDuration } from './estimate';
import type { CheckResult } from './fact';
import { taskStatusOf } from './run-status';

/** The rows of runs, for a `where` and an order of the caller's. */
export function selectRuns(db: Db) {
  return db
    .select({ run: runs, project: projects.name })
    .from(runs)
    .innerJoin(projects, eq(projects.id, runs.project_id))
    .$dynamic();
}
export type RunRow = { run: typeof runs.$inferSelect; project: string };

/** Rows made into objects of the contract: variations and checks of all of them in one query each. */
export async function completeRuns(db: Db, rows: readonly RunRow[]): Promise<Run[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.run.id);
  const [parts, results] = await Promise.all([
    db
      .select({
        variation: variations,
        agent: { id: agents.id, name: agents.name, model: agents.model, provider: agents.provider },
      })
      .from(variations)
      .innerJoin(agents, eq(agents.id, variations.agent_id))
      .where(inArray(variations.run_id, ids))
      .orderBy(variations.run_id, variations.position),
    db.select().from(checks).where(inArray(checks.run_id, ids)).orderBy(checks.id),
  ]);
  const partsOf = Map.groupBy(parts, (part) => part.variation.run_id);
  const resultsOf = Map.groupBy(results, (result) => result.run_id);
  return rows.map(({ run, project }) => {
    const outcomes = resultsOf.get(run.id) ?? [];
    const own = (partsOf.get(run.id) ?? []).map(({ variation, agent }) =>
      toVariation(
        variation,
        agent,
        outcomes.filter((one) => one.variation_id === variation.id),
      ),
    );
    return toRun(
      run,
      project,
      own,
      outcomes.filter((one) => one.variation_id === null),
    );
  });
}

function toRun(
  row: typeof runs.$inferSelect,
  project: string,
  parts: Variation[],
  baseChecks: (typeof checks.$inferSelect)[],
): Run {
  const {
    seq: _seq,
    context: _context,
    created_at,
    updated_at,
    started_at,
    completed_at,
    scheduled_at,
    base_run: _base_run,
    thinned_at: _thinned_at,
    ...rest
  } = row;
  const estimated = estimateDuration(row.task_type, row.goal);
  // Whatever was estimated, no variation works longer than this.
  const longest = Math.min(estimated, row.options.timeout_s);
  const live = parts.find((one) => one.status === 'running');
  return {
    ...rest,
    run_id: row.id,
    task_id: row.id,
    project,
    task_status: taskStatusOf[row.status],
    progress_percentage: progressOf(row.status, parts),
    current_step: live?.current_step ?? null,
    estimated_duration: estimated,
    time_left: completed_at ? null : Math.max(0, longest - Math.round(secondsSince(started_at))),
    depends_on: [],
    verdict: null,
    winner: null,
    landing: null,
    base_checks: baseChecks.map(toOutcome),
    variations: parts,
    scheduled_at: scheduled_at?.toISOString() ?? null,
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
    started_at: started_at?.toISOString() ?? null,
    completed_at: completed_at?.toISOString() ?? null,
  };
}

function toVariation(
  row: typeof variations.$inferSelect,
  agent: Variation['agent'],
  outcomes: readonly (typeof checks.$inferSelect)[],
): Variation {
  return {
    id: row.id,
    position: row.position,
    agent,
    status: row.status,
    attempt: row.attempt,
    retry_count: row.retry_count,
    iteration: row.iteration,
    progress_percentage: row.progress_percentage,
    current_step: row.current_step,
    plan: row.plan,
    branch: row.branch,
    patch: row.patch,
    checks: outcomes.map(toOutcome),
    usage: row.usage,
    result: row.result,
    error: row.error,
    worker: row.worker,
    retry_at: row.not_before?.toISOString() ?? null,
    held: row.held,
    wanted: row.wanted,
    started_at: row.started_at?.toISOString() ?? null,
    completed_at: row.completed_at?.toISOString() ?? null,
  };
}

function toOutcome(row: typeof checks.$inferSelect): CheckOutcome {
  const { name, command, required, exit_code, duration_ms } = row;
  return { name, command, required, result: row.result as CheckResult, exit_code, duration_ms };
}

/** The mean of its variations; what has ended counts whole. */
function progressOf(status: RunStatus, parts: readonly Variation[]): number {
  if (status === 'completed') return 100;
  if (parts.length === 0) return 0;
  const sum = parts.reduce((all, one) => all + (one.completed_at ? 100 : one.progress_percentage), 0);
  return Math.round(sum / parts.length);
}

function secondsSince(time: Date | null): number {
  return time ? (Date.now() - time.getTime()) / 1000 : 0;
}
