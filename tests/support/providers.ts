import { parseScenario, type Scenario, type Turn, turnAt } from '../../src/agent/models/scripted';
import { anthropic } from './providers/anthropic';
import { openai } from './providers/openai';
import type { Protocol } from './providers/protocol';
import { brokenStream, type Ending, resetMessage, streamed } from './providers/stream';

/** What the server does with one request instead of, or besides, answering from its script. */
export type Behaviour =
  | {
      kind: 'answer';
      /** Instead of the script's turn. */
      turn?: Turn;
      /** The provider's own usage object; null sends none. */
      usage?: Record<string, unknown> | null;
      delay_ms?: number;
      chunk_ms?: number;
    }
  /** Begins to answer, and then: ends as if all were well, resets the connection, or says no more. */
  | { kind: 'cut' | 'reset' | 'stall'; turn?: Turn }
  | { kind: 'status'; status: number; code?: string; message?: string; headers?: Record<string, string> }
  | { kind: 'context' | 'quota' }
  /** 200 with what is no answer. `malformed`: an event stream whose JSON is broken off. */
  | { kind: 'html' | 'json' | 'malformed' }
  /** An error event within a 200 stream. */
  | { kind: 'error-event' }
  /** No headers, ever. */
  | { kind: 'hang' };

export interface ProviderOptions {
  /** The key that is asked for; default `test-key-0123456789`. */
  key?: string;
  /** Default `['test-model']`; others are 404. */
  models?: string[];
  scenario?: Scenario;
  /** Parameters that are refused with 400 as unsupported, as OpenAI's and Anthropic's newer models do. */
  refuses?: string[];
}

export interface SeenRequest {
  protocol: 'openai' | 'anthropic';
  headers: Headers;
  body: Record<string, unknown>;
  /** Why it was refused, if it was: nothing that our adapters send should be. */
  refused: string | null;
  /** The client went away before the answer was whole. */
  aborted: boolean;
}

export interface Provider {
  /** Without `/v1`: an Anthropic base URL, an Ollama host. */
  url: string;
  /** With `/v1`: an OpenAI base URL. */
  openaiUrl: string;
  key: string;
  requests: SeenRequest[];
  /** Changes the script. */
  script(scenario: Scenario): void;
  /** What the next requests meet, one each; after them the script answers again. */
  next(...behaviours: Behaviour[]): void;
  /** What every request meets from now on when `next` has run out; null: the script. */
  always(behaviour: Behaviour | null): void;
  stop(): Promise<void>;
}

/**
 * A local server that speaks OpenAI's chat completions (and so Ollama's) and Anthropic's messages well enough for
 * their SDKs: refuses what the real ones refuse, and streams in small pieces that split characters and lines.
 */
export async function startProvider(options: ProviderOptions = {}): Promise<Provider> {
  const key = options.key ?? 'test-key-0123456789';
  const models = options.models ?? ['test-model'];
  let scenario: Scenario = options.scenario ?? { turns: [] };
  let standing: Behaviour | null = null;
  const queue: Behaviour[] = [];
  const requests: SeenRequest[] = [];
  const stopping = Promise.withResolvers<void>();

  async function answer(request: Request, protocol: Protocol): Promise<Response> {
    const text = await request.text();
    const body = parse(text);
    const seen: SeenRequest = {
      protocol: protocol.name,
      headers: request.headers,
      body: body ?? {},
      refused: null,
      aborted: false,
    };
    requests.push(seen);
    request.signal.addEventListener('abort', () => {
      seen.aborted = true;
    });
    const behaviour = queue.shift() ?? standing ?? { kind: 'answer' };
    const refusal = protocol.refuse(request.headers, body, text, {
      key,
      models,
      refuses: options.refuses ?? [],
    });
    if (refusal) {
      seen.refused = refusal.message;
      return protocol.error(refusal);
    }
    return behave(behaviour, protocol, body ?? {}, request.signal);
  }

  async function behave(
    behaviour: Behaviour,
    protocol: Protocol,
    body: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<Response> {
    switch (behaviour.kind) {
      case 'status':
        return protocol.error(
          {
            status: behaviour.status,
            code: behaviour.code,
            message: behaviour.message ?? `told to answer ${behaviour.status}`,
          },
          behaviour.headers,
        );
      case 'context':
        return protocol.error(protocol.contextRefusal);
      case 'quota':
        return protocol.error(protocol.quotaRefusal);
      case 'html':
        return new Response('<!DOCTYPE html><html><body>Please sign in</body></html>', {
          headers: { 'content-type': 'text/html; charset=utf-8' },
        });
      case 'json':
        return Response.json({ hello: ['this', 'is', 'no', 'answer'] });
      case 'malformed':
        return eventStream(protocol.malformed());
      case 'error-event':
        return eventStream(protocol.errorEvent());
      case 'hang':
        await Promise.race([stopping.promise, once(signal)]);
        return new Response(null, { status: 503 });
      default: {
        const turn = behaviour.turn ?? turnAt(scenario, assistantMessages(body));
        const own: Partial<Extract<Behaviour, { kind: 'answer' }>> =
          behaviour.kind === 'answer' ? behaviour : {};
        const { usage } = own;
        await wait(own.delay_ms ?? turn.delay_ms ?? 0, signal);
        if (body.stream !== true) return Response.json(protocol.whole(body, turn, usage));
        const frames = protocol.frames(body, turn, usage);
        const ending: Ending = behaviour.kind === 'answer' ? 'end' : behaviour.kind;
        if (ending === 'reset') return brokenStream(frames);
        return eventStream(
          streamed(frames, ending, own.chunk_ms ?? turn.chunk_ms ?? 0, stopping.promise, signal),
          protocol.headers,
        );
      }
    }
  }

  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    development: false,
    error(thrown) {
      // A reset is told to happen by an error; all others are mistakes of this server.
      if (thrown.message !== resetMessage) console.error(thrown);
      return new Response(null, { status: 500 });
    },
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (request.method === 'GET' && pathname === '/v1/models') {
        return Response.json({
          object: 'list',
          data: models.map((id) => ({ id, object: 'model', type: 'model' })),
        });
      }
      if (request.method === 'POST' && pathname === '/v1/chat/completions') return answer(request, openai);
      if (request.method === 'POST' && pathname === '/v1/messages') return answer(request, anthropic);
      return Response.json(
        { error: { message: `Invalid URL (${request.method} ${pathname})` } },
        { status: 404 },
      );
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    openaiUrl: `${url}/v1`,
    key,
    requests,
    script(next) {
      scenario = parseScenario(next);
    },
    next: (...behaviours) => void queue.push(...behaviours),
    always(behaviour) {
      standing = behaviour;
    },
    async stop() {
      stopping.resolve();
      await server.stop(true);
    },
  };
}

function eventStream(
  body: ReadableStream<Uint8Array> | string,
  headers: Record<string, string> = {},
): Response {
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', ...headers },
  });
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function assistantMessages(body: Record<string, unknown>): number {
  const messages = Array.isArray(body.messages) ? body.messages : [];
  return messages.filter((message: { role?: unknown }) => message.role === 'assistant').length;
}

function once(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await Promise.race([Bun.sleep(ms), once(signal)]);
}
