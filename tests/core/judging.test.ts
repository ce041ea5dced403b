import { afterAll, beforeAll, expect, test } from 'bun:test';
import { storeBaseCheck, storeCheck } from '../../src/core/check';
import { claimErrand } from '../../src/core/errand';
import { listEvents } from '../../src/core/event';
import type { CheckResult } from '../../src/core/fact';
import { giveVerdict, readMatter } from '../../src/core/judging';
import { rank } from '../../src/core/ranking';
import { defaultOptions, getRun } from '../../src/core/run';
import { judgeAgain } from '../../src/core/verdict';
import { chooseWinner } from '../../src/core/winner';
import { freshDatabase, type TestDatabase } from '../support/database';
import { completeOne } from './landing-scene';
import { candidate } from './ranking-setup';
import { makeRun, variationIds } from './scene';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

/** The verdict that a run waits for; no other run's. */
async function take(runId: number) {
  await database.sql`update verdicts set not_before = now() + interval '1 day' where run_id <> ${runId}`;
  return (await claimErrand(database, 'verdicts', 'w'))!;
}

async function check(runId: number, position: number, name: string, result: CheckResult): Promise<void> {
  const id = (await variationIds(database, runId))[position - 1]!;
  const exit_code = result === 'passes' || result === 'fixed' ? 0 : 1;
  const row = { name, command: name, required: true, exit_code, result, duration_ms: 1, output: '' };
  await database.sql.begin((tx) => storeCheck(tx, runId, id, row));
}

const nothing = { criteria: [], answers: {}, judge: null };

test('a check that comes to different results on one and the same commit wavers, and is marked with the verdict', async () => {
  const runId = await makeRun(database, 3);
  for (const position of [1, 2, 3]) await completeOne(database, runId, position);
  const commits = ['a'.repeat(40), 'a'.repeat(40), 'c'.repeat(40)];
  for (const [i, sha] of commits.entries())
    await database.sql`update variations set commit_sha = ${sha} where run_id = ${runId} and position = ${i + 1}`;
  const row = { command: 'x', required: true, exit_code: 1, duration_ms: 1, output: '' };
  for (const name of ['wavers', 'steady', 'could not'])
    await database.sql.begin(async (tx) => {
      await storeBaseCheck(
        tx,
        runId,
        { ...row, name, result: 'failed' },
        { type: 'check.finished', payload: { ...row, name, result: 'failed', on: 'base' } },
        { confirmed: true },
      );
    });
  for (const [position, result] of [
    [1, 'fixed'],
    [2, 'still_fails'],
    [3, 'fixed'],
  ] as const) {
    await check(runId, position, 'wavers', result);
    await check(runId, position, 'steady', 'fixed');
    await check(runId, position, 'could not', position === 1 ? 'could_not_run' : 'fixed');
  }
  const errand = await take(runId);
  const matter = await readMatter(database, errand);
  const marks = matter.contenders.map((one) => one.checks.map(({ flaky, doubtful }) => [flaky, doubtful]));
  const no = [false, false];
  expect(marks).toEqual([
    [[true, true], no, no],
    [[true, true], no, no],
    [no, no, no],
  ]);
  const candidates = [1, 2, 3].map((position) => candidate(position));
  await giveVerdict(
    database,
    errand,
    { ...rank({ candidates, alike: [], judging: null }), ...nothing },
    defaultOptions,
  );
  const { variations } = await getRun(database, runId);
  expect(variations.map((one) => one.checks.map((each) => each.flaky))).toEqual([
    [true, false, false],
    [true, false, false],
    [false, false, false],
  ]);
});

test('what a person has picked stays, and a verdict that is given again says so', async () => {
  const options = { ...defaultOptions, pick: 'verdict' as const };
  const runId = await makeRun(database, 2, { options });
  for (const position of [1, 2]) await completeOne(database, runId, position);
  const give = async () => {
    const candidates = [candidate(1), candidate(2, { fixed: 0 })];
    const verdict = rank({ candidates, alike: [], judging: null });
    await giveVerdict(database, await take(runId), { ...verdict, ...nothing }, options);
    const run = await getRun(database, runId);
    return [run.winner?.position, run.verdict?.summary.sentences.at(-1)];
  };
  expect(await give()).toEqual([1, 'What was run decides, so 1 is picked, as you asked.']);
  await chooseWinner(database, runId, { position: 2, by: 'person', note: 'I like it' });
  await judgeAgain(database, runId);
  expect(await give()).toEqual([2, 'A person has picked 2, and that stays.']);
  const events = await listEvents(database, runId, { limit: 1000 });
  const told = events.filter((event) => event.type === 'verdict.given');
  expect(told.at(-1)?.payload).toMatchObject({
    asks: false,
    summary:
      '1 is clearly ahead. 1 fixes 2 of what failed before, 2 fixes none. A person has picked 2, and that stays.',
  });
});
