import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { readArguments, repairConversation, withDistinctIds } from '../../../src/agent/models/conversation';
import type { Message } from '../../../src/core/conversation';
import { anthropic } from '../../support/providers/anthropic';
import { openai } from '../../support/providers/openai';
import { assistant, call, result, user } from './setup';

describe('repairConversation', () => {
  test('leaves a sound conversation as it is', () => {
    const messages = [user('a'), assistant('b', call('1'), call('2')), result('1'), result('2'), user('c')];
    expect(repairConversation(messages)).toEqual(messages);
  });

  test('answers calls that were not answered, in their order', () => {
    const repaired = repairConversation([user('a'), assistant('', call('1'), call('2')), result('2')]);
    expect(repaired.slice(2)).toMatchObject([
      { role: 'tool', tool_call_id: '1', is_error: true },
      { role: 'tool', tool_call_id: '2', text: 'contents' },
    ]);
  });

  test('moves an answer that stands behind a directive to its call, and drops orphans and second answers', () => {
    const messages = [
      result('0'),
      user('a'),
      assistant('', call('1')),
      user('stop that'),
      result('1'),
      result('1', 'again'),
      result('9'),
    ];
    expect(repairConversation(messages)).toEqual([
      user('a'),
      assistant('', call('1')),
      result('1'),
      user('stop that'),
    ]);
  });

  test('makes ids unique and acceptable, and gives each call its own answer', () => {
    const messages = [
      user('a'),
      assistant('', call('call:0')),
      result('call:0', 'first'),
      assistant('', call('call:0'), call('')),
      result('call:0', 'second'),
      result('', 'third'),
    ];
    const repaired = repairConversation(messages);
    const answers = repaired.flatMap((one) => (one.role === 'tool' ? [[one.tool_call_id, one.text]] : []));
    expect(answers.map(([, text]) => text)).toEqual(['first', 'second', 'third']);
    const ids = repaired.flatMap((one) =>
      one.role === 'assistant' ? one.tool_calls.map(({ id }) => id) : [],
    );
    expect(answers.map(([id]) => id)).toEqual(ids);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
  });

  test('gives two calls of one id each its own answer', () => {
    const messages = [user('a'), assistant('', call('1'), call('1')), result('1', 'x'), result('1', 'y')];
    expect(repairConversation(messages).map(({ text }) => text)).toEqual(['a', '', 'x', 'y']);
  });

  test('sends no arguments that were not JSON', () => {
    const bad = call('1', { arguments: null, raw: '{"path": ' });
    const [, sent, answer] = repairConversation([user('a'), assistant('', bad)]);
    expect(sent).toMatchObject({ tool_calls: [{ arguments: {} }] });
    expect(JSON.stringify(sent)).not.toContain('raw');
    expect(answer).toMatchObject({ is_error: true, text: expect.stringContaining('not a JSON object') });
  });

  test('takes NUL and lone surrogates out of texts and arguments, and nothing else', () => {
    const dirty = 'a\u0000b\ud800c😀\\u0000';
    const clean = 'ab\ufffdc😀\\u0000';
    const repaired = repairConversation([
      user(dirty),
      assistant(dirty, call('1', { arguments: { [dirty]: [dirty, { deep: dirty }] } })),
      result('1', dirty),
    ]);
    expect(repaired).toEqual([
      user(clean),
      assistant(clean, call('1', { arguments: { [clean]: [clean, { deep: clean }] } })),
      result('1', clean),
    ]);
  });

  test('begins and ends with the user, and has no empty text', () => {
    for (const messages of [
      [],
      [assistant('hello')],
      [user('a'), assistant('')],
      [user(''), assistant('x')],
    ]) {
      const repaired = repairConversation(messages);
      expect(repaired[0]?.role).toBe('user');
      expect(repaired.at(-1)?.role).toBe('user');
      expect(repaired.every((one) => one.text.trim() !== '')).toBe(true);
    }
    const [, , answer] = repairConversation([user('a'), assistant('', call('1')), result('1', ' \n')]);
    expect(answer?.text).toBe('(no output)');
  });

  test('makes any conversation one that both protocols take, the same each time, and does not change it', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.constantFrom('', ' ', '\u0000', '\udc00'),
    );
    const id = fc.oneof(fc.constantFrom('1', '2', '', 'a:b'), text);
    const calls = fc.array(
      fc.record({
        id,
        name: text,
        arguments: fc.option(fc.dictionary(text, fc.jsonValue(), { maxKeys: 3 })),
      }),
      { maxLength: 3 },
    );
    const message: fc.Arbitrary<Message> = fc.oneof(
      text.map(user),
      fc.record({ role: fc.constant('assistant' as const), text, tool_calls: calls }),
      fc.record({
        role: fc.constant('tool' as const),
        tool_call_id: id,
        name: text,
        text,
        is_error: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), (messages) => {
        const before = structuredClone(messages);
        const repaired = repairConversation(messages);
        expect(messages).toEqual(before);
        expect(repairConversation(messages)).toEqual(repaired);
        expect(repairConversation(repaired)).toEqual(repaired);
        expect(acceptedBy('openai', repaired)).toBeNull();
        expect(acceptedBy('anthropic', repaired)).toBeNull();
      }),
      { numRuns: 300 },
    );
  });
});

describe('readArguments', () => {
  test.each([
    ['', { arguments: {} }],
    ['  ', { arguments: {} }],
    ['{"a":[{"b":1}]}', { arguments: { a: [{ b: 1 }] } }],
    ['null', { arguments: null, raw: 'null' }],
    ['"text"', { arguments: null, raw: '"text"' }],
    ['{"a":1', { arguments: null, raw: '{"a":1' }],
  ])('reads %j', (raw, expected) => {
    expect(readArguments(raw)).toEqual(expected);
  });

  test('takes nothing nested past any use, but brackets within strings', () => {
    const deep = `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`;
    expect(readArguments(deep).arguments).toBeNull();
    expect(readArguments(JSON.stringify({ a: '[{"'.repeat(500) })).arguments).not.toBeNull();
  });

  test('keeps a bounded part of what it could not read', () => {
    expect(readArguments('x'.repeat(1_000_000)).raw?.length).toBe(20_000);
  });
});

describe('withDistinctIds', () => {
  test('renames what the conversation or the answer already has', () => {
    const calls = withDistinctIds([call('1'), call('2'), call('2'), call('')], [assistant('', call('1'))]);
    const ids = calls.map(({ id }) => id);
    expect(ids[1]).toBe('2');
    expect(new Set([...ids, '1']).size).toBe(5);
  });
});

/** The refusal of the test server's protocol, whose rules are written apart from ours. */
function acceptedBy(protocol: 'openai' | 'anthropic', messages: readonly Message[]) {
  const rules = { key: 'key', models: ['m'], refuses: [] };
  const wire = messages.map((one) => {
    if (one.role === 'user') return { role: 'user', content: one.text };
    const content = one.text.trim() === '' ? [] : [{ type: 'text', text: one.text }];
    if (protocol === 'openai') {
      if (one.role === 'tool') return { role: 'tool', tool_call_id: one.tool_call_id, content: one.text };
      const tool_calls = one.tool_calls.map(({ id, name, arguments: read }) => ({
        id,
        type: 'function',
        function: { name, arguments: JSON.stringify(read) },
      }));
      return { role: 'assistant', content: one.text, ...(tool_calls.length > 0 ? { tool_calls } : {}) };
    }
    if (one.role === 'tool') {
      const block = { type: 'tool_result', tool_use_id: one.tool_call_id, content: one.text };
      return { role: 'user', content: [block] };
    }
    const uses = one.tool_calls.map(({ id, name, arguments: input }) => ({
      type: 'tool_use',
      id,
      name,
      input,
    }));
    return { role: 'assistant', content: [...content, ...uses] };
  });
  const body = { model: 'm', max_tokens: 10, messages: wire };
  const headers = new Headers({ authorization: 'Bearer key', 'x-api-key': 'key', 'anthropic-version': '1' });
  return { openai, anthropic }[protocol].refuse(headers, body, JSON.stringify(body), rules)?.message ?? null;
}
