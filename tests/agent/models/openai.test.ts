import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import type OpenAI from 'openai';
import { makeModel } from '../../../src/agent/models';
import { readChatStream } from '../../../src/agent/models/openai-stream';
import { type Provider, startProvider } from '../../support/providers';
import { ask, profileFor, rejection, result, tool, user } from './setup';

let server: Provider;
beforeAll(async () => {
  server = await startProvider({ scenario: { turns: [{ text: 'ok' }], after: 'repeat-last' } });
});
beforeEach(() => {
  server.requests.length = 0;
});
afterAll(() => server.stop());

describe('the openai adapter', () => {
  test('sends system, tools, limit and the wish for usage', async () => {
    await makeModel(profileFor(server, 'openai'), { modelTimeoutS: 10 }).respond(ask());
    expect(server.requests[0]?.body).toEqual({
      model: 'test-model',
      messages: [
        { role: 'system', content: 'You are a coding agent.' },
        { role: 'user', content: 'Mend it.' },
      ],
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 1000,
      temperature: 0,
      tools: [{ type: 'function', function: tool }],
    });
  });

  test('learns once which name of the token limit a server takes', async () => {
    for (const [refused, taken] of [
      ['max_tokens', 'max_completion_tokens'],
      ['stream_options', 'max_tokens'],
    ] as const) {
      const picky = await startProvider({
        refuses: [refused, 'temperature'],
        scenario: { turns: [{ text: 'ok' }] },
      });
      const model = makeModel(profileFor(picky, 'openai'), { modelTimeoutS: 10 });
      await model.respond(ask());
      await model.respond(ask());
      await picky.stop();
      expect(picky.requests).toHaveLength(4);
      for (const { body } of picky.requests.slice(2)) {
        expect(body).toMatchObject({ [taken]: 1000 });
        expect(Object.keys(body)).not.toContain(refused);
        expect(Object.keys(body)).not.toContain('temperature');
      }
    }
  });

  test('gives up on a server that takes neither name', async () => {
    const picky = await startProvider({ refuses: ['max_tokens', 'max_completion_tokens'] });
    const failed = await rejection(
      makeModel(profileFor(picky, 'openai'), { modelTimeoutS: 10 }).respond(ask()),
    );
    await picky.stop();
    expect(failed.code).toBe('model_refused');
    expect(picky.requests).toHaveLength(2);
  });

  test('sends reasoning back between the tool calls that it led to, and only there', async () => {
    server.next({
      kind: 'answer',
      turn: { thinking: 'because', text: 'x', tool_calls: [{ name: 'read', arguments: {} }] },
    });
    const model = makeModel(profileFor(server, 'openai'), { modelTimeoutS: 10 });
    const { message } = await model.respond(ask());
    const id = message.tool_calls[0]?.id ?? '';
    await model.respond(ask({ messages: [user('a'), message, result(id)] }));
    expect(server.requests[1]?.body.messages).toContainEqual({
      role: 'assistant',
      content: 'x',
      tool_calls: [{ id, type: 'function', function: { name: 'read', arguments: '{}' } }],
      reasoning_content: 'because',
    });
    server.next({ kind: 'answer', turn: { thinking: 'because', text: 'x' } });
    expect((await model.respond(ask())).message.provider_state).toBeUndefined();
  });

  test('reaches Ollama with or without /v1 and a slash, and without a key', async () => {
    const ollama = await startProvider({ key: 'ollama', scenario: { turns: [{ text: 'ok' }] } });
    for (const base_url of [ollama.url, `${ollama.url}/`, `${ollama.url}/v1`, `${ollama.url}/v1/`]) {
      const profile = profileFor(ollama, 'ollama', { base_url, api_key: null });
      const response = await makeModel(profile, { modelTimeoutS: 10 }).respond(ask());
      expect(response).toMatchObject({ provider: 'ollama', cost_usd: 0, message: { text: 'ok' } });
    }
    await ollama.stop();
  });

  test('takes nothing from the environment', async () => {
    const names = ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'OPENAI_ORG_ID', 'OPENAI_PROJECT_ID'];
    const before = names.map((name) => process.env[name]);
    for (const name of names) process.env[name] = 'http://127.0.0.1:9/of-the-environment';
    try {
      await makeModel(profileFor(server, 'openai'), { modelTimeoutS: 10 }).respond(ask());
    } finally {
      for (const [index, name] of names.entries()) {
        const value = before[index];
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
    expect(JSON.stringify([...(server.requests[0]?.headers ?? [])])).not.toContain('of-the-environment');
  });
});

describe('readChatStream', () => {
  const place = { name: 'openai at x', secrets: [], now: Date.now };
  const one = { signal: new AbortController().signal, heard() {}, say() {} };
  /** Chunks as a server of its own mind may send them. */
  const read = (...chunks: unknown[]) =>
    readChatStream(
      (async function* () {
        for (const chunk of chunks) {
          if (chunk instanceof Error) throw chunk;
          yield chunk as OpenAI.ChatCompletionChunk;
        }
      })(),
      place,
      one,
    );
  const delta = (value: unknown, finish_reason: string | null = null) => ({
    choices: [{ delta: value, finish_reason }],
  });

  test('keeps calls apart that all have index 0, or none', async () => {
    for (const index of [0, undefined]) {
      const answer = await read(
        delta({ tool_calls: [{ index, id: 'a', function: { name: 'one', arguments: '{"x":' } }] }),
        delta({ tool_calls: [{ index, function: { arguments: '1}' } }] }),
        delta({ tool_calls: [{ index, id: 'b', function: { name: 'two', arguments: { y: 2 } } }] }),
        delta({}, 'stop'),
      );
      expect(answer.toolCalls).toEqual([
        { id: 'a', name: 'one', arguments: { x: 1 } },
        { id: 'b', name: 'two', arguments: { y: 2 } },
      ]);
      expect(answer.finishReason).toBe('tool_calls');
    }
  });

  test('keeps an answer whose end was told when only the usage is lost', async () => {
    const answer = await read(delta({ content: 'whole' }, 'stop'), new Error('reset'));
    expect(answer).toMatchObject({ text: 'whole', usage: null });
  });

  test('takes no answer that broke off, that was withheld, or that has no bounds', async () => {
    expect(await rejection(read(delta({ content: 'hal' })))).toMatchObject({ passing: true });
    expect(await rejection(read(delta({}, 'error')))).toMatchObject({ passing: true });
    expect(await rejection(read(delta({}, 'content_filter')))).toMatchObject({ code: 'model_refused' });
    const flood = Array.from({ length: 200 }, (_, index) =>
      delta({ tool_calls: [{ index, id: `c${index}` }] }),
    );
    expect((await rejection(read(...flood, delta({}, 'stop')))).message).toContain('more than 128');
  });

  test('outlives chunks that are not what they should be', async () => {
    const answer = await read(
      {},
      { choices: [] },
      { choices: [{}] },
      { choices: [{ delta: null }] },
      delta({ content: 5, tool_calls: null }),
      { usage: { prompt_tokens: '9', completion_tokens: -1 } },
      delta({ content: 'ok' }, 'eos'),
    );
    expect(answer).toMatchObject({ text: 'ok', finishReason: 'stop', usage: null, toolCalls: [] });
  });

  test('counts cached and reasoning tokens', async () => {
    const { usage } = await read(delta({ content: 'x' }, 'stop'), {
      choices: [],
      usage: {
        prompt_tokens: 100,
        completion_tokens: 50,
        prompt_tokens_details: { cached_tokens: 64 },
        completion_tokens_details: { reasoning_tokens: 30 },
      },
    });
    expect(usage).toEqual({ input_tokens: 100, output_tokens: 50, cached_tokens: 64, reasoning_tokens: 30 });
  });
});
