import { afterAll, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tidySetups } from '../../src/agent/tidy-setups';
import { scratch } from './environments/support';

const { dir, end } = scratch();
afterAll(end);

let count = 0;

/** An entry of so many bytes, last used so many minutes ago. */
function entry(
  root: string,
  project: string,
  bytes: number,
  minutes: number,
  name = String(++count).padStart(64, '0'),
) {
  const path = join(root, project, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'tree.tar'), 'x'.repeat(bytes));
  writeFileSync(join(path, 'exclude'), '');
  const then = Date.now() / 1000 - minutes * 60;
  utimesSync(path, then, then);
  return path;
}

test('the longest unused of all projects go until the rest fits, but none that was just used', async () => {
  const root = join(dir, 'sizes');
  const [old, older, newer] = [
    entry(root, '1', 100, 600),
    entry(root, '2', 100, 900),
    entry(root, '1', 100, 300),
  ];
  const now = entry(root, '2', 500, 0);
  expect(await tidySetups(root, { maxBytes: 800 })).toEqual({ setups: 0, bytes: 800 });
  expect(await tidySetups(root, { maxBytes: 750 })).toEqual({ setups: 1, bytes: 700 });
  expect([old, older, newer, now].map((path) => existsSync(path))).toEqual([true, false, true, true]);
  // Even alone too much: whoever has just asked for it is laying it out.
  expect(await tidySetups(root, { maxBytes: 10 })).toEqual({ setups: 2, bytes: 500 });
  expect([old, newer, now].map((path) => existsSync(path))).toEqual([false, false, true]);
  expect(readdirSync(root).sort()).toEqual(['1', '2']);
});

test('what projects that are gone have left goes, and what was half made, and nothing else', async () => {
  const root = join(dir, 'owners');
  const [mine, theirs] = [entry(root, '1', 10, 0), entry(root, '2', 10, 0)];
  const [stale, fresh] = [entry(root, '1', 10, 90, 'half-a'), entry(root, '1', 10, 30, 'half-b')];
  const gone = entry(root, 'gone-x', 10, 0);
  const others = [entry(root, 'notes', 10, 9000), entry(root, '1', 10, 9000, 'README')];
  const asked: (readonly number[])[] = [];
  const projects = async (ids: readonly number[]) => {
    asked.push(ids);
    return new Set([1]);
  };
  expect(await tidySetups(root, { projects })).toEqual({ setups: 1, bytes: 10 });
  expect(asked.map((ids) => [...ids].sort())).toEqual([[1, 2]]);
  expect([mine, theirs, stale, fresh, gone, ...others].map((path) => existsSync(path))).toEqual([
    ...[true, false, false, true, false],
    ...[true, true],
  ]);
  expect(existsSync(join(root, '2'))).toBe(false);
});

test('a folder that is not there has nothing to tidy, and a stop is obeyed', async () => {
  expect(await tidySetups(join(dir, 'missing'))).toEqual({ setups: 0, bytes: 0 });
  entry(join(dir, 'stopped'), '1', 10, 900);
  await expect(tidySetups(join(dir, 'stopped'), { signal: AbortSignal.abort() })).rejects.toHaveProperty(
    'name',
    'AbortError',
  );
});
