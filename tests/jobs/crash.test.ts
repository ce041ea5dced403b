import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Run } from '../../src/core/contract';
import type { Event } from '../../src/core/fact';
import { gapless } from '../core/scene';
import { makeRepository } from '../support/repository';
import { scenario } from '../support/service';
import { removeTemp, tempDir } from '../support/temp';
import { until } from '../support/wait';
import { ownSeconds, processesWith, typesOf } from './bench';

const main = resolve(import.meta.dir, '../../src/cli/main.ts');
const key = 'a-key-of-the-crash-test';
const dataDir = tempDir('crash');
const repository = makeRepository({ 'a.txt': 'one\n' });
const running = new Set<ReturnType<typeof Bun.spawn>>();
let url = '';

/** The program as a person starts it, in a process of its own. */
async function up(): Promise<ReturnType<typeof Bun.spawn>> {
  const child = Bun.spawn([process.execPath, '--env-file=/dev/null', main, 'up'], {
    env: {
      ...{
        PATH: process.env.PATH ?? '',
        HOME: process.env.HOME ?? '/nonexistent',
        PORT: '0',
        LOG_LEVEL: 'silent',
      },
      ...{ BAKEOFF_DATA: dataDir, BAKEOFF_LOCAL_ROOTS: tmpdir(), BAKEOFF_API_KEY: key },
      ...{ BAKEOFF_LOCK_S: '2', BAKEOFF_SWEEP_INTERVAL_S: '1' },
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'ignore',
  });
  running.add(child);
  let said = '';
  const sink = new WritableStream<Uint8Array>({
    write: (chunk) => {
      said += new TextDecoder().decode(chunk);
    },
  });
  (child.stdout as ReadableStream<Uint8Array>).pipeTo(sink).catch(() => {}); // It ends with the process.
  url = await until(() => /http:\/\/[\d.:]+/.exec(said)?.[0], `an address in “${said}”`, 20_000);
  return child;
}

async function call<T>(path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${url}/api/v1${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

const events = async (id: number) => (await call<{ items: Event[] }>(`/runs/${id}/events?limit=200`)).items;

beforeAll(() => mkdirSync(dataDir, { recursive: true }));
afterAll(async () => {
  for (const child of running) {
    child.kill('SIGKILL');
    await child.exited;
  }
  await until(() => processesWith(dataDir).length === 0, 'the end of Postgres', 10_000).catch(() => {});
  removeTemp(dataDir);
  removeTemp(repository.path);
});

test('killed with -9 in the middle of a run, it goes on after the next start: one end, no gap, nothing left', async () => {
  const first = await up();
  const flag = `bakeoff-crash-${process.pid}`;
  const seconds = ownSeconds(2.7193);
  await call('/agents', {
    ...{ name: 'worker', provider: 'scripted', model: 'script' },
    scenario: scenario(
      { name: 'edit_file', arguments: { path: 'a.txt', search: 'one', replace: 'two' } },
      // Long enough to be killed in, short enough to be done again.
      { name: 'run_command', arguments: { command: `echo ${flag}; sleep ${seconds}` } },
    ),
  });
  const project = await call<{ id: number }>('/projects', {
    local_path: repository.path,
    checks: [{ name: 'two', command: 'grep -q two a.txt' }],
  });
  const { id } = await call<Run>('/runs', {
    project_id: project.id,
    goal: 'Two',
    agents: ['worker'],
    variations: 2,
  });
  await until(
    async () => typesOf(await events(id)).filter((type) => type === 'tool.output').length >= 2,
    'both commands',
  );
  const before = await events(id);
  const postgres = Number(
    readFileSync(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0],
  );
  first.kill('SIGKILL');
  await first.exited;
  await until(() => processesWith(seconds).length === 0, 'the end of the commands', 3_000);
  await until(() => !processesWith(dataDir).includes(postgres), 'the end of Postgres', 5_000);

  const second = await up();
  const run = await until(
    async () => {
      const found = await call<Run>(`/runs/${id}`);
      return found.completed_at !== null && found;
    },
    'the end of the run',
    25_000,
  );
  expect([run.status, ...run.variations.map((one) => one.status)]).toEqual([
    'completed',
    'completed',
    'completed',
  ]);
  expect(run.variations.map((one) => [one.attempt, one.checks[0]?.result])).toEqual([
    [2, 'fixed'],
    [2, 'fixed'],
  ]);
  const after = await events(id);
  // What was told before the kill stands as it was told.
  expect(after.slice(0, before.length)).toEqual(before);
  expect(gapless(after)).toBe(true);
  const count = (type: Event['type']) => typesOf(after).filter((one) => one === type).length;
  expect(count('run.completed')).toBe(1);
  // It went on where it was: on the checkpoint, with no answer paid for twice, and the cut-off command run again.
  expect([count('checkpoint.restored'), count('variation.resumed'), count('tool.repeated')]).toEqual([
    2, 2, 2,
  ]);
  expect(run.usage.model_calls).toBe(6);
  expect(count('model.responded')).toBe(6);
  expect(readdirSync(join(dataDir, 'workspaces'))).toEqual([]);
  expect(processesWith(seconds)).toEqual([]);

  const started = performance.now();
  second.kill('SIGTERM');
  expect(await second.exited).toBe(0);
  expect(performance.now() - started).toBeLessThan(10_000);
  expect(processesWith(dataDir)).toEqual([]);
}, 60_000);
