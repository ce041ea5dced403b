import { expect, test } from 'bun:test';
import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileOfPatch } from '../../src/server/file-of-patch';
import { git, makeRepository } from '../support/repository';

const many = Array.from({ length: 40 }, (_, i) => `line ${i}`).join('\n');
const { path: repository } = makeRepository({
  'a.txt': 'a\n',
  'with blank.txt': 'x\n',
  'ä".txt': 'x\n',
  'a b/a.txt': 'x\n',
  'run.sh': 'echo\n',
  'gone.txt': 'gone\n',
  'old name.txt': many,
  'dashes.txt': '-- a/a.txt\nnext\n',
});
const put = (name: string, content: string | Uint8Array) => writeFileSync(join(repository, name), content);
put('a.txt', 'b\ndiff --git a/x b/x\nc\rdiff --git a/x b/x\rd\n@@ -1 +1 @@\n');
put('with blank.txt', 'y\n');
put('ä".txt', 'y\n');
put('a b/a.txt', 'y\n');
put(
  'blob.bin',
  new Uint8Array(3000).map((_, i) => (i * 7919) % 256),
);
put('empty', '');
put('latin1.txt', new Uint8Array([0xe9, 0x0a]));
put('dashes.txt', 'next\n');
chmodSync(join(repository, 'run.sh'), 0o755);
rmSync(join(repository, 'gone.txt'));
renameSync(join(repository, 'old name.txt'), join(repository, 'new name.txt'));
git(repository, 'add', '-A');

function diff(...args: string[]): Buffer {
  const { stdout } = Bun.spawnSync(['git', ...args], { cwd: repository });
  return stdout;
}

const all = ['diff', '--cached', '--binary', '-M'];

for (const quoting of ['true', 'false']) {
  const whole = diff('-c', `core.quotePath=${quoting}`, ...all);
  test.each([
    'a.txt',
    'with blank.txt',
    'ä".txt',
    'a b/a.txt',
    'blob.bin',
    'empty',
    'latin1.txt',
    'run.sh',
    'gone.txt',
    'dashes.txt',
  ])(`%s gets exactly its own part (quotePath ${quoting})`, (name) => {
    const own = diff('-c', `core.quotePath=${quoting}`, ...all, '--', name);
    expect(own.length).toBeGreaterThan(50);
    expect(fileOfPatch(whole, name).equals(own)).toBe(true);
  });
}

test('what was renamed is found under either name', () => {
  const whole = diff(...all);
  const moved = fileOfPatch(whole, 'new name.txt').toString();
  expect(moved).toContain('rename from old name.txt\nrename to new name.txt\n');
  expect(fileOfPatch(whole, 'old name.txt').toString()).toBe(moved);
});

test('what is not in the patch has no part, whatever it is called', () => {
  const whole = diff(...all);
  for (const name of ['', 'txt', 'x', 'a', 'b/a.txt', 'a/a.txt', '/dev/null', '\0', 'A.TXT', './a.txt'])
    expect(fileOfPatch(whole, name).toString()).toBe('');
  expect(fileOfPatch(new Uint8Array(), 'a.txt').length).toBe(0);
  expect(fileOfPatch(Buffer.from('nonsense\n@@'), 'a.txt').length).toBe(0);
});
