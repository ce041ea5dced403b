import { heapStats } from 'bun:jsc';
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { listApprovals } from '../../src/core/approval';
import { until } from '../support/wait';
import { type Bench, command, done, openBench } from './bench';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

/** Bytes that live objects of this process take. */
function live(): number {
  Bun.gc(true);
  const { heapSize, extraMemorySize } = heapStats();
  return heapSize + extraMemorySize;
}

const waiting = async () =>
  (
    await bench.database.sql<{ count: number }[]>`
    select count(*)::int as count from variations where status = 'awaiting_approval'`
  )[0]?.count;
const plan = { turns: [command('true'), done], options: { approval: 'commands' } } as const;

test('what waits for a word holds no worker, no job, no workspace and next to no memory', async () => {
  await bench.worker({ concurrency: 4 });
  // The first ones warm up what is made once.
  const warm = 4;
  for (let i = 0; i < warm; i += 1) await bench.start(plan);
  await until(async () => (await waiting()) === warm, 'the first to wait');
  const before = live();
  const count = 20;
  const ids: number[] = [];
  for (let i = 0; i < count; i += 1) ids.push(await bench.start(plan));
  await until(async () => (await waiting()) === warm + count, 'all to wait', 40_000);
  await until(async () => (await bench.queue.counts()).active === 0, 'the end of the jobs');
  const counts = await bench.queue.counts();
  expect([counts.waiting, counts.active, counts.delayed, counts.prioritized]).toEqual([0, 0, 0, 0]);
  expect(readdirSync(bench.workspacesDir)).toEqual([]);
  const [held] = await bench.database.sql<{ count: number }[]>`
    select count(*)::int as count from variations where worker is not null`;
  expect(held?.count).toBe(0);
  // Of 200 together under 10 MB, once what worked on them is let go of.
  await until(() => (live() - before) / count < (10 * 1024 * 1024) / 200, 'little memory');
  expect((await listApprovals(bench.database, ids[0]!)).map((one) => one.status)).toEqual(['open']);
}, 60_000);
