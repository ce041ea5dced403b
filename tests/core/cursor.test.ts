import { expect, test } from 'bun:test';
import { readCursor, writeCursor } from '../../src/core/cursor';

test('a cursor comes back as it was given out, and fits a URL', () => {
  const cursor = writeCursor([10, 1_763_000_000_123, 2 ** 31 - 1]);
  expect(cursor).toMatch(/^[\w-]+$/);
  expect(readCursor(cursor, ['integer', 'time', 'integer'])).toEqual([10, 1_763_000_000_123, 2 ** 31 - 1]);
});

test('anything else is refused, whatever it would do to a query', () => {
  const keys = [
    '[1]',
    '[1,2,3]',
    '["1",2]',
    '[1,null]',
    '[1e999,2]',
    '[1.5,2]',
    '[-1,2]',
    '[2147483648,2]',
    '[1,9e15]',
    '{}',
    'x',
    '',
  ];
  for (const key of keys) {
    const refused = (() => {
      try {
        return readCursor(Buffer.from(key).toString('base64url'), ['integer', 'time']);
      } catch (error) {
        return error;
      }
    })() as { status?: number; field?: string };
    expect([key, refused.status, refused.field]).toEqual([key, 422, 'cursor']);
  }
});
