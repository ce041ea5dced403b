import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { ProjectCheck } from '../../drizzle/schema';
import { ask, decide } from '../../src/core/approval';
import { stoppedByPerson, stoppedFor } from '../../src/core/better';
import { storeCheck } from '../../src/core/check';
import { finish } from '../../src/core/claim';
import { direct } from '../../src/core/directive';
import type { Claim } from '../../src/core/event';
import type { CheckResult } from '../../src/core/fact';
import { createProject } from '../../src/core/project';
import { fork, retry } from '../../src/core/rewind';
import { defaultOptions, getRun } from '../../src/core/run';
import { pause, stop } from '../../src/core/steer';
import { stopAllLosers, stopLosers } from '../../src/core/stop-losers';
import { freshDatabase, type TestDatabase } from '../support/database';
import { claimOne, makeRun, recordOf, statusesOf } from './scene';

// A busy machine is slow, not wrong.
setDefaultTimeout(30_000);

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

const check = (name: string, required = true): ProjectCheck => ({
  ...{ name, command: 'true', timeout_s: 9, required },
});
let count = 0;
async function start(
  variations: number,
  { checks = [check('tests')], stop_losers = true }: { checks?: ProjectCheck[]; stop_losers?: boolean } = {},
): Promise<number> {
  count += 1;
  const place = { repo_url: `https://example.org/${count}.git`, local_path: null };
  const project = { name: `p${count}`, default_branch: null, checks, ...place };
  const { id } = await createProject(database, project);
  return makeRun(database, variations, { project_id: id, options: { ...defaultOptions, stop_losers } });
}

type Results = Record<string, CheckResult | { result: CheckResult; flaky?: true; optional?: true }>;

/** Completes a claimed variation with these results of its checks. */
async function complete(claim: Claim, results: Results): Promise<void> {
  await database.sql.begin(async (tx) => {
    for (const [name, told] of Object.entries(results)) {
      const { result, ...more } = typeof told === 'string' ? { result: told } : told;
      await storeCheck(tx, claim.runId, claim.variationId, {
        ...{ name, command: 'true', exit_code: 0, duration_ms: 1, output: '', result },
        required: !('optional' in more),
      });
      if ('flaky' in more)
        await tx`update checks set flaky = true where variation_id = ${claim.variationId} and name = ${name}`;
    }
  });
  await finish(database.sql, claim, {
    ...{ status: 'completed', summary: null, patch: null, commit_sha: 'a'.repeat(40), branch: null },
  });
}
const ended = (claim: Claim) =>
  finish(database.sql, claim, {
    ...{ status: 'stopped', error: stoppedByPerson },
  });
const errorOf = async (id: number, position: number) =>
  (await getRun(database, id)).variations[position - 1]!.error;
const for1 = stoppedFor(1);

describe('once one variation passed everything required', () => {
  test('those that have not ended are stopped, and say for which', async () => {
    const id = await start(5, { checks: [check('tests'), check('types'), check('lint', false)] });
    const [one, running, asking] = [
      ...[await claimOne(database, id, 1), await claimOne(database, id, 2), await claimOne(database, id, 3)],
    ];
    const question = { command: 'rm -rf dist' };
    await ask(database.sql, asking!, { kind: 'commands', key: 'tool:1', question });
    await pause(database, id, 4);
    const lint = { result: 'broken', optional: true } as const;
    await complete(one!, { tests: 'fixed', types: 'passes', lint });
    await stopLosers(database, id);
    expect(await statusesOf(database, id)).toEqual([
      ...(['running', 'completed', 'running', 'stopped', 'stopped', 'stopped'] as const),
    ]);
    expect((await getRun(database, id)).variations[1]!.wanted).toBe('stop');
    // Its worker is told to stop, and knows no more than that.
    await ended(running!);
    const { status, variations, winner } = await getRun(database, id);
    expect([status, winner]).toEqual(['completed', null]);
    for (const one of variations.slice(1)) expect(one.error).toEqual(for1);
    expect(for1.message).toBe('Variation 1 passed everything required: this one was stopped for it');
    const record = await recordOf(database, id);
    await stopLosers(database, id);
    await stopAllLosers(database);
    expect(await recordOf(database, id)).toEqual(record);
  });

  test('also where the process died over it: the tick does it, for all runs', async () => {
    const ids = [await start(2), await start(2), await start(2, { stop_losers: false })];
    for (const id of ids) await complete(await claimOne(database, id), { tests: 'passes' });
    await stopAllLosers(database);
    const statuses = await Promise.all(ids.map((id) => statusesOf(database, id)));
    expect(statuses.map((all) => all[2])).toEqual(['stopped', 'stopped', 'queued']);
    await stop(database, ids[2]!);
  });

  test('what a worker was told that died before it heard, and what asks meanwhile, are stopped for it, too', async () => {
    const id = await start(3);
    const one = await claimOne(database, id);
    const [lost, asks] = [await claimOne(database, id, 2), await claimOne(database, id, 3)];
    await complete(one, { tests: 'passes' });
    await stopLosers(database, id);
    await ask(database.sql, asks, { kind: 'commands', key: 'tool:1', question: { command: 'ls' } });
    expect(await errorOf(id, 3)).toEqual(for1);
    // Whatever it came to, it had broken off for the stop.
    await ended(lost);
    expect(await errorOf(id, 2)).toEqual(for1);
  });

  test('a person’s stop is said to be a person’s', async () => {
    const id = await start(2);
    const [one, two] = [await claimOne(database, id), await claimOne(database, id, 2)];
    await stop(database, id, 2);
    await ended(two);
    expect(await errorOf(id, 2)).toEqual(stoppedByPerson);
    await complete(one, { tests: 'passes' });
    await stopLosers(database, id);
    expect(await errorOf(id, 2)).toEqual(stoppedByPerson);
  });

  test('what a person starts again after that goes on, until another passes', async () => {
    const id = await start(3);
    await complete(await claimOne(database, id), { tests: 'passes' });
    await stopLosers(database, id);
    await retry(database, id, 2, 'start');
    await fork(database, id, 1, { checkpoint: 0, agent_id: null, directive: null });
    await stopAllLosers(database);
    expect(await statusesOf(database, id)).toEqual([
      ...(['queued', 'completed', 'queued', 'stopped', 'queued'] as const),
    ]);
    const again = await claimOne(database, id, 2);
    await stop(database, id, 2);
    await ended(again);
    expect(await errorOf(id, 2)).toEqual(stoppedByPerson);
    // The first one goes on as well, and passes again: only then are the others needless again.
    await direct(database, id, { text: 'Shorter', variations: [1], path: null, line: null });
    await stopAllLosers(database);
    expect((await statusesOf(database, id))[4]).toBe('queued');
    await database.sql`update directives set delivered_at = now() where run_id = ${id}`;
    await complete(await claimOne(database, id), { tests: 'passes' });
    await stopAllLosers(database);
    expect((await statusesOf(database, id))[4]).toBe('stopped');
  });
});

describe('nothing is stopped', () => {
  const tests = [check('tests')];
  const wrong: [what: string, results: Results, checks: ProjectCheck[]][] = [
    ['that passed nothing', {}, tests],
    ['of which a required check still fails', { tests: 'still_fails' }, tests],
    ['that broke one', { tests: 'passes', types: 'broken' }, tests],
    ['of which one could not run', { tests: 'could_not_run' }, tests],
    ['of which one is flaky', { tests: { result: 'passes', flaky: true } }, tests],
    ['that only passed what is not required', { style: { result: 'passes', optional: true } }, []],
    ['on which not all that are required were run', { tests: 'passes' }, [check('tests'), check('types')]],
  ];
  test.each(wrong)('for one %s', async (_, results, checks) => {
    const id = await start(2, { checks });
    await complete(await claimOne(database, id), results);
    await stopLosers(database, id);
    await stopAllLosers(database);
    expect(await statusesOf(database, id)).toEqual(['queued', 'completed', 'queued']);
    await stop(database, id);
  });

  test('that has ended already, nor for one that has not', async () => {
    const id = await start(2);
    const [one, two] = [await claimOne(database, id), await claimOne(database, id, 2)];
    await complete(two, { tests: 'still_fails' });
    await ask(database.sql, one, { kind: 'commit', key: 'commit:1', question: {} });
    await stopAllLosers(database);
    expect(await statusesOf(database, id)).toEqual(['awaiting_approval', 'awaiting_approval', 'completed']);
    const [asked] = await database.sql<{ id: number }[]>`select id from approvals where run_id = ${id}`;
    await decide(database, id, asked!.id, { decision: 'approve', comment: null, plan: null });
    await complete(await claimOne(database, id), { tests: 'passes' });
    await stopAllLosers(database);
    expect(await statusesOf(database, id)).toEqual(['completed', 'completed', 'completed']);
  });
});
