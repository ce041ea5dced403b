import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { createAgent } from '../../src/core/agent';
import { decide, listApprovals } from '../../src/core/approval';
import { getRun } from '../../src/core/run';
import { gapless, newAgent, vault } from '../core/scene';
import { until } from '../support/wait';
import { type Bench, command, done, edit, openBench, ownSeconds, processesWith, typesOf } from './bench';

// A busy machine is slow, not wrong.
setDefaultTimeout(30_000);

const long = ownSeconds(8642);
let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

test('a variation that passes everything required stops one at a command, its processes dead, and one that thinks', async () => {
  const agents = await Promise.all(
    Object.entries({
      quick: [edit, done],
      slow: [command(`sleep ${long}`), done],
      thinking: [{ ...done, delay_ms: 25_000 }],
    }).map(async ([name, turns]) => {
      const agent = newAgent({ name, scenario: { turns } });
      return { ...(await createAgent(bench.database, vault, agent)), name, model: agent.model };
    }),
  );
  const worker = await bench.worker();
  const id = await bench.start({
    ...{ variations: 3, options: { stop_losers: true, approval: 'commit' }, run: { agents } },
    checks: [{ name: 'two', command: 'grep -q two a.txt' }],
  });
  await until(() => processesWith(long).length > 0, 'the long command');
  const asked = await until(async () => (await listApprovals(bench.database, id))[0], 'the question');
  await decide(bench.database, id, asked.id, { decision: 'approve', comment: null, plan: null });
  await bench.sweep();
  const run = await bench.ended(id, 20_000);
  expect(processesWith(long)).toEqual([]);
  expect([run.status, ...run.variations.map((one) => one.status)].join()).toBe(
    'completed,completed,stopped,stopped',
  );
  for (const loser of run.variations.slice(1))
    expect(loser.error?.message).toBe('Variation 1 passed everything required: this one was stopped for it');
  const events = await bench.events(id);
  expect(gapless(events)).toBe(true);
  const types = typesOf(events);
  expect(types.filter((type) => type === 'variation.stopped')).toHaveLength(2);
  expect(types.indexOf('variation.completed')).toBeLessThan(types.indexOf('variation.stopped'));
  await worker.stop();
});

test('what a worker left that died at that very moment, the next tick does', async () => {
  const id = await bench.run({
    ...{ variations: 2, turns: [edit, done], options: { stop_losers: true, approval: 'commit' } },
    checks: [{ name: 'two', command: 'grep -q two a.txt' }],
  });
  await bench.sweep();
  const worker = await bench.worker();
  await until(
    async () =>
      (await getRun(bench.database, id)).variations.every((one) => one.status === 'awaiting_approval'),
    'both ask',
  );
  await worker.stop();
  // As a process leaves it that recorded the end and no more.
  await bench.database.sql`
    update variations set status = 'completed', completed_at = now() where run_id = ${id} and position = 1`;
  await bench.sweep();
  const { status, variations } = await getRun(bench.database, id);
  expect([status, variations[1]!.status, variations[1]!.error?.code]).toEqual([
    'completed',
    'stopped',
    'stopped',
  ]);
});
