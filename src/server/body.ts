import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { Value, type ValueError, ValueErrorType } from '@sinclair/typebox/value';
import { BakeoffError, invalid } from '../core/errors';
import { cleanJson } from '../core/text';

/** Bytes of a request's body at most. */
export const maxBodyBytes = 4 * 1024 * 1024;
/** Objects and arrays within each other at most: what walks them afterwards does so by recursion. */
const deepest = 64;

/**
 * A route's `parse`: its JSON body, as `schema` says, fit for Postgres. Done here, not by Elysia, whose own parser takes
 * forms for JSON and whose complaint about a large body costs seconds.
 * @throws BakeoffError 400, 413, 415, or 422 naming the field
 */
export function jsonBody<T extends TSchema>(schema: T) {
  return async ({ request }: { request: Request }): Promise<Static<T>> =>
    fit(schema, await readJson(request));
}

/**
 * The same where the body may be left out: then it is `{}`.
 * @throws BakeoffError as `jsonBody` does
 */
export function optionalBody<T extends TSchema>(schema: T) {
  return async ({ request }: { request: Request }): Promise<Static<T>> => {
    const bare = request.body === null || request.headers.get('content-length') === '0';
    return fit(schema, bare ? {} : await readJson(request));
  };
}

/**
 * The same for a body that may be sent as plain text as well: that is its one field.
 * @throws BakeoffError as `jsonBody` does
 */
export function textOrJson<T extends TSchema>(schema: T, field: string) {
  return async ({ request }: { request: Request }): Promise<Static<T>> => {
    if (!isPatch(request.headers.get('content-type'))) return fit(schema, await readJson(request));
    return fit(schema, cleanJson({ [field]: await readText(request) }));
  };
}

/** Of a call that takes no field: what comes along is refused, not ignored. */
export const noFields = Type.Object({}, { additionalProperties: false });

/** @throws BakeoffError 422 when a text is over so many bytes of UTF-8 */
export function requireBytes(field: string, text: string | null | undefined, most: number): void {
  if (typeof text === 'string' && Buffer.byteLength(text) > most)
    throw invalid(field, `${field} is over ${most / 1000} kB`);
}

/**
 * The value as its schema says.
 * @throws BakeoffError 422 naming the first field that does not fit
 */
export function fit<T extends TSchema>(schema: T, value: unknown): Static<T> {
  if (Array.isArray(value)) throw new BakeoffError('invalid', 'The body is a list; send an object', 422);
  if (Value.Check(schema, value)) return value;
  const first = within(Value.Errors(schema, value).First());
  const field = first?.path.replace(/^\//, '').replaceAll('/', '.') ?? '';
  const says = first ? complaint(first) : 'does not fit';
  if (field === '') throw new BakeoffError('invalid', `The body does not fit: ${says}`, 422);
  throw invalid(field.slice(0, 200), `${field.slice(0, 200)}: ${says}`);
}

/** Of what may be null and is not, what is wrong with it: not that it is neither. */
function within(error: ValueError | undefined): ValueError | undefined {
  const choices = (error?.schema.anyOf ?? []) as TSchema[];
  const [one] = choices.flatMap((choice, i) => (choice.type === 'null' ? [] : [i]));
  if (error?.type !== ValueErrorType.Union || choices.length !== 2 || one === undefined) return error;
  if (!choices.some((choice) => choice.type === 'null')) return error;
  return within(error.errors[one]?.First()) ?? error;
}

/** Whether a content type is that of a patch sent as it is. */
export function isPatch(contentType: string | null): boolean {
  return /^text\/(plain|x-diff|x-patch)\b/i.test(contentType ?? '');
}

/** Whether a content type is JSON in the one encoding that JSON has. */
export function isJson(contentType: string | null): boolean {
  return /^application\/json\s*(;\s*charset="?utf-?8"?\s*)?;?\s*$/i.test(contentType ?? '');
}

async function readJson(request: Request): Promise<unknown> {
  if (!isJson(request.headers.get('content-type')))
    throw new BakeoffError('not_json', 'Send application/json', 415);
  const text = await readText(request);
  if (text.trim() === '') throw unreadable('The body is empty; send a JSON object');
  if (isTooDeep(text)) throw unreadable(`The body is nested deeper than ${deepest} levels`);
  try {
    return cleanJson(JSON.parse(text));
  } catch {
    throw unreadable('The body is not valid JSON');
  }
}

async function readText(request: Request): Promise<string> {
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength > maxBodyBytes) throw tooLarge();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unreadable('The body is not UTF-8');
  }
}

export function tooLarge(): BakeoffError {
  return new BakeoffError('too_large', `The body is over ${maxBodyBytes / 2 ** 20} MiB`, 413);
}

function unreadable(message: string): BakeoffError {
  return new BakeoffError('unreadable', message, 400);
}

/** Counted on the text, since a parser that recurses would already be at its end. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (quoted) {
      if (code === 0x5c) i += 1;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > deepest) return true;
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
  return false;
}

/** TypeBox says of a choice only that it is none of it. */
function complaint({ type, schema, message }: ValueError): string {
  const choices: unknown[] = Array.isArray(schema.anyOf) ? schema.anyOf : [];
  const constants = choices.map((one) => (one as { const?: unknown }).const);
  if (type === ValueErrorType.Union && constants.length > 0 && constants.every((one) => one !== undefined))
    return `is not one of ${constants.join(', ')}`;
  return message;
}
