import { expect, test } from 'bun:test';
import { Excerpt } from '../../../src/agent/environments/output';

test('an excerpt that was cut says so, also before it is read, and one that was not does not', () => {
  const add = (bytes: number) => {
    const excerpt = new Excerpt(100);
    for (let at = 0; at < bytes; at++) excerpt.add(Buffer.from('x'));
    return excerpt;
  };
  expect([add(100).truncated, add(101).truncated, add(200_000).truncated]).toEqual([false, true, true]);
  expect(new TextDecoder().decode(add(101).bytes())).toContain('[… 1 bytes cut …]');
});
