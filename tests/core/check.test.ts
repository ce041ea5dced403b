import { expect, test } from 'bun:test';
import { baseResults, compare, judgeBase, storeBaseCheck, storeCheck } from '../../src/core/check';
import { freshDatabase } from '../support/database';
import { makeRun, variationIds } from './scene';

test('a patch’s exit code is judged against the base’s', () => {
  const codes = [0, 1, 2, null, 126, 127];
  const table = codes.map((base) => codes.map((patch) => compare(base, patch)));
  const lost = ['could_not_run', 'could_not_run'] as const;
  // Null is killed: a patch that makes a check hang or crash, or keeps it from starting, has broken it.
  const wasRed = ['fixed', ...Array<'still_fails'>(5).fill('still_fails')] as const;
  const neverRan = ['fixed', 'could_not_run', 'could_not_run', 'could_not_run', ...lost] as const;
  expect(table).toEqual([
    ['passes', ...Array<'broken'>(5).fill('broken')],
    [...wasRed],
    [...wasRed],
    [...wasRed],
    [...neverRan],
    [...neverRan],
  ]);
  expect(compare(undefined, 1)).toBe('could_not_run');
  expect(compare(undefined, 0)).toBe('fixed');
  expect(compare(0, undefined)).toBe('could_not_run');
  expect(codes.map(judgeBase)).toEqual(['passed', 'failed', 'failed', 'failed', ...lost]);
});

test('a result that is recorded again replaces a variation’s first; the base’s first stands', async () => {
  const database = await freshDatabase();
  try {
    const runId = await makeRun(database, 2);
    const [first, second] = await variationIds(database, runId);
    const row = {
      ...{ name: 'unit', command: 'make test', required: true, duration_ms: 5, output: 'out' },
      counts: { kind: 'tests', passed: 3, failed: 0, skipped: 0, total: 3 } as const,
    };
    const fact = { type: 'run.started', payload: {} } as const;
    await database.sql.begin(async (tx) => {
      for (const exit_code of [0, 1]) {
        await storeBaseCheck(tx, runId, { ...row, exit_code, result: judgeBase(exit_code) }, fact);
        await storeCheck(tx, runId, first!, { ...row, exit_code, result: 'passes' });
      }
      await storeCheck(tx, runId, second!, { ...row, exit_code: null, result: 'could_not_run' });
      await storeBaseCheck(
        tx,
        runId,
        { ...row, name: 'types', exit_code: null, result: 'could_not_run' },
        fact,
      );
    });
    expect(await baseResults(database, runId)).toEqual(
      new Map([
        ['unit', { exit_code: 0, flaky: false, confirmed: false }],
        ['types', { exit_code: null, flaky: false, confirmed: true }],
      ]),
    );
    const [counted] = await database.sql`select count(*)::int as n from checks where run_id = ${runId}`;
    expect(counted).toEqual({ n: 4 });
  } finally {
    await database.drop();
  }
});
