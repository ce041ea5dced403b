import type { Event, FactType } from '../core/fact';
import type { Client } from './client';
import { Exit } from './exit';
import { over } from './words';

const runEnds: ReadonlySet<string> = new Set<FactType>([
  'run.completed',
  'run.failed',
  'run.needs_review',
  'run.stopped',
]);
/** The service sends a comment every 15 s; three missed ones mean that the connection is dead. */
const silentMs = 45_000;
const giveUpMs = 60_000;
const longestEvent = 32 * 2 ** 20;

/**
 * A run's events in order, from after `after` up to its end (the last one, where it was started again), over broken connections and restarts of the service: it
 * comes back with `Last-Event-ID`, so that nothing is missed and nothing comes twice.
 * @throws Exit 3 when the service stays away for a minute; AbortError when `signal` fires.
 */
export async function* follow(
  client: Client,
  run: number,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<Event> {
  let seen = after;
  /** The last that the run said of itself is that it is over; it may have been started again since. */
  let ended = false;
  let lost: number | null = null;
  for (let pause = 100; ; pause = Math.min(pause * 2, 2000)) {
    try {
      const before = seen;
      for await (const event of connect(client, run, seen, signal)) {
        // A server that repeats itself is put up with.
        if (event.seq <= seen) continue;
        seen = event.seq;
        pause = 100;
        lost = null;
        if (event.variation === null && event.type.startsWith('run.')) ended = runEnds.has(event.type);
        yield event;
      }
      // The service closes the stream after the end; closed before that, there is more to read.
      if ((ended || seen === before) && over((await client.run(run)).status)) return;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Exit && error.code !== 3) throw error;
      lost ??= Date.now();
      if (Date.now() - lost > giveUpMs)
        throw new Exit(3, `the service at ${client.url} does not answer any more`);
    }
    await wait(pause, signal);
  }
}

async function* connect(
  client: Client,
  run: number,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<Event> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silentMs);
  try {
    const response = await client.raw(`/runs/${run}/stream`, {
      headers: { accept: 'text/event-stream', ...(after > 0 ? { 'last-event-id': String(after) } : {}) },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (response.body === null) return;
    yield* parseEvents(response.body, () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silentMs);
    });
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/**
 * The events of a stream of server-sent events (WHATWG HTML, 9.2.6), those whose data is one of ours; an unfinished
 * last one is dropped, as the standard says.
 */
export async function* parseEvents(
  body: ReadableStream<Uint8Array>,
  heard: () => void = () => {},
): AsyncGenerator<Event> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = '';
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      rest += decoder.decode(value, { stream: true });
      if (rest.length > longestEvent) throw new Error('an event without an end');
      // A carriage return at the end may be half of a line's end.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
        if (line !== '') continue;
        const event = data.length > 0 ? readEvent(data.join('\n')) : null;
        data = [];
        if (event !== null) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function readEvent(text: string): Event | null {
  const event: unknown = JSON.parse(text);
  const is =
    typeof event === 'object' && event !== null && 'seq' in event && 'type' in event && 'payload' in event;
  return is ? (event as Event) : null;
}

/** Waits; rejects with the signal's reason as soon as it fires. */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
