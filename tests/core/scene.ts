import type { RunStatus, VariationStatus } from '../../drizzle/schema';
import { createAgent, type NewAgent } from '../../src/core/agent';
import { claim, requeueLost } from '../../src/core/claim';
import type { Database } from '../../src/core/db';
import type { Claim } from '../../src/core/event';
import type { Idempotency } from '../../src/core/idempotency';
import { projectOf } from '../../src/core/project';
import { createRun, defaultOptions, type NewRun } from '../../src/core/run';
import { openVault } from '../../src/core/secret';

export const vault = openVault('a secret that only the tests have, long enough');

/** An agent as the API would hand it on: scripted, without a key, unless told otherwise. */
export function newAgent(change: Partial<NewAgent> = {}): NewAgent {
  return {
    name: 'anna',
    provider: 'scripted',
    model: 'script-1',
    base_url: null,
    api_key: null,
    scenario: { turns: [] },
    instructions: null,
    temperature: 0,
    max_tokens: 4096,
    context_tokens: 64_000,
    fallback: null,
    price: null,
    ...change,
  };
}

/** A run of `count` variations in the database, all queued, with whatever project and agent it needs. */
export async function makeRun(
  database: Database,
  count = 1,
  change: Partial<NewRun> = {},
  idempotency?: Idempotency,
): Promise<number> {
  const project_id = await projectOf(database, {
    repo_url: 'https://example.org/acme/ledger.git',
    local_path: null,
  });
  const [found] = await database.sql<{ id: number; name: string; model: string }[]>`
    select id, name, model from agents order by id limit 1`;
  const agent = found ?? {
    ...(await createAgent(database, vault, newAgent())),
    name: 'anna',
    model: 'script-1',
  };
  const input: NewRun = {
    project_id,
    goal: 'Round refunds',
    name: null,
    description: null,
    instructions: null,
    variations: count,
    agents: [agent],
    run_type: 'agent',
    task_type: 'general',
    priority: 5,
    base: null,
    context: [],
    metadata: {},
    options: defaultOptions,
    ...change,
  };
  return (await createRun(database, input, idempotency)).id;
}

export async function variationIds({ sql }: Database, runId: number): Promise<number[]> {
  const rows = await sql<
    { id: number }[]
  >`select id from variations where run_id = ${runId} order by position`;
  return rows.map((row) => row.id);
}

/** Takes a run's variation for a worker, as a job would; what another has lost, after it was noticed. */
export async function claimOne(
  database: Database,
  runId: number,
  position = 1,
  worker = 'worker-a',
): Promise<Claim & { attempt: number }> {
  const find = async () =>
    (
      await database.sql<{ id: number; job_epoch: number; status: string }[]>`
        select id, job_epoch, status from variations where run_id = ${runId} and position = ${position}`
    )[0]!;
  if ((await find()).status === 'running') await requeueLost(database);
  const row = await find();
  const claimed = await claim(database, row.id, row.job_epoch, worker);
  if (!claimed) throw new Error(`variation ${position} of run ${runId} could not be claimed`);
  return claimed;
}

export async function statusesOf(
  { sql }: Database,
  runId: number,
): Promise<[RunStatus, ...VariationStatus[]]> {
  const [run] = await sql<{ status: RunStatus }[]>`select status from runs where id = ${runId}`;
  const rows = await sql<{ status: VariationStatus }[]>`
    select status from variations where run_id = ${runId} order by position`;
  return [run!.status, ...rows.map((row) => row.status)];
}

/** Numbers and types of a run's events, straight from the table. */
export async function recordOf({ sql }: Database, runId: number): Promise<{ seq: number; type: string }[]> {
  const rows = await sql<{ seq: string; type: string }[]>`
    select seq, type from events where run_id = ${runId} order by seq`;
  return rows.map((row) => ({ seq: Number(row.seq), type: row.type }));
}

/** 1 … n, nothing left out. */
export function gapless(events: readonly { seq: number }[]): boolean {
  return events.every((event, i) => event.seq === i + 1);
}

/** Facts that carry a number, to be told apart later. */
export function note(text: string) {
  return { type: 'agent.message', payload: { call: 1, text } } as const;
}
