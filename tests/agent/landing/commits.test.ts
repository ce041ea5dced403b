import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commitsToLand, mergeCommit, revertCommit } from '../../../src/agent/landing/commits';
import {
  contains,
  maxConflicts,
  preflight,
  targetTip,
  tipOf,
  upstreamDiff,
} from '../../../src/agent/landing/preflight';
import { commitAll, git, scratch } from '../environments/support';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const { dir, end } = scratch();
const work = join(dir, 'work');
const mirror = join(dir, 'mirror.git');
const lines = (change: Record<number, string> = {}) =>
  Array.from({ length: 20 }, (_, at) => change[at] ?? `line ${at}`)
    .join('\n')
    .concat('\n');
let base: string;
let count = 0;

beforeAll(() => {
  mkdirSync(work);
  git(work, 'init', '-q');
  write({ 'a.txt': lines(), 'b.txt': 'two\n', 'c.txt': 'three\n' });
  base = commitAll(work, 'base');
  git(dir, 'clone', '-q', '--bare', work, mirror);
  // What is made in the mirror is to be built upon here.
  writeFileSync(join(work, '.git', 'objects', 'info', 'alternates'), `${mirror}/objects\n`);
});
afterAll(end);

function write(files: Record<string, string | null>): void {
  for (const [name, text] of Object.entries(files)) {
    if (text === null) rmSync(join(work, name));
    else writeFileSync(join(work, name), text);
  }
}

/** What makes of a commit these files, as a patch against it. */
function patchOf(files: Record<string, string | null>, on = base): Uint8Array {
  git(work, 'checkout', '-q', '-f', '--detach', on);
  git(work, 'clean', '-fdq');
  write(files);
  git(work, 'add', '-A', '-f');
  const diff = git(work, 'diff', '--cached', '--binary', '--full-index', on);
  return Buffer.from(diff === '' ? '' : `${diff}\n`);
}

/** A commit of these files on another one, in the mirror: what others did meanwhile. */
function others(files: Record<string, string | null>, on = base, message = 'others'): string {
  patchOf(files, on);
  const commit = commitAll(work, message);
  git(work, 'push', '-q', '-f', mirror, `HEAD:refs/heads/others-${++count}`);
  return commit;
}

const date = new Date('2030-05-01T10:00:00Z');
const words = { message: 'Make it so\n\nBecause.', date };
const place = () => ({ mirror, ref: `refs/bakeoff/1/landing-${++count}` });
const land = (
  files: Record<string, string | null>,
  more: Partial<Parameters<typeof commitsToLand>[0]> = {},
) => commitsToLand({ ...place(), ...words, baseSha: base, patch: patchOf(files), ...more });
const show = (commit: string, path: string) => git(mirror, 'show', `${commit}:${path}`);
const failure = (work: Promise<unknown>) => work.catch((error: Error) => error);

describe('what lands', () => {
  test('is one commit, by its author, with those who helped named at the end', async () => {
    const author = { name: 'Ann', email: 'ann@example.org' };
    const coAuthors = [
      { name: 'Bakeoff (openai)', email: 'bakeoff@localhost' },
      { name: 'Eve <x>\nSigned-off-by: root', email: 'e@x>\n\nevil' },
    ];
    const made = await land({ 'b.txt': 'changed\n' }, { author, coAuthors });
    expect(made.commits).toBe(1);
    expect(git(mirror, 'log', '-1', '--format=%an <%ae>|%cn|%aI|%P', made.commit)).toBe(
      `Ann <ann@example.org>|Bakeoff|2030-05-01T10:00:00+00:00|${base}`,
    );
    expect(git(mirror, 'log', '-1', '--format=%B', made.commit)).toBe(
      'Make it so\n\nBecause.\n\nCo-authored-by: Bakeoff (openai) <bakeoff@localhost>\nCo-authored-by: Eve xSigned-off-by: root <e@xevil>',
    );
    expect(
      git(mirror, 'log', '-1', '--format=%(trailers:key=Co-authored-by,valueonly)', made.commit),
    ).toContain('Bakeoff');
    expect(await land({ 'b.txt': 'changed\n' }, { author, coAuthors })).toEqual(made);
    const trailed = await land(
      { 'b.txt': 'x\n' },
      { message: 'Title\n\nRefs: 1', coAuthors: coAuthors.slice(0, 1) },
    );
    expect(git(mirror, 'log', '-1', '--format=%B', trailed.commit)).toBe(
      'Title\n\nRefs: 1\nCo-authored-by: Bakeoff (openai) <bakeoff@localhost>',
    );
  });

  test('is a chain of the agent’s steps when asked, without those that change nothing or are refused', async () => {
    const step = (files: Record<string, string | null>, message: string) => ({
      patch: patchOf(files),
      message,
      date,
    });
    const steps = [
      step({}, 'nothing yet'),
      step({ 'b.txt': 'one step\n' }, 'first'),
      step({ 'b.txt': 'one step\n' }, 'the same'),
      { patch: Buffer.from('no patch'), message: 'broken', date },
      step({ 'b.txt': 'two steps\n', 'c.txt': null }, 'second'),
    ];
    const final = { 'b.txt': 'two steps\n', 'c.txt': null, 'd.txt': 'new\n' };
    const chain = await land(final, { steps });
    expect(chain.commits).toBe(3);
    expect(git(mirror, 'log', '--format=%s', `${base}..${chain.commit}`).split('\n')).toEqual([
      'Make it so',
      'second',
      'first',
    ]);
    const squashed = await land(final);
    expect(git(mirror, 'rev-parse', `${chain.commit}^{tree}`)).toBe(
      git(mirror, 'rev-parse', `${squashed.commit}^{tree}`),
    );
    // The last step that is the whole keeps its own words.
    const whole = await land({ 'b.txt': 'two steps\n', 'c.txt': null }, { steps });
    expect(git(mirror, 'log', '-1', '--format=%s', whole.commit)).toBe('second');
    expect(await land(final, { steps })).toEqual(chain);
    const back = await land({}, { steps });
    expect(git(mirror, 'diff', base, back.commit)).toBe('');
    expect(await land({})).toEqual({ commit: base, commits: 0 });
  });

  test('is screened as everything is that an agent made', async () => {
    const link =
      'diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n';
    const patch = Buffer.from(link);
    expect(await failure(land({}, { patch }))).toHaveProperty('code', 'patch_rejected');
    const leaves = { patch, message: 'leaves', date };
    expect((await land({ 'b.txt': 'x\n' }, { steps: [leaves] })).commits).toBe(1);
    await expect(
      commitsToLand({ ...words, mirror, ref: 'refs/heads/main', baseSha: base, patch: new Uint8Array() }),
    ).rejects.toThrow(TypeError);
  });
});

describe('before landing', () => {
  test('the target’s tip is asked, not the base: clean, or the files that stand in the way', async () => {
    const { commit } = await land({ 'a.txt': lines({ 1: 'ours' }), 'b.txt': 'ours\n' });
    const apart = others({ 'a.txt': lines({ 18: 'theirs' }), 'c.txt': 'theirs\n' });
    const merge = await preflight(mirror, { commit, tip: apart });
    expect(merge).toEqual({ clean: true, tree: expect.any(String) });
    expect(git(mirror, 'show', `${(merge as { tree: string }).tree}:a.txt`)).toBe(
      lines({ 1: 'ours', 18: 'theirs' }).trimEnd(),
    );
    const across = others({ 'a.txt': lines({ 1: 'theirs' }), 'b.txt': null, 'c.txt': 'theirs\n' });
    expect(await preflight(mirror, { commit, tip: across })).toEqual({
      clean: false,
      conflicts: ['a.txt', 'b.txt'],
      total: 2,
    });
    expect(await preflight(mirror, { commit, tip: base })).toMatchObject({ clean: true });
    expect(await preflight(mirror, { commit, tip: commit })).toMatchObject({ clean: true });
    git(work, 'checkout', '-q', '--orphan', 'alone');
    const alone = commitAll(work, 'alone');
    git(work, 'push', '-q', mirror, `${alone}:refs/heads/alone`);
    expect(await preflight(mirror, { commit, tip: alone })).toEqual({
      clean: false,
      conflicts: [],
      total: 0,
    });
    await expect(preflight(mirror, { commit, tip: '1'.repeat(40) })).rejects.toThrow();
  });

  test('conflicts are counted and bounded, and their names may be anything', async () => {
    const names = Array.from({ length: maxConflicts + 5 }, (_, at) => `f ${at} "ü"\n`);
    const make = (text: string) => Object.fromEntries(names.map((name) => [name, text]));
    const { commit } = await land(make('ours\n'));
    const merge = await preflight(mirror, { commit, tip: others(make('theirs\n')) });
    expect(merge).toMatchObject({ clean: false, total: maxConflicts + 5 });
    const { conflicts } = merge as { conflicts: string[] };
    expect(conflicts.length).toBe(maxConflicts);
    expect(names).toContain(conflicts[0]!);
  });

  test('what the target changed in those files is told, within bounds', async () => {
    const tip = others({ 'a.txt': lines({ 1: 'theirs' }), 'b.txt': 'theirs\n', ':(top)x': 'odd\n' });
    const told = await upstreamDiff(mirror, { base, tip, paths: ['b.txt', ':(top)x'] }, 10_000);
    expect(told).toContain('-two\n+theirs\n');
    expect(told).toContain('+odd');
    expect(told).not.toContain('a.txt');
    const short = await upstreamDiff(mirror, { base, tip, paths: ['a.txt', 'b.txt'] }, 200);
    expect(short).toContain('+theirs\n line 2');
    expect(short).toContain('"b.txt": its changes are too long');
  });

  test('the target is the named branch, else the project’s, else the repository’s', async () => {
    const none = { default_branch: null };
    git(mirror, 'symbolic-ref', 'HEAD', 'refs/heads/main');
    const side = others({ 'b.txt': 'side\n' });
    git(mirror, 'update-ref', 'refs/heads/side/way', side);
    expect(await targetTip(mirror, null, none)).toEqual({ branch: 'main', tip: base });
    expect(await targetTip(mirror, null, { default_branch: 'side/way' })).toEqual({
      branch: 'side/way',
      tip: side,
    });
    expect(await targetTip(mirror, 'side/way', none)).toEqual({ branch: 'side/way', tip: side });
    expect(await tipOf(mirror, 'side/way')).toBe(side);
    for (const name of ['nope', '--all', 'main~1', '', 'refs/heads/main', 'a b']) {
      expect([name, await failure(targetTip(mirror, name, none))]).toMatchObject([
        name,
        { code: 'target_not_found' },
      ]);
    }
    git(mirror, 'symbolic-ref', 'HEAD', 'refs/heads/gone');
    expect(await failure(targetTip(mirror, null, none))).toHaveProperty('code', 'target_not_found');
    git(mirror, 'symbolic-ref', 'HEAD', 'refs/heads/main');
  });
});

describe('a merge', () => {
  test('joins the target and the commit, or is one commit on the target, and is found done', async () => {
    const { commit } = await land({ 'a.txt': lines({ 1: 'ours' }) });
    const tip = others({ 'a.txt': lines({ 18: 'theirs' }) });
    const merge = await preflight(mirror, { commit, tip });
    const request = { ...words, tip, commit, merge };
    const joined = await mergeCommit({ ...place(), ...request, squash: false });
    expect(git(mirror, 'log', '-1', '--format=%P', joined.commit)).toBe(`${tip} ${commit}`);
    expect(await mergeCommit({ ...place(), ...request, squash: false })).toEqual(joined);
    const squashed = await mergeCommit({ ...place(), ...request, squash: true });
    expect(git(mirror, 'log', '-1', '--format=%P', squashed.commit)).toBe(tip);
    expect(show(squashed.commit, 'a.txt')).toBe(lines({ 1: 'ours', 18: 'theirs' }).trimEnd());
    for (const landed of [joined.commit, squashed.commit]) {
      const later = others({ 'c.txt': 'later\n' }, landed);
      const again = await preflight(mirror, { commit, tip: later });
      for (const squash of [true, false]) {
        expect(await mergeCommit({ ...place(), ...request, tip: later, merge: again, squash })).toEqual({
          commit: later,
        });
      }
      expect(await contains(mirror, later, landed)).toBe(true);
    }
    expect(await contains(mirror, squashed.commit, commit)).toBe(false);
    expect(await contains(mirror, tip, '1'.repeat(40))).toBe(false);
  });

  test('on the tip that it began from goes forward, and where it does not fit names the files', async () => {
    const { commit } = await land({ 'b.txt': 'ours\n' });
    const merge = await preflight(mirror, { commit, tip: base });
    expect(await mergeCommit({ ...place(), ...words, tip: base, commit, merge, squash: false })).toEqual({
      commit,
    });
    const tip = others({ 'b.txt': 'theirs\n' });
    const bad = await preflight(mirror, { commit, tip });
    const said = await failure(mergeCommit({ ...place(), ...words, tip, commit, merge: bad, squash: true }));
    expect(said).toMatchObject({ code: 'merge_conflict', paths: ['b.txt'] });
    expect(String(said)).toContain('b.txt');
  });
});

describe('undoing', () => {
  test('takes back what was landed and nothing that came later, once', async () => {
    const { commit } = await land({ 'a.txt': lines({ 1: 'ours' }), 'b.txt': null, 'd.txt': 'new\n' });
    const before = others({ 'a.txt': lines({ 18: 'before' }) });
    const merge = await preflight(mirror, { commit, tip: before });
    for (const squash of [true, false]) {
      const landed = (await mergeCommit({ ...place(), ...words, tip: before, commit, merge, squash })).commit;
      const tip = others({ 'a.txt': lines({ 1: 'ours', 10: 'later', 18: 'before' }) }, landed);
      const undo = { ...words, message: 'Undo', tip, landed: { from: before, to: landed } };
      const undone = await revertCommit({ ...place(), ...undo });
      expect(git(mirror, 'log', '-1', '--format=%P %s', undone.commit)).toBe(`${tip} Undo`);
      expect(git(mirror, 'diff', '--name-only', before, undone.commit)).toBe('a.txt');
      expect(show(undone.commit, 'a.txt')).toBe(lines({ 10: 'later', 18: 'before' }).trimEnd());
      expect(await revertCommit({ ...place(), ...undo })).toEqual(undone);
      expect(await revertCommit({ ...place(), ...undo, tip: undone.commit })).toEqual(undone);
    }
  });

  test('is refused with the files where others went on with it', async () => {
    const { commit } = await land({ 'b.txt': 'ours\n', 'c.txt': 'ours\n' });
    const tip = others({ 'b.txt': 'ours and more\n' }, commit);
    const said = await failure(
      revertCommit({ ...place(), ...words, tip, landed: { from: base, to: commit } }),
    );
    expect(said).toMatchObject({ code: 'revert_conflict', paths: ['b.txt'] });
  });
});
