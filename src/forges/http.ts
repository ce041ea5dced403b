import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { ForgeError } from './forge';

/** How a forge's API is spoken to. */
export interface Wire {
  /** Of the API, without a slash at its end. */
  baseUrl: string;
  token: string | null;
  /** PEM of the authorities trusted in place of the system's. */
  ca: string | null;
  /** Milliseconds; default 30 seconds for each request. */
  timeoutMs?: number;
}

const maxAnswerBytes = 8 * 2 ** 20;
const maxRedirects = 3;
const maxWaitS = 3600;

/**
 * `fetch` to one forge: an answer is whole, bounded, in time, and from the host that was asked; other answers are errors.
 * @throws ForgeError; the reason of `init.signal` when that fires.
 */
export async function forgeFetch(wire: Wire, url: string, init: RequestInit): Promise<Response> {
  const limit = AbortSignal.timeout(wire.timeoutMs ?? 30_000);
  const signal = init.signal ? AbortSignal.any([init.signal, limit]) : limit;
  const host = new URL(wire.baseUrl).host;
  try {
    const answer = await follow(wire, url, { ...init, signal });
    const body = await readBounded(answer);
    if (answer.status >= 300) throw refusal(answer, body, wire);
    // Only what a reader needs: the body is not encoded any more.
    const headers = { 'content-type': answer.headers.get('content-type') ?? '' };
    return new Response(answer.status === 204 ? null : body, { status: answer.status, headers });
  } catch (error) {
    if (error instanceof ForgeError) throw error;
    init.signal?.throwIfAborted();
    const why = limit.aborted ? 'it took too long' : plain(error instanceof Error ? error.message : '', wire);
    throw new ForgeError('forge_unavailable', `${host} could not be reached, or broke off: ${why}`);
  }
}

/** The JSON of an answer, as far as it is needed. @throws ForgeError `forge_nonsense` */
export function checked<T extends TSchema>(schema: T, answer: unknown, wire: Wire): Static<T> {
  if (Value.Check(schema, answer)) return answer;
  const first = Value.Errors(schema, answer).First();
  const where = first ? ` (${first.path || 'the whole'}: ${first.message})` : '';
  const host = new URL(wire.baseUrl).host;
  throw new ForgeError(
    'forge_nonsense',
    `${host} answered what is none of its answers${where}`.slice(0, 500),
  );
}

async function follow(wire: Wire, url: string, init: RequestInit): Promise<Response> {
  let at = url;
  for (let left = maxRedirects; ; left--) {
    const tls = wire.ca === null ? {} : { tls: { ca: wire.ca } };
    const answer = await fetch(at, { ...init, ...tls, redirect: 'manual' });
    const to = answer.status >= 300 && answer.status < 400 ? answer.headers.get('location') : null;
    if (to === null || !URL.canParse(to, at)) return answer;
    await answer.body?.cancel();
    const next = new URL(to, at);
    // The token is for this host; and a request that changes something is not made again as another one.
    const safe = next.origin === new URL(at).origin && (init.method === 'GET' || answer.status >= 307);
    if (!safe || left === 0) {
      const place = next.origin === new URL(at).origin ? 'another address' : next.host.slice(0, 200);
      throw new ForgeError('forge_refused', `The repository has moved to ${place}; use its new URL`, {
        status: answer.status,
      });
    }
    at = next.href;
  }
}

async function readBounded(answer: Response): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  const reader = answer.body?.getReader();
  let bytes = 0;
  for (let read = await reader?.read(); read?.value; read = await reader?.read()) {
    bytes += read.value.length;
    if (bytes > maxAnswerBytes) {
      await reader?.cancel();
      throw new ForgeError('forge_nonsense', 'The answer is too long to be read');
    }
    parts.push(read.value);
  }
  return new Uint8Array(Buffer.concat(parts));
}

const Refusal = Type.Object({
  message: Type.Optional(Type.String()),
  errors: Type.Optional(Type.Array(Type.Unknown())),
});

function refusal(answer: Response, body: Uint8Array, wire: Wire): ForgeError {
  const { status, headers } = answer;
  const said = words(body, wire);
  const host = new URL(wire.baseUrl).host;
  const told = `${host}: ${said || 'no reason given'} (${status})`;
  const spent = headers.get('x-ratelimit-remaining') === '0' || /rate limit/i.test(said);
  if (status === 429 || (status === 403 && (spent || headers.has('retry-after')))) {
    return new ForgeError('forge_rate_limited', told, { status, retryAfterS: waitS(headers) });
  }
  if (status >= 500 || status === 408) {
    return new ForgeError('forge_unavailable', told, { status, retryAfterS: waitS(headers) });
  }
  if (status === 401) {
    const which = wire.token === null ? 'It has no token' : 'It refuses the token';
    return new ForgeError('forge_refused', `${which}: ${told}`, { status });
  }
  if (status === 404 || status === 410) return new ForgeError('forge_not_found', told, { status });
  const exists = (status === 422 || status === 409) && /already[ _]exists/i.test(said);
  return new ForgeError('forge_refused', told, { status, exists });
}

/** What both forges say: `message`, and GitHub's `errors` with what is wrong. */
function words(body: Uint8Array, wire: Wire): string {
  const text = new TextDecoder().decode(body);
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return '';
  }
  if (!Value.Check(Refusal, answer)) return '';
  const details = (answer.errors ?? []).slice(0, 5).map((one) => {
    if (typeof one === 'string') return one;
    const { message, field, code } = (one ?? {}) as Record<string, unknown>;
    return typeof message === 'string' ? message : [field, code].filter((part) => part).join(' ');
  });
  return plain([answer.message ?? '', ...details].filter((part) => part !== '').join('; '), wire);
}

/** One line, bounded, without terminal codes and without the token, should the server repeat it. */
function plain(text: string, { token }: Wire): string {
  const masked = token ? text.replaceAll(token, '***') : text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a server's words may hold terminal codes
  return masked.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, 500);
}

/** RFC 9110 Retry-After, in seconds or as a date; else the end of GitHub's window. At most an hour. */
function waitS(headers: Headers): number | null {
  const after = headers.get('retry-after');
  const reset = Number(headers.get('x-ratelimit-reset') ?? Number.NaN);
  const now = Date.now() / 1000;
  const seconds =
    after === null ? reset - now : /^\d+$/.test(after) ? Number(after) : Date.parse(after) / 1000 - now;
  return Number.isNaN(seconds) ? null : Math.min(maxWaitS, Math.max(1, Math.ceil(seconds)));
}
