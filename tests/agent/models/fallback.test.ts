import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { makeModel } from '../../../src/agent/models';
import { type Behaviour, type Provider, startProvider } from '../../support/providers';
import { ask, profileFor, rejection } from './setup';

let first: Provider;
let second: Provider;
let time = 0;
beforeAll(async () => {
  first = await startProvider({ scenario: { turns: [{ text: 'from the first' }] } });
  second = await startProvider({ scenario: { turns: [{ text: 'from the second' }] } });
});
beforeEach(() => {
  first.requests.length = 0;
  second.requests.length = 0;
});
afterAll(async () => {
  await first.stop();
  await second.stop();
});

function model(change = {}) {
  const fallback = profileFor(second, 'anthropic', { agent: 'B', context_tokens: 5000 });
  return makeModel(
    profileFor(first, 'openai', { agent: 'A', fallback, ...change }),
    { modelTimeoutS: 10 },
    { backoffMs: 1, now: () => time },
  );
}

const down: Behaviour = { kind: 'status', status: 503, message: 'down' };

test('a model that is not to be had is replaced, and asked again a minute later', async () => {
  const asked = model();
  const request = ask();
  first.next(down, down, down, down);
  expect((await asked.respond(request)).message.text).toBe('from the second');
  expect(request.heard.fallbacks).toEqual([
    { from: 'A', to: 'B', error: expect.stringContaining('answered 503: down (tried 4 times)') },
  ]);
  expect(asked.contextTokens).toBe(5000);

  time += 59_999;
  const response = await asked.respond(request);
  expect(response).toMatchObject({ provider: 'anthropic', message: { text: 'from the second' } });
  expect(first.requests).toHaveLength(4);
  expect(request.heard.fallbacks).toHaveLength(2);

  time += 1;
  expect(asked.contextTokens).toBe(100_000);
  expect((await asked.respond(request)).message.text).toBe('from the first');
  expect(request.heard.fallbacks).toHaveLength(2);
});

test.each([401, 403, 404])('a key or name that is not accepted (%d) is reason enough', async (status) => {
  first.next({ kind: 'status', status });
  expect((await model().respond(ask())).message.text).toBe('from the second');
  expect(first.requests).toHaveLength(1);
});

test.each<[string, Behaviour]>([
  ['model_refused', { kind: 'status', status: 400 }],
  ['context_exceeded', { kind: 'context' }],
])('%s comes through: the second would do no better', async (code, behaviour) => {
  first.next(behaviour);
  expect((await rejection(model().respond(ask()))).code).toBe(code as 'model_refused');
  expect(second.requests).toHaveLength(0);
});

test('when both fail, the words tell of both', async () => {
  first.next(down, down, down, down);
  second.next({ kind: 'quota' });
  const failed = await rejection(model().respond(ask()));
  expect(failed).toMatchObject({ name: 'ModelError', code: 'model_unavailable' });
  expect(failed.message).toMatch(/503: down .*; then B: anthropic at .*Out of quota/);
});

test('a call that is called off is not handed on', async () => {
  first.next({ kind: 'hang' });
  const failed = await rejection(model().respond(ask({ signal: AbortSignal.timeout(20) })));
  expect(failed.name).toBe('AbortError');
  expect(second.requests).toHaveLength(0);
});
