import { describe, expect, test } from 'bun:test';
import { makeModel } from '../../../src/agent/models';
import { parseScenario, scenarioOver } from '../../../src/agent/models/scripted';
import { ask, assistant, profile, rejection, result, user } from './setup';

const scripted = (scenario: unknown, timeoutS = 180) =>
  makeModel(profile({ scenario }), { modelTimeoutS: timeoutS });

describe('parseScenario', () => {
  test.each([
    [{ turns: [{ text: 'a' }, { delay_ms: 60_001 }] }, 'scenario.turns[1].delay_ms: '],
    [{ turns: [{ tool_calls: [{ name: 'x' }] }] }, 'scenario.turns[0].tool_calls[0].arguments: '],
    [{ turns: [{ txet: 'a' }] }, 'scenario.turns[0].txet: '],
    [{ turns: [], after: 'explode' }, 'scenario.after: '],
    [{}, 'scenario.turns: '],
    [null, 'scenario: '],
    ['text', 'scenario: '],
  ])('names the wrong place in %j', (value, place) => {
    expect(() => parseScenario(value)).toThrow(place);
  });
});

describe('the scripted model', () => {
  test('takes the turn from the number of assistant messages, so a resumed conversation goes on', async () => {
    const scenario = {
      turns: [{ text: 'one', tool_calls: [{ name: 'read', arguments: { path: 'x' } }] }, { text: 'two' }],
    };
    const first = await scripted(scenario).respond(ask());
    expect(first.message).toEqual({
      role: 'assistant',
      text: 'one',
      tool_calls: [{ id: 'call_1_1', name: 'read', arguments: { path: 'x' } }],
    });
    expect(first.finish_reason).toBe('tool_calls');
    // Another instance: nothing is kept in memory.
    const messages = [user('Mend it.'), first.message, result('call_1_1'), user('Also this.')];
    const second = await scripted(scenario).respond(ask({ messages }));
    expect(second.message.text).toBe('two');
    expect(second.finish_reason).toBe('stop');
  });

  test('answers the same, usage included, every time', async () => {
    const model = scripted({ turns: [{ thinking: 'abcdefgh', text: 'abcd' }] });
    const [one, two] = [await model.respond(ask()), await model.respond(ask())];
    expect({ ...one, latency_ms: 0 }).toEqual({ ...two, latency_ms: 0 });
    expect(one.usage).toMatchObject({ output_tokens: 3, reasoning_tokens: 2, cached_tokens: 0 });
    expect(one.usage.input_tokens).toBeGreaterThan(0);
  });

  test('past its end says that it is over, or repeats its last turn', async () => {
    const messages = [user('a'), assistant('1'), user('b'), assistant('2'), user('c')];
    const over = await scripted({ turns: [{ text: 'x' }] }).respond(ask({ messages }));
    expect(over.message).toEqual({ role: 'assistant', text: scenarioOver, tool_calls: [] });
    const again = await scripted({ turns: [{ text: 'x' }], after: 'repeat-last' }).respond(ask({ messages }));
    expect(again.message.text).toBe('x');
    const empty = await scripted({ turns: [], after: 'repeat-last' }).respond(ask());
    expect(empty.message.text).toBe(scenarioOver);
  });

  test('streams word by word what it answers', async () => {
    const pieces: string[] = [];
    await scripted({ turns: [{ thinking: 'hm so', text: ' Fixed  the\nbug. ' }] }).respond(
      ask({ onDelta: (kind, text) => pieces.push(`${kind}:${text}`) }),
    );
    expect(pieces).toEqual([
      'thinking:hm ',
      'thinking:so',
      'text: ',
      'text:Fixed  ',
      'text:the\n',
      'text:bug. ',
    ]);
  });

  test('passes arguments given as text as a provider would: malformed stays malformed', async () => {
    const { message } = await scripted({
      turns: [
        {
          tool_calls: [
            { name: 'read', arguments: '{"path": ' },
            { name: 'read', arguments: '[1]' },
            { name: 'read', arguments: '{"path":"a"}' },
          ],
        },
      ],
    }).respond(ask());
    expect(message.tool_calls.map(({ arguments: read, raw }) => [read, raw])).toEqual([
      [null, '{"path": '],
      [null, '[1]'],
      [{ path: 'a' }, undefined],
    ]);
  });

  test('fails as the turn says', async () => {
    const error = { code: 'model_refused', message: 'No.' };
    const failed = await rejection(scripted({ turns: [{ error }] }).respond(ask()));
    expect(failed).toMatchObject({ name: 'ModelError', ...error });
  });

  test('stops at once when it is called off, in a delay and between pieces', async () => {
    for (const turn of [{ delay_ms: 60_000 }, { text: 'a b c', chunk_ms: 10_000 }]) {
      const controller = new AbortController();
      const started = performance.now();
      const answer = scripted({ turns: [turn] }).respond(ask({ signal: controller.signal }));
      setTimeout(() => controller.abort('any reason'), 5);
      expect((await rejection(answer)).name).toBe('AbortError');
      expect(performance.now() - started).toBeLessThan(1000);
    }
    const failed = await rejection(scripted({ turns: [{}] }).respond(ask({ signal: AbortSignal.abort() })));
    expect(failed.name).toBe('AbortError');
  });

  test('is held to the time-out of a model call', async () => {
    const waited: number[] = [];
    const model = makeModel(
      profile({ scenario: { turns: [{ delay_ms: 60_000 }] } }),
      { modelTimeoutS: 30 },
      { sleep: async (ms) => void waited.push(ms) },
    );
    expect(await rejection(model.respond(ask()))).toMatchObject({ code: 'model_unavailable' });
    expect(waited).toEqual([30_000]);
  });

  test('costs nothing, unless the agent has a price', async () => {
    const scenario = { turns: [{ text: 'x', usage: { input_tokens: 1_000_000, output_tokens: 500_000 } }] };
    expect((await scripted(scenario).respond(ask())).cost_usd).toBe(0);
    const priced = makeModel(profile({ scenario, price: { input: 2, output: 10, cached: 1 } }), {
      modelTimeoutS: 9,
    });
    expect((await priced.respond(ask())).cost_usd).toBe(7);
  });
});
