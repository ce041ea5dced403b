import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createAgent } from '../../src/core/agent';
import type { Event, FactType, Payloads } from '../../src/core/fact';
import { changeSettings } from '../../src/core/settings';
import { newAgent, vault } from '../core/scene';
import { type Provider, startProvider } from '../support/providers';
import { type Bench, call, done, openBench } from './bench';

let bench: Bench;
let provider: Provider;
beforeAll(async () => {
  provider = await startProvider();
  bench = await openBench();
  await bench.worker();
  const judge = newAgent({
    ...{ name: 'judge', provider: 'openai', model: 'test-model', scenario: null },
    ...{ base_url: provider.openaiUrl, api_key: provider.key, price: { input: 1, output: 1, cached: 1 } },
  });
  await createAgent(bench.database, vault, judge);
});
afterAll(async () => {
  await bench.close();
  await provider.stop();
});

function of<T extends FactType>(events: readonly Event[], type: T): Payloads[T][] {
  return events.filter((event) => event.type === type).map((event) => event.payload as Payloads[T]);
}

const say = (answer: object) => ({ kind: 'answer' as const, turn: { text: JSON.stringify(answer) } });
const missed = say({ met: false, missing: ['The word is two'], reason: 'It says three.' });
const reached = say({ met: true, missing: [], reason: 'It says two.' });
const wrong = call('edit_file', { path: 'a.txt', search: 'one', replace: 'three' });
const right = call('edit_file', { path: 'a.txt', search: 'three', replace: 'two' });

test('without checks a judge’s opinion starts the next iteration, is told to the agent, and is recorded as one', async () => {
  await changeSettings(bench.database, { judges: ['judge'] });
  provider.next(missed, reached);
  const run = await bench.ended(await bench.start({ turns: [wrong, done, right, done] }));
  const events = await bench.events(run.id);
  expect([run.status, run.variations[0]!.iteration]).toEqual(['completed', 2]);
  expect(of(events, 'goal.assessed').map((one) => [one.agent, one.met])).toEqual([
    ['judge', false],
    ['judge', true],
  ]);
  expect(of(events, 'iteration.started')).toEqual([{ iteration: 2, opinion: 'It says three.' }]);
  const told = of(events, 'model.requested').flatMap((payload) => payload.added);
  expect(told.filter((text) => text.includes('The word is two') && text.includes('opinion'))).toHaveLength(1);
  // The judge's two calls are the variation's, too.
  expect(run.variations[0]!.usage.model_calls).toBe(6);
}, 30_000);

test('an opinion that cannot be had, or a judge that is not configured, holds nobody back', async () => {
  await changeSettings(bench.database, { judges: ['judge'] });
  provider.next(say({ nonsense: true }), say({ nonsense: true }));
  const silent = await bench.ended(await bench.start({ turns: [wrong, done] }));
  await changeSettings(bench.database, { judges: [] });
  const without = await bench.ended(await bench.start({ turns: [wrong, done] }));
  for (const run of [silent, without]) {
    expect([run.status, run.variations[0]!.iteration]).toEqual(['completed', 1]);
    expect(of(await bench.events(run.id), 'goal.assessed')).toEqual([]);
  }
  // That it was asked for, and why it was not had, is in the variation's record.
  const unheard = async ({ id }: { id: number }) =>
    (await bench.events(id)).filter((event) => event.type === 'judge.answered');
  expect(await unheard(silent)).toMatchObject([
    { variation: 1, payload: { verdict: null, question: 'goal', failure: { code: 'unreadable' } } },
  ]);
  expect(await unheard(without)).toEqual([]);
}, 30_000);

test('a judge that is down is told of, with why', async () => {
  await changeSettings(bench.database, { judges: ['judge'] });
  provider.next({ kind: 'quota' });
  const run = await bench.ended(await bench.start({ turns: [wrong, done] }));
  expect(run.status).toBe('completed');
  expect(of(await bench.events(run.id), 'judge.answered')).toMatchObject([
    { agent: 'judge', about: [1], text: null, failure: { code: expect.stringContaining('model_') } },
  ]);
}, 30_000);
