import { describe, expect, test } from 'bun:test';
import { answerCriteria, listCriteria } from '../../../src/agent/judge/criteria';
import { assessGoal } from '../../../src/agent/judge/goal';
import { ModelError } from '../../../src/agent/model';
import { diff, part, recording, saying, task, thinking, work } from './setup';

describe('criteria', () => {
  const list = (...texts: unknown[]) => listCriteria(recording(saying(...texts)), { task, context: [] });

  test('are one to eight short lines, each once', async () => {
    const many = [
      'a\nb',
      ' a b ',
      ...Array.from({ length: 12 }, (_, index) => `Criterion ${index}`),
      7,
      'x'.repeat(999),
    ];
    const { value } = await list({ criteria: many });
    expect(value).toHaveLength(8);
    expect(value?.slice(0, 2)).toEqual(['a b', 'Criterion 0']);
    expect((await list({ criteria: ['x'.repeat(999)] })).value?.[0]).toHaveLength(200);
    expect((await list('["Rows are streamed."]')).value).toEqual(['Rows are streamed.']);
  });

  test('are asked for with the goal, the instructions and the context', async () => {
    const model = thinking(() => ({ criteria: ['One.'] }));
    const given = { goal: 'The goal.', instructions: 'Mind the order.' };
    await listCriteria(recording(model), { task: given, context: [{ title: 'log', text: 'It broke.' }] });
    const prompt = model.requests[0]!.messages[0]!.text;
    expect(part(prompt, 'the_goal')).toBe('The goal.');
    expect(part(prompt, 'the_instructions')).toBe('Mind the order.');
    expect(part(prompt, 'the_context')).toBe('log\n\nIt broke.');
  });

  test('a second answer counts where the first could not be read', async () => {
    const judge = recording(saying('No idea.', { criteria: ['One.'] }));
    const opinion = await listCriteria(judge, { task, context: [] });
    expect(opinion).toMatchObject({ value: ['One.'], failure: null, model_calls: 2 });
    expect(judge.told.map((one) => one.text)).toEqual(['No idea.', '{"criteria":["One."]}']);
  });

  test('it is told what was wrong', async () => {
    const model = thinking((_, { messages }) =>
      messages.length > 1 ? { criteria: ['One.'] } : { criteria: [] },
    );
    await listCriteria(recording(model), { task, context: [] });
    expect(model.requests[1]!.messages.map((one) => one.role)).toEqual(['user', 'assistant', 'user']);
    expect(model.requests[1]!.messages[2]!.text).toContain('The list of criteria is empty.');
  });

  test('garbage, also when asked again, is no opinion', async () => {
    const opinion = await list('mumble');
    expect(opinion).toMatchObject({ value: null, failure: { code: 'unreadable' }, model_calls: 2 });
    for (const garbage of [
      '',
      '{}',
      '[]',
      '{"criteria": "a"}',
      '{"criteria": [1]}',
      'null',
      '{"criteria": [" "]}',
    ])
      expect((await list(garbage)).value).toBeNull();
  });
});

describe('answers to criteria', () => {
  const criteria = ['Rows are streamed.', 'The file is closed.', 'Errors are told.', 'A test is added.'];
  const ask = (answers: unknown, of = diff) =>
    answerCriteria(recording(saying(answers)), { criteria, work: work(of) }).then(
      (one) => one.value?.answers,
    );

  test('a yes needs a quotation that is there', async () => {
    const answers = await ask({
      answers: [
        { criterion: 1, met: true, quotation: '    yield csvLine(row);' },
        { criterion: 2, met: 'yes', quotation: 'close( out );' },
        { criterion: 3, met: false, quotation: '' },
        { criterion: 4, met: true },
      ],
    });
    expect(answers).toEqual([
      {
        ...{ met: true, quotation: 'yield csvLine(row);', why: 'quoted' },
        place: { path: 'src/csv.ts', line: 12, side: 'patch' },
      },
      { met: false, quotation: 'close( out );', why: 'not_found', place: null },
      { met: false, quotation: '', why: 'denied', place: null },
      { met: false, quotation: '', why: 'quotation_missing', place: null },
    ]);
  });

  test('are taken by number, in any order; what is not answered is a no', async () => {
    const answers = await ask([
      { criterion: 4, met: true, quotation: '}' },
      { criterion: '1', met: 'no' },
      { criterion: 9, met: true, quotation: 'yield csvLine(row);' },
      { criterion: 2, met: 'perhaps', quotation: 'close(out);' },
      null,
      'yes',
    ]);
    expect(answers?.map((one) => one.why)).toEqual([
      'denied',
      'not_answered',
      'not_answered',
      'quotation_trivial',
    ]);
    expect(answers?.some((one) => one.met)).toBe(false);
  });

  test('what the criteria, the rules or the tags say cannot be quoted', async () => {
    const model = thinking((prompt) => ({
      answers: [
        { criterion: 1, met: true, quotation: 'Rows are streamed.' },
        { criterion: 2, met: true, quotation: /<the_work_\w+>/.exec(prompt)?.[0] },
        { criterion: 3, met: true, quotation: 'Which of the 4 criteria does the work meet?' },
      ],
    }));
    const opinion = await answerCriteria(recording(model), { criteria, work: work(diff) });
    expect(opinion.value?.answers.map((one) => one.why)).toEqual([
      'not_found',
      'not_found',
      'not_found',
      'not_answered',
    ]);
  });

  test('that cannot be read are no opinion, and no criteria no question', async () => {
    expect(await ask({ answers: [] })).toBeUndefined();
    expect(await ask({ answers: 'all met' })).toBeUndefined();
    const judge = recording(saying('x'));
    const none = await answerCriteria(judge, { criteria: [], work: work(diff) });
    expect(none).toMatchObject({ value: { answers: [], cut: false }, model_calls: 0 });
    expect(judge.told).toEqual([]);
  });

  test('of a work that is too long, it is said', async () => {
    const judge = recording(saying({ answers: [{ criterion: 1, met: false }] }));
    const long = await answerCriteria(judge, {
      criteria: ['x'],
      work: work('word '.repeat(100_000), 'text'),
    });
    expect(long.value?.cut).toBe(true);
  });
});

describe('the goal', () => {
  const assess = (said: unknown) => assessGoal(recording(saying(said)), { task, work: work(diff) });

  test('is met, or not with what is missing', async () => {
    expect((await assess({ met: true, missing: [], reason: 'All there.' })).value).toEqual({
      ...{ met: true, missing: [], reason: 'All there.', cut: false },
    });
    const missing = ['A test.', 'A test.', ...Array.from({ length: 20 }, (_, index) => `Thing ${index}`)];
    const { value } = await assess({ met: 'no', missing, reason: 'Half.' });
    expect(value).toMatchObject({ met: false, reason: 'Half.' });
    expect(value?.missing).toHaveLength(10);
  });

  test('met with something missing is not met', async () => {
    expect((await assess({ met: true, missing: ['A test.'] })).value?.met).toBe(false);
  });

  test('without a yes or no there is no opinion', async () => {
    expect(await assess({ reason: 'Hm.' })).toMatchObject({ value: null, failure: { code: 'unreadable' } });
  });
});

describe('a model that does not answer', () => {
  test('is no opinion, and costs nothing', async () => {
    for (const code of ['model_unavailable', 'model_refused', 'context_exceeded'] as const) {
      const judge = recording(
        thinking(() => {
          throw new ModelError(code, 'no');
        }),
      );
      const opinion = await assessGoal(judge, { task, work: work(diff) });
      expect(opinion).toMatchObject({
        value: null,
        failure: { code, message: 'no' },
        model_calls: 0,
        cost_usd: 0,
      });
      expect(judge.told).toMatchObject([{ text: null, failure: { code } }]);
    }
  });

  test('is asked again when the work is, and what it did say is not', async () => {
    let down = true;
    const model = thinking((_, { messages }) => {
      if (messages.length === 1) return 'mumble';
      if (down) throw new ModelError('model_unavailable', 'down');
      return { met: true, reason: '' };
    });
    const judge = recording(model);
    expect((await assessGoal(judge, { task, work: work(diff) })).failure?.code).toBe('model_unavailable');
    down = false;
    const again = await assessGoal(judge, { task, work: work(diff) });
    expect(again).toMatchObject({ value: { met: true }, model_calls: 1, cost_usd: 0.01 });
    expect(model.requests).toHaveLength(3);
  });

  test('a stop is a stop', async () => {
    const stop = new AbortController();
    const model = thinking((_, { signal }) => {
      stop.abort(new Error('stopped'));
      signal.throwIfAborted();
    });
    const asked = assessGoal(recording(model, { signal: stop.signal }), { task, work: work(diff) });
    await expect(asked).rejects.toThrow('stopped');
    const late = assessGoal(recording(model, { signal: stop.signal }), { task, work: work(diff) });
    await expect(late).rejects.toThrow('stopped');
    expect(model.requests).toHaveLength(1);
  });

  test('a fault of ours is not taken for an opinion', async () => {
    const judge = recording(saying({ met: true }), {
      onAnswer: () => {
        throw new Error('not recorded');
      },
    });
    await expect(assessGoal(judge, { task, work: work(diff) })).rejects.toThrow('not recorded');
    const broken = thinking(() => {
      throw new TypeError('a mistake');
    });
    await expect(assessGoal(recording(broken), { task, work: work(diff) })).rejects.toThrow('a mistake');
  });
});

test('an answer is recorded before it is used, with what it cost, and the same question has the same key', async () => {
  const first = recording(saying({ met: true }));
  const second = recording(saying({ met: false }));
  await assessGoal(first, { task, work: work(diff) });
  await assessGoal(second, { task, work: work(diff) });
  const [answer] = first.told;
  expect(answer).toMatchObject({
    question: 'goal',
    provider: 'scripted',
    model: 'test-model',
    text: '{"met":true}',
  });
  expect(answer?.usage.input_tokens).toBeGreaterThan(0);
  expect(answer?.key).toMatch(/^[0-9a-f]{32}$/);
  expect(second.told[0]?.key).toBe(answer!.key);
  await assessGoal(second, { task, work: work(`${diff}\n`) });
  expect(second.told[1]?.key).not.toBe(answer!.key);
  // And once recorded it is not asked.
  const resumed = await assessGoal({ ...second, answers: first.answers }, { task, work: work(diff) });
  expect(resumed).toMatchObject({ value: { met: true }, model_calls: 0, cost_usd: 0 });
});
