import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProjectCheck, RunOptions } from '../../drizzle/schema';
import { chooseSandbox } from '../../src/agent/environments';
import { Checkouts } from '../../src/agent/environments/checkout';
import { Mirrors } from '../../src/agent/mirror';
import { Shared } from '../../src/agent/shared';
import type { WorkspaceSource } from '../../src/agent/workspace';
import type { Config } from '../../src/config';
import { createAgent, type NewAgent } from '../../src/core/agent';
import type { Run } from '../../src/core/contract';
import { listEvents } from '../../src/core/event';
import type { Event } from '../../src/core/fact';
import { createProject, type NewProject } from '../../src/core/project';
import { defaultOptions, getRun, type NewRun } from '../../src/core/run';
import { queuedOf } from '../../src/core/variation';
import type { Parts } from '../../src/jobs/parts';
import { type JobQueue, openQueue } from '../../src/jobs/queue';
import { sweep } from '../../src/jobs/sweep';
import { startWorker, type Worker } from '../../src/jobs/worker';
import { openLog } from '../../src/log';
import { makeRun, newAgent, vault } from '../core/scene';
import { freshDatabase, type TestDatabase } from '../support/database';
import { makeRepository } from '../support/repository';
import { testConfig } from '../support/service';
import { removeTemp } from '../support/temp';
import { until } from '../support/wait';

/** All that works the queue, on a database of its own, without HTTP: any number of workers in this process. */
export interface Bench {
  database: TestDatabase;
  queue: JobQueue;
  parts: Parts;
  config: Config;
  workspacesDir: string;
  worker(change?: { concurrency?: number; workspaces?: WorkspaceSource; sandbox?: string }): Promise<Worker>;
  sweep(): Promise<void>;
  /** An agent of this scenario on a new project of these checks; nothing is queued before `start`. */
  run(plan: Plan): Promise<number>;
  /** Another run of a project, by an agent that is there. */
  again(projectId: number, agent: { id: number; name: string; model: string }): Promise<number>;
  /** The same, with its jobs. */
  start(plan: Plan): Promise<number>;
  ended(runId: number, limitMs?: number): Promise<Run>;
  events(runId: number): Promise<Event[]>;
  close(): Promise<void>;
}

export interface Plan {
  turns?: readonly object[];
  agent?: Partial<NewAgent>;
  checks?: readonly (Pick<ProjectCheck, 'name' | 'command'> & Partial<ProjectCheck>)[];
  variations?: number;
  project?: Partial<NewProject>;
  options?: Partial<RunOptions>;
  run?: Partial<NewRun>;
  /** Folder of the repository; default one that holds `a.txt` with the line `one`. */
  source?: string;
}

let count = 0;

export async function openBench(
  redisUrl: string | null = null,
  change: Partial<Config> = {},
): Promise<Bench> {
  const database = await freshDatabase();
  const config = testConfig({ redisUrl, lockS: 2, ...change });
  const queue = await openQueue({ redisUrl, database: database.address }, () => {});
  const sandbox = await chooseSandbox(config);
  const workspacesDir = join(config.dataDir, 'workspaces');
  mkdirSync(workspacesDir, { recursive: true });
  const parts: Parts = {
    ...{ config, database, vault, log: openLog('silent'), secrets: [] },
    mirrors: new Mirrors({ dir: join(config.dataDir, 'mirrors'), config, sandbox }),
    workspaces: new Checkouts(workspacesDir, sandbox),
    baseChecks: new Shared(),
  };
  const workers: Worker[] = [];
  const repository = makeRepository({ 'a.txt': 'one\n' });

  const run: Bench['run'] = async (plan) => {
    count += 1;
    const number = count;
    const agent = newAgent({
      name: `agent-${number}`,
      scenario: { turns: plan.turns ?? [done] },
      ...plan.agent,
    });
    const made = await createAgent(database, vault, agent);
    const checks = (plan.checks ?? []).map((check) => ({ timeout_s: 20, required: true, ...check }));
    const project = await createProject(database, {
      ...{
        name: `project-${number}`,
        repo_url: null,
        local_path: plan.source ?? repository.path,
        default_branch: null,
        checks,
      },
      ...(plan.project as Partial<Omit<NewProject, 'repo_url' | 'local_path'>>),
    });
    return makeRun(database, plan.variations ?? 1, {
      ...{ project_id: project.id, agents: [{ ...made, name: agent.name, model: agent.model }] },
      ...{ options: { ...defaultOptions, ...plan.options } },
      ...plan.run,
    });
  };

  const enqueue = async (runId: number): Promise<void> => queue.add(await queuedOf(database, runId));

  return {
    ...{ database, queue, parts, config, workspacesDir, run },
    async worker({ concurrency = 4, workspaces = parts.workspaces, sandbox: kind = sandbox.kind } = {}) {
      const own = { ...parts, workspaces, config: { ...config, concurrency } };
      const worker = await startWorker(own, queue, { kind, detail: '' }, 'test');
      workers.push(worker);
      return worker;
    },
    sweep: () => sweep(database, queue, parts.log),
    async again(project_id, agent) {
      const runId = await makeRun(database, 1, { project_id, agents: [agent] });
      await enqueue(runId);
      return runId;
    },
    async start(plan) {
      const runId = await run(plan);
      await enqueue(runId);
      return runId;
    },
    ended: (runId, limitMs = 15_000) =>
      until(
        async () => {
          const found = await getRun(database, runId);
          return found.completed_at !== null && found;
        },
        `the end of run ${runId}`,
        limitMs,
      ),
    events: (runId) => listEvents(database, runId, { limit: 100_000 }),
    async close() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await queue.close();
      await database.drop();
      removeTemp(config.dataDir);
      removeTemp(repository.path);
    },
  };
}

/** A turn that calls one tool. */
export function call(name: string, args: Record<string, unknown>, more: Record<string, unknown> = {}) {
  return { tool_calls: [{ name, arguments: args }], ...more };
}
export const command = (line: string, more: Record<string, unknown> = {}) =>
  call('run_command', { command: line }, more);
export const edit = call('edit_file', { path: 'a.txt', search: 'one', replace: 'two' });
export const done = { text: 'Done.', ...call('finish', { summary: 'Did what was asked.' }) };

/** These seconds as no other test process of this machine writes them, so that its `sleep` can be told from theirs. */
export function ownSeconds(seconds: number): string {
  return `${seconds}${Number.isInteger(seconds) ? '.' : ''}${String(process.pid).padStart(8, '0')}`;
}

/** Processes of this machine whose command line holds `word`. */
export function processesWith(word: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word);
      } catch {
        return false; // It ended meanwhile.
      }
    })
    .map(Number);
}

export function typesOf(events: readonly Event[]): string[] {
  return events.map((event) => event.type);
}
