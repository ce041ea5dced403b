import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { ModelError } from '../model';

/** A ModelError that also says whether another try could help, and what HTTP status it came with. */
export class Fault extends ModelError {
  readonly passing: boolean;
  /** Null when there was none: no connection, a broken stream. */
  readonly status: number | null;
  constructor(
    code: ModelError['code'],
    message: string,
    more: { passing?: boolean; status?: number | null; retryAfterMs?: number | null } = {},
  ) {
    super(code, message, more.retryAfterMs ?? null);
    this.passing = more.passing ?? false;
    this.status = more.status ?? null;
  }
}

/** Whom a call goes to, for its error messages, and what must not stand in them. */
export interface Place {
  /** As in `openai at https://api.openai.com`. */
  name: string;
  secrets: readonly string[];
  now: () => number;
}

/**
 * What a failed call means. The message is the provider's own where it has one, with secrets masked, without control
 * characters, at most 500 of its characters. The SDK's error is not kept as a cause, for it holds all that unmasked.
 *
 * Sources: https://platform.openai.com/docs/guides/error-codes, https://docs.anthropic.com/en/api/errors
 */
export function faultOf(thrown: unknown, place: Place): Fault {
  const inner = causes(thrown).find((one) => one instanceof Fault);
  if (inner) return inner;
  if (!(thrown instanceof OpenAI.APIError || thrown instanceof Anthropic.APIError))
    return broken(thrown, place);
  if (thrown.status === undefined && thrown.error === undefined) return unreachable(thrown, place);

  const status = thrown.status ?? null;
  const told = readBody(thrown.error);
  const said = clean(told.message ?? withoutStatus(thrown.message, status), place.secrets);
  const answered = status === null ? 'broke off with an error' : `answered ${status}`;
  const message = `${place.name} ${answered}: ${said}`;
  if (isQuota(status, told, said)) {
    const advice = 'Out of quota or credit; another try will not help until that is mended';
    return new Fault('model_unavailable', `${message} (${advice})`, { status });
  }
  if (isContext(status, told, said)) return new Fault('context_exceeded', message, { status });
  if (status !== null && status >= 300 && status < 400) {
    const remedy = 'redirects are not followed, for the key would travel: set the final base_url';
    return new Fault('model_refused', `${message} (${remedy})`, { status });
  }
  if (isPassing(status, told)) {
    const passing = thrown.headers?.get('x-should-retry') !== 'false';
    const retryAfterMs = thrown.headers ? retryAfter(thrown.headers, place.now()) : null;
    return new Fault('model_unavailable', message, { passing, status, retryAfterMs });
  }
  return new Fault('model_refused', message, { status });
}

/**
 * The provider's wish for the next try in milliseconds, not yet capped: `retry-after-ms`, or `Retry-After` as seconds
 * or an HTTP date (RFC 9110, 10.2.3). Null when there is none that can be read.
 */
export function retryAfter(headers: Headers, now: number): number | null {
  const ms = headers.get('retry-after-ms')?.trim();
  if (ms && /^\d+(\.\d+)?$/.test(ms)) return Number(ms);
  const value = headers.get('retry-after')?.trim();
  if (!value) return null;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** Foreign text made fit for an error message: masked, printable, one line, at most 500 characters. */
export function clean(text: string, secrets: readonly string[]): string {
  let masked = text;
  for (const secret of secrets) if (secret.length >= 4) masked = masked.replaceAll(secret, '***');
  masked = masked.replace(/\b(sk|key|Bearer)[-_ ][A-Za-z0-9_-]{12,}/g, '$1-***');
  if (/^\s*<(!doctype|html|head|body)/i.test(masked)) masked = '(an HTML page)';
  const line = masked
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim();
  return line.length > 500 ? `${line.slice(0, 499).toWellFormed()}…` : line;
}

interface Told {
  message: string | null;
  /** `code` and `type`, whichever the provider gave. */
  codes: string[];
}

/** The two shapes: OpenAI's SDK hands out the inner object, Anthropic's the whole body. */
function readBody(body: unknown): Told {
  const outer = record(body);
  const inner = record(outer?.error) ?? outer;
  const codes = [inner?.code, inner?.type].filter((one) => typeof one === 'string');
  // Ollama and others answer {"error": "text"}.
  const message = [inner?.message, outer?.error, body].find((one) => typeof one === 'string' && one !== '');
  return { message: typeof message === 'string' ? message : null, codes };
}

function record(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
}

function isQuota(status: number | null, told: Told, said: string): boolean {
  return (
    status === 402 ||
    told.codes.some((code) => /^(insufficient_quota|billing_\w+|credit_balance\w*)$/.test(code)) ||
    ((status === 400 || status === 403) && /credit balance is too low|insufficient balance/i.test(said))
  );
}

/** Each server says it in its own way; a code where there is one, else the words. */
function isContext(status: number | null, told: Told, said: string): boolean {
  if (status === 413) return true;
  if (status !== null && status !== 400 && status !== 422 && status !== 500) return false;
  return (
    told.codes.some((code) => /context_length_exceeded|exceed_context_size/.test(code)) ||
    /prompt is too long|exceeds? (the )?(maximum |available )?context|maximum context length|exceed context limit|context (length|window|size) (is )?exceeded|input is too long|input token count.*exceeds/i.test(
      said,
    )
  );
}

const refusals =
  /^(invalid_request_error|authentication_error|permission_error|not_found_error|request_too_large)$/;

function isPassing(status: number | null, told: Told): boolean {
  // An error within a stream has no status of its own; most are overload.
  if (status === null) return !told.codes.some((code) => refusals.test(code));
  return status === 408 || status === 409 || status === 425 || status === 429 || status >= 500;
}

function unreachable(thrown: Error, place: Place): Fault {
  const cause = causes(thrown).at(-1);
  const why = cause instanceof Error ? cause.message.split('. ')[0] : 'no connection';
  return new Fault(
    'model_unavailable',
    `${place.name} could not be reached: ${clean(why ?? '', place.secrets)}`,
    {
      passing: true,
    },
  );
}

/** Whatever else comes out of reading a stream: a cut connection, or text that is not what it should be. */
function broken(thrown: unknown, place: Place): Fault {
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  const what = thrown instanceof SyntaxError ? 'sent what is not JSON' : 'broke off before its answer ended';
  return new Fault('model_unavailable', `${place.name} ${what}: ${clean(why, place.secrets)}`, {
    passing: true,
  });
}

function causes(thrown: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let one = thrown; one !== undefined && one !== null && chain.length < 5; ) {
    chain.push(one);
    one = one instanceof Error ? one.cause : undefined;
  }
  return chain;
}

function withoutStatus(message: string, status: number | null): string {
  return status !== null && message.startsWith(`${status} `) ? message.slice(`${status} `.length) : message;
}
