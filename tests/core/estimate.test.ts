import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type TaskType, taskTypes } from '../../drizzle/schema';
import { createAgent } from '../../src/core/agent';
import { estimateDuration, timeLeft } from '../../src/core/estimate';
import { projectOf } from '../../src/core/project';
import { getRun } from '../../src/core/run';
import { freshDatabase, type TestDatabase } from '../support/database';
import { makeRun, newAgent, vault } from './scene';

// A busy machine is slow, not wrong.
setDefaultTimeout(30_000);

test('every kind of task has an estimate, longer goals a longer one, up to a limit', () => {
  for (const type of taskTypes) {
    const [short, long, longest] = [10, 300, 100_000].map((length) =>
      estimateDuration(type, 'x'.repeat(length)),
    );
    expect(short).toBeGreaterThanOrEqual(300);
    expect(long!).toBeGreaterThan(short!);
    expect(longest).toBe(estimateDuration(type, 'x'.repeat(500)));
    expect(Number.isInteger(long)).toBe(true);
  }
  expect(estimateDuration('coding', '')).toBe(1800);
});

describe('the estimate of a new run', () => {
  let database: TestDatabase;
  const [anna, bert] = ['anna', 'bert'].map((name, i) => ({ id: i + 1, name, model: 'script-1' }));
  beforeAll(async () => {
    database = await freshDatabase();
    for (const name of ['anna', 'bert']) await createAgent(database, vault, newAgent({ name }));
  });
  afterAll(() => database.drop());

  async function worked(seconds: number, agent = anna!, task_type: TaskType = 'coding'): Promise<void> {
    const id = await makeRun(database, 1, { agents: [agent], task_type });
    await database.sql`
      update variations set status = 'completed', worked_ms = ${seconds * 1000}, completed_at = now()
      where run_id = ${id}`;
  }
  const estimate = async (change: Parameters<typeof makeRun>[2] = {}, count = 1) =>
    (await getRun(database, await makeRun(database, count, { task_type: 'coding', ...change })))
      .estimated_duration;

  test('is the median of the project’s own history: of the agent, else of the task type, else the formula', async () => {
    const formula = estimateDuration('coding', 'Round refunds');
    await worked(40);
    await worked(60);
    await worked(9999, anna, 'general');
    expect(await estimate({ agents: [anna!] })).toBe(formula);
    await worked(100);
    expect(await estimate({ agents: [anna!] })).toBe(60);
    expect(await estimate({ agents: [bert!] })).toBe(60);
    for (const seconds of [400, 200, 300, 500]) await worked(seconds, bert);
    expect(await estimate({ agents: [bert!] })).toBe(350);
    expect(await estimate({ agents: [anna!] })).toBe(60);
    expect(await estimate({ agents: [anna!, bert!, anna!] }, 3)).toBe(350);
    expect(await estimate({ task_type: 'review' })).toBe(estimateDuration('review', 'Round refunds'));
    const project_id = await projectOf(database, { repo_url: 'https://example.org/b.git', local_path: null });
    expect(await estimate({ project_id })).toBe(formula);
    // Stored: what comes later does not change it.
    const id = await makeRun(database, 1, { task_type: 'coding', agents: [anna!] });
    for (let i = 0; i < 20; i += 1) await worked(7);
    expect((await getRun(database, id)).estimated_duration).toBe(60);
    expect(await estimate({ agents: [anna!] })).toBe(7);
  });
});

describe('the time left', () => {
  const limits = { estimated_s: 100, timeout_s: 600 };
  const one = (progress_percentage: number, worked_s: number, status = 'running' as const) => ({
    ...{ status, progress_percentage, worked_s },
  });

  test('is the estimate’s before there is progress, and the work’s own pace afterwards', () => {
    expect(timeLeft(limits, [one(0, 0)])).toBe(100);
    expect(timeLeft(limits, [one(0, 30)])).toBe(70);
    expect(timeLeft(limits, [one(0, 130)])).toBe(0);
    expect(timeLeft(limits, [one(50, 300)])).toBe(150);
    expect(timeLeft(limits, [one(90, 90)])).toBe(10);
    expect(timeLeft(limits, [one(100, 90)])).toBe(0);
    expect(timeLeft(limits, [one(20, 500)])).toBe(100); // No more than its limit leaves.
  });

  test('is that of the slowest that has not ended', () => {
    const done = { ...one(0, 0), status: 'failed' as const };
    expect(timeLeft(limits, [one(50, 40), one(10, 10), done])).toBe(90);
    expect(timeLeft(limits, [done])).toBe(0);
  });
});
