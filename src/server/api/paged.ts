import type { Page } from '../../core/contract';
import { readCursor, writeCursor } from '../../core/cursor';

/**
 * A page of a list that is short enough to be read whole; `items` are in the order of `key`, which rises.
 * @throws BakeoffError 422 for a cursor that is none
 */
export function pageOfList<T>(
  items: readonly T[],
  key: (item: T) => number,
  { limit, cursor }: { limit: number; cursor?: string },
): Page<T> {
  const [after = 0] = cursor === undefined ? [] : readCursor(cursor, ['integer']);
  const rest = items.filter((item) => key(item) > after);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page,
    total: items.length,
    next_cursor: rest.length > page.length && last !== undefined ? writeCursor([key(last)]) : null,
  };
}
