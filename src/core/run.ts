import { and, asc, count, desc, eq, exists, ilike, inArray, or, type SQL, sql } from 'drizzle-orm';
import {
  agents,
  type ContextText,
  checks,
  projects,
  type RunOptions,
  type RunStatus,
  type RunType,
  runs,
  type TaskType,
  variations,
} from '../../drizzle/schema';
import type { CheckOutcome, Page, Run, Variation } from './contract';
import { readCursor, writeCursor } from './cursor';
import type { Database, Db, Tx } from './db';
import { conflict, invalid, notFound } from './errors';
import { estimateDuration } from './estimate';
import { append } from './event';
import type { CheckResult, Fact } from './fact';
import { remember } from './idempotency';
import { taskStatusOf } from './run-status';
import { cleanJson, cleanText } from './text';

export const defaultOptions: RunOptions = {
  dry_run: false,
  verbose: false,
  max_steps: 100,
  timeout_s: 600,
  budget_usd: null,
  budget_tokens: null,
};

/** A run as it is asked for, already validated; `agents` has one for all or one for each variation. */
export interface NewRun {
  project_id: number;
  goal: string;
  name: string | null;
  description: string | null;
  instructions: string | null;
  variations: number;
  agents: { id: number; name: string; model: string }[];
  run_type: RunType;
  task_type: TaskType;
  priority: number;
  base: string | null;
  context: ContextText[];
  metadata: Record<string, unknown>;
  options: RunOptions;
}

/** What makes a creating call repeatable. */
export interface Idempotency {
  key: string;
  body_sha256: string;
}

/**
 * Creates a run with its variations, all queued, and their events in one transaction. The jobs are made afterwards;
 * should that fail, the sweep makes them.
 * @returns the run's id, and whether it was there already under the same idempotency key
 */
export async function createRun(
  { sql }: Pick<Database, 'sql'>,
  input: NewRun,
  idempotency?: Idempotency,
): Promise<{ id: number; existed: boolean }> {
  const count = input.variations;
  if (input.agents.length !== 1 && input.agents.length !== count) {
    throw invalid('agents', `Name one agent for all, or ${count}, one for each variation`);
  }
  return sql.begin(async (tx) => {
    return remember(tx, 'runs', idempotency, async () => {
      const [row] = await tx<{ id: number }[]>`insert into runs ${tx(runRow(tx, input))} returning id`;
      if (!row) throw new Error('insert returned no row');
      const chosen = Array.from({ length: count }, (_, i) => input.agents[i % input.agents.length]).filter(
        isPresent,
      );
      await tx`insert into variations ${tx(
        chosen.map((agent, i) => ({ run_id: row.id, position: i + 1, agent_id: agent.id, status: 'queued' })),
      )}`;
      await append(tx, row.id, null, [createdFact(input, chosen), { type: 'run.queued', payload: {} }]);
      for (const [i, agent] of chosen.entries()) {
        await append(tx, row.id, i + 1, [
          { type: 'variation.queued', payload: { agent: agent.name, model: agent.model } },
        ]);
      }
      return row.id;
    });
  });
}

function runRow(tx: Tx, input: NewRun) {
  return {
    project_id: input.project_id,
    name: cleanText(input.name ?? nameFrom(input.goal)),
    goal: cleanText(input.goal),
    description: input.description === null ? null : cleanText(input.description),
    instructions: input.instructions === null ? null : cleanText(input.instructions),
    run_type: input.run_type,
    task_type: input.task_type,
    priority: input.priority,
    status: 'queued',
    base: input.base,
    // Through unknown: the columns are JSON, and `tx.json` wants index signatures that interfaces lack.
    options: tx.json({ ...input.options }),
    context: tx.json(cleanJson(input.context) as { [key: string]: string }[]),
    metadata: tx.json(cleanJson(input.metadata) as { [key: string]: string }),
  };
}

function createdFact(input: NewRun, chosen: readonly { name: string }[]): Fact {
  const name = input.name ?? nameFrom(input.goal);
  const payload = {
    name,
    goal: input.goal,
    variations: input.variations,
    agents: chosen.map((one) => one.name),
  };
  return { type: 'run.created', payload };
}

/** The goal's first line, at most 80 characters, cut at a word. */
export function nameFrom(goal: string): string {
  const line = goal.trim().split(/\r?\n/)[0]?.trim() ?? '';
  if (line.length <= 80) return line;
  const cut = line.slice(0, 79);
  return `${cut.slice(0, Math.max(cut.lastIndexOf(' '), 40)).trimEnd()}…`;
}

/** @throws BakeoffError 404 */
export async function getRun({ db }: Pick<Database, 'db'>, id: number): Promise<Run> {
  const rows = await selectRuns(db).where(eq(runs.id, id));
  const [run] = await complete(db, rows);
  if (!run) throw notFound('run', id);
  return run;
}

/** @throws BakeoffError 404 for the run or the variation */
export async function getVariation(
  database: Pick<Database, 'db'>,
  id: number,
  position: number,
): Promise<Variation> {
  const run = await getRun(database, id);
  const variation = run.variations.find((one) => one.position === position);
  if (!variation) throw notFound('variation', `${position} of run ${id}`);
  return variation;
}

export const runSorts = ['priority', 'newest', 'oldest', 'live'] as const;
export type RunSort = (typeof runSorts)[number];

export interface RunFilter {
  status?: readonly RunStatus[];
  project_id?: readonly number[];
  /** Names of agents. */
  agent?: readonly string[];
  task_type?: readonly TaskType[];
  run_type?: readonly RunType[];
  /** Words in name or goal. */
  q?: string;
  sort?: RunSort;
  limit?: number;
  cursor?: string;
}

/** Live and waiting runs first, then by time. */
const liveness = sql<number>`case when ${runs.status} in ('completed', 'needs_review', 'failed', 'stopped') then 1 else 0 end`;
/** Milliseconds, so that a cursor holds the time exactly as it is stored. */
const createdMs = sql<number>`(extract(epoch from ${runs.created_at}) * 1000)::bigint`;

/** Runs as the lists show them; `total` counts all that the filter lets through. */
export async function listRuns({ db }: Pick<Database, 'db'>, filter: RunFilter = {}): Promise<Page<Run>> {
  const limit = filter.limit ?? 50;
  const sort = filter.sort ?? 'priority';
  const where = whereOf(db, filter);
  const keys = keysOf(sort);
  const after = filter.cursor ? afterCursor(keys, filter.cursor) : undefined;
  const [rows, [counted]] = await Promise.all([
    selectRuns(db)
      .where(and(where, after))
      .orderBy(...keys.map((key) => (key.descending ? desc(key.by) : asc(key.by))))
      .limit(limit + 1),
    db.select({ total: count() }).from(runs).where(where),
  ]);
  const items = await complete(db, rows.slice(0, limit));
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    items,
    total: counted?.total ?? 0,
    next_cursor: last ? writeCursor(keys.map((key) => key.of(last))) : null,
  };
}

function whereOf(db: Db, filter: RunFilter): SQL | undefined {
  const q = filter.q?.trim();
  const pattern = q ? `%${q.replace(/[\\%_]/g, '\\$&')}%` : '';
  return and(
    filter.status?.length ? inArray(runs.status, [...filter.status]) : undefined,
    filter.project_id?.length ? inArray(runs.project_id, [...filter.project_id]) : undefined,
    filter.task_type?.length ? inArray(runs.task_type, [...filter.task_type]) : undefined,
    filter.run_type?.length ? inArray(runs.run_type, [...filter.run_type]) : undefined,
    q ? or(ilike(runs.name, pattern), ilike(runs.goal, pattern)) : undefined,
    filter.agent?.length
      ? exists(
          db
            .select({ one: sql`1` })
            .from(variations)
            .innerJoin(agents, eq(agents.id, variations.agent_id))
            .where(and(eq(variations.run_id, runs.id), inArray(agents.name, [...filter.agent]))),
        )
      : undefined,
  );
}

interface SortKey {
  by: SQL | typeof runs.id | typeof runs.priority;
  descending: boolean;
  of: (row: RunRow) => number;
}

function keysOf(sort: RunSort): SortKey[] {
  const created = (descending: boolean): SortKey => ({
    by: createdMs,
    descending,
    of: (row) => row.run.created_at.getTime(),
  });
  const id = (descending: boolean): SortKey => ({ by: runs.id, descending, of: (row) => row.run.id });
  const priority: SortKey = { by: runs.priority, descending: true, of: (row) => row.run.priority };
  const live: SortKey = {
    by: liveness,
    descending: false,
    of: (row) => (row.run.completed_at === null ? 0 : 1),
  };
  switch (sort) {
    case 'priority':
      return [priority, created(true), id(true)];
    case 'newest':
      return [created(true), id(true)];
    case 'oldest':
      return [created(false), id(false)];
    case 'live':
      return [live, created(true), id(true)];
  }
}

/** (a, b, c) beyond the cursor, written out, since the keys may go different ways. */
function afterCursor(keys: readonly SortKey[], cursor: string): SQL | undefined {
  const values = readCursor(
    cursor,
    keys.map(() => 'number'),
  );
  return or(
    ...keys.map((key, i) =>
      and(
        ...keys.slice(0, i).map((before, j) => sql`${before.by} = ${values[j]}`),
        key.descending ? sql`${key.by} < ${values[i]}` : sql`${key.by} > ${values[i]}`,
      ),
    ),
  );
}

/** @throws BakeoffError 409 unless the run has ended. */
export async function deleteRun({ sql: client }: Pick<Database, 'sql'>, id: number): Promise<void> {
  const [row] = await client<{ status: RunStatus }[]>`select status from runs where id = ${id}`;
  if (!row) throw notFound('run', id);
  const gone = await client`
    delete from runs where id = ${id} and status in ('completed', 'needs_review', 'failed', 'stopped') returning id`;
  if (gone.length === 0) throw conflict('run_not_ended', `Run ${id} is ${row.status}: stop it first`);
}

function selectRuns(db: Db) {
  return db
    .select({ run: runs, project: projects.name })
    .from(runs)
    .innerJoin(projects, eq(projects.id, runs.project_id))
    .$dynamic();
}
type RunRow = { run: typeof runs.$inferSelect; project: string };

/** Rows made into objects of the contract: variations and checks of all of them in one query each. */
async function complete(db: Db, rows: readonly RunRow[]): Promise<Run[]> {
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
    ...rest
  } = row;
  const estimated = estimateDuration(row.task_type, row.goal);
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
    time_left: completed_at ? null : Math.max(0, estimated - Math.round(secondsSince(started_at))),
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

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined;
}
