import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { compact, conversationTokens, estimateTokens, roomFor } from '../../src/agent/context';
import type { Message, ToolMessage } from '../../src/core/conversation';
import { VariationFailure } from '../../src/core/failure';

const text = (most: number) =>
  fc
    .tuple(fc.string({ maxLength: 20 }), fc.nat({ max: most }))
    .map(([seed, length]) => (seed || 'x').repeat(length).slice(0, most));

/** Turns as the loop makes them: an answer with some calls, each answered, now and then a word to the model. */
const turn = fc.record({
  said: text(600),
  outputs: fc.array(fc.record({ text: text(6000), is_error: fc.boolean(), argument: text(2000) }), {
    maxLength: 4,
  }),
  heard: fc.option(text(400)),
});
const conversation = fc
  .tuple(text(3000), fc.array(turn, { maxLength: 25 }))
  .map(([goal, turns]): Message[] => [
    { role: 'user', text: goal },
    ...turns.flatMap(({ said, outputs, heard }, at): Message[] => [
      {
        role: 'assistant',
        text: said,
        tool_calls: outputs.map(({ argument }, n) => ({
          id: `c${at}_${n}`,
          name: 'read_file',
          arguments: { path: argument },
        })),
      },
      ...outputs.map(
        ({ text, is_error }, n): ToolMessage => ({
          role: 'tool',
          tool_call_id: `c${at}_${n}`,
          name: 'read_file',
          text,
          is_error,
        }),
      ),
      ...(heard === null ? [] : [{ role: 'user' as const, text: heard }]),
    ]),
  ]);
const window = fc.record({
  contextTokens: fc.integer({ min: 2000, max: 60_000 }),
  maxTokens: fc.constant(500),
  fixedTokens: fc.constant(300),
});

function expectValid(messages: readonly Message[]): void {
  for (let at = 0; at < messages.length; at++) {
    const message = messages[at]!;
    if (message.role === 'assistant') {
      const answers = messages.slice(at + 1, at + 1 + message.tool_calls.length);
      expect(answers.map((one) => (one.role === 'tool' ? one.tool_call_id : one.role))).toEqual(
        message.tool_calls.map((call) => call.id),
      );
      at += answers.length;
    } else expect(message.role).toBe('user');
  }
}

function attempt(messages: Message[], room: Parameters<typeof compact>[1]): Message[] | null {
  try {
    return compact(messages, room);
  } catch (error) {
    expect(error).toBeInstanceOf(VariationFailure);
    expect((error as VariationFailure).code).toBe('context_exceeded');
    return null;
  }
}

describe('compact', () => {
  test('property: what comes out is valid, fits, keeps the first message, and is the same each time', () => {
    fc.assert(
      fc.property(conversation, window, (messages, limits) => {
        const before = structuredClone(messages);
        const out = attempt(messages, limits);
        expect(messages).toEqual(before);
        if (out === null) {
          // Only when there is hardly room for the goal itself.
          expect(conversationTokens(messages.slice(0, 1)) + 700).toBeGreaterThan(roomFor(limits));
          return;
        }
        expect(out[0]).toEqual(messages[0]!);
        expect(conversationTokens(out)).toBeLessThanOrEqual(roomFor(limits));
        expectValid(out);
        expect(compact(messages, limits)).toEqual(out);
        expect(compact(out, limits)).toEqual(out);
      }),
      { numRuns: 150 },
    );
  });

  test('property: compacting as the work goes on stays valid, and forgets nobody silently', () => {
    fc.assert(
      fc.property(conversation, (messages) => {
        const limits = { contextTokens: 9000, maxTokens: 500, fixedTokens: 300 };
        let kept: Message[] = [];
        for (const message of messages) {
          if (message.role === 'assistant') {
            const next = attempt(kept, limits);
            if (next === null) return;
            kept = next;
            expectValid(kept);
          }
          kept.push(message);
        }
        expect(
          kept.filter((one) => one.role === 'user' && one.text.startsWith('[Earlier work')).length,
        ).toBeLessThanOrEqual(1);
      }),
      { numRuns: 100 },
    );
  });

  test('outputs of old calls go first, recent ones stay whole', () => {
    const messages: Message[] = [{ role: 'user', text: 'goal' }];
    for (let n = 0; n < 10; n++) {
      messages.push({
        role: 'assistant',
        text: `step ${n}`,
        tool_calls: [{ id: `c${n}`, name: 'search', arguments: {} }],
      });
      messages.push({
        role: 'tool',
        tool_call_id: `c${n}`,
        name: 'search',
        text: String(n).repeat(4000),
        is_error: false,
      });
    }
    const out = compact(messages, { contextTokens: 10_000, maxTokens: 500, fixedTokens: 0 });
    const outputs = out
      .filter((one) => one.role === 'tool')
      .map((one) => one.text.startsWith('[Output of search left out'));
    expect(out).toHaveLength(messages.length);
    expect(outputs[0]).toBe(true);
    expect(outputs.slice(-4)).toEqual([false, false, false, false]);
  });

  test('a window without room for the goal fails with what it would take', () => {
    const goal: Message[] = [{ role: 'user', text: 'x'.repeat(40_000) }];
    expect(() => compact(goal, { contextTokens: 8000, maxTokens: 4000, fixedTokens: 1000 })).toThrow(
      /10008 tokens.*room for 2200/,
    );
  });
});

test('tokens: four characters of Latin script, one of Chinese', () => {
  expect(estimateTokens('abcdefgh')).toBe(2);
  expect(estimateTokens('汉字汉字')).toBe(4);
  expect(estimateTokens('')).toBe(0);
});
