import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { makeModel } from '../../../src/agent/models';
import type { Pace } from '../../../src/agent/models/retry';
import { type Behaviour, type Provider, startProvider } from '../../support/providers';
import { ask, assistant, call, profileFor, protocols, rejection, result, user } from './setup';

let server: Provider;
beforeAll(async () => {
  server = await startProvider();
});
beforeEach(() => {
  server.requests.length = 0;
});
afterAll(() => server.stop());

const quick: Partial<Pace> = { backoffMs: 2 };

describe.each(protocols)('over the protocol of %s', (provider) => {
  const model = (pace: Partial<Pace> = {}, timeoutS = 10) =>
    makeModel(profileFor(server, provider), { modelTimeoutS: timeoutS }, { ...quick, ...pace });

  test('text, thinking and tool calls arrive whole from a stream in awkward pieces', async () => {
    server.script({
      turns: [
        {
          thinking: 'Zuerst lesen wir die Übersicht … 🤔 ',
          text: 'I read «naïve.ts» first 👩🏽‍💻.\n\n',
          tool_calls: [
            { name: 'read', arguments: { path: 'src/naïve.ts', lines: [1, 2] } },
            { name: 'read', arguments: {} },
          ],
        },
      ],
    });
    const request = ask();
    const response = await model().respond(request);
    expect(response.message.text).toBe('I read «naïve.ts» first 👩🏽‍💻.\n\n');
    expect(request.heard.text).toBe(response.message.text);
    expect(request.heard.thinking).toBe('Zuerst lesen wir die Übersicht … 🤔 ');
    expect(response.message.tool_calls.map(({ name, arguments: read }) => [name, read])).toEqual([
      ['read', { path: 'src/naïve.ts', lines: [1, 2] }],
      ['read', {}],
    ]);
    expect(response).toMatchObject({ finish_reason: 'tool_calls', provider, model: 'test-model' });
    expect(response.latency_ms).toBeGreaterThanOrEqual(0);
  });

  test('a whole conversation goes through, each turn as the provider wants it', async () => {
    server.script({
      turns: [
        { text: 'reading', tool_calls: [{ name: 'read', arguments: { path: 'a' } }] },
        {
          thinking: 'hm',
          tool_calls: [
            { name: 'read', arguments: 'no JSON' },
            { name: 'read', arguments: {} },
          ],
        },
        { thinking: 'so', text: 'done' },
        { text: 'more' },
      ],
    });
    const asked = model();
    const messages = [user('Mend it.')];
    for (const expected of ['reading', '', 'done', 'more']) {
      const { message } = await asked.respond(ask({ messages }));
      expect(message.text).toBe(expected);
      messages.push(message, ...message.tool_calls.map((one) => result(one.id, '')), user('Go on.'));
    }
    expect(server.requests.map(({ refused }) => refused)).toEqual([null, null, null, null]);
    const ids = messages.flatMap((one) =>
      one.role === 'assistant' ? one.tool_calls.map(({ id }) => id) : [],
    );
    expect(new Set(ids).size).toBe(3);
  });

  test('a damaged conversation is repaired before it is sent', async () => {
    server.script({ turns: [], after: 'finish' });
    const messages = [
      result('nobody asked'),
      assistant('hello\u0000'),
      user('\ud800'),
      assistant('', call('a b'), call('a b', { arguments: null, raw: '{' })),
      user('  '),
      result('a b'),
      assistant(''),
    ];
    await model().respond(ask({ messages, system: '', tools: [] }));
    expect(server.requests[0]?.refused).toBeNull();
  });

  test('an answer cut off by max_tokens says so', async () => {
    server.script({ turns: [{ text: 'I was about', finish_reason: 'length' }] });
    expect((await model().respond(ask())).finish_reason).toBe('length');
  });

  test('usage is what the provider counted, with the cached part', async () => {
    server.script({
      turns: [{ text: 'x', usage: { input_tokens: 900, cached_tokens: 600, output_tokens: 40 } }],
    });
    const price = { input: 10, output: 100, cached: 1 };
    const priced = makeModel(profileFor(server, provider, { price }), { modelTimeoutS: 10 });
    const response = await priced.respond(ask());
    expect(response.usage).toEqual({
      input_tokens: 900,
      cached_tokens: 600,
      output_tokens: 40,
      reasoning_tokens: 0,
    });
    expect(response.cost_usd).toBeCloseTo((300 * 10 + 600 * 1 + 40 * 100) / 1e6, 12);
  });

  test('usage is estimated when the provider counts nothing', async () => {
    server.next({ kind: 'answer', turn: { text: 'four' }, usage: null });
    const { usage } = await model().respond(
      ask({ system: 'x'.repeat(400), tools: [], messages: [user('y')] }),
    );
    expect(usage).toEqual({ input_tokens: 101, output_tokens: 1, cached_tokens: 0, reasoning_tokens: 0 });
  });

  const passing: [string, Behaviour][] = [
    ['429', { kind: 'status', status: 429 }],
    ['408', { kind: 'status', status: 408 }],
    ['409', { kind: 'status', status: 409 }],
    ['500', { kind: 'status', status: 500 }],
    ['503 with a page', { kind: 'status', status: 503, message: '<html>' }],
    ['529', { kind: 'status', status: 529 }],
    ['a stream cut without an error', { kind: 'cut', turn: { text: 'one two three four five' } }],
    ['a connection reset', { kind: 'reset', turn: { text: 'one two three four five' } }],
    ['JSON that breaks off', { kind: 'malformed' }],
    ['an error within the stream', { kind: 'error-event' }],
  ];
  test.each(passing)('is tried again after %s', async (_, behaviour) => {
    server.script({ turns: [{ text: 'at last' }] });
    server.next(behaviour, behaviour);
    const request = ask();
    const response = await model().respond(request);
    expect(response.message.text).toBe('at last');
    expect(server.requests).toHaveLength(3);
    expect(request.heard.retries.map((retry) => retry.try)).toEqual([1, 2]);
    expect(request.heard.retries[0]?.error).toStartWith(`${provider} at http://127.0.0.1:`);
  });

  test('is unavailable after four tries, in words that name provider and cause', async () => {
    server.always({ kind: 'status', status: 503, message: 'The engine is overloaded' });
    const failed = await rejection(model().respond(ask()));
    server.always(null);
    expect(server.requests).toHaveLength(4);
    expect(failed).toMatchObject({ name: 'ModelError', code: 'model_unavailable' });
    expect(failed.message).toBe(
      `${provider} at ${server.url} answered 503: The engine is overloaded (tried 4 times)`,
    );
  });

  const refused: [string, Behaviour, string, string][] = [
    ['400', { kind: 'status', status: 400, message: 'bad tool' }, 'model_refused', 'answered 400: bad tool'],
    [
      '403',
      { kind: 'status', status: 403, message: 'not yours' },
      'model_refused',
      'answered 403: not yours',
    ],
    ['422', { kind: 'status', status: 422 }, 'model_refused', 'answered 422'],
    [
      'a redirect',
      { kind: 'status', status: 307, headers: { location: 'http://127.0.0.1:9/' } },
      'model_refused',
      'base_url',
    ],
    ['too long a prompt', { kind: 'context' }, 'context_exceeded', 'too'],
    ['too large a request', { kind: 'status', status: 413 }, 'context_exceeded', '413'],
    ['no quota', { kind: 'quota' }, 'model_unavailable', 'Out of quota'],
    ['no money', { kind: 'status', status: 402 }, 'model_unavailable', 'Out of quota'],
    ['a page', { kind: 'html' }, 'model_unavailable', 'HTML page'],
    ['other JSON', { kind: 'json' }, 'model_unavailable', 'JSON instead of a stream: {"hello"'],
    [
      'x-should-retry: false',
      { kind: 'status', status: 500, headers: { 'x-should-retry': 'false' } },
      'model_unavailable',
      '500',
    ],
  ];
  test.each(refused)('gives up at once after %s', async (what, behaviour, code, words) => {
    server.next(behaviour);
    const failed = await rejection(model().respond(ask()));
    expect(server.requests).toHaveLength(1);
    expect(failed).toMatchObject({ name: 'ModelError', code });
    if (what !== 'too long a prompt') expect(failed.message).toContain(words);
  });

  test('a wrong key is refused, and not repeated in the words', async () => {
    const key = 'wrong-key-that-must-not-show';
    const failed = await rejection(
      makeModel(profileFor(server, provider, { api_key: key }), { modelTimeoutS: 10 }, quick).respond(ask()),
    );
    expect(failed).toMatchObject({ code: 'model_refused', message: expect.stringContaining('401') });
    expect(Bun.inspect(failed)).not.toContain(key);
    expect(server.requests).toHaveLength(1);
  });

  test("a provider's message is cut, and made printable", async () => {
    server.next({ kind: 'status', status: 400, message: `\u001b[31m${'ab '.repeat(5000)}` });
    const { message } = await rejection(model().respond(ask()));
    expect(message.length).toBeLessThan(600);
    expect(message).not.toContain('\u001b');
  });

  test('an unknown model is refused with the words of the provider', async () => {
    const failed = await rejection(
      makeModel(profileFor(server, provider, { model: 'no-such' }), { modelTimeoutS: 10 }, quick).respond(
        ask(),
      ),
    );
    expect(failed).toMatchObject({
      code: 'model_refused',
      message: expect.stringContaining('does not exist'),
    });
  });

  test('nobody there is unavailable', async () => {
    const gone = await startProvider();
    const asked = makeModel(profileFor(gone, provider), { modelTimeoutS: 10 }, quick);
    await gone.stop();
    const failed = await rejection(asked.respond(ask()));
    expect(failed).toMatchObject({ code: 'model_unavailable' });
    expect(failed.message).toContain('could not be reached');
  });

  test('Retry-After is honoured, and capped', async () => {
    const waits: number[] = [];
    const sleep = async (ms: number) => void waits.push(ms);
    const now = () => Date.parse('2030-01-01T00:00:00Z');
    server.script({ turns: [{ text: 'ok' }] });
    const busy = (headers: Record<string, string>): Behaviour => ({ kind: 'status', status: 429, headers });
    server.next(
      busy({ 'retry-after': '7' }),
      busy({ 'retry-after': 'Tue, 01 Jan 2030 00:00:09 GMT' }),
      busy({ 'retry-after': '3600' }),
    );
    await model({ sleep, now, random: () => 0 }).respond(ask());
    server.next(
      busy({ 'retry-after-ms': '250', 'retry-after': '7' }),
      busy({ 'retry-after': 'soon' }),
      busy({}),
    );
    await model({ sleep, now, random: () => 0, backoffMs: 1000 }).respond(ask());
    expect(waits).toEqual([7000, 9000, 60_000, 250, 1000, 2000]);
  });

  test('a server that says nothing is given up after the time-out, each try', async () => {
    server.next({ kind: 'hang' }, { kind: 'hang' });
    const request = ask();
    const failed = await rejection(model({ timeoutMs: 40, tries: 2 }).respond(request));
    expect(failed).toMatchObject({
      code: 'model_unavailable',
      message: expect.stringContaining('within 0.04 s'),
    });
    expect(request.heard.retries).toHaveLength(1);
  });

  test('a stream that stalls is noticed and tried again', async () => {
    server.script({ turns: [{ text: 'whole' }] });
    server.next({ kind: 'stall', turn: { text: 'half of an answer that never ends' } });
    const request = ask();
    const response = await model({ idleMs: 60 }).respond(request);
    expect(response.message.text).toBe('whole');
    expect(request.heard.retries[0]?.error).toContain('nothing for 0.06 s');
  });

  test('a slow stream that goes on is not taken for a stalled one', async () => {
    server.next({ kind: 'answer', turn: { text: 'one two three four five' }, chunk_ms: 20 });
    const request = ask();
    await model({ idleMs: 500 }).respond(request);
    expect(request.heard.retries).toEqual([]);
  });

  const running: [string, Behaviour][] = [
    ['before headers', { kind: 'hang' }],
    ['in a stalled stream', { kind: 'stall', turn: { text: 'a b c d e f' } }],
    ['in a wait', { kind: 'status', status: 429, headers: { 'retry-after': '30' } }],
  ];
  test.each(running)(
    'a call that is called off %s ends promptly, and its connection with it',
    async (_, behaviour) => {
      server.next(behaviour);
      const controller = new AbortController();
      const stop = () => controller.abort(new Error('a reason of its own'));
      const ended = rejection(
        model().respond(ask({ signal: controller.signal, onDelta: stop, onRetry: stop })),
      );
      await until(() => server.requests.length > 0);
      if (behaviour.kind === 'hang') stop();
      const started = performance.now();
      expect((await ended).name).toBe('AbortError');
      expect(performance.now() - started).toBeLessThan(500);
      if (behaviour.kind !== 'status') await until(() => server.requests[0]?.aborted === true);
      expect(server.requests).toHaveLength(1);
    },
  );

  test('nothing is sent for a call that is called off before it starts', async () => {
    const failed = await rejection(model().respond(ask({ signal: AbortSignal.abort() })));
    expect(failed.name).toBe('AbortError');
    expect(server.requests).toEqual([]);
  });

  test('what the receiver of the pieces throws comes through as it is, and is not retried', async () => {
    server.script({ turns: [{ text: 'a b c' }] });
    const own = new Error('fenced');
    const throwing = () => {
      throw own;
    };
    expect(await rejection(model().respond(ask({ onDelta: throwing })))).toBe(own as never);
    expect(server.requests).toHaveLength(1);
  });

  test('temperature is left out for models that refuse it, and that is remembered', async () => {
    const picky = await startProvider({ refuses: ['temperature'], scenario: { turns: [{ text: 'ok' }] } });
    const asked = makeModel(profileFor(picky, provider), { modelTimeoutS: 10 }, quick);
    const request = ask();
    await asked.respond(request);
    await asked.respond(request);
    await picky.stop();
    expect(picky.requests.map(({ body }) => 'temperature' in body)).toEqual([true, false, false]);
    expect(request.heard.retries).toEqual([]);
  });

  test('temperature is what the agent says, 0 when it says nothing', async () => {
    server.script({ turns: [{ text: 'ok' }] });
    await model().respond(ask());
    await makeModel(profileFor(server, provider, { temperature: 0.7 }), { modelTimeoutS: 10 }).respond(ask());
    expect(server.requests.map(({ body }) => body.temperature)).toEqual([0, 0.7]);
  });
});

/** Waits for what another party does, at most two seconds. */
async function until(condition: () => boolean): Promise<void> {
  const limit = performance.now() + 2000;
  while (!condition()) {
    if (performance.now() > limit) throw new Error('waited in vain');
    await Bun.sleep(2);
  }
}
