import { afterEach, describe, expect, test } from 'bun:test';
import { openClient } from '../../src/cli/client';
import { Exit } from '../../src/cli/exit';
import { follow, parseEvents } from '../../src/cli/follow';
import { readConfig } from '../../src/config';

const encoder = new TextEncoder();

function streamOf(...pieces: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(encoder.encode(piece));
      controller.close();
    },
  });
}

function frame(seq: number, type: string, newline = '\n'): string {
  const event = {
    run_id: 1,
    seq,
    variation: null,
    type,
    payload: {},
    created_at: '2026-01-01T00:00:00.000Z',
  };
  return `id: ${seq}${newline}event: ${type}${newline}data: ${JSON.stringify(event)}${newline}${newline}`;
}

describe('a stream of events', () => {
  test.each(['\n', '\r\n', '\r'])(
    'is read however it is cut into pieces, lines ended by %j',
    async (newline) => {
      const whole = `: hello${newline}${newline}${frame(1, 'run.created', newline)}${frame(2, 'run.queued', newline)}${frame(3, 'run.started', newline)}x`;
      for (const size of [1, 2, 7, 1000]) {
        const pieces = whole.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g'))!;
        const seen: number[] = [];
        for await (const event of parseEvents(streamOf(...pieces))) seen.push(event.seq);
        expect(seen).toEqual([1, 2, 3]);
      }
    },
  );

  test('drops what has no end, and data that is none of ours', async () => {
    const seen: number[] = [];
    const text = `data: {"hello":1}\n\n${frame(4, 'run.started')}${frame(5, 'run.completed').trimEnd()}`;
    for await (const event of parseEvents(streamOf(text))) seen.push(event.seq);
    expect(seen).toEqual([4]);
  });
});

/** A server that speaks the stream's protocol and breaks off as told. */
describe('following a run', () => {
  let server: ReturnType<typeof Bun.serve> | null = null;
  afterEach(async () => {
    await server?.stop(true);
    server = null;
  });

  /** The run is over once the last of the answers was given, or has the status named. */
  function serve(answers: (string | number)[], status?: string): { asked: (string | null)[]; url: string } {
    const asked: (string | null)[] = [];
    server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch(request) {
        if (!request.url.endsWith('/stream'))
          return Response.json({ id: 1, status: status ?? (answers.length === 0 ? 'completed' : 'running') });
        asked.push(request.headers.get('last-event-id'));
        const next = answers.shift();
        if (typeof next !== 'string') return new Response('', { status: next ?? 503 });
        return new Response(streamOf(next), { headers: { 'content-type': 'text/event-stream' } });
      },
    });
    return { asked, url: `http://127.0.0.1:${server.port}` };
  }

  async function seen(url: string, signal = new AbortController().signal): Promise<number[]> {
    const numbers: number[] = [];
    for await (const event of follow(openClient(readConfig({}), url, 'key'), 1, 0, signal))
      numbers.push(event.seq);
    return numbers;
  }

  test('comes back after breaks with the last number seen: nothing missed, nothing twice', async () => {
    const { asked, url } = serve([
      frame(1, 'run.created') + frame(2, 'run.queued') + frame(3, 'run.started').slice(0, 20),
      502,
      frame(2, 'run.queued') + frame(3, 'run.started'),
      frame(4, 'run.completed'),
    ]);
    expect(await seen(url)).toEqual([1, 2, 3, 4]);
    expect(asked).toEqual([null, '2', '2', '3']);
  });

  test('goes on past ends that were not the last: the run was started again', async () => {
    const { url } = serve([
      frame(1, 'run.failed') + frame(2, 'run.queued'),
      frame(3, 'run.stopped'),
      frame(4, 'run.queued') + frame(5, 'run.completed') + frame(6, 'verdict.given'),
    ]);
    expect(await seen(url)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('is not misled by a stream that broke off, when the run has ended meanwhile', async () => {
    const { asked, url } = serve(
      [frame(1, 'run.started') + frame(2, 'x'), frame(3, 'run.completed')],
      'completed',
    );
    expect(await seen(url)).toEqual([1, 2, 3]);
    expect(asked).toEqual([null, '2']);
  });

  test('ends with a run that was over before', async () => {
    const { url } = serve(['']);
    expect(await seen(url)).toEqual([]);
  });

  test('gives up at once on what will not pass', async () => {
    const { url } = serve([404]);
    const error = await seen(url).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Exit);
    expect((error as Exit).code).toBe(2);
  });

  test('ends when the person interrupts', async () => {
    const { url } = serve([]);
    const error = await seen(url, AbortSignal.timeout(300)).catch((reason: unknown) => reason);
    expect((error as Error).name).toBe('TimeoutError');
  });
});
