import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { commitPatch } from '../../../src/agent/commit';
import { judgesOf, withBaseJudges } from '../../../src/agent/evidence/base-judges';
import { readChanges, readText } from '../../../src/agent/evidence/changes';
import { judgingFiles } from '../../../src/agent/evidence/judging-files';
import { commitAll, git, scratch } from '../environments/support';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const { dir, end } = scratch();
afterAll(end);

/** Null: the file goes. A link is `-> target`. */
type Files = Record<string, string | Uint8Array | null>;

let count = 0;

/** A bare mirror with a base and a commit on it. */
function mirrorOf(
  base: Files,
  change: (work: string) => void,
): { mirror: string; baseSha: string; sha: string } {
  const work = join(dir, `work-${++count}`);
  const mirror = join(dir, `mirror-${count}.git`);
  mkdirSync(work);
  git(work, 'init', '-q');
  put(base)(work);
  const baseSha = commitAll(work, 'base');
  change(work);
  const sha = commitAll(work, 'patch');
  git(dir, 'clone', '-q', '--bare', work, mirror);
  return { mirror, baseSha, sha };
}

const put = (files: Files) => (work: string) => {
  for (const [path, content] of Object.entries(files)) {
    const file = join(work, path);
    rmSync(file, { recursive: true, force: true });
    if (content === null) continue;
    mkdirSync(dirname(file), { recursive: true });
    if (typeof content === 'string' && content.startsWith('-> ')) symlinkSync(content.slice(3), file);
    else writeFileSync(file, content);
  }
};

/** What `git` says of the tree that base and the patch with the base's judges make. */
async function judged(trees: ReturnType<typeof mirrorOf>, commands: string[] = []) {
  const files = await judgesOf(trees, commands);
  const patch = await withBaseJudges({ ...trees, files });
  expect(patch.base_sha).toBe(trees.baseSha);
  expect(patch.stat.bytes).toBe(patch.bytes.length);
  const { mirror, baseSha } = trees;
  const ref = `refs/bakeoff/1/${++count}`;
  const { commit } = await commitPatch({
    ...{ mirror, baseSha, patch: patch.bytes, ref, message: 'm', date: new Date(0) },
  });
  expect(readdirSync(mirror).filter((name) => name.startsWith('bakeoff'))).toEqual([]);
  return {
    files,
    patch,
    changed: git(mirror, 'diff', '--no-renames', '--name-status', baseSha, commit)
      .split('\n')
      .filter(Boolean),
    show: (path: string) => git(mirror, 'show', `${commit}:${path}`),
    mode: (path: string) => git(mirror, 'ls-tree', commit, path).slice(0, 6),
  };
}

describe('a variation with the base’s judges', () => {
  test('has the base’s tests and configuration, and its own of everything else', async () => {
    const trees = mirrorOf(
      {
        'src/a.js': 'one\n',
        'tests/a.test.js': 'strict\n',
        'tests/gone.test.js': 'stricter\n',
        'jest.config.js': 'strict\n',
        'bin.dat': new Uint8Array([0, 1, 2]),
      },
      put({
        'src/a.js': 'two\n',
        'src/new.js': 'new\n',
        'bin.dat': new Uint8Array([0, 3]),
        'tests/a.test.js': 'lax\n',
        'tests/gone.test.js': null,
        'tests/new.test.js': 'true\n',
        'jest.config.js': null,
        'conftest.py': 'lax\n',
      }),
    );
    const { files, patch, changed, show } = await judged(trees);
    expect(files.map(({ path, change }) => `${change} ${path}`)).toEqual([
      'added conftest.py',
      'deleted jest.config.js',
      'modified tests/a.test.js',
      'deleted tests/gone.test.js',
      'added tests/new.test.js',
    ]);
    expect(changed).toEqual(['M\tbin.dat', 'M\tsrc/a.js', 'A\tsrc/new.js']);
    expect(show('tests/gone.test.js')).toBe('stricter');
    expect(patch.stat).toMatchObject({ files: 3, additions: 2, deletions: 1 });
    expect(patch.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('that changed nothing else is the base itself', async () => {
    const trees = mirrorOf({ 'tests/a.js': 'strict\n' }, put({ 'tests/a.js': 'lax\n' }));
    const { patch } = await judged(trees);
    expect(patch.bytes.length).toBe(0);
    expect(patch.stat).toEqual({ files: 0, additions: 0, deletions: 0, bytes: 0 });
  });

  test('that changed no judge is as it was', async () => {
    const trees = mirrorOf({ a: '1\n' }, put({ a: '2\n', b: '3\n' }));
    const { files, patch } = await judged(trees);
    expect(files).toEqual([]);
    const own = git(trees.mirror, 'diff', '--binary', '--full-index', trees.baseSha, trees.sha);
    expect(Buffer.from(patch.bytes).toString().trimEnd()).toBe(own);
  });

  test('keeps what package.json says besides how checks run', async () => {
    const base = { name: 'x', scripts: { test: 'jest', build: 'tsc' }, dependencies: { a: '1' } };
    const lax = { name: 'x', jest: { bail: 1 }, scripts: { test: 'true' }, dependencies: { a: '1', b: '2' } };
    const trees = mirrorOf(
      { 'package.json': `${JSON.stringify(base, null, '\t')}\n`, 'package-lock.json': '{}\n' },
      put({
        'package.json': `${JSON.stringify(lax, null, '\t')}\n`,
        'package-lock.json': '{"b":2}\n',
        'packages/new/package.json': '{"name":"new","scripts":{"test":"true"}}\n',
      }),
    );
    const { show, changed } = await judged(trees);
    expect(changed).toEqual(['M\tpackage-lock.json', 'M\tpackage.json', 'A\tpackages/new/package.json']);
    const expected = { name: 'x', scripts: base.scripts, dependencies: lax.dependencies };
    expect(show('package.json')).toBe(JSON.stringify(expected, null, '\t'));
    expect(JSON.parse(show('packages/new/package.json'))).toEqual({ name: 'new' });
  });

  test.each([
    ['cannot be read', '{"scripts":'],
    ['is no table', '[]'],
    ['is gone', null],
    ['is a link', '-> other.json'],
  ])('has the base’s package.json whole when the patched one %s', async (_how, patched) => {
    const base = '{"scripts":{"test":"jest"}}';
    const trees = mirrorOf({ 'package.json': base }, put({ 'package.json': patched, a: '1' }));
    const { show, changed } = await judged(trees);
    expect(show('package.json')).toBe(base);
    expect(changed).toEqual(['A\ta']);
  });

  test('has back what a folder, a link or another mode took the place of', async () => {
    const trees = mirrorOf(
      {
        Makefile: 'test:\n',
        'tests/a.sh': 'a\n',
        'tests/b/c.sh': 'c\n',
        'tests/link': '-> a.sh',
        'x.test.js': 'x\n',
      },
      (work) => {
        put({ Makefile: null, 'tests/b': null, 'tests/link': null, 'x.test.js': null })(work);
        put({
          'Makefile/deep.c': 'int x;\n',
          'tests/b': 'a file\n',
          'tests/link': 'a file\n',
          'x.test.js': '-> tests/a.sh',
          'src.c': 'c\n',
        })(work);
        chmodSync(join(work, 'tests/a.sh'), 0o755);
      },
    );
    const { changed, mode, show } = await judged(trees);
    expect(changed).toEqual(['A\tsrc.c']);
    expect(['tests/a.sh', 'tests/link', 'x.test.js'].map(mode)).toEqual(['100644', '120000', '100644']);
    expect(show('Makefile')).toBe('test:');
  });

  test('whatever its files are called', async () => {
    const names = [
      'tests/sp ace.js',
      'tests/"q".js',
      'tests/tab\t.js',
      'tests/-x',
      'tests/ü.js',
      'tests/new\nline.js',
    ];
    const latin = Buffer.from('tests/caf\xe9.js', 'latin1');
    const trees = mirrorOf(Object.fromEntries(names.map((name) => [name, 'strict\n'])), (work) => {
      put(Object.fromEntries(names.map((name) => [name, 'lax\n'])))(work);
      writeFileSync(Buffer.concat([Buffer.from(`${work}/`), latin]), 'new\n');
      put({ 'src.js': '1\n' })(work);
    });
    const { changed } = await judged(trees);
    expect(changed).toEqual(['A\tsrc.js']);
  });

  test('has the base’s version of what a check’s command names', async () => {
    const manifest = '{"scripts":{"test":"node tools/check.js"}}';
    const trees = mirrorOf(
      { 'package.json': manifest, 'tools/check.js': 'strict\n', 'tools/a.js': '1\n' },
      put({ 'tools/check.js': 'lax\n', 'tools/a.js': '2\n' }),
    );
    const { mirror, baseSha } = trees;
    const read = await readText({ mirror, sha: baseSha }, 'package.json');
    expect(read).toBe(manifest);
    expect(await readText({ mirror, sha: baseSha }, 'no*.json')).toBeNull();
    const { changed } = await judged(trees, ['npm test']);
    expect(changed).toEqual(['M\ttools/a.js']);
  });

  test('is made of whole commits that are there, and leaves nothing behind when it fails', async () => {
    const trees = mirrorOf({ a: '1\n' }, put({ a: '2\n' }));
    await expect(withBaseJudges({ ...trees, sha: 'main', files: [] })).rejects.toThrow(TypeError);
    await expect(withBaseJudges({ ...trees, sha: '1'.repeat(40), files: [] })).rejects.toThrow();
    await expect(readChanges({ ...trees, signal: AbortSignal.abort() })).rejects.toHaveProperty(
      'name',
      'AbortError',
    );
    expect(readdirSync(trees.mirror).filter((name) => name.startsWith('bakeoff'))).toEqual([]);
  });
});

test('a manifest that is no text, or too long to be one, judges as a whole', async () => {
  const trees = mirrorOf(
    { 'package.json': '{}', 'a/package.json': '{}' },
    put({ 'package.json': ' '.repeat(2 ** 20 + 1), 'a/package.json': '{}\0' }),
  );
  const changes = await readChanges(trees);
  expect(changes.map(({ patched }) => patched)).toEqual([undefined, undefined]);
  expect(judgingFiles(changes, { commands: [], manifest: null }).length).toBe(2);
});
