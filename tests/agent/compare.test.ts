import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contextLines, diffBetween, listChanges, maxContextLines } from '../../src/agent/compare';
import { Checkouts } from '../../src/agent/environments/checkout';
import { openSandbox } from '../../src/agent/environments/open';
import { makeSourceIn } from '../../src/agent/mirror-source';
import { applied, bareMirror, commits, treeOf } from './commits';
import { commitAll, git, scratch, sh } from './environments/support';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const { dir, config, end } = scratch();
afterAll(end);

const text = (bytes: Uint8Array | null) => Buffer.from(bytes ?? []).toString('latin1');
const maxBytes = 2 ** 20;

describe('a diff between two results', () => {
  test('is written as the snapshot of a workspace writes it, whatever the repository says about diffs', async () => {
    const work = join(dir, 'work');
    git(dir, 'init', '-q', work);
    writeFileSync(join(work, '.gitattributes'), '*.txt -diff\n*.bin diff\n* text=auto\n');
    writeFileSync(join(work, 'a.txt'), 'one\r\ntwo\n'.repeat(20));
    writeFileSync(join(work, 'gone.txt'), 'x');
    const baseSha = commitAll(work, 'base');
    const mirror = join(dir, 'snapshots.git');
    git(dir, 'clone', '-q', '--bare', work, mirror);
    await makeSourceIn(mirror);
    const source = new Checkouts(join(config.dataDir, 'workspaces'), await openSandbox(config));
    const workspace = await source.open({ mirror, baseSha, id: 'w-1' });
    const script = `sed -i '5d;30s/.*/caf\\xe9/' a.txt; rm gone.txt; printf '\\0\\1' >b.bin; ln -s a.txt 'l ink'; printf x >ä.txt; chmod +x a.txt`;
    expect(await sh(workspace.environment, script)).toMatchObject({ exit_code: 0 });
    const { bytes, stat } = await workspace.snapshot();
    const patched = applied(mirror, baseSha, bytes);
    expect(patched).toBeString();
    expect(text(await diffBetween(mirror, baseSha, patched!, { maxBytes }))).toBe(text(bytes));
    const { changes, total } = await listChanges(mirror, baseSha, patched!);
    expect(total).toBe(stat.files);
    expect(changes.reduce((sum, one) => sum + one.additions, 0)).toBe(stat.additions);
    await workspace.remove();
  });

  const mirror = bareMirror(dir);
  const [one, two] = commits(
    mirror,
    {
      'a.txt': 'a\n',
      bin: '\0old',
      'folder/x': 'x\n',
      'folder/y': 'y\n',
      gone: 'g\n',
      mode: 'm\n',
      kind: 'k\n',
      same: 's\n',
    },
    {
      'a.txt': 'b\nc\n',
      bin: '\0new',
      'folder/x': 'x2\n',
      'folder/y': 'y2\n',
      mode: { content: 'm\n', mode: '100755' },
      kind: { content: 'a.txt', mode: '120000' },
      same: 's\n',
      'new \n "ä"': 'n',
      '*': 'star\n',
      ':(top)x': 'magic\n',
    },
  ) as [string, string];

  test('is empty of a path that no file of a tree can have', async () => {
    for (const path of [
      '',
      '/',
      '/etc/passwd',
      '../x',
      '.',
      './a.txt',
      'folder/../a.txt',
      'folder//x',
      'a\0',
    ])
      expect([path, text((await diffBetween(mirror, one, two, { path, maxBytes }))!)]).toEqual([path, '']);
  });

  test('goes either way, and of one file where it is named', async () => {
    const whole = await diffBetween(mirror, one, two, { maxBytes });
    expect(applied(mirror, one, whole!)).toBe(treeOf(mirror, two));
    expect(applied(mirror, two, (await diffBetween(mirror, two, one, { maxBytes }))!)).toBe(
      treeOf(mirror, one),
    );
    expect(text(await diffBetween(mirror, one, one, { maxBytes }))).toBe('');
    const headers = async (path: string) =>
      text(await diffBetween(mirror, one, two, { path, maxBytes })).match(/^diff --git .*$/gm) ?? [];
    expect(await headers('a.txt')).toEqual(['diff --git a/a.txt b/a.txt']);
    expect(await headers('*')).toEqual(['diff --git a/* b/*']);
    expect(await headers(':(top)x')).toEqual(['diff --git a/:(top)x b/:(top)x']);
    expect(await headers('new \n "ä"')).toHaveLength(1);
    for (const path of ['nowhere', '', '--output=x', ':(glob)**', 'a\0b'])
      expect(await headers(path)).toEqual([]);
  });

  test('is bounded, and says when it is more', async () => {
    const whole = (await diffBetween(mirror, one, two, { maxBytes }))!;
    expect(await diffBetween(mirror, one, two, { maxBytes: whole.length })).toEqual(whole);
    expect(await diffBetween(mirror, one, two, { maxBytes: whole.length - 1 })).toBeNull();
    expect(await diffBetween(mirror, one, two, { maxBytes: 100 })).toBeNull();
  });

  test('is of whole ids only, and of commits that are there', async () => {
    for (const wrong of ['HEAD', '--all', one.slice(0, 10), '']) {
      await expect(diffBetween(mirror, wrong, two, { maxBytes })).rejects.toThrow(TypeError);
      await expect(contextLines(mirror, wrong, 'a.txt', 1, 2)).rejects.toThrow(TypeError);
    }
    await expect(diffBetween(mirror, one, '1'.repeat(40), { maxBytes })).rejects.toThrow('bad object');
  });

  test('is listed by file', async () => {
    const { changes, total } = await listChanges(mirror, one, two);
    const plain = (path: string, status: string, additions: number, deletions: number, binary = false) =>
      ({ path, status, additions, deletions, binary }) as (typeof changes)[number];
    expect(changes).toEqual([
      plain('*', 'added', 1, 0),
      plain(':(top)x', 'added', 1, 0),
      plain('a.txt', 'modified', 2, 1),
      plain('bin', 'modified', 0, 0, true),
      plain('folder/x', 'modified', 1, 1),
      plain('folder/y', 'modified', 1, 1),
      plain('gone', 'deleted', 0, 1),
      plain('kind', 'modified', 1, 1),
      plain('mode', 'mode', 0, 0),
      plain('new \n "ä"', 'added', 1, 0),
    ]);
    expect(total).toBe(10);
    expect(await listChanges(mirror, one, two, { limit: 2 })).toEqual({
      changes: changes.slice(0, 2),
      total: 10,
    });
    expect(await listChanges(mirror, one, one)).toEqual({ changes: [], total: 0 });
  });
});

describe('lines around a change', () => {
  const mirror = bareMirror(dir);
  const numbers = Array.from({ length: 700 }, (_, i) => `${i + 1}`);
  const [sha] = commits(mirror, {
    n: `${numbers.join('\n')}\n`,
    open: '\xef\xbb\xbfa\r\ncaf\xe9\r\n\nlast',
    bin: 'a\n\0\n',
    empty: '',
    wide: `${'x'.repeat(2 ** 18)}\n`.repeat(4),
    'sub/:odd:': 'odd\n',
    down: { content: 'n', mode: '120000' },
  }) as [string];
  const ask = (path: string, from: number, to: number) => contextLines(mirror, sha, path, from, to);

  test('are counted from 1, and end where the file does', async () => {
    expect(await ask('n', 1, 3)).toEqual({ lines: ['1', '2', '3'], total: 700 });
    expect(await ask('n', 699, 9999)).toEqual({ lines: ['699', '700'], total: 700 });
    expect(await ask('n', 701, 702)).toEqual({ lines: [], total: 700 });
    expect(await ask('n', 5, 4)).toEqual({ lines: [], total: 700 });
    expect(await ask('n', -5, 1)).toEqual({ lines: ['1'], total: 700 });
    expect(await ask('open', 1, 9)).toEqual({ lines: ['\ufeffa\r', 'caf\ufffd\r', '', 'last'], total: 4 });
    expect(await ask('empty', 1, 9)).toEqual({ lines: [], total: 0 });
    expect(await ask('sub/:odd:', 1, 9)).toEqual({ lines: ['odd'], total: 1 });
    expect(await ask('down', 1, 9)).toEqual({ lines: ['n'], total: 1 });
  });

  test('are bounded', async () => {
    expect((await ask('n', 1, 700))!.lines).toHaveLength(maxContextLines);
    expect((await ask('wide', 1, 4))!.lines).toHaveLength(2);
  });

  test('are none of what has no lines', async () => {
    for (const path of ['bin', 'sub', 'nowhere', '', './n', '../n', '/n', 'n\0'])
      expect(await ask(path, 1, 2)).toBeNull();
    expect(await contextLines(mirror, '1'.repeat(40), 'n', 1, 2)).toBeNull();
  });

  test('may be given up', async () => {
    await expect(contextLines(mirror, sha, 'n', 1, 2, AbortSignal.abort())).rejects.toHaveProperty(
      'name',
      'AbortError',
    );
  });
});
