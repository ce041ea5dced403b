import { BakeoffError } from './errors';

/** A place in a list, opaque to callers: the sort key of the last item given out. */
export function writeCursor(key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/**
 * Reads a cursor of `writeCursor` back.
 * @throws BakeoffError 422 when it is none, or not of this list.
 */
export function readCursor(cursor: string, types: readonly ('string' | 'number')[]): (string | number)[] {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (
      Array.isArray(key) &&
      key.length === types.length &&
      key.every((one, i) => typeof one === types[i] && (typeof one === 'string' || Number.isSafeInteger(one)))
    )
      return key;
  } catch {
    // Falls to the refusal below.
  }
  throw new BakeoffError('invalid', 'cursor is not one that this list gave out', 422, 'cursor');
}
