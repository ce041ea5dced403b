import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commitPatch } from '../../src/agent/commit';
import { commitAll, git, scratch } from './environments/support';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const { dir, end } = scratch();
const work = join(dir, 'work');
const mirror = join(dir, 'mirror.git');
let baseSha: string;

beforeAll(() => {
  mkdirSync(join(work, 'sub'), { recursive: true });
  git(work, 'init', '-q');
  writeFileSync(join(work, 'a.txt'), 'one\n');
  writeFileSync(join(work, 'sub', 'b.txt'), 'two\n');
  symlinkSync('/etc/passwd', join(work, 'old-link'));
  baseSha = commitAll(work, 'base');
  git(dir, 'clone', '-q', '--bare', work, mirror);
});
afterAll(end);

let count = 0;
const date = new Date('2026-01-02T03:04:05.678Z');
const land = (patch: string | Uint8Array, ref = `refs/bakeoff/1/${++count}`) =>
  commitPatch({
    mirror,
    baseSha,
    patch: typeof patch === 'string' ? Buffer.from(patch, 'latin1') : patch,
    ref,
    message: 'Try\n\nBody',
    date,
  });
const refused = async (patch: string) => {
  const said = await land(patch).catch((error: Error) => error);
  expect(said).toHaveProperty('code', 'patch_rejected');
  return String(said);
};

/** A patch that makes one new file. */
const newFile = (path: string, content = 'x\n', mode = '100644') =>
  `diff --git a/${path} b/${path}\nnew file mode ${mode}\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+${content}${content.endsWith('\n') ? '' : '\n\\ No newline at end of file\n'}`;
const newLink = (path: string, target: string) => newFile(path, target, '120000');

describe('a patch on its way to a commit', () => {
  test('is one commit on the base, under its ref, found again when made again', async () => {
    writeFileSync(join(work, 'a.txt'), 'one\nmore\r\n');
    writeFileSync(join(work, 'bin'), new Uint8Array([0, 255, 10]));
    symlinkSync('../a.txt', join(work, 'sub', 'link'));
    git(work, 'add', '-A');
    const patch = Buffer.from(
      `${git(work, 'diff', '--cached', '--binary', '--full-index', baseSha)}\n\n`,
      'utf8',
    );
    git(work, 'reset', '-q', '--hard', baseSha);
    const { commit } = await land(patch, 'refs/bakeoff/7/1');
    expect(git(mirror, 'rev-parse', 'refs/bakeoff/7/1')).toBe(commit);
    expect(git(mirror, 'rev-parse', `${commit}^`)).toBe(baseSha);
    expect(git(mirror, 'log', '-1', '--format=%an %cn|%B', commit)).toBe('Bakeoff Bakeoff|Try\n\nBody');
    expect(git(mirror, 'diff', '--name-status', baseSha, commit)).toBe('M\ta.txt\nA\tbin\nA\tsub/link');
    expect(await land(patch, 'refs/bakeoff/7/1')).toEqual({ commit });
    // On another machine, where nothing is there yet, it has the same id.
    const elsewhere = join(dir, 'elsewhere.git');
    git(dir, 'clone', '-q', '--bare', work, elsewhere);
    const again = {
      mirror: elsewhere,
      baseSha,
      patch,
      ref: 'refs/bakeoff/9/1',
      message: 'Try\n\nBody',
      date,
    };
    expect(await commitPatch(again)).toEqual({ commit });
    expect(git(elsewhere, 'log', '-1', '--format=%aI %cI', commit)).toBe(
      '2026-01-02T03:04:05+00:00 2026-01-02T03:04:05+00:00',
    );
    expect(readdirSync(mirror).filter((name) => name.startsWith('bakeoff'))).toEqual([]);
  });

  test('is made whatever its author is called', async () => {
    const patch = 'diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n';
    for (const [name, known] of [
      ['<>', 'Bakeoff'],
      ['.', 'Bakeoff'],
      ['Ann <x>', 'Ann x'],
    ] as const) {
      const { commit } = await commitPatch({
        ...{ mirror, baseSha, date, message: 'x', ref: `refs/bakeoff/1/${++count}` },
        patch: Buffer.from(patch),
        author: { name, email: 'a@localhost' },
      });
      expect(git(mirror, 'log', '-1', '--format=%an', commit)).toBe(known);
    }
  });

  test('may be made many times at once on one mirror', async () => {
    const made = await Promise.all(Array.from({ length: 6 }, (_, at) => land(newFile(`n${at}`))));
    expect(new Set(made.map((one) => one.commit)).size).toBe(6);
  });

  test('when empty is the base itself', async () => {
    expect(await land('', 'refs/bakeoff/8/1')).toEqual({ commit: baseSha });
  });

  test("that does not apply, or is no patch, is rejected with git's reason", async () => {
    expect(await refused('--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-other\n+x\n')).toContain('a.txt');
    expect(await refused('just words\n')).toContain('does not apply');
    expect(await refused(newFile('a.txt'))).toContain('a.txt');
    expect(
      await refused('diff --git a/a.txt b/a.txt\nindex 1..2 100644\nGIT binary patch\nliteral 5\nzzz\n'),
    ).toContain('not apply');
  });

  test.each([
    ['.git/config'],
    ['.GIT/config'],
    ['.gIt/hooks/post-checkout'],
    ['sub/.git/config'],
    ['.git'],
    ['git~1/config'],
    ['GIT~1'],
    ['.git./config'],
    ['.git /config'],
    ['.git::$INDEX_ALLOCATION/config'],
    ['.g\xe2\x80\x8cit/config'],
    ['\xef\xbb\xbf.git/x'],
    ['.gitmodules'],
    ['.GITMODULES'],
    ['sub/.gitmodules'],
    ['../out'],
    ['sub/../../out'],
    ['/etc/x'],
    ['sub\\.git\\config'],
  ])('may not make %j', async (path) => {
    await refused(newFile(path));
    const quoted = JSON.stringify(path).slice(1, -1);
    await refused(
      `diff --git a/a.txt "b/${quoted}"\nsimilarity index 100%\nrename from a.txt\nrename to "${quoted}"\n`,
    );
  });

  test('may not make a submodule, nor take one away', async () => {
    const sha = '1'.repeat(40);
    const gitlink = `diff --git a/s b/s\nnew file mode 160000\nindex ${'0'.repeat(40)}..${sha}\n--- /dev/null\n+++ b/s\n@@ -0,0 +1 @@\n+Subproject commit ${sha}\n`;
    expect(await refused(gitlink)).toContain('submodule');
    expect(await refused(gitlink.replaceAll('\n', '\r\n'))).toBeString();
  });

  test.each([
    ['l', '/etc/passwd'],
    ['l', '../x'],
    ['sub/l', '../../x'],
    ['l', 'sub/../../x'],
    ['l', '..'],
    ['l', '.git/config'],
    ['l', '.GIT/hooks'],
    ['sub/l', './.././../x'],
    ['l', 'sub/../a.txt'],
    ['l', ''],
  ])('may not make the link %s to %j', async (path, target) => {
    await refused(newLink(path, target));
  });

  test.each([
    ['l', 'a.txt'],
    ['sub/l', '../a.txt'],
    ['l', 'nowhere'],
    ['l', './sub//b.txt'],
    ['sub/l', '..'],
  ])('may make the link %s to %j', async (path, target) => {
    await land(newLink(path, target));
  });

  test('may not carry a link of the base to where it leaves, but may leave it where it is', async () => {
    expect(
      await refused(
        'diff --git a/old-link b/new-link\nsimilarity index 100%\nrename from old-link\nrename to new-link\n',
      ),
    ).toContain('leaves');
    await land(newFile('beside'));
  });

  test('refuses refs that are not its own', async () => {
    for (const ref of ['refs/heads/main', 'refs/bakeoff/../heads/main', 'HEAD', 'refs/bakeoff/', '--help']) {
      await expect(land(newFile('r'), ref)).rejects.toThrow(TypeError);
    }
    await expect(
      commitPatch({
        mirror,
        baseSha: '1'.repeat(40),
        patch: new Uint8Array(),
        ref: 'refs/bakeoff/1/x',
        message: 'm',
        date,
      }),
    ).rejects.toHaveProperty('code', 'base_not_found');
    rmSync(work, { recursive: true });
  });
});
