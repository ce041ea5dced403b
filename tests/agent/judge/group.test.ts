import { describe, expect, test } from 'bun:test';
import { judgeGroup } from '../../../src/agent/judge/group';
import { judgePair } from '../../../src/agent/judge/pair';
import { ModelError } from '../../../src/agent/model';
import { rank } from '../../../src/core/ranking';
import { candidate, field } from '../../core/ranking-setup';
import { until } from '../../support/wait';
import { part, recording, saying, task, thinking, work } from './setup';

const contenders = [3, 1, 2].map((position) => ({ position, work: work(`+quality ${position}\n`) }));
const question = { task, criteria: ['Rows are streamed.'], authors: [], contenders };
/** Sees quality, wherever it stands. */
const fair = () =>
  thinking((prompt) => {
    const quality = (name: string) => Number(/quality (\d)/.exec(part(prompt, name))?.[1]);
    return { reason: 'It is.', better: quality('candidate_a') > quality('candidate_b') ? 'A' : 'B' };
  });

describe('a judge', () => {
  test('that sees quality is heard, in both orders', async () => {
    const model = fair();
    const opinion = await judgeGroup(recording(model), question);
    expect(opinion.pairs.map(({ pair, winner, why }) => [pair, winner, why])).toEqual([
      [[1, 2], 2, 'agreed'],
      [[1, 3], 3, 'agreed'],
      [[2, 3], 3, 'agreed'],
    ]);
    expect(opinion.pairs[0]?.opinions).toEqual([
      { better: 'second', reason: 'It is.' },
      { better: 'first', reason: 'It is.' },
    ]);
    expect(opinion).toMatchObject({ model_calls: 6, failure: null, usage: { input_tokens: 600 } });
    expect(opinion.cost_usd).toBeCloseTo(0.06);
  });

  test.each(['A', 'B'])('that always prefers %s is exposed as ties', async (better) => {
    const { pairs } = await judgeGroup(recording(saying({ reason: 'x', better })), question);
    expect(pairs.map(({ winner, why }) => [winner, why])).toEqual(Array(3).fill([null, 'disagreed']));
    const candidates = [1, 2, 3].map((position) => candidate(position, { size: 10 - position }));
    const verdict = rank(field(candidates, { judging: { pairs, same_family: false } }));
    expect(verdict).toMatchObject({ decided_by: 'size', leaders: [3] });
    expect(verdict.summary.sentences.join(' ')).toContain('contradicted itself when the order was swapped');
  });

  test('that says neither, in both orders, sees them even; in one, it disagrees with itself', async () => {
    const even = await judgeGroup(recording(saying({ better: 'neither' })), question);
    expect(even.pairs.map((one) => one.why)).toEqual(['even', 'even', 'even']);
    const moody = thinking((prompt) =>
      part(prompt, 'candidate_a').includes('quality 1') ? { better: 'A' } : { better: 'tie' },
    );
    const one = await judgeGroup(recording(moody), { ...question, contenders: contenders.slice(1) });
    expect(one.pairs).toMatchObject([{ winner: null, why: 'disagreed' }]);
  });

  test('that answers garbage gives no opinion, and does not crash', async () => {
    const judge = recording(saying('mumble {"better": "constructor"}'));
    const opinion = await judgeGroup(judge, question);
    expect(opinion.pairs.map((one) => one.why)).toEqual(Array(3).fill('no_answer'));
    expect(opinion).toMatchObject({ failure: { code: 'unreadable' }, model_calls: 12 });
    const candidates = [1, 2, 3].map((position) => candidate(position));
    const verdict = rank(field(candidates, { judging: { pairs: opinion.pairs, same_family: false } }));
    expect(verdict.levels.find((one) => one.level === 'judged')?.state).toBe('no_answer');
  });

  test('that is down is not asked on and on; one question too long says nothing of the others', async () => {
    const down = thinking(() => {
      throw new ModelError('model_unavailable', 'down');
    });
    const silent = await judgeGroup(recording(down), question, 2);
    expect(silent.pairs.map((one) => one.why)).toEqual(Array(3).fill('no_answer'));
    expect(silent).toMatchObject({ failure: { code: 'model_unavailable' }, model_calls: 0 });
    expect(down.requests.length).toBeLessThanOrEqual(2);
    const strict = thinking((prompt) => {
      if (prompt.includes('quality 1')) throw new ModelError('context_exceeded', 'too long');
      return { better: part(prompt, 'candidate_a').includes('3') ? 'A' : 'B' };
    });
    const { pairs } = await judgeGroup(recording(strict), question);
    expect(pairs.map((one) => [one.winner, one.why])).toEqual([
      [null, 'no_answer'],
      [null, 'no_answer'],
      [3, 'agreed'],
    ]);
  });

  test('is not asked about two works that are the same', async () => {
    const model = fair();
    const twice = [1, 2].map((position) => ({ position, work: work('+same\n') }));
    const { pairs } = await judgeGroup(recording(model), { ...question, contenders: twice });
    expect(pairs).toMatchObject([{ pair: [1, 2], winner: null, why: 'same' }]);
    expect(model.requests).toEqual([]);
  });
});

describe('after a crash', () => {
  test('nothing that was paid for is asked again, and the outcome is the same', async () => {
    const whole = await judgeGroup(recording(fair()), question);
    for (const crashAfter of [1, 3, 5]) {
      const model = fair();
      const judge = recording(model);
      const dying = {
        ...judge,
        onAnswer(answer: (typeof judge.told)[number]) {
          judge.onAnswer?.(answer);
          if (judge.told.length === crashAfter) throw new Error('killed');
        },
      };
      await expect(judgeGroup(dying, question, 1)).rejects.toThrow('killed');
      const resumed = await judgeGroup(judge, { ...question, contenders: contenders.toReversed() });
      expect(resumed.pairs).toEqual(whole.pairs);
      expect(resumed.model_calls).toBe(6 - crashAfter);
      expect(model.requests).toHaveLength(6);
      expect(new Set(judge.told.map((one) => one.key)).size).toBe(6);
    }
  });

  test('an answer that could not be read was paid for too', async () => {
    const judge = recording(saying('mumble'));
    await judgeGroup(judge, question);
    const told = judge.told.length;
    const again = await judgeGroup(judge, question);
    expect(again.pairs.map((one) => one.why)).toEqual(Array(3).fill('no_answer'));
    expect(again.model_calls).toBe(0);
    expect(judge.told).toHaveLength(told);
  });

  test('only what changed is judged again', async () => {
    const model = fair();
    const judge = recording(model);
    await judgeGroup(judge, question);
    const changed = contenders.map((one) =>
      one.position === 1 ? { ...one, work: work('+quality 9\n') } : one,
    );
    const { pairs, model_calls } = await judgeGroup(judge, { ...question, contenders: changed });
    expect(pairs.map((one) => one.winner)).toEqual([1, 1, 3]);
    expect(model_calls).toBe(4);
  });
});

test('a few are asked at the same time, and when one fails the others are called off and awaited', async () => {
  let running = 0;
  let most = 0;
  let over = 0;
  const gate = Promise.withResolvers<void>();
  const slow = thinking(async (_, { signal }) => {
    running++;
    most = Math.max(most, running);
    if (running === 2) gate.resolve();
    await gate.promise;
    if (slow.requests.length > 2) await until(() => signal.aborted, 'the calling off', 3000);
    running--;
    over++;
    signal.throwIfAborted();
    return { better: 'A' };
  });
  let told = 0;
  const judge = recording(slow, {
    async onAnswer() {
      if (++told < 2) return;
      await until(() => slow.requests.length > 2, 'a third call');
      throw new Error('not recorded');
    },
  });
  await expect(judgeGroup(judge, question, 2)).rejects.toThrow('not recorded');
  expect(most).toBe(2);
  expect(running).toBe(0);
  expect(over).toBe(slow.requests.length);
});

test('each pair is asked with A and B in both orders, in the same words whatever the order of the contenders', async () => {
  const [one, other] = [fair(), fair()];
  await judgeGroup(recording(one), question, 1);
  await judgeGroup(recording(other), { ...question, contenders: contenders.toReversed() }, 1);
  const prompts = (model: typeof one) => model.requests.map((request) => request.messages[0]!.text);
  expect(prompts(other)).toEqual(prompts(one));
  const orders = prompts(one).map((text) =>
    ['candidate_a', 'candidate_b'].map((name) => part(text, name).trim().slice(-1)).join(''),
  );
  expect(orders).toEqual(['12', '21', '13', '31', '23', '32']);
});

test.each([
  ['A', 'first'],
  [' candidate b ', 'second'],
  ['Neither', 'tie'],
  ['equal', 'tie'],
] as const)('%j is understood', async (better, meant) => {
  const pair = { task, criteria: [], authors: [], first: work('+a\n'), second: work('+b\n') };
  const { value } = await judgePair(recording(saying({ better, reason: 'Because\nof it.' })), pair);
  expect(value).toEqual({ better: meant, reason: 'Because of it.' });
});
