import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { createAgent } from '../../src/core/agent';
import { createFlow, type FlowRun, orderFlow, recallFlow } from '../../src/core/flow';
import { projectOf } from '../../src/core/project';
import { defaultOptions, deleteRun, getRun } from '../../src/core/run';
import { stop } from '../../src/core/steer';
import { freshDatabase, type TestDatabase } from '../support/database';
import { makeRun, newAgent, vault } from './scene';

// A busy machine is slow, not wrong.
setDefaultTimeout(30_000);

let database: TestDatabase;
let project_id: number;
let agent: { id: number; name: string; model: string };
beforeAll(async () => {
  database = await freshDatabase();
  agent = await createAgent(database, vault, newAgent()).then(({ id }) => ({ id, name: 'anna', model: 'm' }));
  project_id = await projectOf(database, { repo_url: 'https://example.org/a.git', local_path: null });
});
afterAll(() => database.drop());

const run = (
  key: string,
  after: string[] = [],
  base: string | null = null,
  depends_on: number[] = [],
): FlowRun => ({
  ...{ key, after, base },
  run: {
    ...{ project_id, goal: key, name: null, description: null, instructions: null, variations: 1 },
    ...{ agents: [agent], run_type: 'agent', task_type: 'general', priority: 5, base: null, context: [] },
    ...{ metadata: {}, options: defaultOptions, depends_on },
  },
});
const complaint = (...flow: FlowRun[]): unknown[] => {
  try {
    return orderFlow(flow).map((one) => one.key);
  } catch (error) {
    const { status, field, message } = error as { status: number; field: string; message: string };
    return [status, field, message];
  }
};

test('a flow is made in an order that respects what depends on what', () => {
  expect(complaint(run('c', ['b', 'a']), run('b', [], 'a'), run('a'))).toEqual(['a', 'b', 'c']);
  expect(complaint(run('d', ['b', 'c']), run('b', ['a']), run('c', ['a']), run('a'))).toEqual([
    ...['a', 'b', 'c', 'd'],
  ]);
});

test('a cycle is refused and named, and so is a key that none has or that two have', () => {
  expect(complaint(run('x', ['a']), run('a', ['b']), run('b', [], 'c'), run('c', ['a']))).toEqual([
    ...[422, 'runs', 'These runs wait for each other: a → b → c → a'],
  ]);
  expect(complaint(run('a', ['a']))[2]).toBe('These runs wait for each other: a → a');
  expect(complaint(run('a'), run('b', ['nobody'])).slice(0, 2)).toEqual([422, 'runs.1.depends_on']);
  expect(complaint(run('a'), run('b', [], 'nobody')).slice(0, 2)).toEqual([422, 'runs.1.base']);
  expect(complaint(run('a'), run('b'), run('a')).slice(0, 2)).toEqual([422, 'runs.0.key']);
});

test('the runs of a flow are made together, or none of them', async () => {
  const before = await makeRun(database, 1, { project_id });
  const { ids } = await createFlow(database, [
    run('last', ['mid'], 'first', [before]),
    run('mid', ['first']),
    run('first'),
  ]);
  const [last, mid, first] = await Promise.all(ids.map((id) => getRun(database, id)));
  expect([last!.goal, mid!.goal, first!.goal]).toEqual(['last', 'mid', 'first']);
  expect([last!.status, mid!.status, first!.status]).toEqual(['pending', 'pending', 'queued']);
  expect(last!.depends_on).toEqual([before, first!.id, mid!.id]);
  expect(mid!.depends_on).toEqual([first!.id]);

  const count = async () => (await database.sql`select count(*)::int as n from runs`)[0];
  const there = await count();
  const wrong = createFlow(database, [run('a'), run('b', ['a'], null, [999_999])]);
  expect(await wrong.catch((error) => error.field)).toBe('runs.1.depends_on');
  expect(await count()).toEqual(there);
});

test('the same idempotency key gives the same runs, until one of them is removed', async () => {
  const key = { key: 'k', body_sha256: 'x' };
  const flow = [run('b', ['a']), run('a')];
  const made = await Promise.all([createFlow(database, flow, key), createFlow(database, flow, key)]);
  expect(made[0]?.ids).toEqual(made[1]!.ids);
  expect(made.map((one) => one.existed).sort()).toEqual([false, true]);
  const ids = made[0]!.ids;
  expect(await recallFlow(database, 2, key)).toEqual(ids);
  expect(await recallFlow(database, 2, { ...key, body_sha256: 'y' }).catch((error) => error.status)).toBe(
    409,
  );
  for (const id of ids) await stop(database, id);
  await deleteRun(database, ids[0]!);
  expect(await recallFlow(database, 2, key)).toBeNull();
  expect((await createFlow(database, flow, key)).existed).toBe(false);
});
