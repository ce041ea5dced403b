import { afterAll, beforeAll, describe, expect, spyOn, test } from 'bun:test';
import { Redis } from 'ioredis';
import { changeSettings } from '../../src/core/settings';
import { stop } from '../../src/core/steer';
import type { QueuedVariation } from '../../src/core/variation';
import { gapless } from '../core/scene';
import { startRedis, type TestRedis } from '../support/redis';
import { until } from '../support/wait';
import { type Bench, command, done, edit, openBench, typesOf } from './bench';

/** What the queue is told of a variation; these exist for it only. */
function job(id: number, change: Partial<QueuedVariation> = {}): QueuedVariation {
  return { id, job_epoch: 0, priority: 5, rank: 0, delay_ms: 0, ...change };
}

describe.each(['postgres', 'redis'] as const)('the queue on %s', (backend) => {
  let redis: TestRedis | null = null;
  let bench: Bench;
  beforeAll(async () => {
    redis = backend === 'redis' ? await startRedis() : null;
    bench = await openBench(redis?.url ?? null);
  });
  afterAll(async () => {
    await bench.close();
    await redis?.stop();
  });

  /** Everything the queue knows is gone. */
  async function loseQueue(): Promise<void> {
    if (redis) {
      const client = new Redis({ path: redis.url.replace('redis+unix://', '') });
      await client.flushall();
      client.disconnect();
      return;
    }
    const tables = await bench.database.sql<{ name: string }[]>`
      select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'bullmq'`;
    expect(tables.length).toBeGreaterThan(1);
    for (const { name } of tables.filter((one) => !/migration|version/.test(one.name)))
      await bench.database.sql.unsafe(`truncate ${name} cascade`);
  }

  async function queued(): Promise<number> {
    const counts = await bench.queue.counts();
    return counts.waiting + counts.prioritized + counts.delayed + counts.paused;
  }

  test('is the one that was asked for', () => {
    expect(bench.queue.backend).toBe(backend);
  });

  test('gives out the most urgent first, and a job once however often it is added', async () => {
    const order: number[] = [];
    const jobs = [1, 5, 10, 7].map((priority) => job(9_000_000 + priority, { priority }));
    for (const job of jobs) await bench.queue.add([job]);
    await bench.queue.add(jobs);
    await bench.queue.restore(jobs);
    expect(await queued()).toBe(4);
    const options = { concurrency: 1, lockS: 2, onError: () => {} };
    const worker = bench.queue.work(
      async ({ variation_id }) => void order.push(variation_id - 9_000_000),
      options,
    );
    await until(() => order.length === 4, 'four jobs', 8_000);
    expect(order).toEqual([10, 7, 5, 1]);
    await bench.queue.add(jobs);
    await worker.close();
    expect(order).toHaveLength(4);
  }, 20_000);

  test('gives out each run’s first before any run’s second, and nothing before its time', async () => {
    const order: number[] = [];
    const base = 9_200_000;
    const begun = performance.now();
    const took: number[] = [];
    await bench.queue.add([
      ...[0, 1, 2, 3].map((rank) => job(base + rank, { rank })),
      job(base + 10),
      job(base + 20, { priority: 6, rank: 15 }),
      job(base + 30, { priority: 10, delay_ms: 1_500 }),
    ]);
    const options = { concurrency: 1, lockS: 2, onError: () => {} };
    const work = async ({ variation_id }: { variation_id: number }): Promise<void> => {
      order.push(variation_id - base);
      took.push(performance.now() - begun);
    };
    const worker = bench.queue.work(work, options);
    await until(() => order.length === 7, 'all jobs', 8_000);
    await worker.close();
    expect(order).toEqual([20, 0, 10, 1, 2, 3, 30]);
    expect(took.at(-1)!).toBeGreaterThan(1_490);
  }, 20_000);

  test('heeds a run’s new priority, and leaves alone what is not there', async () => {
    const order: number[] = [];
    const base = 9_300_000;
    const late = job(base + 3, { delay_ms: 300, priority: 1 });
    await bench.queue.add([job(base + 1), job(base + 2), late, job(base + 4)]);
    const due = performance.now() + 300;
    await bench.queue.reprioritize([
      job(base + 2, { priority: 9 }),
      { ...late, priority: 8 },
      job(base + 99),
    ]);
    await bench.queue.reprioritize([job(base + 4, { priority: 2 })]);
    const options = { concurrency: 1, lockS: 2, onError: () => {} };
    // The first keeps the worker until the late one is due, too.
    const work = async ({ variation_id }: { variation_id: number }): Promise<void> => {
      order.push(variation_id - base);
      await until(() => performance.now() > due, 'its time');
    };
    const worker = bench.queue.work(work, options);
    try {
      await until(() => order.length === 4, 'all jobs', 8_000);
      expect(order).toEqual([2, 3, 1, 4]);
    } finally {
      await worker.close();
    }
  }, 20_000);

  test('puts back what ended among hundreds that wait, without asking for each', async () => {
    const jobs = Array.from({ length: 600 }, (_, i) => job(9_100_000 + i));
    const ended = jobs.slice(0, 3);
    await bench.queue.add(ended);
    const seen: number[] = [];
    const options = { concurrency: 1, lockS: 2, onError: () => {} };
    const worker = bench.queue.work(async () => void seen.push(1), options);
    await until(() => seen.length === 3, 'three jobs', 8_000);
    await worker.close();
    const inner = bench.queue.queue;
    const asked = spyOn(inner, 'getJob');
    const added = spyOn(inner, 'addBulk');
    try {
      await bench.queue.restore(jobs);
      await bench.queue.restore(jobs);
      expect(await queued()).toBe(600);
      expect(asked).toHaveBeenCalledTimes(0);
      expect(added.mock.calls.map(([bulk]) => bulk.length)).toEqual([500, 100, 500, 100]);
    } finally {
      asked.mockRestore();
      added.mockRestore();
      await inner.drain(true);
    }
    expect(await queued()).toBe(0);
  }, 20_000);

  test('brings a run to its end, picked up at once; a worker with nothing to do hears of new work soon', async () => {
    await bench.worker();
    const delays: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      const started = performance.now();
      const runId = await bench.start({});
      await until(
        async () => typesOf(await bench.events(runId)).includes('variation.started'),
        'the start',
        4_000,
      );
      delays.push(performance.now() - started);
      const run = await bench.ended(runId);
      expect([run.status, run.variations[0]?.attempt]).toEqual(['completed', 1]);
    }
    // Most of it is making agent, project and run; an idle poll would cost seconds.
    expect(delays.sort((a, b) => a - b)[1]!).toBeLessThan(1_500);
  }, 20_000);

  test('may be lost at any time: the sweep puts back what waits, and what runs ends once', async () => {
    const running = await bench.start({ turns: [edit, command('sleep 1'), done] });
    await until(async () => typesOf(await bench.events(running)).includes('tool.started'), 'the run’s work');
    await changeSettings(bench.database, { execution: false });
    await bench.sweep();
    const waiting = await bench.start({ variations: 2 });
    await loseQueue();
    expect(await queued()).toBe(0);
    await changeSettings(bench.database, { execution: true });
    await bench.sweep();
    for (const runId of [running, waiting]) {
      const run = await bench.ended(runId);
      expect(run.status).toBe('completed');
      expect(run.variations.every((one) => one.attempt === 1)).toBe(true);
      const events = await bench.events(runId);
      expect(gapless(events)).toBe(true);
      expect(typesOf(events).filter((type) => type === 'run.completed')).toHaveLength(1);
    }
  }, 30_000);

  test('a job that ended without its variation having been taken is made again', async () => {
    const runId = await bench.run({});
    const [row] = await bench.database.sql<
      { id: number }[]
    >`select id from variations where run_id = ${runId}`;
    // A job of that name that found nothing to do, since the variation was held by somebody else.
    await bench.database.sql`update variations set job_epoch = 5 where id = ${row!.id}`;
    await bench.queue.add([job(row!.id)]);
    await until(
      async () => (await bench.queue.queue.getJobState(`v${row!.id}-0`)) === 'completed',
      'the empty job',
    );
    await bench.database.sql`update variations set job_epoch = 0 where id = ${row!.id}`;
    await bench.sweep();
    expect((await bench.ended(runId)).status).toBe('completed');
  }, 20_000);

  test('execution switched off holds new work and lets what runs finish; on again gives it out', async () => {
    const running = await bench.start({ turns: [command('sleep 0.5'), done] });
    await until(async () => typesOf(await bench.events(running)).includes('tool.started'), 'the run’s work');
    await changeSettings(bench.database, { execution: false });
    await bench.sweep();
    const held = await bench.start({});
    expect((await bench.ended(running)).status).toBe('completed');
    // A later run's end would have let an earlier, equally urgent one start.
    const [row] = await bench.database.sql`select status from runs where id = ${held}`;
    expect(row?.status).toBe('queued');
    expect(await queued()).toBe(1);
    await changeSettings(bench.database, { execution: true });
    await bench.sweep();
    expect((await bench.ended(held)).status).toBe('completed');
  }, 20_000);

  test('one taken by hand is worked on once, also when its job comes while it runs', async () => {
    await changeSettings(bench.database, { execution: false });
    await bench.sweep();
    const runId = await bench.start({ turns: [command('sleep 1'), done] });
    const worker = await bench.worker();
    const [row] = await bench.database.sql<
      { id: number }[]
    >`select id from variations where run_id = ${runId}`;
    expect(await worker.takeOne()).toBe(row!.id);
    expect(await worker.takeOne()).toBeNull();
    await changeSettings(bench.database, { execution: true });
    await bench.sweep();
    await until(async () => (await queued()) === 0, 'the job’s turn');
    const run = await bench.ended(runId);
    expect([run.status, run.variations[0]?.attempt]).toEqual(['completed', 1]);
    expect(typesOf(await bench.events(runId)).filter((type) => type === 'variation.started')).toHaveLength(1);
  }, 20_000);

  test('by hand a worker takes twice its concurrency and no more, and nothing once it stops', async () => {
    await changeSettings(bench.database, { execution: false });
    await bench.sweep();
    const runId = await bench.start({ turns: [command('sleep 2'), done], variations: 3 });
    const worker = await bench.worker({ concurrency: 1 });
    const refusal = { code: 'worker_busy', status: 409 };
    const asked = await Promise.allSettled([1, 2, 3, 4].map(() => worker.takeOne()));
    expect(asked.filter((one) => one.status === 'fulfilled')).toHaveLength(2);
    for (const one of asked) if (one.status === 'rejected') expect(one.reason).toMatchObject(refusal);
    expect(worker.takeOne()).rejects.toMatchObject(refusal);
    const stopped = worker.stop();
    expect(worker.takeOne()).rejects.toMatchObject(refusal);
    await stopped;
    const statuses = await bench.database.sql`select status from variations where run_id = ${runId}`;
    expect(statuses.map((row) => row.status)).toEqual(['queued', 'queued', 'queued']);
    await stop(bench.database, runId);
    await changeSettings(bench.database, { execution: true });
    await bench.sweep();
  }, 20_000);
});
