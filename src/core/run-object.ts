import { and, desc, eq, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import {
  agents,
  checks,
  landings,
  projects,
  type RunStatus,
  runDependencies,
  runs,
  variations,
  verdicts,
} from '../../drizzle/schema';
import type { CheckOutcome, Landing, Run, RunVerdict, Variation } from './contract';
import type { Db } from './db';
import { estimateDuration, timeLeft, type Worked } from './estimate';
import type { CheckResult } from './fact';
import { type Links, readLinks } from './run-links';
import { taskStatusOf } from './run-status';
import { type Dependency, waitsFor } from './waits-for';

/** The rows of runs, for a `where` and an order of the caller's. */
export function selectRuns(db: Db) {
  return db
    .select({ run: runs, project: projects.name })
    .from(runs)
    .innerJoin(projects, eq(projects.id, runs.project_id))
    .$dynamic();
}
export type RunRow = { run: typeof runs.$inferSelect; project: string };

/**
 * Rows made into objects of the contract: variations, checks and dependencies of all of them in one query each.
 * @param db the transaction that read the rows: read at another moment, a verdict may name a winner that its run lacks
 */
export async function completeRuns(db: Db, rows: readonly RunRow[]): Promise<Run[]> {
  if (rows.length === 0) return [];
  // The text of a statement is the same for any ids: prepared, it goes out with the others, and is not planned anew.
  const ids = `{${rows.map((row) => row.run.id).join(',')}}`;
  const isOfThem = (column: PgColumn) => sql`${column} = any(${ids}::int[])`;
  const [parts, results, dependencies, landed, links, given, judging] = await Promise.all([
    db
      .select({
        variation: variations,
        agent: { id: agents.id, name: agents.name, model: agents.model, provider: agents.provider },
      })
      .from(variations)
      .innerJoin(agents, eq(agents.id, variations.agent_id))
      .where(isOfThem(variations.run_id))
      .orderBy(variations.run_id, variations.position)
      .prepare('variations of runs')
      .execute(),
    db
      .select()
      .from(checks)
      .where(isOfThem(checks.run_id))
      .orderBy(checks.id)
      .prepare('checks of runs')
      .execute(),
    db
      .select({ run_id: runDependencies.run_id, id: runs.id, status: runs.status })
      .from(runDependencies)
      .innerJoin(runs, eq(runs.id, runDependencies.depends_on))
      .where(isOfThem(runDependencies.run_id))
      .orderBy(runs.id)
      .prepare('dependencies of runs')
      .execute(),
    db
      .selectDistinctOn([landings.run_id])
      .from(landings)
      .where(isOfThem(landings.run_id))
      .orderBy(landings.run_id, desc(landings.id))
      .prepare('landings of runs')
      .execute(),
    readLinks(
      db,
      rows.map((row) => row.run),
    ),
    db
      .selectDistinctOn([verdicts.run_id])
      .from(verdicts)
      .where(and(isOfThem(verdicts.run_id), eq(verdicts.status, 'given')))
      .orderBy(verdicts.run_id, desc(verdicts.id))
      .prepare('verdicts of runs')
      .execute(),
    db
      .select({ run_id: verdicts.run_id })
      .from(verdicts)
      .where(and(isOfThem(verdicts.run_id), sql`${verdicts.status} in ('wanted', 'judging')`))
      .prepare('runs being judged')
      .execute(),
  ]);
  const partsOf = Map.groupBy(parts, (part) => part.variation.run_id);
  const resultsOf = Map.groupBy(results, (result) => result.run_id);
  const dependenciesOf = Map.groupBy(dependencies, (one) => one.run_id);
  return rows.map(({ run, project }) => {
    const outcomes = resultsOf.get(run.id) ?? [];
    const baseChecks = outcomes.filter((one) => one.variation_id === null);
    // A base that wavers says nothing of any patch.
    const wavers = (name: string) => baseChecks.some((one) => one.flaky && one.name === name);
    const own = partsOf.get(run.id) ?? [];
    return toRun(run, project, {
      parts: own.map(({ variation, agent }) =>
        toVariation(
          variation,
          agent,
          outcomes
            .filter((one) => one.variation_id === variation.id)
            .map((one) => ({ ...one, flaky: one.flaky || wavers(one.name) })),
        ),
      ),
      worked: own.map(({ variation }) => workedOf(variation)),
      baseChecks,
      dependencies: dependenciesOf.get(run.id) ?? [],
      landing: landed.find((one) => one.run_id === run.id) ?? null,
      links,
      verdict: given.find((one) => one.run_id === run.id) ?? null,
      judging: judging.some((one) => one.run_id === run.id),
    });
  });
}

interface Related {
  parts: Variation[];
  worked: Worked[];
  baseChecks: (typeof checks.$inferSelect)[];
  dependencies: Dependency[];
  landing: typeof landings.$inferSelect | null;
  links: Links;
  verdict: typeof verdicts.$inferSelect | null;
  judging: boolean;
}

function toRun(
  row: typeof runs.$inferSelect,
  project: string,
  { parts, worked, baseChecks, dependencies, landing, links, verdict, judging }: Related,
): Run {
  const {
    seq: _seq,
    context: _context,
    created_at,
    updated_at,
    started_at,
    completed_at,
    scheduled_at,
    base_run,
    thinned_at: _thinned_at,
    winner: position,
    winner_by,
    winner_note,
    winner_at,
    flow,
    flow_place,
    ...rest
  } = row;
  const estimated_s = row.estimated_duration ?? estimateDuration(row.task_type, row.goal);
  const { timeout_s } = row.options;
  const live = parts.find((one) => one.status === 'running');
  const waits = row.status === 'pending' && row.base === null && base_run !== null;
  const undecided = waits && links.undecided.has(base_run) ? base_run : null;
  return {
    ...rest,
    run_id: row.id,
    task_id: row.id,
    project,
    task_status: taskStatusOf[row.status],
    progress_percentage: progressOf(row.status, parts),
    current_step:
      row.status === 'pending' ? waitsFor(row, dependencies, undecided) : (live?.current_step ?? null),
    estimated_duration: estimated_s,
    time_left: completed_at ? null : timeLeft({ estimated_s, timeout_s }, worked),
    depends_on: dependencies.map((one) => one.id),
    verdict: verdict && toVerdict(verdict),
    judging,
    winner:
      position === null || winner_by === null || winner_at === null
        ? null
        : { position, by: winner_by, note: winner_note, at: winner_at.toISOString() },
    landing: landing && toLanding(landing),
    flow:
      flow === null || flow_place === null
        ? null
        : { place: flow_place, runs: links.flows.get(flow) ?? [row.id] },
    waits_for_winner_of: undecided,
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
    kind: row.kind,
    graft: row.graft,
    flags: row.flags,
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
  const { name, command, required, exit_code, duration_ms, flaky, counts, seq } = row;
  return {
    ...{ name, command, required, exit_code, duration_ms, flaky, counts, seq },
    result: row.result as CheckResult,
    on_base_tests: row.on_base_tests as CheckOutcome['on_base_tests'],
  };
}

export function toVerdict(row: typeof verdicts.$inferSelect): RunVerdict | null {
  if (row.verdict === null || row.given_at === null) return null;
  const { id, asked_by, seq, usage } = row;
  return { ...row.verdict, id, asked_by, seq, usage, given_at: row.given_at.toISOString() };
}

export function toLanding(row: typeof landings.$inferSelect): Landing {
  return {
    id: row.id,
    status: row.status,
    mode: row.request.mode,
    variation: row.variation,
    branch: row.branch,
    target: row.target,
    commit: row.commit_sha,
    pull_request: row.pull_request,
    error: row.error,
    retry_at: row.not_before?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
    landed_at: row.landed_at?.toISOString() ?? null,
  };
}

/** The mean of its variations; what has ended counts whole. */
function progressOf(status: RunStatus, parts: readonly Variation[]): number {
  if (status === 'completed') return 100;
  if (parts.length === 0) return 0;
  const sum = parts.reduce((all, one) => all + (one.completed_at ? 100 : one.progress_percentage), 0);
  return Math.round(sum / parts.length);
}

function workedOf({ status, progress_percentage, worked_ms }: typeof variations.$inferSelect): Worked {
  return { status, progress_percentage, worked_s: worked_ms / 1000 };
}
