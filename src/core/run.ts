import { eq } from 'drizzle-orm';
import { type ContextText, type RunOptions, type RunType, runs, type TaskType } from '../../drizzle/schema';
import type { Run, Variation } from './contract';
import type { Database, Tx } from './db';
import { invalid, notFound } from './errors';
import { append } from './event';
import type { Fact } from './fact';
import { type Idempotency, remember } from './idempotency';
import { completeRuns, selectRuns } from './run-object';
import { cleanJson, cleanText } from './text';

export const defaultOptions: RunOptions = {
  dry_run: false,
  verbose: false,
  max_steps: 100,
  max_retries: 3,
  approval: 'none',
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
  // A cut may halve a surrogate pair.
  const cut = line.slice(0, 79).replace(/[\ud800-\udbff]$/, '');
  const space = cut.lastIndexOf(' ');
  return `${(space >= 40 ? cut.slice(0, space) : cut).trimEnd()}…`;
}

/** @throws BakeoffError 404 */
export async function getRun({ db }: Pick<Database, 'db'>, id: number): Promise<Run> {
  const rows = await selectRuns(db).where(eq(runs.id, id));
  const [run] = await completeRuns(db, rows);
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

function isPresent<T>(value: T | undefined): value is T {
  return value !== undefined;
}
