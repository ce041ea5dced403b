import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import type Anthropic from '@anthropic-ai/sdk';
import { makeModel } from '../../../src/agent/models';
import { readMessageStream } from '../../../src/agent/models/anthropic-stream';
import { type Provider, startProvider } from '../../support/providers';
import { signature } from '../../support/providers/anthropic';
import { ask, assistant, call, profileFor, rejection, result, tool, user } from './setup';

const cached = { cache_control: { type: 'ephemeral' } };

let server: Provider;
beforeAll(async () => {
  server = await startProvider({
    models: ['test-model', 'claude-opus-4-7', 'claude-sonnet-4-6'],
    scenario: { turns: [{ text: 'ok' }], after: 'repeat-last' },
  });
});
beforeEach(() => {
  server.requests.length = 0;
});
afterAll(() => server.stop());

const model = (change = {}) => makeModel(profileFor(server, 'anthropic', change), { modelTimeoutS: 10 });

describe('the anthropic adapter', () => {
  test('marks system, last tool and the newest turns for the cache', async () => {
    const messages = [user('a'), assistant('b'), user('c'), assistant('d', call('1')), result('1')];
    await model().respond(ask({ messages, tools: [tool, { ...tool, name: 'write' }] }));
    const { parameters, ...plain } = tool;
    expect(server.requests[0]?.body).toEqual({
      model: 'test-model',
      max_tokens: 1000,
      temperature: 0,
      stream: true,
      system: [{ type: 'text', text: 'You are a coding agent.', ...cached }],
      tools: [
        { ...plain, input_schema: parameters },
        { ...plain, name: 'write', input_schema: parameters, ...cached },
      ],
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'a' }] },
        { role: 'assistant', content: [{ type: 'text', text: 'b' }] },
        { role: 'user', content: [{ type: 'text', text: 'c', ...cached }] },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'd' },
            { type: 'tool_use', id: '1', name: 'read', input: { path: 'a.ts' } },
          ],
        },
        {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: '1', content: 'contents', ...cached }],
        },
      ],
    });
  });

  test('puts the results of one answer, and what a person said after it, into one turn', async () => {
    const messages = [
      user('a'),
      assistant('', call('1'), call('2')),
      result('1'),
      result('2'),
      user('b'),
      user('c'),
    ];
    await model().respond(ask({ messages }));
    const sent = server.requests[0]?.body.messages as { content: { type: string }[] }[];
    expect(sent.map(({ content }) => content.map(({ type }) => type))).toEqual([
      ['text'],
      ['tool_use', 'tool_use'],
      ['tool_result', 'tool_result', 'text', 'text'],
    ]);
  });

  test('sends thinking back unchanged to the model it came from, to no other', async () => {
    server.next({
      kind: 'answer',
      turn: { thinking: 'hm, naïve 🤔', text: 'so', tool_calls: [{ name: 'read', arguments: {} }] },
    });
    const { message } = await model().respond(ask());
    const messages = [user('a'), message, result(message.tool_calls[0]?.id ?? '')];
    // As it comes back from the record.
    const recorded = JSON.parse(JSON.stringify(messages));
    await model().respond(ask({ messages: recorded }));
    await model({ model: 'claude-opus-4-7' }).respond(ask({ messages: recorded }));
    const [, same, other] = server.requests;
    expect(same?.refused).toBeNull();
    expect(JSON.stringify(same?.body)).toContain(signature('hm, naïve 🤔'));
    expect(other?.refused).toBeNull();
    expect(JSON.stringify(other?.body)).not.toContain('thinking');
  });

  test('counts all of the prompt as input, and what was written to the cache at its price', async () => {
    server.next({
      kind: 'answer',
      usage: {
        input_tokens: 100,
        cache_read_input_tokens: 1000,
        cache_creation_input_tokens: 400,
        output_tokens: 50,
      },
    });
    const response = await model({ model: 'claude-sonnet-4-6' }).respond(ask());
    expect(response.usage).toEqual({
      input_tokens: 1500,
      cached_tokens: 1000,
      output_tokens: 50,
      reasoning_tokens: 0,
    });
    expect(response.cost_usd).toBeCloseTo((100 * 3 + 400 * 3.75 + 1000 * 0.3 + 50 * 15) / 1e6, 12);
  });

  test('spares newer models a temperature that they would refuse', async () => {
    await model({ model: 'claude-opus-4-7' }).respond(ask());
    await model({ model: 'claude-sonnet-4-6', temperature: 1.5 }).respond(ask());
    expect(server.requests.map(({ body }) => body.temperature)).toEqual([undefined, 1]);
  });

  test('takes a base URL with or without /v1', async () => {
    for (const base_url of [`${server.url}/`, `${server.url}/v1`, `${server.url}/v1/`]) {
      expect((await model({ base_url }).respond(ask())).message.text).toBe('ok');
    }
  });
});

describe('readMessageStream', () => {
  const place = { name: 'anthropic at x', secrets: [], now: Date.now };
  const one = { signal: new AbortController().signal, heard() {}, say() {} };
  const read = (...events: unknown[]) =>
    readMessageStream(
      (async function* () {
        yield* events as Anthropic.RawMessageStreamEvent[];
      })(),
      place,
      one,
    );
  const block = (index: number, content_block: unknown) => ({
    type: 'content_block_start',
    index,
    content_block,
  });
  const end = (stop_reason: string) => [
    { type: 'message_delta', delta: { stop_reason } },
    { type: 'message_stop' },
  ];

  test('takes a tool input that comes whole, and keeps the order of interleaved thinking', async () => {
    const answer = await read(
      block(0, { type: 'text', text: 'a' }),
      block(1, { type: 'redacted_thinking', data: 'x' }),
      block(2, { type: 'text', text: 'bc' }),
      block(3, { type: 'tool_use', id: 't', name: 'read', input: { path: 'p' } }),
      ...end('tool_use'),
    );
    expect(answer.toolCalls).toEqual([{ id: 't', name: 'read', arguments: { path: 'p' } }]);
    expect(answer.text).toBe('abc');
    expect(answer.layout).toEqual([
      { type: 'text', chars: 1 },
      { type: 'redacted_thinking', data: 'x' },
      { type: 'text', chars: 2 },
      { type: 'tool_use' },
    ]);
  });

  test('takes no answer that broke off or that the model declined', async () => {
    expect(await rejection(read(block(0, { type: 'text', text: 'hal' })))).toMatchObject({ passing: true });
    expect(await rejection(read(...end('refusal')))).toMatchObject({ code: 'model_refused' });
  });

  test('calls an answer that filled the context cut off', async () => {
    expect((await read(...end('model_context_window_exceeded'))).finishReason).toBe('length');
  });

  test('outlives events that are not what they should be', async () => {
    const answer = await read(
      { type: 'message_start' },
      { type: 'unheard_of' },
      block(0, undefined),
      { type: 'content_block_delta', index: 7, delta: { type: 'text_delta', text: 'x' } },
      { type: 'content_block_delta', index: 0 },
      block(1, { type: 'text' }),
      ...end('end_turn'),
    );
    expect(answer).toMatchObject({ text: '', usage: null, finishReason: 'stop', layout: null });
  });
});
