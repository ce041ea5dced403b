import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Event, FactType, Payloads } from '../../src/core/fact';
import { gapless } from '../core/scene';
import { makeRepository } from '../support/repository';
import { removeTemp, tempDir } from '../support/temp';
import { until } from '../support/wait';
import { type Bench, call, done, edit, openBench, type Plan } from './bench';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
  await bench.worker({ concurrency: 8 });
});
afterAll(() => bench.close());

async function outcome(plan: Plan, at: Bench = bench) {
  const run = await at.ended(await at.start(plan), 25_000);
  const events = await at.events(run.id);
  expect(gapless(events)).toBe(true);
  return { run, events };
}

function of<T extends FactType>(events: readonly Event[], type: T): Payloads[T][] {
  return events.filter((event) => event.type === type).map((event) => event.payload as Payloads[T]);
}

const wrong = call('edit_file', { path: 'a.txt', search: 'one', replace: 'three' });
const right = call('edit_file', { path: 'a.txt', search: 'three', replace: 'two' });
const hasTwo = { name: 'has two', command: 'echo looking for two; grep -q two a.txt' };

/** A program whose test fails on the base, with what judges it in the repository. */
const tested = () =>
  makeRepository({
    'sum.sh': 'echo $(($1 - $2))\n',
    'tests/sum.sh': '[ "$(sh sum.sh 2 3)" = 5 ] || { echo "2 + 3 is not 5"; exit 1; }\n',
  });
const sumTest = { name: 'sum', command: 'sh tests/sum.sh' };

describe('an iteration', () => {
  test('follows what required checks have against the work, and the agent is told what', async () => {
    const { run, events } = await outcome({ turns: [wrong, done, right, done], checks: [hasTwo] });
    const [variation] = run.variations;
    expect([run.status, variation!.iteration, variation!.checks[0]?.result]).toEqual([
      'completed',
      2,
      'fixed',
    ]);
    expect(of(events, 'iteration.started')).toEqual([{ iteration: 2, failed: ['has two'] }]);
    const told = of(events, 'model.requested').flatMap((payload) => payload.added);
    expect(told.filter((text) => text.includes('has two') && text.includes('looking for two'))).toHaveLength(
      1,
    );
    // Asked when it had finished, answered, and checked again.
    const results = of(events, 'check.finished').filter((one) => one.on === 'patch' && !one.again);
    expect(results.map((one) => one.result)).toEqual(['still_fails', 'fixed']);
  }, 30_000);

  test('does not follow when the rounds are used up, the check is not required, or nothing was changed since', async () => {
    const [spent, optional, idle] = await Promise.all([
      outcome({ turns: [wrong, done, right, done], checks: [hasTwo], options: { max_iterations: 1 } }),
      outcome({ turns: [wrong, done, right, done], checks: [{ ...hasTwo, required: false }] }),
      outcome({ turns: [wrong, done, done, done, done], checks: [hasTwo] }),
    ]);
    for (const { run } of [spent, optional, idle])
      expect([run.status, run.variations[0]!.checks[0]?.result]).toEqual(['completed', 'still_fails']);
    expect([spent, optional, idle].map(({ run }) => run.variations[0]!.iteration)).toEqual([1, 1, 2]);
  }, 30_000);

  test('whose worker goes before the agent was told is gone on with, and told once', async () => {
    const own = await openBench();
    try {
      const slow = { ...right, delay_ms: 1500 };
      const first = await own.worker();
      const id = await own.start({ turns: [wrong, done, slow, done], checks: [hasTwo] });
      const started = (events: Event[]) => events.some((event) => event.type === 'iteration.started');
      await until(async () => started(await own.events(id)), 'the second iteration', 15_000);
      await first.stop();
      await own.worker();
      await own.sweep();
      const run = await own.ended(id, 20_000);
      const events = await own.events(id);
      expect([run.variations[0]!.iteration, run.variations[0]!.checks[0]?.result]).toEqual([2, 'fixed']);
      const answered = new Set(of(events, 'model.responded').map((payload) => payload.call));
      const told = of(events, 'model.requested').filter(
        (payload) => answered.has(payload.call) && payload.added.some((text) => text.includes('has two')),
      );
      // A request that was cut off is made again with the same words; that is one telling.
      expect(new Set(told.map((payload) => payload.added.join())).size).toBe(1);
    } finally {
      await own.close();
    }
  }, 40_000);
});

describe('what judges a patch', () => {
  test('is taken as the base has it as well: deleting the failing test fixes nothing', async () => {
    const { path } = tested();
    try {
      const [cheat, honest] = await Promise.all([
        outcome({
          ...{ source: path, checks: [sumTest], options: { max_iterations: 1 } },
          turns: [call('write_file', { path: 'tests/sum.sh', content: 'exit 0\n' }), done],
        }),
        outcome({
          ...{ source: path, checks: [sumTest] },
          turns: [call('edit_file', { path: 'sum.sh', search: '$1 - $2', replace: '$1 + $2' }), done],
        }),
      ]);
      const [cheated] = cheat.run.variations;
      expect(cheated!.flags).toMatchObject([{ path: 'tests/sum.sh', kind: 'test', change: 'modified' }]);
      expect(cheated!.checks).toMatchObject([
        { result: 'still_fails', flaky: false, on_base_tests: { result: 'still_fails', exit_code: 1 } },
      ]);
      expect(of(cheat.events, 'patch.flagged')).toHaveLength(1);
      const own = of(cheat.events, 'check.finished').find((one) => one.on === 'patch' && !one.again);
      expect(own?.result).toBe('fixed');
      expect(honest.run.variations[0]).toMatchObject({
        flags: [],
        checks: [{ result: 'fixed', on_base_tests: null }],
      });
    } finally {
      removeTemp(path);
    }
  }, 30_000);
});

describe('a check', () => {
  test('whose result changes on being run again is flaky, on patch or base, and sends nobody back', async () => {
    // Only without walls is there a place outside of the workspaces where a count can be kept.
    const own = await openBench(null, { unsafeExec: true });
    const counts = tempDir('counts');
    const flips = (name: string, from: number) => ({
      name,
      command: `n=$(cat ${join(counts, name)}); echo $((n + 1)) >${join(counts, name)}; [ $n -ge ${from} ] && [ $((n % 2)) = 0 ]`,
    });
    try {
      for (const name of ['on-base', 'on-patch']) writeFileSync(join(counts, name), '0\n');
      await own.worker();
      // Passes on the base at once (n = 0), fails on the patch (1) and passes there when run again (2).
      const onPatch = flips('on-patch', 0);
      // Fails on the base (0 is below 1), fails again (1), and so is no flaky one there; the next is (2, then 3).
      const onBase = flips('on-base', 1);
      const { run, events } = await outcome({ turns: [edit, done], checks: [onPatch, onBase] }, own);
      expect(run.variations[0]).toMatchObject({
        iteration: 1,
        checks: [
          { name: 'on-patch', result: 'passes', exit_code: 0, flaky: true },
          { name: 'on-base', result: 'still_fails', exit_code: 1, flaky: true },
        ],
      });
      expect(of(events, 'check.finished').filter((one) => one.flaky)).toHaveLength(2);
      expect(readFileSync(join(counts, 'on-base'), 'utf8').trim()).toBe('4');
    } finally {
      await own.close();
      removeTemp(counts);
    }
  }, 30_000);

  test('that a patch fails each time has its base run again, once for all: a base that was lucky is found out', async () => {
    const own = await openBench(null, { unsafeExec: true });
    const counts = tempDir('counts');
    const counted = join(counts, 'lucky');
    // Passes the first time it is run at all, on the base, and never again.
    const lucky = { name: 'lucky', command: `echo . >>${counted}; [ $(wc -l <${counted}) = 1 ]` };
    const one = { name: 'one', command: 'grep -q one a.txt' };
    try {
      await own.worker();
      const plan = {
        turns: [edit, done],
        variations: 2,
        checks: [lucky, one],
        options: { max_iterations: 1 },
      };
      const { run, events } = await outcome(plan, own);
      expect(run.base_checks).toMatchObject([
        { name: 'lucky', result: 'passed', flaky: true },
        { name: 'one', result: 'passed', flaky: false },
      ]);
      for (const { checks } of run.variations) {
        expect(checks).toMatchObject([
          { name: 'lucky', result: 'broken', flaky: true },
          { name: 'one', result: 'broken', flaky: false },
        ]);
      }
      const onBase = of(events, 'check.finished').filter((each) => each.on === 'base');
      expect(onBase.map((each) => [each.name, each.result, each.again ?? false]).toSorted()).toEqual([
        ['lucky', 'failed', true],
        ['lucky', 'passed', false],
        ['one', 'passed', false],
        ['one', 'passed', true],
      ]);
      // What has been found out about the commit is known to the next run.
      const id = await own.again(run.project_id, run.variations[0]!.agent);
      const next = await own.ended(id);
      expect(next.base_checks).toMatchObject([{ flaky: true }, { flaky: false }]);
      const again = of(await own.events(id), 'check.started').filter((each) => each.on === 'base');
      expect(again).toEqual([]);
    } finally {
      await own.close();
      removeTemp(counts);
    }
  }, 30_000);

  test('that comes to another result in the next round, on the same patch, is flaky', async () => {
    const own = await openBench(null, { unsafeExec: true });
    const counts = tempDir('counts');
    const counted = join(counts, 'late');
    // Fails on the base, again on the base, and on the patch; passes from then on.
    const late = { name: 'late', command: `echo . >>${counted}; [ $(wc -l <${counted}) -gt 3 ]` };
    try {
      await own.worker();
      const { run, events } = await outcome({ turns: [edit, done, done], checks: [late] }, own);
      expect(run.variations[0]).toMatchObject({
        iteration: 2,
        checks: [{ name: 'late', result: 'fixed', exit_code: 0, flaky: true }],
      });
      expect(of(events, 'check.finished').map((each) => [each.on, each.result, each.flaky ?? false])).toEqual(
        [
          ['base', 'failed', false],
          ['base', 'failed', false],
          ['patch', 'still_fails', false],
          ['patch', 'fixed', true],
        ],
      );
    } finally {
      await own.close();
      removeTemp(counts);
    }
  }, 30_000);

  test('is known by its event, and its own words are counted', async () => {
    const words = "printf '%s\\n' '1..2' 'ok 1 - a' 'ok 2 - b # SKIP'";
    const { run, events } = await outcome({ turns: [edit, done], checks: [{ name: 'tap', command: words }] });
    const [check] = run.variations[0]!.checks;
    expect(check!.counts).toMatchObject({ kind: 'tests', passed: 1, failed: 0, skipped: 1 });
    const event = events.find((one) => one.seq === check!.seq);
    expect(event).toMatchObject({
      type: 'check.finished',
      variation: 1,
      payload: { on: 'patch', name: 'tap' },
    });
    const onBase = events.find((one) => one.seq === run.base_checks[0]!.seq);
    expect(onBase).toMatchObject({ type: 'check.finished', variation: null, payload: { on: 'base' } });
  }, 30_000);

  test('of a base whose failure nobody has looked at twice, since its worker went, is looked at again', async () => {
    const id = await bench.run({ turns: [edit, done], checks: [hasTwo] });
    await bench.database.sql`
      insert into checks (run_id, name, command, required, exit_code, result, duration_ms, output, confirmed)
      values (${id}, ${hasTwo.name}, ${hasTwo.command}, true, 1, 'failed', 1, '', false)`;
    await bench.sweep();
    const run = await bench.ended(id);
    const onBase = of(await bench.events(id), 'check.finished').filter((one) => one.on === 'base');
    expect(onBase).toMatchObject([{ name: 'has two', again: true }]);
    expect(run.base_checks).toMatchObject([{ result: 'failed', flaky: false }]);
    const [row] = await bench.database.sql`
      select confirmed from checks where run_id = ${id} and variation_id is null`;
    expect(row).toEqual({ confirmed: true });
  }, 30_000);

  test('of a base that an earlier run has tried is not run again', async () => {
    const { database } = bench;
    const first = await outcome({ turns: [edit, done], checks: [hasTwo] });
    const { project_id, variations } = first.run;
    const agent = variations[0]!.agent;
    const id = await bench.again(project_id, agent);
    const run = await bench.ended(id);
    const onBase = of(await bench.events(id), 'check.finished').filter((one) => one.on === 'base');
    expect(onBase).toMatchObject([{ name: 'has two', result: 'failed', cached: first.run.id }]);
    expect(of(await bench.events(id), 'check.started').filter((one) => one.on === 'base')).toEqual([]);
    expect(run.variations[0]!.checks[0]?.result).toBe('fixed');
    // Once the project has changed, what was found out before may be of something else.
    await database.sql`update projects set updated_at = now() where id = ${project_id}`;
    const third = await bench.again(project_id, agent);
    await bench.ended(third);
    expect(of(await bench.events(third), 'check.started').some((one) => one.on === 'base')).toBe(true);
  }, 30_000);
});

describe('a project', () => {
  test('whose checks nobody has set has them detected at its first run', async () => {
    const { path } = makeRepository({
      'a.txt': 'one\n',
      Makefile: 'test:\n\tgrep -q two a.txt\n',
    });
    try {
      const { run } = await outcome({ source: path, turns: [edit, done], checks: [] });
      expect(run.base_checks).toMatchObject([{ command: 'make test', result: 'failed' }]);
      expect(run.variations[0]!.checks).toMatchObject([{ result: 'fixed' }]);
      const [project] = await bench.database
        .sql`select checks, checks_set from projects where id = ${run.project_id}`;
      expect(project).toMatchObject({ checks: [{ command: 'make test' }], checks_set: false });
    } finally {
      removeTemp(path);
    }
  }, 30_000);
});
