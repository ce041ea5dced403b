import { BakeoffError } from '../core/errors';
import type { Log } from '../log';

/** An error as the contract tells it. */
export interface ErrorBody {
  error: { code: string; message: string; field?: string; [more: string]: unknown };
}

export function errorBody(error: BakeoffError): ErrorBody {
  const { code, message, field, more } = error;
  return { error: { code, message, ...(field === undefined ? {} : { field }), ...more } };
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers: { 'cache-control': 'no-store', ...headers } });
}

/** The one place where errors become refusals (style.md 4). What is unknown is ours: logged, and told without details. */
export function explain(error: unknown, log: Log): BakeoffError {
  if (error instanceof BakeoffError) return error;
  const code = (error as { code?: unknown }).code;
  const { cause } = error as { cause?: unknown };
  if (code === 'PARSE' && cause instanceof BakeoffError) return cause;
  if (code === 'PARSE') return new BakeoffError('unreadable', 'The body is not valid JSON', 400);
  if (code === 'NOT_FOUND') return new BakeoffError('not_found', 'There is nothing here', 404);
  if (code === 'VALIDATION') return explainValidation(error as ValidationShape);
  if (code === 'INVALID_COOKIE_SIGNATURE')
    return new BakeoffError('unreadable', 'A cookie cannot be read', 400);
  if (isDatabaseGone(error)) {
    log.error('database', { error: error as Error });
    return unavailable();
  }
  log.error('a request failed by a mistake of ours', { error: error as Error });
  return new BakeoffError('internal', 'A mistake of ours; the log of the service has the details', 500);
}

export function unavailable(): BakeoffError {
  return new BakeoffError('database_unavailable', 'The database does not answer; try again in a while', 503);
}

interface ValidationShape {
  type: string;
  all: { path?: string; message?: string; summary?: string }[];
}

/** Elysia's report of what does not fit a schema: the first complaint, with its field. */
function explainValidation(error: ValidationShape): BakeoffError {
  const first = error.all[0];
  const field = first?.path?.replace(/^\//, '').replaceAll('/', '.') || undefined;
  const status = error.type === 'body' || error.type === 'query' ? 422 : 404;
  if (status === 404) return new BakeoffError('not_found', 'There is nothing here', 404);
  const message = first?.message ?? 'does not fit';
  return new BakeoffError(
    'invalid',
    field ? `${field}: ${message}` : `The ${error.type} does not fit: ${message}`,
    422,
    field,
  );
}

/** postgres.js and pg name lost connections by these. */
function isDatabaseGone(error: unknown): boolean {
  const chain = [error, (error as { cause?: unknown }).cause];
  const codes =
    /^(CONNECTION_(CLOSED|ENDED|DESTROYED)|CONNECT_TIMEOUT|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOENT|57P0[123]|08\d\d\d|53300)$/;
  return chain.some((one) => codes.test(String((one as { code?: unknown } | undefined)?.code ?? '')));
}
