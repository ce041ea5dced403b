import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { commitPatch } from '../../../src/agent/commit';
import { deleteBranch, pushBranch, type Remote, remoteTip } from '../../../src/agent/landing/push';
import { Mirrors } from '../../../src/agent/mirror';
import { removeTemp, tempDir } from '../../support/temp';
import { commitAll, git, scratch } from '../environments/support';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const { config: plain, end } = scratch();
const isRoot = process.getuid?.() === 0;
/** As root, the repositories are somebody else's. */
const owner = isRoot ? { uid: 12_345, gid: 23_456 } : { uid: process.getuid!(), gid: process.getgid!() };
// Apart from the service's own folders, as a home is.
const home = tempDir('home');
const config = { ...plain, localRoots: [home] };
const mirrors = new Mirrors({
  dir: join(plain.dataDir, 'mirrors'),
  config,
  sandbox: { makeReadable: async () => {} },
});
let count = 0;
let path: string;
let remote: Remote;
let base: string;

beforeAll(() => give(home));
afterAll(async () => {
  removeTemp(home);
  await end();
});

beforeEach(async () => {
  count += 1;
  path = join(home, `repository-${count}`);
  mkdirSync(path);
  git(path, 'init', '-q');
  writeFileSync(join(path, 'a.txt'), 'one\n');
  writeFileSync(join(path, 'b.txt'), 'two\n');
  base = commitAll(path, 'first');
  give(path);
  const project = { id: count, repo_url: null, local_path: path, default_branch: null };
  const { path: mirror } = await mirrors.sync(project);
  remote = { project, mirror, config };
});

/** Git as the owner would run it. */
function own(cwd: string, ...args: string[]): string {
  const as = ['--reuid', `${owner.uid}`, '--regid', `${owner.gid}`, '--clear-groups'];
  const command = ['git', '-c', 'user.name=o', '-c', 'user.email=o@localhost', ...args];
  const [program = '', ...rest] = isRoot ? ['setpriv', ...as, ...command] : command;
  return execFileSync(program, rest, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: '/nonexistent',
      GIT_CONFIG_NOSYSTEM: '1',
      LC_ALL: 'C',
    },
  }).trimEnd();
}

/** Makes all of a folder the owner's, as `chown -R` does. */
function give(folder: string): void {
  if (!isRoot) return;
  for (const file of files(folder)) chownSync(file, owner.uid, owner.gid);
}

function files(folder: string): string[] {
  const within = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)],
  );
  return [folder, ...within];
}

/** A commit in the mirror that changes a.txt and makes new.txt, or another file. */
async function change(
  text = 'changed\n',
  onto = base,
  name = onto === base ? 'new.txt' : 'newer.txt',
): Promise<string> {
  const old = git(remote.mirror, 'show', `${onto}:a.txt`);
  const patch = `--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-${old}\n+${text}diff --git a/${name} b/${name}\nnew file mode 100644\n--- /dev/null\n+++ b/${name}\n@@ -0,0 +1 @@\n+new\n`;
  return await commitOf(patch, onto);
}

async function commitOf(patch: string, onto: string): Promise<string> {
  const { commit } = await commitPatch({
    mirror: remote.mirror,
    baseSha: onto,
    patch: Buffer.from(patch),
    ref: 'refs/bakeoff/1/1',
    message: 'land',
    date: new Date(1e12),
  });
  return commit;
}

const failure = (work: Promise<unknown>) => work.catch((error: Error) => error);
const read = (name: string) => readFileSync(join(path, name), 'utf8');
const status = () => own(path, 'status', '--porcelain');

describe('a local repository', () => {
  test('gets a branch, whose objects are its owner’s, and gives it back', async () => {
    const commit = await change();
    const branch = 'bakeoff/1-x';
    expect(await pushBranch(remote, { commit, branch, expectOld: null })).toEqual({ state: 'pushed' });
    expect(await pushBranch(remote, { commit, branch, expectOld: null })).toEqual({
      state: 'already_there',
    });
    expect(own(path, 'rev-parse', branch)).toBe(commit);
    expect([read('a.txt'), status()]).toEqual(['one\n', '']);
    const foreign = files(path).filter(
      (file) => lstatSync(file).uid !== owner.uid || lstatSync(file).gid !== owner.gid,
    );
    expect(foreign).toEqual([]);
    expect(await remoteTip(remote, branch)).toBe(commit);
    expect(await deleteBranch(remote, { branch, onlyIf: commit })).toEqual({ state: 'deleted' });
    expect(await deleteBranch(remote, { branch, onlyIf: commit })).toEqual({ state: 'already_gone' });
  });

  test('that is bare takes its main branch forward, and never back', async () => {
    const bare = join(home, `bare-${count}.git`);
    own(home, 'clone', '-q', '--bare', path, bare);
    give(bare);
    const to = { ...remote, project: { ...remote.project, local_path: bare } };
    const commit = await change();
    expect(await pushBranch(to, { commit, branch: 'main', expectOld: base })).toEqual({ state: 'pushed' });
    const other = await change('other\n');
    expect(await failure(pushBranch(to, { commit: other, branch: 'main' }))).toHaveProperty(
      'code',
      'push_rejected',
    );
    expect(own(bare, 'rev-parse', 'main')).toBe(commit);
  });

  test('keeps a branch that is checked out, unless its files may follow and are clean', async () => {
    const commit = await change();
    const request = { commit, branch: 'main', expectOld: base };
    expect(await failure(pushBranch(remote, request))).toHaveProperty('code', 'branch_checked_out');
    expect(await failure(deleteBranch(remote, { branch: 'main', onlyIf: base }))).toHaveProperty(
      'code',
      'branch_checked_out',
    );
    expect(own(path, 'rev-parse', 'main')).toBe(base);
    writeFileSync(join(path, 'b.txt'), 'mine\n');
    expect(await failure(pushBranch(remote, { ...request, checkout: true }))).toHaveProperty(
      'code',
      'checkout_dirty',
    );
    own(path, 'add', 'b.txt');
    give(path);
    expect(await failure(pushBranch(remote, { ...request, checkout: true }))).toHaveProperty(
      'code',
      'checkout_dirty',
    );
    own(path, 'reset', '-q', '--hard');
    writeFileSync(join(path, 'new.txt'), 'not to be lost\n');
    give(path);
    expect(await failure(pushBranch(remote, { ...request, checkout: true }))).toHaveProperty(
      'code',
      'checkout_dirty',
    );
    expect([own(path, 'rev-parse', 'main'), read('a.txt'), read('new.txt')]).toEqual([
      base,
      'one\n',
      'not to be lost\n',
    ]);
    rmSync(join(path, 'new.txt'));
    expect(await pushBranch(remote, { ...request, checkout: true })).toEqual({ state: 'pushed' });
    expect([own(path, 'rev-parse', 'main'), read('a.txt'), read('new.txt'), status()]).toEqual([
      commit,
      'changed\n',
      'new\n',
      '',
    ]);
    expect(files(path).filter((file) => lstatSync(file).uid !== owner.uid)).toEqual([]);
    expect(await pushBranch(remote, { ...request, checkout: true })).toEqual({ state: 'already_there' });
  });

  test('loses no file that it ignores, wherever that is in the way', async () => {
    writeFileSync(join(path, '.git', 'info', 'exclude'), 'mine*\n');
    const push = async (name: string) => {
      const commit = await change('changed\n', base, name);
      return await failure(pushBranch(remote, { commit, branch: 'main', expectOld: base, checkout: true }));
    };
    const refusal = (found: string) => ({
      ...{ code: 'checkout_dirty', paths: [found] },
      message: expect.stringContaining(`${JSON.stringify(found)} is not committed`),
    });
    writeFileSync(join(path, 'mine.txt'), 'not to be lost\n');
    mkdirSync(join(path, 'mine.d', 'empty'), { recursive: true });
    writeFileSync(join(path, 'mine.d', 'deep.txt'), 'nor this\n');
    symlinkSync(home, join(path, 'mine.link'));
    give(path);
    expect(await push('mine.txt')).toMatchObject(refusal('mine.txt'));
    expect(await push('mine.txt/below')).toMatchObject(refusal('mine.txt'));
    expect(await push('mine.d')).toMatchObject(refusal('mine.d/deep.txt'));
    expect(await push('mine.link/new.txt')).toMatchObject(refusal('mine.link'));
    expect([read('mine.txt'), read('mine.d/deep.txt'), read('a.txt')]).toEqual([
      ...['not to be lost\n', 'nor this\n', 'one\n'],
    ]);
    expect(await push('mine.d/new.txt')).toEqual({ state: 'pushed' });
    expect([read('mine.d/new.txt'), read('mine.d/deep.txt'), status()]).toEqual(['new\n', 'nor this\n', '']);
    // What the branch has itself is git's to look at: here a file becomes a folder.
    const tip = own(path, 'rev-parse', 'main');
    const patch = `diff --git a/b.txt b/b.txt\ndeleted file mode 100644\n--- a/b.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-two\ndiff --git a/b.txt/in b/b.txt/in\nnew file mode 100644\n--- /dev/null\n+++ b/b.txt/in\n@@ -0,0 +1 @@\n+in\n`;
    const commit = await commitOf(patch, tip);
    expect(await pushBranch(remote, { commit, branch: 'main', checkout: true })).toEqual({ state: 'pushed' });
    expect([read('b.txt/in'), status()]).toEqual(['in\n', '']);
  });

  test('is treated so in its worktrees too, whichever of them the project names', async () => {
    const tree = join(home, `tree-${count}`);
    own(path, 'worktree', 'add', '-q', '-b', 'side', tree);
    give(path);
    give(tree);
    const commit = await change();
    for (const local_path of [path, tree]) {
      const to = { ...remote, project: { ...remote.project, local_path } };
      for (const branch of ['main', 'side']) {
        const said = await failure(pushBranch(to, { commit, branch, expectOld: base }));
        expect([branch, said]).toMatchObject([branch, { code: 'branch_checked_out' }]);
      }
    }
    const to = { ...remote, project: { ...remote.project, local_path: tree } };
    expect(await pushBranch(to, { commit, branch: 'side', checkout: true })).toEqual({ state: 'pushed' });
    expect(readFileSync(join(tree, 'a.txt'), 'utf8')).toBe('changed\n');
    expect(read('a.txt')).toBe('one\n');
    expect(await pushBranch(to, { commit, branch: 'free' })).toEqual({ state: 'pushed' });
    // A worktree that claims to lie elsewhere is not followed there.
    const next = await change('next\n', commit);
    writeFileSync(join(path, '.git', 'worktrees', `tree-${count}`, 'gitdir'), `${plain.dataDir}/.git\n`);
    expect(await failure(pushBranch(to, { commit: next, branch: 'side', checkout: true }))).toHaveProperty(
      'code',
      'branch_checked_out',
    );
    writeFileSync(join(path, '.git', 'worktrees', `tree-${count}`, 'gitdir'), `${path}/.git\n`);
    expect(await failure(pushBranch(to, { commit: next, branch: 'side', checkout: true }))).toHaveProperty(
      'code',
      'branch_checked_out',
    );
    expect(read('a.txt')).toBe('one\n');
  });

  test('runs none of its hooks and programs, and reaches no other repository', async () => {
    const evil = join(path, '.git', 'evil.sh');
    const ran = join(home, `ran-${count}`);
    writeFileSync(evil, `#!/bin/sh\necho "$0 $*" >>${ran}\nexit 0\n`, { mode: 0o755 });
    const hooks = join(path, '.git', 'own-hooks');
    const names =
      'pre-receive update post-receive post-update reference-transaction push-to-checkout proc-receive post-checkout post-index-change pre-push';
    for (const folder of [hooks, join(path, '.git', 'hooks')]) {
      mkdirSync(folder, { recursive: true });
      for (const name of names.split(' '))
        writeFileSync(join(folder, name), `#!/bin/sh\necho ${name} >>${ran}\n`, { mode: 0o755 });
    }
    const lender = join(home, `lender-${count}`);
    own(home, 'clone', '-q', '--bare', path, lender);
    writeFileSync(join(path, '.git', 'objects', 'info', 'alternates'), `${lender}/objects\n`);
    const settings = {
      'core.hooksPath': hooks,
      'core.fsmonitor': evil,
      'core.alternateRefsCommand': evil,
      'core.sshCommand': evil,
      'core.pager': evil,
      'gpg.program': evil,
      'receive.certNonceSeed': 'x',
      'diff.external': evil,
      'hook.mine.command': evil,
      'hook.mine.event': 'pre-receive',
      'extensions.partialClone': 'origin',
      'remote.origin.promisor': 'true',
      'remote.origin.url': lender,
      'remote.origin.uploadpack': evil,
      'gc.auto': '1',
      'receive.autogc': 'true',
      'receive.denyCurrentBranch': 'ignore',
    };
    for (const [name, value] of Object.entries(settings)) own(path, 'config', name, value);
    own(path, 'config', 'core.repositoryFormatVersion', '1');
    give(path);
    give(lender);
    const commit = await change();
    expect(await pushBranch(remote, { commit, branch: 'bakeoff/1-x' })).toEqual({ state: 'pushed' });
    expect(await failure(pushBranch(remote, { commit, branch: 'main' }))).toHaveProperty(
      'code',
      'branch_checked_out',
    );
    expect(await pushBranch(remote, { commit, branch: 'main', checkout: true })).toEqual({
      state: 'pushed',
    });
    expect(await deleteBranch(remote, { branch: 'bakeoff/1-x', onlyIf: commit })).toEqual({
      state: 'deleted',
    });
    // What is missing would be asked of the promising remote, by a program that it names.
    const next = await change('next\n', commit);
    const tree = own(path, 'rev-parse', 'HEAD^{tree}');
    rmSync(join(path, '.git', 'objects', tree.slice(0, 2), tree.slice(2)));
    const lacking = await failure(pushBranch(remote, { commit: next, branch: 'main', checkout: true }));
    expect(lacking).toHaveProperty('name', 'LandingFailure');
    expect(existsSync(ran) ? readFileSync(ran, 'utf8') : '').toBe('');
    expect(read('a.txt')).toBe('changed\n');
  });

  test('whose files go through filters, or lie elsewhere by its settings, is not changed where it is checked out', async () => {
    const commit = await change();
    const request = { commit, branch: 'main', checkout: true };
    own(path, 'config', 'filter.evil.smudge', 'false');
    give(path);
    expect(await failure(pushBranch(remote, request))).toMatchObject({
      code: 'branch_checked_out',
      message: expect.stringContaining('filters'),
    });
    own(path, 'config', '--remove-section', 'filter.evil');
    const elsewhere = join(home, `elsewhere-${count}`);
    mkdirSync(elsewhere);
    own(path, 'config', 'core.worktree', elsewhere);
    give(path);
    expect(await failure(pushBranch(remote, request))).toHaveProperty('code', 'branch_checked_out');
    expect(readdirSync(elsewhere)).toEqual([]);
    expect(readFileSync(join(path, '.git', 'refs', 'heads', 'main'), 'utf8').trim()).toBe(base);
  });

  test('that holds another one in its own folder, or lies outside, takes nothing', async () => {
    const commit = await change();
    own(join(path, '.git'), 'init', '-q', '--bare', join(path, '.git', '.git'));
    give(path);
    expect(await failure(pushBranch(remote, { commit, branch: 'b' }))).toHaveProperty(
      'code',
      'repository_refused',
    );
    const outside = { ...remote, config: { ...config, localRoots: [plain.dataDir] } };
    expect(await failure(pushBranch(outside, { commit, branch: 'b' }))).toHaveProperty(
      'code',
      'repository_refused',
    );
  });

  test('that may not be written says so', async () => {
    const commit = await change();
    const objects = join(path, '.git', 'objects');
    Bun.spawnSync(['chmod', '-R', 'a-w', objects]);
    const said = await failure(pushBranch(remote, { commit, branch: 'b' }));
    Bun.spawnSync(['chmod', '-R', 'u+w', objects]);
    expect(said).toHaveProperty('code', 'push_refused');
    expect(String(said)).toContain('unable to create');
  });
});
