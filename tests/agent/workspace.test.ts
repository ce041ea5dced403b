import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commitPatch } from '../../src/agent/commit';
import { Checkouts } from '../../src/agent/environments/checkout';
import { openSandbox } from '../../src/agent/environments/open';
import { plainSandbox } from '../../src/agent/environments/plain';
import type { Sandbox } from '../../src/agent/environments/sandbox';
import { type MirroredProject, Mirrors } from '../../src/agent/mirror';
import type { Patch, Workspace, WorkspaceRequest } from '../../src/agent/workspace';
import { commitAll, git, scratch, sh } from './environments/support';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const { dir, config, end } = scratch();
const workspaces = join(config.dataDir, 'workspaces');
let sandbox: Sandbox;
let mirrors: Mirrors;
let count = 0;

beforeAll(async () => {
  sandbox = await openSandbox(config);
  mirrors = new Mirrors({ dir: join(config.dataDir, 'mirrors'), config, sandbox });
});
afterAll(async () => {
  expect(await readFile(join(dir, 'escaped'), 'utf8').catch(() => 'nothing')).toBe('nothing');
  await end();
});

/** A source repository with these files, mirrored. */
async function repository(files: Record<string, string | Uint8Array>, more?: (path: string) => void) {
  count += 1;
  const source = join(dir, `source-${count}`);
  mkdirSync(source);
  git(source, 'init', '-q');
  // As they are: no conversion on their way into the repository.
  writeFileSync(
    join(source, '.git', 'info', 'attributes'),
    '* -text !eol -filter !working-tree-encoding -ident\n',
  );
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(source, name, '..'), { recursive: true });
    writeFileSync(join(source, name), content);
  }
  more?.(source);
  const baseSha = commitAll(source, 'base');
  const project: MirroredProject = { id: count, repo_url: null, local_path: source, default_branch: null };
  const { path: mirror } = await mirrors.sync(project);
  return { source, mirror, baseSha };
}

async function open(request: Omit<WorkspaceRequest, 'id'>): Promise<Workspace> {
  count += 1;
  return await new Checkouts(workspaces, sandbox).open({ ...request, id: `w-${count}` });
}

const text = (patch: Patch) => Buffer.from(patch.bytes).toString('latin1');

/** What plain `git apply` makes of the patch on an ordinary clone, as a tree of that clone. */
function applied(source: string, patch: Patch, ...options: string[]): string {
  const name = `clone-${++count}`;
  const clone = join(dir, name);
  git(dir, 'clone', '-q', source, clone);
  git(clone, 'checkout', '-q', patch.base_sha);
  const file = join(dir, `${name}.patch`);
  writeFileSync(file, patch.bytes);
  git(clone, 'apply', ...options, file);
  return clone;
}

describe('a workspace', () => {
  test('shows the base, clean, with its history, as an ordinary repository', async () => {
    const { mirror, baseSha } = await repository({ 'a.txt': 'one\n', 'sub/b.txt': 'two\n' });
    const workspace = await open({ mirror, baseSha });
    const seen = await sh(
      workspace.environment,
      'git status --porcelain && git rev-parse HEAD && git log --format=%s && cat sub/b.txt',
    );
    expect(seen.stdout).toBe(`${baseSha}\nbase\ntwo\n`);
    expect(await workspace.snapshot()).toMatchObject({
      base_sha: baseSha,
      stat: { files: 0, additions: 0, deletions: 0, bytes: 0 },
    });
    expect(
      (await sh(workspace.environment, 'git commit -q --allow-empty -m mine && git log --format=%s')).stdout,
    ).toBe('mine\nbase\n');
    await workspace.remove();
    await workspace.remove();
    expect(readdirSync(workspaces)).toEqual([]);
  });

  test('its patch holds every kind of change, and applies with plain git apply', async () => {
    const { source, mirror, baseSha } = await repository({
      'edit.txt': 'one\ntwo\nthree\n',
      'gone.txt': 'x\n',
      'run.sh': 'echo\n',
      'old.bin': new Uint8Array([0, 1, 2, 255]),
      'noeol.txt': 'no line break',
      'latin.txt': new Uint8Array([0xe4, 0xf6, 0x0a]),
      '.gitignore': 'ignored/\n',
    });
    const workspace = await open({ mirror, baseSha });
    const script = `
      sed -i s/two/2/ edit.txt; rm gone.txt; chmod +x run.sh; printf '\\0\\377new' >old.bin; printf more >>noeol.txt
      printf '\\344\\366\\374\\n' >latin.txt; printf 'bytes' >"$(printf 'n\\344me')"; echo x >'with space "and" quote'
      printf 'a\\tb\\n' >"$(printf 'tab\\tname')"; ln -s edit.txt link; mkdir -p ignored new/deep; echo i >ignored/i; echo n >new/deep/n
      head -c 100000 /dev/urandom >random.bin; : >empty; mkdir emptyfolder; mkfifo pipe`;
    expect((await sh(workspace.environment, script)).stderr).toBe('');
    const patch = await workspace.snapshot();
    expect(patch.stat).toMatchObject({ files: 13, bytes: patch.bytes.length });
    expect(patch.stat.additions).toBeGreaterThan(4);
    expect(patch.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(text(patch)).not.toContain('ignored/i');
    const clone = applied(source, patch);
    const list =
      'find . -path ./.git -prune -o -path ./ignored -prune -o ! -type d ! -type p -print0 | LC_ALL=C sort -z | xargs -0 sha256sum; stat -c %A run.sh; readlink link';
    const there = await sh(workspace.environment, list);
    const here = Bun.spawnSync(['sh', '-c', list], { cwd: clone }).stdout.toString();
    expect(here).toBe(there.stdout);
    expect(here.split('\n').length).toBeGreaterThan(15);
    await workspace.remove();
  });

  test('starts from a patch, and its snapshot is that patch again', async () => {
    const { mirror, baseSha } = await repository({ 'a.txt': 'one\n', 'b.bin': new Uint8Array([0, 1]) });
    const first = await open({ mirror, baseSha });
    await sh(first.environment, 'echo 2 >>a.txt; printf "\\0\\7" >b.bin; echo new >c; chmod +x c; ln -s c d');
    const patch = await first.snapshot();
    const second = await open({ mirror, baseSha, patch: patch.bytes });
    expect((await sh(second.environment, 'cat a.txt c d; git status --porcelain | wc -l')).stdout).toBe(
      'one\n2\nnew\nnew\n4\n',
    );
    expect((await second.snapshot()).sha256).toBe(patch.sha256);
    await Promise.all([first.remove(), second.remove()]);
    const wrong = new TextEncoder().encode('--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-other\n+x\n');
    await expect(open({ mirror, baseSha, patch: wrong })).rejects.toHaveProperty('code', 'patch_rejected');
    await expect(open({ mirror, baseSha: '1'.repeat(40) })).rejects.toHaveProperty('code', 'base_not_found');
    expect(readdirSync(workspaces)).toEqual([]);
  });

  test.each([
    ['* text=auto\n'],
    ['*.txt text eol=crlf\n*.dat binary\n'],
    ['* text eol=lf\n'],
    ['*.txt working-tree-encoding=UTF-16LE-BOM ident -diff\n'],
    ['* filter=evil diff=evil merge=evil text\n'],
  ])('line ends survive %j', async (attributes) => {
    const { source, mirror, baseSha } = await repository({
      '.gitattributes': attributes,
      'crlf.txt': 'a\r\nb\r\nc\r\n',
      'lf.txt': 'a\nb\nc\n',
      'mixed.txt': 'a\r\nb\nc\r\n$Id$\n',
      'data.dat': '\r\n\0\n',
    });
    const workspace = await open({ mirror, baseSha });
    expect((await workspace.snapshot()).stat.files).toBe(0);
    const script = `sed -i 's/b/B/' crlf.txt lf.txt mixed.txt; printf 'n\\r\\nm\\r\\n' >new.txt; git status --porcelain`;
    await sh(workspace.environment, script);
    const patch = await workspace.snapshot();
    expect(patch.stat).toEqual({ files: 4, additions: 5, deletions: 3, bytes: patch.bytes.length });
    expect(text(patch)).toContain('-b\r\n+B\r\n');
    // On a clone that keeps bytes, plain `git apply` gives exactly the workspace.
    const name = `clone-${++count}`;
    const clone = join(dir, name);
    git(dir, 'clone', '-q', '-n', source, clone);
    writeFileSync(
      join(clone, '.git', 'info', 'attributes'),
      '* -text !eol -filter !working-tree-encoding -ident\n',
    );
    git(clone, 'checkout', '-q', baseSha);
    writeFileSync(join(dir, `${name}.patch`), patch.bytes);
    git(clone, 'apply', join(dir, `${name}.patch`));
    for (const file of ['crlf.txt', 'lf.txt', 'mixed.txt', 'new.txt']) {
      const there = (await workspace.environment.exec(['cat', file])).stdout;
      expect(Buffer.compare(await readFile(join(clone, file)), there)).toBe(0);
    }
    // And on anybody's clone, but for files that such attributes cannot check out as they are.
    if (!attributes.includes('encoding')) applied(source, patch, '--exclude=mixed.txt');
    await workspace.remove();
  });

  test('sees nothing that other variations have made, but what it stands on', async () => {
    const { mirror, baseSha } = await repository({ 'a.txt': 'one\n' });
    const made = async (position: number): Promise<string> => {
      const patch = `diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+idea ${position}\n`;
      const { commit } = await commitPatch({
        ...{ mirror, baseSha, patch: new TextEncoder().encode(patch), ref: `refs/bakeoff/1/${position}` },
        ...{ message: 'a result', date: new Date(0) },
      });
      return commit;
    };
    const [one, two] = [await made(1), await made(2)];
    const all = 'git cat-file --batch-all-objects --batch-check="%(objectname)"';
    const texts = `${all} | git cat-file --batch; find /mirror | xargs -r strings -a 2>/dev/null`;
    const sibling = await open({ mirror, baseSha });
    const seen = (await sh(sibling.environment, `${all}; ${texts}`)).stdout;
    expect(seen).toContain(baseSha);
    for (const other of [one, two, 'idea']) expect(seen).not.toContain(other);
    await sibling.remove();
    // A flow's next run: its base is the winner of the last.
    const next = await open({ mirror, baseSha: one });
    expect((await sh(next.environment, 'cat a.txt; git log --format=%s')).stdout).toBe(
      'idea 1\na result\nbase\n',
    );
    const shown = (await sh(next.environment, `${all}; ${texts}`)).stdout;
    expect(shown).toContain(one);
    for (const other of [two, 'idea 2']) expect(shown).not.toContain(other);
    await next.remove();
  });

  test('what the agent does to its repository neither breaks nor colours the snapshot', async () => {
    const { mirror, baseSha } = await repository({ 'a.txt': 'one\n' });
    const workspace = await open({ mirror, baseSha });
    const evil = `
      evil() { printf '#!/bin/sh\\necho ran >>/workspace/ran\\ntouch /snapshot/ran ${dir}/escaped\\ncat\\n' >"$1"; chmod +x "$1"; }
      evil evil.sh
      for hook in pre-commit post-checkout post-index-change fsmonitor-watchman post-commit; do evil .git/hooks/$hook 2>/dev/null || { mkdir -p .git/hooks; evil .git/hooks/$hook; }; done
      for key in core.fsmonitor diff.external filter.evil.clean filter.evil.smudge filter.evil.process diff.evil.textconv diff.evil.command core.editor core.pager core.sshCommand gpg.program; do
        git config $key /workspace/evil.sh; done
      git config core.worktree /tmp; git config core.bare true; git config diff.noprefix true; git config core.quotePath false; git config core.autocrlf true
      printf '* filter=evil diff=evil\\n' >.gitattributes
      echo two >a.txt
      rm -f .git/index .git/HEAD; echo garbage >.git/index; echo /nonexistent >.git/objects/info/alternates`;
    await sh(workspace.environment, evil);
    const patch = await workspace.snapshot();
    expect(text(patch)).toContain('diff --git a/a.txt b/a.txt');
    expect(text(patch)).toContain('-one\n+two\n');
    expect((await sh(workspace.environment, 'cat ran 2>/dev/null; ls /snapshot 2>/dev/null')).stdout).toBe(
      '',
    );
    await sh(workspace.environment, 'rm -rf .git; ln -s /etc .git');
    expect((await workspace.snapshot()).sha256).toBe(patch.sha256);
    await sh(workspace.environment, 'rm .git; echo gitdir: /workspace/x >.git');
    expect((await workspace.snapshot()).sha256).toBe(patch.sha256);
    await workspace.remove();
  });

  test('a hostile repository runs nothing when it is opened or looked at', async () => {
    const { mirror, baseSha } = await repository(
      {
        '.gitattributes': '* filter=lfs diff=x\n',
        'a.txt': 'one\n',
        '.gitconfig': '[core]\n fsmonitor = ./x\n',
      },
      (source) => {
        writeFileSync(
          join(source, '.gitmodules'),
          '[submodule "s"]\n path = s\n url = ext::sh -c touch% /tmp/x\n update = !touch x\n',
        );
        symlinkSync('/etc/passwd', join(source, 'link'));
        git(source, 'update-index', '--add', '--cacheinfo', `160000,${'2'.repeat(40)},s`);
        mkdirSync(join(source, 's'));
      },
    );
    const workspace = await open({ mirror, baseSha });
    expect((await workspace.snapshot()).stat.files).toBe(0);
    await sh(
      workspace.environment,
      'rmdir s; git init -q s; cd s; echo 1 >f; git add f; git commit -qm s; git config core.fsmonitor "touch /workspace/ran"',
    );
    const patch = await workspace.snapshot();
    expect(text(patch)).not.toContain('160000');
    expect((await sh(workspace.environment, 'ls ran 2>/dev/null')).stdout).toBe('');
    await workspace.remove();
  });

  test('a repository that the agent makes inside counts by its files', async () => {
    const { source, mirror, baseSha } = await repository({ 'a.txt': 'one\n', '.gitignore': '*.log\n' });
    const workspace = await open({ mirror, baseSha });
    await sh(
      workspace.environment,
      `git init -q app && cd app && echo x >'f 1' && echo skip >.gitignore && echo s >skip && git add -A && git commit -qm app
       git init -q lib && echo y >lib/g; cd .. && git init -q bare-of-commits && echo z >bare-of-commits/h; mkdir logs && echo l >logs/ignored.log`,
    );
    for (const round of [1, 2]) {
      const patch = await workspace.snapshot();
      const names = [...text(patch).matchAll(/^diff --git a\/(.*) b\//gm)].map((match) => match[1]);
      expect([round, ...names]).toEqual([
        round,
        'app/.gitignore',
        'app/f 1',
        'app/lib/g',
        'bare-of-commits/h',
      ]);
      applied(source, patch);
    }
    await workspace.remove();
  });

  test('files that cannot be read are made readable rather than lost', async () => {
    const { mirror, baseSha } = await repository({ 'a.txt': 'one\n' });
    const workspace = await open({ mirror, baseSha });
    await sh(
      workspace.environment,
      'echo 1 >closed; chmod 000 closed; mkdir -p shut/in; echo 2 >shut/in/f; chmod 000 shut',
    );
    const patch = await workspace.snapshot();
    expect([...text(patch).matchAll(/^\+\+\+ b\/(.*)$/gm)].map((match) => match[1])).toEqual([
      'closed',
      'shut/in/f',
    ]);
    await workspace.remove();
  });

  test('remove ends what runs and takes away whatever was left, however deep or closed', async () => {
    const { mirror, baseSha } = await repository({ 'a.txt': 'one\n' });
    const workspace = await open({ mirror, baseSha });
    const deep = `i=0; while [ $i -lt 60 ]; do n=${'d'.repeat(100)}; mkdir $n && cd $n || exit 1; i=$((i+1)); done; echo x >f; chmod 000 .`;
    await sh(workspace.environment, deep);
    await sh(
      workspace.environment,
      'mkdir -p shut/in; echo x >shut/in/f; chmod 000 shut/in shut; ln -s / root',
    );
    const running = sh(workspace.environment, 'sleep 100').catch((error: Error) => error.name);
    await workspace.remove();
    expect(await running).toBe('AbortError');
    expect(readdirSync(workspaces)).toEqual([]);
    expect(existsSync('/etc')).toBe(true);
  });

  test('a patch that is too large is refused in words', async () => {
    const { mirror, baseSha } = await repository({ 'a.txt': 'one\n' });
    const workspace = await new Checkouts(workspaces, sandbox, 2 ** 20).open({
      mirror,
      baseSha,
      id: 'small',
    });
    await sh(workspace.environment, 'head -c 4000000 /dev/urandom >big');
    const refused = await workspace.snapshot().catch((error: Error) => error);
    expect(refused).toMatchObject({ code: 'patch_rejected', message: expect.stringContaining('1 MiB') });
    await sh(workspace.environment, 'rm big');
    expect((await workspace.snapshot()).stat.files).toBe(0);
    await workspace.remove();
  });

  test('an abort while it opens leaves nothing', async () => {
    const { mirror, baseSha } = await repository({ 'a.txt': 'one\n' });
    await expect(open({ mirror, baseSha, signal: AbortSignal.abort() })).rejects.toHaveProperty(
      'name',
      'AbortError',
    );
    expect(readdirSync(workspaces)).toEqual([]);
  });

  test('eight at once on one mirror are all whole, and nothing is left of them', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 50 }, (_, at) => [`d${at % 7}/f${at}.txt`, `${at}\n`]),
    );
    const { mirror, baseSha } = await repository(files);
    const eight = await Promise.all(Array.from({ length: 8 }, () => open({ mirror, baseSha })));
    const counts = await Promise.all(
      eight.map(async (workspace, at) => {
        await sh(workspace.environment, `echo ${at} >mine`);
        const { stdout } = await sh(workspace.environment, 'git status --porcelain; git ls-files | wc -l');
        return [stdout, (await workspace.snapshot()).stat.files];
      }),
    );
    expect(counts).toEqual(Array.from({ length: 8 }, () => ['?? mine\n50\n', 1]));
    await Promise.all(eight.map((workspace) => workspace.remove()));
    expect(readdirSync(workspaces)).toEqual([]);
  });

  test('that nobody has open is swept away, and no other, also while some are being opened', async () => {
    const { mirror, baseSha } = await repository({ 'a.txt': 'one\n' });
    const crashed = await open({ mirror, baseSha });
    const checkouts = new Checkouts(workspaces, sandbox);
    const ours = await checkouts.open({ mirror, baseSha, id: 'ours' });
    mkdirSync(join(workspaces, 'soon', 'tree'), { recursive: true });
    const [gone, soon] = await Promise.all([
      checkouts.sweep(),
      checkouts.open({ mirror, baseSha, id: 'soon' }),
      checkouts.open({ mirror, baseSha, id: 'other' }).then((one) => one.remove()),
    ]);
    expect(gone).toBeGreaterThanOrEqual(1);
    expect(readdirSync(workspaces).sort()).toEqual(['ours', 'soon']);
    for (const one of [ours, soon]) {
      expect((await sh(one.environment, 'cat a.txt; git status --porcelain')).stdout).toBe('one\n');
      await one.remove();
    }
    await crashed.remove();
    expect(await checkouts.sweep()).toBe(0);
    expect(await new Checkouts(join(dir, 'no-such-folder'), sandbox).sweep()).toBe(0);
  });

  test('two thousand files open in a fraction of a plain clone plus a checkout of them', async () => {
    const files: Record<string, string> = {};
    for (let at = 0; at < 2000; at++)
      files[`d${at % 40}/e${at % 9}/f${at}.ts`] = `export const n${at} = ${at};\n`.repeat(20);
    const { source, mirror, baseSha } = await repository(files);
    const time = async (work: () => Promise<unknown> | unknown) => {
      const began = performance.now();
      await work();
      return performance.now() - began;
    };
    // The best of three each: what else this machine does must not decide.
    const clones: number[] = [];
    const openings: number[] = [];
    for (const name of ['one', 'two', 'three']) {
      clones.push(await time(() => git(dir, 'clone', '-q', '--no-local', source, join(dir, name))));
      let workspace: Workspace | null = null;
      openings.push(
        await time(async () => {
          workspace = await open({ mirror, baseSha });
        }),
      );
      const opened = workspace as Workspace | null;
      expect((await opened?.snapshot())?.stat.files).toBe(0);
      await opened?.remove();
    }
    expect(Math.min(...openings)).toBeLessThan(Math.min(...clones) * 1.5 + 100);
  });

  test('works the same without walls', async () => {
    const plain = plainSandbox();
    const own = new Mirrors({ dir: join(config.dataDir, 'plain-mirrors'), config, sandbox: plain });
    const { source } = await repository({ 'a.txt': 'one\n' });
    const project = { id: 1, repo_url: null, local_path: source, default_branch: null };
    const { path: mirror } = await own.sync(project);
    const baseSha = await own.resolve(project, null);
    const checkouts = new Checkouts(join(config.dataDir, 'plain workspaces'), plain);
    const workspace = await checkouts.open({ mirror, baseSha, id: 'one' });
    await sh(workspace.environment, 'git status --porcelain >../seen; echo two >a.txt');
    const patch = await workspace.snapshot();
    expect(text(patch)).toContain('-one\n+two\n');
    await workspace.remove();
    expect(readdirSync(join(config.dataDir, 'plain workspaces'))).toEqual([]);
  });
});

test('a mirror is closed to other users of the machine, and read by commands all the same', async () => {
  const { mirror, baseSha } = await repository({ 'a.txt': 'one\n' });
  expect(statSync(join(mirror, '..')).mode & 0o027).toBe(0);
  const workspace = await open({ mirror, baseSha });
  expect((await sh(workspace.environment, 'touch /mirror/objects/x')).exit_code).not.toBe(0);
  await workspace.remove();
});
