import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Health, Run } from '../../src/core/contract';
import type { Event } from '../../src/core/fact';
import { readUntil, spawnCli } from '../cli/cli';
import { gapless } from '../core/scene';
import { type MortalPostgres, mortalPostgres } from '../support/postgres';
import { startRedis, type TestRedis } from '../support/redis';
import { makeRepository } from '../support/repository';
import { scenario, startTestService, type TestService } from '../support/service';
import { openPort, type Port } from '../support/tcp';
import { removeTemp, tempDir } from '../support/temp';
import { until } from '../support/wait';

const repository = makeRepository({ 'a.txt': 'one\n' });
const steps = 8;
const secret = 'one secret for the service and its worker';
let postgres: MortalPostgres;
let port: Port;
let redis: TestRedis;
let service: TestService;

beforeAll(async () => {
  postgres = await mortalPostgres();
  const { host, port: number, user, password, database } = postgres.address;
  port = await openPort(join(host, `.s.PGSQL.${number}`));
  redis = await startRedis();
  service = await startTestService({
    databaseUrl: `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port.port}/${database}`,
    redisUrl: redis.url,
    concurrency: 3,
    secret,
  });
  const work = Array.from({ length: steps }, (_, i) => ({
    ...{ name: 'run_command', arguments: { command: `echo ${i}; sleep 0.1` } },
  }));
  const edit = { name: 'edit_file', arguments: { path: 'a.txt', search: 'one', replace: 'two' } };
  await service.call('/agents', { name: 'steady', provider: 'scripted', scenario: scenario(edit, ...work) });
}, 60_000);
afterAll(async () => {
  await service.remove();
  port.close();
  await redis.stop();
  await postgres.remove();
  removeTemp(repository.path);
}, 60_000);

async function health(): Promise<Health> {
  const answer = await fetch(`${service.url}/health`, { signal: AbortSignal.timeout(5_000) });
  return (await answer.json()) as Health;
}

async function events(id: number): Promise<Event[]> {
  const all: Event[] = [];
  for (;;) {
    const after = all.at(-1)?.seq ?? 0;
    const { body } = await service.call<{ items: Event[] }>(`/runs/${id}/events?limit=200&after=${after}`);
    all.push(...body.items);
    if (body.items.length < 200) return all;
  }
}

/** A run that is well under way, with more variations than there are places. */
async function underWay(variations: number): Promise<number> {
  const { body } = await service.call<Run>('/runs', {
    ...{ local_path: repository.path, goal: 'Two', agents: ['steady'], variations },
  });
  const started = async () =>
    (await events(body.id)).filter((event) => event.type === 'tool.finished').length >= 4;
  await until(started, 'the run’s work');
  return body.id;
}

/** As if nothing had been: each variation ended once, on its first attempt, with nothing doubled and no gap. */
async function expectSound(id: number, variations: number): Promise<void> {
  const run = await service.ended(id, 40_000);
  expect(run.variations.map((one) => [one.status, one.attempt, one.patch?.files])).toEqual(
    Array.from({ length: variations }, () => ['completed', 1, 1]),
  );
  const all = await events(id);
  expect(gapless(all)).toBe(true);
  const count = (type: Event['type']) => all.filter((event) => event.type === type).length;
  expect(count('run.completed')).toBe(1);
  expect(count('variation.completed')).toBe(variations);
  expect(count('model.responded')).toBe(variations * (steps + 2));
  expect(count('tool.finished')).toBe(variations * (steps + 2));
  expect(count('tool.repeated')).toBe(0);
  expect(run.usage.model_calls).toBe(variations * (steps + 2));
}

describe.each(['killed', 'frozen'] as const)('with Postgres %s for some seconds', (how) => {
  test('/health says so, and all goes on by itself: nothing lost, nothing twice', async () => {
    const id = await underWay(5);
    if (how === 'killed') await postgres.stop('killed');
    else postgres.freeze();
    const during = await until(async () => {
      const seen = await health();
      return seen.parts.database.status === 'down' && seen;
    }, 'the bad news');
    expect(during.status).toBe('down');
    if (how === 'killed') await postgres.start();
    else postgres.thaw();
    await until(async () => (await health()).status === 'fine', 'the good news', 10_000);
    await expectSound(id, 5);
  }, 90_000);
});

describe.each(['killed', 'frozen', 'emptied'] as const)('with Redis %s', (how) => {
  test('what runs goes on, what waits is put back, and nothing is done twice', async () => {
    const id = await underWay(5);
    if (how === 'emptied') {
      const client = new Redis({ path: redis.url.replace('redis+unix://', '') });
      await client.flushall();
      client.disconnect();
    } else {
      if (how === 'killed') await redis.kill();
      else redis.freeze();
      await until(async () => (await health()).parts.queue.status === 'down', 'the bad news');
      if (how === 'killed') await redis.start();
      else redis.thaw();
      await until(async () => (await health()).status === 'fine', 'the good news', 10_000);
    }
    await expectSound(id, 5);
  }, 90_000);
});

test('a stop while Postgres and Redis stand still takes less than 10 s, and is no failure', async () => {
  const { databaseUrl, redisUrl } = service.config;
  const folder = tempDir('outage');
  const worker = spawnCli(
    ['worker'],
    {
      ...{ DATABASE_URL: databaseUrl ?? '', REDIS_URL: redisUrl ?? '', BAKEOFF_SECRET: secret },
      ...{ BAKEOFF_DATA: folder, BAKEOFF_LOCAL_ROOTS: repository.path, LOG_LEVEL: 'silent' },
    },
    60_000,
  );
  try {
    await readUntil(worker.stdout, /Working the queue/);
    await underWay(6);
    postgres.freeze();
    redis.freeze();
    const started = performance.now();
    worker.kill('SIGTERM');
    const took = async (end: Promise<unknown>) => [await end, performance.now() - started] as const;
    const [[, ours], [code, theirs]] = await Promise.all([took(service.stop()), took(worker.exited)]);
    expect(Math.max(ours, theirs)).toBeLessThan(10_000);
    expect(code).toBe(0);
    expect(await new Response(worker.stderr).text()).toBe('');
  } finally {
    postgres.thaw();
    redis.thaw();
    worker.kill('SIGKILL');
    await worker.exited;
    removeTemp(folder);
  }
}, 60_000);
