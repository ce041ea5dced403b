import { eq } from 'drizzle-orm';
import {
  type ContextText,
  type RunOptions,
  type RunStatus,
  type RunType,
  runs,
  type TaskType,
} from '../../drizzle/schema';
import type { Run, Variation } from './contract';
import { atOneMoment, type Database, jsonb, type Tx } from './db';
import { readDependencies } from './dependency';
import { conflict, invalid, notFound } from './errors';
import { estimateRun } from './estimate';
import { append } from './event';
import type { Fact } from './fact';
import { forgetRun, type Idempotency, remember } from './idempotency';
import { isLanding } from './landing';
import { completeRuns, selectRuns } from './run-object';
import { cleanJson, cleanText } from './text';
import { isOver, lock } from './variation';

export const defaultOptions: RunOptions = {
  dry_run: false,
  verbose: false,
  max_steps: 100,
  max_retries: 3,
  approval: 'none',
  mode: 'tools',
  timeout_s: 600,
  budget_usd: null,
  budget_tokens: null,
  max_iterations: 3,
  stop_losers: false,
  pick: 'person',
  land: null,
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
  /** Not before this time; absent or past is now. */
  scheduled_at?: Date | null;
  /** Runs that must be completed first. */
  depends_on?: readonly number[];
  /** When one of them ends without completing: this run fails, or waits on for its being retried. */
  on_dependency_failure?: 'fail' | 'wait';
  /** A run of the same project whose result is the base; waited for like a dependency. */
  base_run?: number | null;
}

/**
 * Creates a run with its variations and their events in one transaction: queued, or pending when it has something to
 * wait for (`releaseDue` queues it then). The jobs are made afterwards; should that fail, the sweep makes them.
 * @returns the run's id, and whether it was there already under the same idempotency key
 * @throws BakeoffError 422 for a run that it cannot depend on
 */
export async function createRun(
  { sql }: Pick<Database, 'sql'>,
  input: NewRun,
  idempotency?: Idempotency,
): Promise<{ id: number; existed: boolean }> {
  return sql.begin((tx) => remember(tx, 'runs', idempotency, () => insertRun(tx, input)));
}

/** The same inside a transaction of the caller's, which may make several runs. */
export async function insertRun(tx: Tx, input: NewRun): Promise<number> {
  const count = input.variations;
  if (input.agents.length !== 1 && input.agents.length !== count) {
    throw invalid('agents', `Name one agent for all, or ${count}, one for each variation`);
  }
  const chosen = Array.from({ length: count }, (_, i) => input.agents[i % input.agents.length]).filter(
    isPresent,
  );
  const { project_id: project, depends_on = [], base_run = null } = input;
  const waits = await readDependencies(tx, { project, depends_on, base_run });
  const pending = waits.open || (input.scheduled_at ?? new Date(0)).getTime() > Date.now();
  const [row] = await tx<{ id: number }[]>`
    insert into runs ${tx({
      ...runRow(tx, input),
      ...{ status: pending ? 'pending' : 'queued', base: waits.base ?? input.base },
      estimated_duration: await estimateRun(tx, { ...input, agents: chosen.map((agent) => agent.id) }),
    })} returning id`;
  if (!row) throw new Error('insert returned no row');
  const { id } = row;
  if (waits.depends_on.length > 0) {
    await tx`
      insert into run_dependencies ${tx(waits.depends_on.map((depends_on) => ({ run_id: id, depends_on })))}`;
  }
  await tx`insert into variations ${tx(
    chosen.map((agent, i) => ({ run_id: id, position: i + 1, agent_id: agent.id, status: 'queued' })),
  )}`;
  await append(tx, id, null, [createdFact(input, chosen)]);
  if (pending) return id;
  await append(tx, id, null, [{ type: 'run.queued', payload: {} }]);
  for (const [i, { name: agent, model }] of chosen.entries()) {
    await append(tx, id, i + 1, [{ type: 'variation.queued', payload: { agent, model } }]);
  }
  return id;
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
    scheduled_at: input.scheduled_at ?? null,
    on_dependency_failure: input.on_dependency_failure ?? 'fail',
    base_run: input.base_run ?? null,
    // Through unknown: the columns are JSON, and `tx.json` wants index signatures that interfaces lack.
    options: jsonb(tx, input.options),
    context: tx.json(cleanJson(input.context) as { [key: string]: string }[]),
    metadata: asMetadata(tx, input.metadata),
  };
}

function asMetadata(tx: Tx, metadata: Record<string, unknown>) {
  return tx.json(cleanJson(metadata) as { [key: string]: string });
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
  // A cut may halve a surrogate pair.
  const cut = line.slice(0, 79).replace(/[\ud800-\udbff]$/, '');
  const space = cut.lastIndexOf(' ');
  return `${(space >= 40 ? cut.slice(0, space) : cut).trimEnd()}…`;
}

/** @throws BakeoffError 404 */
export async function getRun({ db }: Pick<Database, 'db'>, id: number): Promise<Run> {
  const [run] = await atOneMoment(db, async (db) =>
    completeRuns(db, await selectRuns(db).where(eq(runs.id, id)).prepare('run').execute()),
  );
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

/** What may be changed of a run; what is absent stays. */
export interface RunChange {
  name?: string;
  /** 1–10; what is queued already has to be put in its new place: hand `queuedOf` to the queue. */
  priority?: number;
  /** Null is now. Only of a pending run. */
  scheduled_at?: Date | null;
  /** In place of all of it. */
  metadata?: Record<string, unknown>;
}

/**
 * Changes a run, all of it or nothing.
 * @throws BakeoffError 404; 409 for `scheduled_at` of a run that waits no more; 422 for a blank name
 */
export async function changeRun(database: Database, id: number, change: RunChange): Promise<Run> {
  const { priority, scheduled_at, metadata } = change;
  const name = change.name === undefined ? undefined : cleanText(change.name.trim());
  if (name === '') throw invalid('name', 'name is empty');
  await database.sql.begin(async (tx) => {
    const [row] = await tx<{ status: RunStatus }[]>`
      select status from runs where id = ${id} for no key update`;
    if (!row) throw notFound('run', id);
    if (scheduled_at !== undefined && row.status !== 'pending')
      throw conflict('not_pending', `It waits for no time any more: it is ${row.status.replace('_', ' ')}`);
    const columns = {
      ...(name === undefined ? {} : { name }),
      ...(priority === undefined ? {} : { priority }),
      ...(scheduled_at === undefined ? {} : { scheduled_at }),
      ...(metadata === undefined ? {} : { metadata: asMetadata(tx, metadata) }),
    };
    if (Object.keys(columns).length === 0) return;
    await tx`update runs set ${tx({ ...columns, updated_at: new Date() })} where id = ${id}`;
  });
  return getRun(database, id);
}

/**
 * Removes a run that has ended, with all that was recorded of it. Others that have ended forget that they depended on
 * it. Its commits in mirrors are for the sweep.
 * @throws BakeoffError 404; 409 while it has not ended, or another run that has not ended needs it
 */
export async function deleteRun({ sql }: Pick<Database, 'sql'>, id: number): Promise<void> {
  await sql.begin(async (tx) => {
    const rows = await lock(tx, id);
    if (!rows.every((row) => isOver(row.status)))
      throw conflict('not_ended', 'Only a run that has ended can be removed: stop it first');
    // From here on nobody can come to depend on it: that takes a share of this lock.
    await tx`select id from runs where id = ${id} for update`;
    const [needs] = await tx<{ id: number }[]>`
      select r.id from runs r
      where r.status = 'pending' and r.id in (select run_id from run_dependencies where depends_on = ${id})
        or r.base_run = ${id} and r.status in ('pending', 'queued', 'running', 'paused', 'awaiting_approval')
      order by r.id limit 1`;
    if (needs) throw conflict('run_needed', `Run ${needs.id} needs it, and has not ended`);
    if (await isLanding(tx, id))
      throw conflict('landing_under_way', 'Its winner is on its way out, or back: wait for that, or undo it');
    await tx`delete from run_dependencies where depends_on = ${id}`;
    await forgetRun(tx, id);
    await tx`delete from runs where id = ${id}`;
  });
}

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined;
}
