import { afterAll, beforeEach, describe, expect, test } from 'bun:test';
import { answerCriteria, listCriteria } from '../../../src/agent/judge/criteria';
import { assessGoal } from '../../../src/agent/judge/goal';
import { judgeGroup } from '../../../src/agent/judge/group';
import { makeModel } from '../../../src/agent/models';
import { type Behaviour, startProvider } from '../../support/providers';
import { until } from '../../support/wait';
import { profileFor, protocols } from '../models/setup';
import { diff, recording, task, work } from './setup';

const server = await startProvider();
afterAll(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
  server.always(null);
});

const says = (value: unknown): Behaviour => ({
  kind: 'answer',
  turn: {
    text: typeof value === 'string' ? value : `Here:\n\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``,
  },
});
const authors = [
  { agent: 'Quick fox', model: 'test-model' },
  { agent: 'Slow snail', model: 'claude-opus-4-8' },
];
const contenders = [5, 6, 8].map((position) => ({
  position,
  work: work(`${diff}+// by Quick fox, ${'x'.repeat(position)}\n`),
}));
const question = { task, criteria: ['Rows are streamed.'], authors, contenders };

describe.each(protocols)('over the wire of %s', (provider) => {
  const judge = (signal?: AbortSignal) => {
    const price = { input: 1, output: 1, cached: 1 };
    const model = makeModel(
      profileFor(server, provider, { price }),
      { modelTimeoutS: 10 },
      { sleep: async () => {} },
    );
    return recording(model, signal ? { signal } : {});
  };

  test('criteria are listed, answered with quotations, and the goal assessed', async () => {
    const own = judge();
    server.next(says({ criteria: ['Rows are streamed.', 'A changelog says so.'] }));
    const { value: criteria } = await listCriteria(own, { task, context: [] });
    expect(criteria).toEqual(['Rows are streamed.', 'A changelog says so.']);
    const answers = [
      { criterion: 1, met: true, quotation: '+    yield csvLine(row);' },
      { criterion: 2, met: true, quotation: 'Exports are now streamed.' },
    ];
    server.next(says({ answers }));
    const { value } = await answerCriteria(own, { criteria: criteria!, work: work(diff) });
    expect(value?.answers.map((one) => one.why)).toEqual(['quoted', 'not_found']);
    server.next(says({ reason: 'No test.', missing: ['A test.'], met: false }));
    const opinion = await assessGoal(own, { task, work: work(diff) });
    expect(opinion.value).toMatchObject({ met: false, missing: ['A test.'] });
    expect(opinion.cost_usd).toBeGreaterThan(0);
    expect(own.told.map((one) => one.question)).toEqual(['criteria', 'answers', 'goal']);
    expect(server.requests.map((one) => one.refused)).toEqual([null, null, null]);
  });

  test('a judge that always prefers the first is exposed as ties; one that mumbles has no opinion', async () => {
    server.always(says({ reason: 'It is first.', better: 'A' }));
    const biased = await judgeGroup(judge(), question);
    expect(biased.pairs.map((one) => one.why)).toEqual(['disagreed', 'disagreed', 'disagreed']);
    server.always(says('mumble'));
    const mumbling = await judgeGroup(judge(), question);
    expect(mumbling.pairs.map((one) => one.why)).toEqual(['no_answer', 'no_answer', 'no_answer']);
    expect(server.requests).toHaveLength(6 + 12);
    expect(server.requests.every((one) => one.refused === null)).toBe(true);
  });

  test('no name, position or place is in any request', async () => {
    server.always(says({ better: 'neither' }));
    await judgeGroup(judge(), question);
    expect(server.requests).toHaveLength(6);
    for (const { body } of server.requests) {
      // The body names the judge's own model, which the server must know.
      const asked = JSON.stringify({ ...body, model: null });
      expect(asked).not.toMatch(/quick fox|slow snail|test-model|claude|opus|bakeoff|"position"/i);
      expect(asked).toContain('by [name], xxxxx');
    }
  });

  test('a resumed group asks only what was not answered', async () => {
    const own = judge();
    server.next(says({ better: 'A' }), says({ better: 'B' }), { kind: 'status', status: 401 });
    const broken = await judgeGroup(own, question, 1);
    expect(broken).toMatchObject({ failure: { code: 'model_refused' }, model_calls: 2 });
    expect(broken.pairs.map((one) => one.why)).toEqual(['agreed', 'no_answer', 'no_answer']);
    expect(server.requests).toHaveLength(3);
    server.always(says({ better: 'neither' }));
    const resumed = await judgeGroup(own, question, 1);
    expect(resumed.pairs.map((one) => one.why)).toEqual(['agreed', 'even', 'even']);
    expect(resumed.model_calls).toBe(4);
    expect(server.requests).toHaveLength(7);
  });

  test('passing faults are waited out, and a stop ends it at once', async () => {
    server.next({ kind: 'status', status: 500 }, { kind: 'cut', turn: { text: '{"met": tr' } });
    server.always(says({ met: true }));
    expect((await assessGoal(judge(), { task, work: work(diff) })).value?.met).toBe(true);
    server.always({ kind: 'hang' });
    const stop = new AbortController();
    const before = server.requests.length;
    const asked = judgeGroup(judge(stop.signal), question);
    await until(() => server.requests.length > before, 'a call');
    const started = performance.now();
    stop.abort(new Error('stopped'));
    await expect(asked).rejects.toThrow('stopped');
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
