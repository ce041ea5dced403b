import { expect, test } from 'bun:test';
import { taskTypes } from '../../drizzle/schema';
import { estimateDuration } from '../../src/core/estimate';

test('every kind of task has an estimate, longer goals a longer one, up to a limit', () => {
  for (const type of taskTypes) {
    const [short, long, longest] = [10, 300, 100_000].map((length) =>
      estimateDuration(type, 'x'.repeat(length)),
    );
    expect(short).toBeGreaterThanOrEqual(300);
    expect(long!).toBeGreaterThan(short!);
    expect(longest).toBe(estimateDuration(type, 'x'.repeat(500)));
    expect(Number.isInteger(long)).toBe(true);
  }
  expect(estimateDuration('coding', '')).toBe(1800);
});
