import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Checkouts } from '../../src/agent/environments/checkout';
import { openSandbox } from '../../src/agent/environments/open';
import type { Sandbox } from '../../src/agent/environments/sandbox';
import { type MirroredProject, Mirrors } from '../../src/agent/mirror';
import type { Owners } from '../../src/agent/tidy';
import { commitAll, git, scratch, sh } from './environments/support';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const { dir, config, end } = scratch();
let sandbox: Sandbox;
let count = 0;

beforeAll(async () => {
  sandbox = await openSandbox(config);
});
afterAll(end);

function fresh(): { mirrors: Mirrors; place: string } {
  count += 1;
  const place = join(config.dataDir, `mirrors-${count}`);
  return { mirrors: new Mirrors({ dir: place, config, sandbox }), place };
}

function source(id: number): { path: string; project: MirroredProject; head: string } {
  count += 1;
  const path = join(dir, `source-${count}`);
  mkdirSync(path);
  git(path, 'init', '-q');
  writeFileSync(join(path, 'a.txt'), 'one\n');
  const head = commitAll(path, 'first');
  return { path, head, project: { id, repo_url: null, local_path: path, default_branch: null } };
}

const owners = (projects: number[], runs: number[]): Owners => ({
  projects: async (ids) => new Set(ids.filter((id) => projects.includes(id))),
  runs: async (ids) => new Set(ids.filter((id) => runs.includes(id))),
});

describe('tidying', () => {
  test('removes mirrors of projects that are gone, and results of runs that are gone, and nothing else', async () => {
    const { mirrors, place } = fresh();
    const [one, two] = [source(1), source(2)];
    for (const { project } of [one, two]) await mirrors.sync(project);
    const mirror = mirrors.pathOf(1);
    for (const ref of ['7/1', '7/2', '8/1', '70/1', 'other/1'])
      git(mirror, 'update-ref', `refs/bakeoff/${ref}`, one.head);
    git(mirror, 'pack-refs', '--all');
    expect(await mirrors.tidy(owners([1], [8]))).toEqual({ mirrors: 1, refs: 3, repacked: 0 });
    expect(readdirSync(place)).toEqual(['1.git']);
    const refs = git(mirror, 'for-each-ref', '--format=%(refname)').split('\n');
    expect(refs).toEqual(['refs/bakeoff/8/1', 'refs/bakeoff/other/1', 'refs/heads/main']);
    expect(await mirrors.tidy(owners([1], [8]))).toEqual({ mirrors: 0, refs: 0, repacked: 0 });
    expect(await mirrors.resolve(one.project, null)).toBe(one.head);
    // Should somebody make the project again, its mirror is made again.
    await mirrors.sync(two.project);
    expect(await mirrors.resolve(two.project, null)).toBe(two.head);
  });

  test('removes what killed processes left when it is old, and leaves alone what is being made', async () => {
    const { mirrors, place } = fresh();
    const { project } = source(1);
    const { path } = await mirrors.sync(project);
    const old = ['half-1.git-x', '1.git.broken-123', 'gone-3-x'].map((name) => join(place, name));
    for (const folder of old) mkdirSync(folder);
    const left = ['HEAD.lock', 'bakeoff-index-x', 'objects/pack/tmp_pack_x', 'objects/tmp_objdir-x'].map(
      (name) => join(path, name),
    );
    for (const file of left) writeFileSync(file, '');
    expect(await mirrors.tidy(owners([1], []))).toMatchObject({ mirrors: 0 });
    expect([...old, ...left].filter(existsSync)).toEqual([...old.slice(0, 2), ...left]);
    const yesterday = new Date(Date.now() - 86_400_000);
    for (const name of [...old.slice(0, 2), ...left]) utimesSync(name, yesterday, yesterday);
    await mirrors.tidy(owners([1], []));
    expect([...old, ...left].filter(existsSync)).toEqual([]);
    expect(readdirSync(place)).toEqual(['1.git']);
  });

  test('where there is no folder of mirrors yet, has nothing to do', async () => {
    expect(await fresh().mirrors.tidy(owners([], []))).toEqual({ mirrors: 0, refs: 0, repacked: 0 });
  });

  test('packs a heap into one, and takes nothing from a workspace whose base no branch has any more', async () => {
    const { mirrors } = fresh();
    const { path, project, head } = source(1);
    const mirror = (await mirrors.sync(project)).path;
    const workspace = await new Checkouts(join(config.dataDir, 'workspaces'), sandbox).open({
      mirror,
      baseSha: head,
      id: 'borrows',
    });
    try {
      // The branch is rewritten: nothing but the workspace refers to its base.
      writeFileSync(join(path, 'a.txt'), 'two\n');
      git(path, 'add', '-A');
      git(path, 'commit', '-q', '--amend', '-m', 'rewritten');
      await mirrors.sync(project);
      const packs = () =>
        readdirSync(join(mirror, 'objects', 'pack')).filter((name) => name.endsWith('.pack'));
      const pack = (ids: string[]): void => {
        const child = Bun.spawnSync(['git', 'pack-objects', '-q', 'objects/pack/pack'], {
          cwd: mirror,
          stdin: Buffer.from(`${ids.join('\n')}\n`),
          stderr: 'ignore',
        });
        expect(child.exitCode).toBe(0);
      };
      for (let at = 0; at <= 50; at += 1) {
        writeFileSync(join(path, `f${at}`), `${at}`);
        const id = git(mirror, 'hash-object', '-w', join(path, `f${at}`));
        pack([id]);
      }
      const objects = (): string[] =>
        git(mirror, 'cat-file', '--batch-all-objects', '--batch-check=%(objectname)').split('\n');
      const before = objects();
      // Nothing is loose any more: what no ref reaches is in packs, too.
      pack(before);
      git(mirror, 'prune-packed');
      expect(packs().length).toBeGreaterThan(50);
      const [tidied] = await Promise.all([mirrors.tidy(owners([1], [])), mirrors.sync(project)]);
      expect(tidied).toMatchObject({ repacked: 1 });
      expect(packs().length).toBeLessThan(5);
      expect(objects()).toEqual(before);
      git(mirror, 'fsck', '--strict');
      expect((await sh(workspace.environment, 'git status --porcelain && git show HEAD:a.txt')).stdout).toBe(
        'one\n',
      );
      await sh(workspace.environment, 'echo more >>a.txt');
      expect((await workspace.snapshot()).stat).toMatchObject({ files: 1, additions: 1 });
      // Not again at once.
      expect(await mirrors.tidy(owners([1], []))).toMatchObject({ repacked: 0 });
    } finally {
      await workspace.remove();
    }
  });
});
