import { BakeoffError } from './errors';

/** Numbers a list sorts by: what fits a column of `integer`, or a time in milliseconds. */
export type CursorKind = 'integer' | 'time';

/** What Postgres takes; more would be an error of its own. */
const greatest: Record<CursorKind, number> = { integer: 2 ** 31 - 1, time: 8.64e15 };

/** A place in a list, opaque to callers: the sort key of the last item given out. */
export function writeCursor(key: readonly number[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/**
 * Reads a cursor of `writeCursor` back.
 * @throws BakeoffError 422 when it is none, or not of this list.
 */
export function readCursor(cursor: string, kinds: readonly CursorKind[]): number[] {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (!Array.isArray(key) || key.length !== kinds.length) throw refusal();
    return kinds.map((kind, i) => {
      const number: unknown = key[i];
      if (!Number.isSafeInteger(number) || Number(number) < 0 || Number(number) > greatest[kind])
        throw refusal();
      return Number(number);
    });
  } catch {
    throw refusal();
  }
}

function refusal(): BakeoffError {
  return new BakeoffError('invalid', 'cursor is not one that this list gave out', 422, 'cursor');
}
