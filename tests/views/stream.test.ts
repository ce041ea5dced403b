import { describe, expect, test } from 'bun:test';
import type { Fact } from '../../src/core/fact';
import { Ev } from '../../src/views/events';
import { continues, type Item } from '../../src/views/items';
import { Stream } from '../../src/views/stream';
import { events, facts } from './fixtures';

const context = {
  run: 212,
  position: 2,
  origin: '2026-11-21T20:34:25Z',
  changes: '/runs/212?v=2&tab=changes',
};

function streamOf(list: readonly Fact[]): Stream {
  const stream = new Stream(2);
  for (const event of events(list)) stream.take(event);
  return stream;
}

async function html(items: readonly Item[]): Promise<string> {
  return (await Promise.all(items.map((item) => Ev({ item, context })))).join('\n');
}

describe('a stream', () => {
  test('makes one thing of the parts that belong together', async () => {
    const stream = streamOf(facts);
    const kinds = stream.items.map((item) => item.kind);
    expect(kinds.filter((kind) => kind === 'think')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'tool')).toHaveLength(3);
    expect(kinds.filter((kind) => kind === 'checks')).toHaveLength(1);
    const page = await html(stream.items);
    expect(page).toContain('70 passed');
    expect(page).toContain('GPT-5 gave no answer: overloaded');
    expect(page).toContain('broken');
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('says where the network was refused, and that a goal could not be assessed', async () => {
    const denied = { host: 'example.org', port: 443, reason: 'Not on the list' };
    const asked = {
      question: 'goal',
      about: [2],
      agent: 'a judge',
      model: 'm',
      text: null,
      cost_usd: null,
    } as const;
    const failure = { code: 'model_unavailable', message: 'It is <down>' } as const;
    const { items } = streamOf([
      { type: 'network.denied', payload: { ...denied, on: 'base' } },
      { type: 'network.denied', payload: { ...denied, on: 'work' } },
      { type: 'judge.answered', payload: { ...asked, about: [2], verdict: null, failure } },
      // Of a verdict it is the run's own.
      { type: 'judge.answered', payload: { ...asked, about: [2], verdict: 3, failure } },
    ]);
    expect(items).toMatchObject([
      { kind: 'notice', strong: 'Network denied on the base' },
      { kind: 'notice', strong: 'Network denied' },
      { kind: 'notice', level: 'warn', strong: 'The goal could not be assessed' },
    ]);
    expect(await html(items)).toContain('It is &lt;down&gt; (a judge)');
  });

  test('tells what is new and what changed, once', () => {
    const stream = new Stream(2);
    const [first, ...rest] = events([
      { type: 'agent.message', payload: { call: 1, text: 'One ' } },
      { type: 'agent.message', payload: { call: 1, text: 'two' } },
    ]);
    if (first) stream.take(first);
    expect(stream.changes().fresh.map((item) => item.key)).toEqual(['v2-c1-say']);
    for (const event of rest) stream.take(event);
    const { fresh, changed } = stream.changes();
    expect(fresh).toEqual([]);
    expect(changed).toMatchObject([{ kind: 'said', text: 'One two', live: true }]);
    expect(stream.changes()).toEqual({ fresh: [], changed: [] });
  });

  test('puts the whole answer in the place of its pieces, and starts over when a call is tried again', () => {
    const stream = streamOf([
      {
        type: 'model.requested',
        payload: { call: 1, provider: 'openai', model: 'm', messages: 1, added: [] },
      },
      { type: 'agent.message', payload: { call: 1, text: 'Half an ans' } },
      { type: 'model.retried', payload: { call: 1, error: 'cut off', try: 1, delay_ms: 500 } },
      { type: 'agent.message', payload: { call: 1, text: 'A whole' } },
      ...facts.filter((fact) => fact.type === 'model.responded').slice(0, 1),
    ]);
    expect(stream.items.filter((item) => item.kind === 'said')).toMatchObject([
      { text: expect.stringContaining('it cuts to two decimals'), live: false },
    ]);
  });

  test('keeps the beginning and the end of an endless output', async () => {
    const piece = `${'x'.repeat(99)}\n`.repeat(100);
    const stream = streamOf([
      {
        type: 'tool.started',
        payload: { tool: 1, id: 'a', name: 'run_command', arguments: {}, title: 'yes' },
      },
      ...Array.from(
        { length: 100 },
        (): Fact => ({ type: 'tool.output', payload: { tool: 1, stream: 'stdout', text: piece } }),
      ),
    ]);
    const live = await html(stream.items);
    expect(live.length).toBeLessThan(4000);
    expect(live).toContain('live');
    const [item] = stream.items;
    expect(item?.kind === 'tool' && item.output.head.length + item.output.tail.length).toBeLessThan(30_000);
  });

  test('lets go of its oldest items', () => {
    const stream = streamOf(facts);
    const all = [...stream.items];
    expect(stream.trim(5)).toEqual(all.slice(0, -5));
    expect(stream.items).toEqual(all.slice(-5));
  });

  test('knows what cannot come first', () => {
    const first = events(facts).filter((event) => !continues(event));
    expect(first.map((event) => event.type)).not.toContain('tool.output');
    expect(first.map((event) => event.type)).toContain('tool.started');
  });

  test('escapes everything that an agent can write', async () => {
    const evil = '<script>alert(1)</script><b onclick="x">';
    const poisoned = JSON.parse(JSON.stringify(facts), (key, value) =>
      typeof value === 'string' &&
      !['type', 'status', 'on', 'result', 'kind', 'stream', 'code', 'role', 'name'].includes(key)
        ? `${evil}${value}`
        : value,
    ) as Fact[];
    const page = await html(streamOf(poisoned).items);
    expect(page).toContain('&lt;script');
    expect(page).not.toContain('<script');
    expect(page).not.toContain('<b onclick');
  });
});
