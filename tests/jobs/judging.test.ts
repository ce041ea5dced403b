import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import type { RunOptions } from '../../drizzle/schema';
import { Mirrors } from '../../src/agent/mirror';
import { createAgent } from '../../src/core/agent';
import type { Run } from '../../src/core/contract';
import { direct } from '../../src/core/directive';
import type { Event, FactType, Payloads } from '../../src/core/fact';
import { createGraft } from '../../src/core/graft';
import { defaultOptions, getRun } from '../../src/core/run';
import { changeSettings } from '../../src/core/settings';
import { judgeAgain } from '../../src/core/verdict';
import { openResults } from '../../src/jobs/results';
import { gapless, newAgent, vault } from '../core/scene';
import { type Provider, startProvider } from '../support/providers';
import { makeRepository } from '../support/repository';
import { removeTemp } from '../support/temp';
import { until } from '../support/wait';
import { type Bench, call, done, openBench, type Plan } from './bench';

let bench: Bench;
let provider: Provider;
const paths: string[] = [];
beforeAll(async () => {
  provider = await startProvider();
  bench = await openBench();
  await bench.worker({ concurrency: 8 });
});
afterAll(async () => {
  await bench.close();
  await provider.stop();
  for (const path of paths) removeTemp(path);
});

let count = 0;
/** An agent that does these turns, by a name that tells nothing. */
async function agentOf(
  turns: readonly object[],
  at: Bench = bench,
  more: Partial<Parameters<typeof newAgent>[0]> = {},
) {
  count += 1;
  const agent = newAgent({ name: `judged-${count}`, scenario: { turns: [...turns] }, ...more });
  const made = await createAgent(at.database, vault, agent);
  return { ...made, name: agent.name, model: agent.model };
}

/** A judge on the local server: whatever it is asked, the one answer holds something for every question. */
async function judgeOf(answer: object, at: Bench = bench, max_tokens = 4096): Promise<string> {
  provider.script({ turns: [{ text: JSON.stringify(answer) }], after: 'repeat-last' });
  const judge = await agentOf([], at, {
    ...{ provider: 'openai', model: 'test-model', base_url: provider.openaiUrl, api_key: provider.key },
    ...{ scenario: null, price: { input: 1, output: 1, cached: 1 }, max_tokens },
  });
  await changeSettings(at.database, { judges: [judge.name] });
  return judge.name;
}

/** One variation for each list of turns. */
async function judged(
  each: readonly (readonly object[])[],
  plan: Plan & { options?: Partial<RunOptions> } = {},
  at: Bench = bench,
): Promise<{ run: Run; events: Event[] }> {
  const agents = [];
  for (const turns of each) agents.push(await agentOf(turns, at));
  const id = await at.start({ ...plan, variations: each.length, run: { agents, ...plan.run } });
  const run = await until(
    async () => {
      const found = await getRun(at.database, id);
      return found.verdict !== null && !found.judging && found;
    },
    `the verdict of run ${id}`,
    25_000,
  );
  const events = await at.events(id);
  expect(gapless(events)).toBe(true);
  return { run, events };
}

function of<T extends FactType>(events: readonly Event[], type: T): Payloads[T][] {
  return events.filter((event) => event.type === type).map((event) => event.payload as Payloads[T]);
}

function repository(files: Record<string, string>): string {
  const { path } = makeRepository(files);
  paths.push(path);
  return path;
}

const write = (path: string, content: string) => call('write_file', { path, content });
const sums = () =>
  repository({
    'sum.sh': 'echo $(($1 - $2))\n',
    'tests/sum.sh': '[ "$(sh sum.sh 2 3)" = 5 ]\n',
  });
const sumTest = { name: 'sum', command: 'sh tests/sum.sh' };
const one = { max_iterations: 1 };
/** Right, and ugly. */
const clumsy = [
  write(
    'sum.sh',
    '# adds\na=$1\nb=$2\nwhile [ "$b" -gt 0 ]; do\n  a=$((a + 1))\n  b=$((b - 1))\ndone\necho "$a"\n',
  ),
  done,
];
/** Pretty, and wrong. */
const pretty = [write('sum.sh', 'echo $(($1 * $2))\n'), done];

describe('the verdict', () => {
  test('picks what is right and clumsy before what is pretty and wrong, by what was run', async () => {
    await judgeOf({ better: 'A', criteria: ['It is short'], answers: [] });
    const plan = { source: sums(), checks: [sumTest], options: { ...one, pick: 'verdict' as const } };
    const { run, events } = await judged([pretty, clumsy], plan);
    expect(run.verdict).toMatchObject({ decided_by: 'fixed', executed_decided: true, tie: false });
    expect(run.verdict?.ranking.map((place) => place.position)).toEqual([2, 1]);
    expect(run.winner).toMatchObject({ position: 2, by: 'verdict' });
    const chosen = events.filter((event) => event.type === 'winner.chosen');
    expect(chosen).toMatchObject([{ variation: null, payload: { variation: 2, by: 'verdict' } }]);
    // What put it there can be looked up: the verdict's own event, and the check's.
    expect(events.find((event) => event.seq === run.verdict?.seq)?.type).toBe('verdict.given');
    // Nobody was asked for an opinion that nothing could have come of.
    expect(of(events, 'judge.answered')).toEqual([]);
    const check = run.variations[1]!.checks[0]!;
    expect(events.find((event) => event.seq === check.seq)).toMatchObject({
      type: 'check.finished',
      variation: 2,
    });
  }, 40_000);

  test.each([
    ['one', [pretty]],
    ['the better of two', [pretty, [write('sum.sh', 'exit 3\n'), write('more.sh', 'exit 1\n'), done]]],
    ['near-identical ones', [pretty, pretty]],
  ])(
    'asks a person of %s that does not pass what is required',
    async (_, plans) => {
      await changeSettings(bench.database, { judges: [] });
      const plan = { source: sums(), checks: [sumTest], options: { ...one, pick: 'verdict' as const } };
      const { run, events } = await judged(plans, plan);
      expect([run.verdict?.executed_decided, run.winner]).toEqual([false, null]);
      expect(run.verdict?.summary.headline).toContain('not pass everything required');
      expect(of(events, 'verdict.given')).toMatchObject([{ asks: true }]);
    },
    40_000,
  );

  test('does not fall for a deleted test', async () => {
    await changeSettings(bench.database, { judges: [] });
    const cheat = [write('tests/sum.sh', 'exit 0\n'), done];
    const plan = { source: sums(), checks: [sumTest], options: { ...one, pick: 'verdict' as const } };
    const { run } = await judged([cheat, clumsy], plan);
    expect(run.winner?.position).toBe(2);
    expect(run.verdict?.levels.find((level) => level.level === 'fixed')?.values).toMatchObject({
      1: { fixed: 0 },
      2: { fixed: 1 },
    });
  }, 40_000);

  test('asks a person of a patch that ends its tests before they are run', async () => {
    await changeSettings(bench.database, { judges: [] });
    const tap = `. ./sum.sh
r=0
if [ "$(add 2 3)" = 5 ]; then echo 'ok 1 - adds'; else echo 'not ok 1 - adds'; r=1; fi
echo 'ok 2 - is there'
echo 1..2
exit $r
`;
    const { path } = makeRepository({ 'sum.sh': 'add() { echo $(($1 - $2)); }\n', 'tests/tap.sh': tap });
    try {
      const checks = [{ name: 'tap', command: 'sh tests/tap.sh' }];
      const plan = { source: path, checks, options: { ...one, pick: 'verdict' as const } };
      const early = await judged([[write('sum.sh', 'exit 0\n'), done]], plan);
      expect(early.run.variations[0]!.checks).toMatchObject([{ result: 'fixed' }]);
      expect([early.run.verdict?.executed_decided, early.run.winner]).toEqual([false, null]);
      const { run } = await judged([[write('sum.sh', 'add() { echo $(($1 + $2)); }\n'), done]], plan);
      expect(run.winner?.position).toBe(1);
    } finally {
      removeTemp(path);
    }
  }, 40_000);

  test('without a judge tells so, and asks a person where nothing that was run decides', async () => {
    await changeSettings(bench.database, { judges: [] });
    const plan = { source: sums(), checks: [sumTest], options: { ...one, pick: 'verdict' as const } };
    const brief = [write('sum.sh', 'echo $(($1 + $2))\n'), done];
    const { run, events } = await judged([brief, clumsy], plan);
    expect(run.verdict).toMatchObject({ decided_by: 'size', executed_decided: false, judge: null });
    expect(run.verdict?.levels.find((level) => level.level === 'judged')?.state).toBe('no_judge');
    expect(run.verdict?.summary.sentences.join(' ')).toMatch(/no judge/i);
    expect(run.winner).toBeNull();
    expect(of(events, 'verdict.given')).toMatchObject([{ asks: true }]);
  }, 40_000);

  test('exposes a judge that always prefers the first as ties, and tells nothing of the authors', async () => {
    await judgeOf({
      better: 'A',
      reason: 'the first is better',
      criteria: ['The sum is right'],
      answers: [{ criterion: 1, met: true, quotation: 'echo something that nobody wrote' }],
    });
    const before = provider.requests.length;
    const brief = [write('sum.sh', 'echo $(($1 + $2))\n'), done];
    const { run, events } = await judged([brief, clumsy], {
      source: sums(),
      checks: [sumTest],
      options: one,
    });
    const { verdict } = run;
    expect(verdict?.pairs).toEqual([{ pair: [1, 2], winner: null, why: 'disagreed' }]);
    expect(verdict?.decided_by).toBe('size');
    // A yes with a quotation that is not there is a no.
    expect(verdict?.criteria).toEqual(['The sum is right']);
    expect(verdict?.answers[1]).toMatchObject([{ met: false, why: 'not_found' }]);
    const asked = of(events, 'judge.answered');
    expect(asked.map((answer) => [answer.question, answer.about])).toEqual(
      expect.arrayContaining([
        ['criteria', []],
        ['answers', [1]],
        ['answers', [2]],
        ['pair', [1, 2]],
        ['pair', [2, 1]],
      ]),
    );
    expect(asked).toHaveLength(5);
    expect(run.usage.model_calls).toBe(run.variations.reduce((sum, each) => sum + each.usage.model_calls, 5));
    const shown = JSON.stringify(provider.requests.slice(before).map((request) => request.body));
    for (const { agent } of run.variations) expect(shown).not.toContain(agent.name);
    expect(shown).not.toContain('refs/bakeoff');
  }, 40_000);

  test('is given by who comes next when its worker goes, and no question that was paid for is asked again', async () => {
    const own = await openBench();
    try {
      await judgeOf(
        { better: 'neither', criteria: ['It works'], answers: [{ criterion: 1, met: false }] },
        own,
      );
      provider.always({ kind: 'answer', delay_ms: 400 });
      const before = provider.requests.length;
      const first = await own.worker();
      const brief = [write('sum.sh', 'echo $(($1 + $2))\n'), done];
      const agents = [await agentOf(brief, own), await agentOf(clumsy, own)];
      const plan = { source: sums(), checks: [sumTest], options: one };
      const id = await own.start({ ...plan, variations: 2, run: { agents } });
      await until(
        async () => of(await own.events(id), 'judge.answered').length >= 2,
        'the first answers',
        20_000,
      );
      await first.stop();
      await own.worker();
      const run = await until(
        async () => {
          const found = await getRun(own.database, id);
          return found.verdict !== null && found;
        },
        'the verdict',
        20_000,
      );
      const answered = of(await own.events(id), 'judge.answered');
      expect(answered).toHaveLength(5);
      expect(run.verdict?.pairs).toMatchObject([{ why: 'even' }]);
      // What was cut off had not been answered; nothing else came twice.
      const bodies = provider.requests.slice(before).filter((request) => !request.aborted);
      expect(new Set(bodies.map((request) => JSON.stringify(request.body))).size).toBe(bodies.length);
    } finally {
      provider.always(null);
      await own.close();
    }
  }, 60_000);

  test('asks no judge what the run’s budget has no room for', async () => {
    await judgeOf({ better: 'A', criteria: ['It works'], answers: [] }, bench, 55_000);
    const before = provider.requests.length;
    const brief = [write('sum.sh', 'echo $(($1 + $2))\n'), done];
    const options = { ...one, budget_tokens: 60_000 };
    const { run } = await judged([brief, clumsy], { source: sums(), checks: [sumTest], options });
    expect(provider.requests.length - before).toBe(0);
    expect(run.verdict).toMatchObject({ decided_by: 'size', criteria: [] });
  }, 40_000);

  test('asks no more at once than the run’s budget has room for', async () => {
    const most = 50_000;
    await judgeOf(
      { better: 'A', criteria: ['It works'], answers: [{ criterion: 1, met: false }] },
      bench,
      most,
    );
    // Each answer is as long as it may be.
    provider.always({ kind: 'answer', usage: { prompt_tokens: 1, completion_tokens: most } });
    try {
      const brief = [write('sum.sh', 'echo $(($1 + $2))\n'), done];
      // Criteria, an answer for each, and one order of the pair.
      const options = { ...one, budget_tokens: 230_000 };
      const { run, events } = await judged([brief, clumsy], { source: sums(), checks: [sumTest], options });
      const answers = of(events, 'judge.answered');
      expect(answers.filter((answer) => answer.text !== null)).toHaveLength(4);
      // What came after them was refused, and is said to be.
      expect(answers.at(-1)?.failure?.message).toContain('budget');
      expect(run.verdict?.pairs).toMatchObject([{ why: 'no_answer' }]);
      expect(run.usage.input_tokens + run.usage.output_tokens).toBeLessThanOrEqual(options.budget_tokens);
    } finally {
      provider.always(null);
    }
  }, 40_000);

  test('is dropped when a variation goes on, and given anew when it ends; its winner is one no more', async () => {
    await changeSettings(bench.database, { judges: [] });
    const plan = { source: sums(), checks: [sumTest], options: { ...one, pick: 'verdict' as const } };
    const better = [...clumsy, write('sum.sh', 'echo $(($1 + $2))\n'), done];
    const { run } = await judged([pretty, better], plan);
    expect(run.winner?.position).toBe(2);
    await direct(bench.database, run.id, {
      text: 'Make it shorter',
      variations: [2],
      path: null,
      line: null,
    });
    await bench.sweep();
    const again = await until(
      async () => {
        const found = await getRun(bench.database, run.id);
        return found.verdict?.id !== run.verdict?.id && found.winner !== null && found;
      },
      'another verdict',
      20_000,
    );
    const events = await bench.events(run.id);
    expect(of(events, 'winner.cleared')).toEqual([{ variation: 2, why: 'reopened' }]);
    expect(again.winner?.position).toBe(2);
    expect(again.variations[1]!.patch?.additions).toBe(1);
  }, 40_000);

  test('is given also when a commit cannot be had any more: its target is not known, and nobody waits for it', async () => {
    await changeSettings(bench.database, { judges: [] });
    const { run } = await judged([pretty, clumsy], { source: sums(), checks: [sumTest], options: one });
    await bench.database.sql`
      update variations set commit_sha = ${'5'.repeat(40)} where run_id = ${run.id} and position = 1`;
    await judgeAgain(bench.database, run.id);
    const again = await until(
      async () => {
        const found = await getRun(bench.database, run.id);
        return found.verdict?.asked_by === 'person' && found;
      },
      'another verdict',
      10_000,
    );
    expect(again.verdict?.levels.find((level) => level.level === 'applies')?.values).toMatchObject({
      1: { target: 'unknown' },
      2: { target: 'clean' },
    });
  }, 40_000);
});

describe('a graft', () => {
  test('of two halves passes checks that neither half passes, and is ranked first', async () => {
    await changeSettings(bench.database, { judges: [] });
    const source = repository({
      'left.txt': 'wrong\n',
      'right.txt': 'wrong\n',
    });
    const checks = [
      { name: 'left', command: 'grep -q good left.txt' },
      { name: 'right', command: 'grep -q good right.txt' },
    ];
    const half = (path: string) => [write(path, 'good\n'), done];
    const options = { ...one, pick: 'verdict' as const };
    const { run } = await judged([half('left.txt'), half('right.txt')], { source, checks, options });
    expect(run.winner).toBeNull();
    expect(run.variations.map((each) => each.checks.map((check) => check.result))).toEqual([
      ['fixed', 'still_fails'],
      ['still_fails', 'fixed'],
    ]);
    const results = openResults(bench.parts);
    const parts = [
      { variation: 1, path: 'left.txt', hunks: [1] },
      { variation: 2, path: 'right.txt' },
    ];
    const composed = await results.compose(run.id, { on: null, parts });
    const { position } = await createGraft(bench.database, run.id, composed);
    expect(position).toBe(3);
    await bench.sweep();
    const whole = await until(
      async () => {
        const found = await getRun(bench.database, run.id);
        return found.verdict?.id !== run.verdict?.id && !found.judging && found;
      },
      'the verdict with the graft',
      20_000,
    );
    expect(whole.variations[2]).toMatchObject({
      kind: 'graft',
      status: 'completed',
      graft: { on: null, parts },
    });
    expect(whole.variations[2]!.checks.map((check) => check.result)).toEqual(['fixed', 'fixed']);
    expect(whole.variations[2]!.usage.model_calls).toBe(0);
    expect(whole.verdict?.ranking[0]).toMatchObject({ position: 3, rank: 1 });
    expect((await getRun(bench.database, run.id)).winner).toMatchObject({ position: 3, by: 'verdict' });
    // Judging again changes nothing of it, and is told as a person's wish.
    await judgeAgain(bench.database, run.id);
    const third = await until(
      async () => {
        const found = await getRun(bench.database, run.id);
        return found.verdict?.asked_by === 'person' && found;
      },
      'a third verdict',
      20_000,
    );
    expect(third.verdict?.ranking).toEqual(whole.verdict!.ranking);
  }, 60_000);

  test('on a machine that cannot have the repository is refused with the reason, and so is a comparison', async () => {
    const source = sums();
    const { run } = await judged(
      [
        [write('sum.sh', 'echo one\n'), done],
        [write('sum.sh', 'echo two\n'), done],
      ],
      { source, options: { ...defaultOptions, ...one } },
    );
    removeTemp(source);
    const { config, workspacesDir } = bench;
    const sandbox = { makeReadable: async () => {} };
    const elsewhere = openResults({
      ...bench.parts,
      mirrors: new Mirrors({ dir: join(workspacesDir, 'other-mirrors'), config, sandbox }),
    });
    const refused = { code: 'repository_unavailable', status: 503 };
    await expect(elsewhere.diff({ runId: run.id, from: null, to: 1 })).rejects.toMatchObject(refused);
    const parts = [{ variation: 1, path: 'sum.sh' }];
    await expect(elsewhere.compose(run.id, { on: null, parts })).rejects.toMatchObject(refused);
  }, 40_000);

  test('whose parts do not go together is refused with what clashes', async () => {
    const { run } = await judged(
      [
        [write('sum.sh', 'echo one\n'), done],
        [write('sum.sh', 'echo two\n'), done],
      ],
      { source: sums(), options: { ...defaultOptions, ...one } },
    );
    const parts = [1, 2].map((variation) => ({ variation, path: 'sum.sh', hunks: [1] }));
    const refused = openResults(bench.parts).compose(run.id, { on: null, parts });
    await expect(refused).rejects.toMatchObject({
      ...{ code: 'graft_conflict', status: 409 },
      more: { conflicts: [{ path: 'sum.sh' }] },
    });
    await expect(
      openResults(bench.parts).compose(run.id, { on: null, parts: [{ variation: 1, path: 'nowhere' }] }),
    ).rejects.toMatchObject({ status: 422, field: 'parts.0.path' });
  }, 40_000);
});
