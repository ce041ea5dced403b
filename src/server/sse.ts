/** Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html */

const encoder = new TextEncoder();
/** A quiet stream says this often that it is there (api.md). */
export const heartbeatMs = 15_000;
const heartbeat = encoder.encode(': still here\n\n');

export interface ServerSentEvent {
  id?: string | number;
  event?: string;
  data: string;
}

/** One event on the wire. Every line of data gets its own `data:`; line breaks in `id` and `event` cannot be. */
export function encodeEvent({ id, event, data }: ServerSentEvent): Uint8Array {
  const head = `${id === undefined ? '' : `id: ${oneLine(String(id))}\n`}${event === undefined ? '' : `event: ${oneLine(event)}\n`}`;
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return encoder.encode(`${head}${lines.join('')}\n`);
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\0]/g, ' ');
}

/** The part of Bun's server that a stream needs; absent where a test calls the app without one. */
export interface StreamHost {
  timeout(request: Request, seconds: number): void;
}

/**
 * Answers with a stream of events pulled from `source`, which is asked for more only as fast as the reader takes it.
 * `source` ends when its signal fires: the reader left, or the service stops.
 */
export function eventStream(
  request: Request,
  host: StreamHost | null,
  stopping: AbortSignal,
  source: (signal: AbortSignal) => AsyncGenerator<ServerSentEvent[]>,
  everyMs = heartbeatMs,
): Response {
  // Bun cuts quiet responses; only this request is freed of that, since the limit also stops slow attackers.
  host?.timeout(request, 0);
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, stopping, request.signal]);
  const events = source(signal);
  let timer: ReturnType<typeof setInterval> | null = null;
  const end = (): void => {
    if (timer) clearInterval(timer);
    gone.abort();
    // A source that waits at a `yield` hears no signal: only this lets it clean up.
    void events.return(undefined).catch(() => {});
  };
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      // Said at once, so that the reader sees an open stream before the first event.
      controller.enqueue(encoder.encode(': open\n\n'));
      timer = setInterval(() => {
        // A reader that takes nothing needs no sign of life.
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(heartbeat);
      }, everyMs);
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    },
    async pull(controller) {
      try {
        const next = await events.next();
        if (next.done) {
          end();
          controller.close();
          return;
        }
        for (const event of next.value) controller.enqueue(encodeEvent(event));
      } catch (error) {
        end();
        controller.error(error);
      }
    },
    cancel() {
      end();
    },
  });
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    },
  });
}

/** Where a reader goes on: `Last-Event-ID`, else `?after=`, else the beginning. */
export function resumeAfter(request: Request): number {
  const asked = request.headers.get('last-event-id') ?? new URL(request.url).searchParams.get('after') ?? '0';
  const seq = /^\d{1,15}$/.test(asked.trim()) ? Number(asked) : 0;
  return Number.isSafeInteger(seq) ? seq : 0;
}
