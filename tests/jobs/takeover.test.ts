import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { requeueLost } from '../../src/core/claim';
import { stop } from '../../src/core/steer';
import { strayFinder } from '../../src/jobs/strays';
import { startRounds, tick } from '../../src/jobs/sweep';
import { claimOne, gapless, statusesOf } from '../core/scene';
import { until } from '../support/wait';
import { type Bench, command, done, edit, openBench, ownSeconds, processesWith, typesOf } from './bench';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

const always = () => Number.POSITIVE_INFINITY;
const round = (contactS = always) => ({ ...bench.parts, queue: bench.queue, contactS });

test('what was queued and handed to nobody is at work within seconds', async () => {
  const rounds = startRounds(round(), 60_000);
  const worker = await bench.worker();
  try {
    const runId = await bench.run({});
    const queued = performance.now();
    await until(
      async () => typesOf(await bench.events(runId)).includes('variation.started'),
      'its start',
      4_000,
    );
    expect(performance.now() - queued).toBeLessThan(4_000);
    expect((await bench.ended(runId)).status).toBe('completed');
  } finally {
    await rounds.stop();
    await worker.stop();
  }
}, 20_000);

test('nobody is taken to be gone by who has not been in contact himself', async () => {
  const runId = await bench.run({});
  await claimOne(bench.database, runId, 1, 'gone');
  await tick(round(() => 5));
  expect(await statusesOf(bench.database, runId)).toEqual(['running', 'running']);
  await tick(round(() => 7));
  expect(await statusesOf(bench.database, runId)).toEqual(['queued', 'queued']);
  await stop(bench.database, runId);
});

test('one that fails does not keep the others from their turn', async () => {
  const runId = await bench.run({});
  await claimOne(bench.database, runId, 1, 'gone');
  const failing = { ...bench.queue, add: () => Promise.reject(new Error('the queue is away')) };
  const failed = await tick({ ...round(), queue: failing }).catch((error) => error);
  expect(failed.message).toContain('the queue is away');
  expect(await statusesOf(bench.database, runId)).toEqual(['queued', 'queued']);
  await stop(bench.database, runId);
});

test('a worker whose variation was taken over hears of it at once: its processes die, and it writes nothing', async () => {
  const worker = await bench.worker();
  const seconds = ownSeconds(87.0431);
  const runId = await bench.start({ turns: [edit, command(`sleep ${seconds}`), done] });
  await until(() => processesWith(seconds).length > 0, 'the command');
  await until(async () => typesOf(await bench.events(runId)).includes('checkpoint.saved'), 'its checkpoint');
  // As another does who takes it to be gone.
  await bench.database.sql`
    update variations set status = 'running', epoch = epoch + 1, worker = 'another' where run_id = ${runId}`;
  const before = await bench.events(runId);
  const taken = performance.now();
  await until(() => processesWith(seconds).length === 0, 'the end of the command', 3_000);
  expect(performance.now() - taken).toBeLessThan(1_500);
  await until(() => readdirSync(bench.workspacesDir).length === 0, 'the end of its workspace', 3_000);
  expect(await bench.events(runId)).toEqual(before);
  await worker.stop();
  expect(await requeueLost(bench.database)).toBe(1);
  expect(gapless(await bench.events(runId))).toBe(true);
  await stop(bench.database, runId);
}, 20_000);

test('what a living worker has by the record only is given back, once that was so for a while', async () => {
  const runId = await bench.run({});
  const worker = await bench.worker();
  await claimOne(bench.database, runId, 1, worker.identity.id);
  const find = strayFinder(bench.database, worker.identity.id, new Map(), bench.parts.log);
  await find();
  expect(await statusesOf(bench.database, runId)).toEqual(['running', 'running']);
  await find();
  expect(await statusesOf(bench.database, runId)).toEqual(['queued', 'queued']);
  await bench.sweep();
  expect((await bench.ended(runId)).status).toBe('completed');
  await worker.stop();
}, 20_000);
