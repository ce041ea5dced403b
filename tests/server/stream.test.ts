import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Run } from '../../src/core/contract';
import type { Event } from '../../src/core/fact';
import { encodeEvent, eventStream, heartbeatMs, type ServerSentEvent } from '../../src/server/sse';
import { makeRepository } from '../support/repository';
import { scenario, startTestService, type TestService } from '../support/service';
import { removeTemp, tempDir } from '../support/temp';
import { until } from '../support/wait';
import { readStream, type SseReader } from './sse-reader';

let service: TestService;
const dataDir = tempDir('data');
const path = makeRepository({ 'a.txt': 'a\n' }).path;
const nasty = 'line\nnext\r\nthird\rdata: injected\n\nevent: run.completed\nid: 999\n\u2028\u{1f600}\u0085';

beforeAll(async () => {
  service = await startTestService({ dataDir });
  const wait = (ms: number) => ({ name: 'run_command', arguments: { command: 'echo tick' }, delay_ms: ms });
  const agents = {
    quick: scenario({ name: 'run_command', arguments: { command: 'echo one; echo two' } }),
    slow: scenario(...Array.from({ length: 6 }, () => wait(200))),
    nasty: { turns: [{ text: nasty, tool_calls: [{ name: 'finish', arguments: { summary: nasty } }] }] },
    waiting: scenario(wait(60_000)),
  };
  for (const [name, one] of Object.entries(agents))
    await service.call('/agents', { name, provider: 'scripted', scenario: one });
}, 30_000);
afterAll(async () => {
  await service.stop();
  removeTemp(dataDir);
}, 20_000);

async function start(agent: string): Promise<number> {
  const { body } = await service.call<Run>('/runs', { local_path: path, goal: nasty, agents: [agent] });
  return body.id;
}

async function open(
  id: number,
  headers: Record<string, string> = {},
  query = '',
): Promise<SseReader & { answer: Response }> {
  const answer = await fetch(`${service.url}/api/v1/runs/${id}/stream${query}`, {
    headers: { authorization: `Bearer ${service.apiKey}`, ...headers },
  });
  expect(answer.status).toBe(200);
  return { ...readStream(answer), answer };
}

async function recorded(id: number): Promise<Event[]> {
  const items: Event[] = [];
  for (;;) {
    const { body } = await service.call<{ items: Event[]; next_cursor: string | null }>(
      `/runs/${id}/events?limit=200&after=${items.length}`,
    );
    items.push(...body.items);
    if (body.next_cursor === null) return items;
  }
}

const ids = (reader: SseReader) => reader.events.map((event) => Number(event.id));
const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => from + i);

describe('the stream of a run', () => {
  test('tells every event once, in order, as it is recorded, and ends after the last', async () => {
    const id = await start('slow');
    const reader = await open(id);
    expect(reader.answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(reader.answer.headers.get('cache-control')).toContain('no-store');
    expect(reader.answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await reader.ended).toBe('closed');
    const events = await recorded(id);
    expect(reader.events.map((event) => JSON.parse(event.data))).toEqual(events);
    expect(reader.events.map((event) => event.event)).toEqual(events.map((event) => event.type));
    expect(ids(reader)).toEqual(upTo(events.length));
    expect(events.at(-1)?.type).toBe('run.completed');
  }, 30_000);

  test('carries any text on one line of data', async () => {
    const id = await start('nasty');
    const reader = await open(id);
    await reader.ended;
    expect(reader.events.every((event) => !event.data.includes('\n'))).toBe(true);
    const messages = reader.events
      .filter((event) => event.event === 'agent.message')
      .map((event) => JSON.parse(event.data).payload.text);
    expect(messages.join('')).toBe(nasty);
    expect(reader.events.filter((event) => event.event === 'run.completed')).toHaveLength(1);
  });

  test('goes on exactly after Last-Event-ID or ?after=, and the header wins', async () => {
    const id = await start('quick');
    await service.ended(id);
    const n = (await recorded(id)).length;
    const rest = async (headers: Record<string, string>, query = '') => {
      const reader = await open(id, headers, query);
      expect(await reader.ended).toBe('closed');
      return ids(reader);
    };
    expect(await rest({ 'last-event-id': '5' })).toEqual(upTo(n, 6));
    expect(await rest({}, '?after=7')).toEqual(upTo(n, 8));
    expect(await rest({ 'last-event-id': '3' }, '?after=7')).toEqual(upTo(n, 4));
    expect(await rest({ 'last-event-id': String(n) })).toEqual([]);
    expect(await rest({ 'last-event-id': '999999' })).toEqual([]);
    expect(await rest({ 'last-event-id': 'nonsense' })).toEqual(upTo(n));
  });

  test('loses nothing and repeats nothing over a restart of the service, which closes it at once', async () => {
    const id = await start('slow');
    const first = await open(id);
    await until(() => first.events.length > 8, 'the first events');
    const stopping = performance.now();
    const stopped = service.stop();
    await first.ended;
    expect(performance.now() - stopping).toBeLessThan(5_000);
    await stopped;
    expect(performance.now() - stopping).toBeLessThan(10_000);

    service = await startTestService({ dataDir });
    const last = ids(first).at(-1) ?? 0;
    const second = await open(id, { 'last-event-id': String(last) });
    expect(await second.ended).toBe('closed');
    const events = await recorded(id);
    expect([...ids(first), ...ids(second)]).toEqual(upTo(events.length));
    expect(events.at(-1)?.type).toBe('run.completed');
  }, 30_000);

  test('reaches two hundred readers alike', async () => {
    const id = await start('slow');
    const readers = await Promise.all(Array.from({ length: 200 }, () => open(id)));
    await Promise.all(readers.map((reader) => reader.ended));
    const n = (await recorded(id)).length;
    for (const reader of readers) expect(ids(reader)).toEqual(upTo(n));
  }, 30_000);

  test('of a run that waits is open at once, and ends when the run is stopped', async () => {
    const id = await start('waiting');
    const reader = await open(id);
    await until(() => reader.events.some((event) => event.event === 'variation.started'), 'the start');
    await service.call(`/runs/${id}/stop`, undefined, 'POST');
    expect(await reader.ended).toBe('closed');
    expect(reader.events.at(-1)?.event).toBe('run.stopped');
  });

  test('of no run is refused in JSON', async () => {
    const answer = await service.call<{ error: { code: string } }>('/runs/999999/stream');
    expect([answer.status, answer.body.error.code]).toEqual([404, 'run_not_found']);
  });
});

describe('the encoder', () => {
  const request = () => new Request('http://localhost/');
  const never = new AbortController().signal;

  test('keeps a field a field, whatever is in it', async () => {
    const reader = readStream(
      new Response(Buffer.from(encodeEvent({ id: '1\nevent: x', event: 'a\r\nb', data: nasty }))),
    );
    await reader.ended;
    expect(reader.events).toEqual([{ id: '1 event: x', event: 'a  b', data: nasty.replace(/\r\n?/g, '\n') }]);
  });

  test('says that it is there while nothing comes, by the contract every 15 s', async () => {
    expect(heartbeatMs).toBe(15_000);
    const gone = new AbortController();
    async function* nothing(signal: AbortSignal): AsyncGenerator<ServerSentEvent[]> {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    }
    const reader = readStream(eventStream(request(), null, gone.signal, nothing, 20));
    await until(() => reader.comments.length >= 3, 'signs of life');
    gone.abort();
    await reader.ended;
    expect(reader.comments[0]).toBe('open');
  });

  test('asks its source for no more than a slow reader takes', async () => {
    let asked = 0;
    async function* endless(): AsyncGenerator<ServerSentEvent[]> {
      for (;;) {
        asked += 1;
        yield [{ data: 'x'.repeat(64 * 1024) }];
      }
    }
    const body = eventStream(request(), null, never, endless).body as ReadableStream<Uint8Array>;
    const reader = body.getReader();
    for (let i = 0; i < 10; i += 1) await reader.read();
    expect(asked).toBeLessThan(15);
    await reader.cancel();
  });

  test.each(['the reader leaves', 'the service stops'])(
    'ends a source that waits at its yield when %s',
    async (why) => {
      const stopping = new AbortController();
      let ended = false;
      async function* source(): AsyncGenerator<ServerSentEvent[]> {
        try {
          for (;;) yield [{ data: 'x' }];
        } finally {
          ended = true;
        }
      }
      const body = eventStream(request(), null, stopping.signal, source).body as ReadableStream<Uint8Array>;
      const reader = body.getReader();
      await reader.read();
      await reader.read();
      expect(ended).toBe(false);
      if (why === 'the service stops') stopping.abort();
      else await reader.cancel();
      await until(() => ended, 'the end of the source', 2_000);
    },
  );

  test('ends its source when the reader leaves', async () => {
    let ended = false;
    async function* source(signal: AbortSignal): AsyncGenerator<ServerSentEvent[]> {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      ended = true;
    }
    const body = eventStream(request(), null, never, source).body as ReadableStream<Uint8Array>;
    const reader = body.getReader();
    await reader.read();
    await reader.cancel();
    await until(() => ended, 'the end of the source');
  });
});
