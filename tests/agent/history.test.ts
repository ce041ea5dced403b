import { describe, expect, test } from 'bun:test';
import { rebuild, unanswered } from '../../src/agent/history';
import type { AssistantMessage } from '../../src/core/conversation';
import type { Fact } from '../../src/core/fact';

const changes = (tool: string): boolean => tool !== 'read_file';

function asked(call: number, ...added: string[]): Fact {
  return { type: 'model.requested', payload: { call, provider: 'p', model: 'm', messages: 1, added } };
}

function answer(call: number, message: Partial<AssistantMessage>, finish_reason = 'tool_calls'): Fact {
  const usage = { input_tokens: 1, output_tokens: 1, cached_tokens: 0, reasoning_tokens: 0 };
  return {
    type: 'model.responded',
    payload: {
      ...{ call, provider: 'p', model: 'm', finish_reason, usage, cost_usd: 0, latency_ms: 1 },
      message: { role: 'assistant', text: '', tool_calls: [], ...message },
    },
  };
}

const calls = (...list: [id: string, name: string][]) => ({
  tool_calls: list.map(([id, name]) => ({ id, name, arguments: {} })),
});
const begun = (id: string, name: string): Fact => ({
  type: 'tool.started',
  payload: { tool: 1, id, name, arguments: {}, title: name },
});
const ended = (id: string, name: string, output = `${id} done`): Fact => ({
  type: 'tool.finished',
  payload: { tool: 1, id, name, ok: true, duration_ms: 1, truncated: false, output },
});
const again = (id: string, name: string): Fact => ({ type: 'tool.repeated', payload: { tool: 1, id, name } });
const step = (number: number): Fact => ({
  type: 'step.completed',
  payload: { step: number, duration_ms: 1 },
});

/** Two calls of one answer: the first changes a file, the second reads. */
const twoCalls = [
  asked(1, 'the goal'),
  answer(1, calls(['a', 'write_file'], ['b', 'read_file'])),
  begun('a', 'write_file'),
  ended('a', 'write_file'),
  begun('b', 'read_file'),
  ended('b', 'read_file'),
];
/** The checkpoint came right after the fact of that number; 0: there is none. */
const past = (facts: readonly Fact[], checkpoint = 0) =>
  rebuild(
    facts.map((fact, i) => ({ ...fact, seq: i + 1 })),
    checkpoint,
    changes,
    100,
  );
const roles = (facts: readonly Fact[], checkpoint = 0) =>
  past(facts, checkpoint).messages.map((one) => (one.role === 'tool' ? one.tool_call_id : one.role));

describe('a conversation made again from events', () => {
  test('holds what was told, answered and done, in order', () => {
    const facts = [...twoCalls, step(1), asked(2, 'five steps left'), answer(2, { text: 'Done.' })];
    expect(roles(facts)).toEqual(['user', 'assistant', 'a', 'b', 'user', 'assistant']);
    expect(past(facts)).toMatchObject({ step: 2, begun: new Set() });
    expect(past(facts).messages[0]).toEqual({ role: 'user', text: 'the goal' });
  });

  test('keeps results that a checkpoint or the end of the step covers, and drops those it does not', () => {
    expect(roles(twoCalls, 6)).toEqual(['user', 'assistant', 'a', 'b']);
    expect(roles([...twoCalls, step(1)])).toEqual(['user', 'assistant', 'a', 'b']);
    // No checkpoint after the write: it went with the workspace, and what was read after it may be another now.
    expect(roles(twoCalls)).toEqual(['user', 'assistant']);
    expect(past(twoCalls).begun).toEqual(new Set(['a', 'b']));
    expect(unanswered(past(twoCalls).messages).map((one) => one.id)).toEqual(['a', 'b']);
  });

  test('keeps what only read, also without a checkpoint', () => {
    const facts = [
      asked(1, 'goal'),
      answer(1, calls(['r', 'read_file'], ['w', 'write_file'])),
      begun('r', 'read_file'),
    ];
    const cut = [...facts, ended('r', 'read_file'), begun('w', 'write_file')];
    expect(roles(cut)).toEqual(['user', 'assistant', 'r']);
    expect(past(cut).begun).toEqual(new Set(['w']));
  });

  test('after a second crash counts what was run again once, and drops what stood behind it', () => {
    const second = [
      ...twoCalls,
      again('a', 'write_file'),
      begun('a', 'write_file'),
      ended('a', 'write_file', 'anew'),
    ];
    expect(roles(second, second.length)).toEqual(['user', 'assistant', 'a']);
    expect(past(second, second.length).messages.at(-1)).toMatchObject({ text: 'anew' });
    expect(past(second, second.length).begun).toEqual(new Set(['b']));
  });

  test('tells again what a cut-off or empty answer was to be told', () => {
    const cut = [asked(1, 'goal'), answer(1, calls(['x', 'write_file']), 'length')];
    expect(past(cut).messages.map((one) => one.role)).toEqual(['user', 'assistant', 'user']);
    expect(unanswered(past(cut).messages)).toEqual([]);
    // Once it was told, it is not told twice.
    expect(roles([...cut, asked(2, 'Your answer was cut off')])).toEqual(['user', 'assistant', 'user']);
    expect(past([asked(1, 'goal'), answer(1, {}, 'stop')]).messages.at(-1)?.role).toBe('user');
  });

  test('is empty before the first answer, but for what was told', () => {
    expect(past([])).toEqual({ messages: [], begun: new Set(), step: 0, tool: 0, saved: false });
    expect(roles([asked(1, 'goal')])).toEqual(['user']);
  });
});
