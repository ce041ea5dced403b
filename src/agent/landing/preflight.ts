import { LandingFailure } from '../../core/landing-failure';
import { commitTree, requireSha, treeOf } from '../commit';
import { decode } from '../environment';
import { GitError, git, gitExit, gitText } from '../git';
import { isRefName } from '../mirror';

/** What a three-way merge comes to; nothing refers to what it makes. */
export type Merge =
  | { clean: true; tree: string }
  | {
      clean: false;
      /** Paths on which both sides changed what does not go together, at most `maxConflicts`. */
      conflicts: string[];
      /** How many there are; 0 when the two have no commit in common at all. */
      total: number;
    }
  /** This git cannot tell; `reason` says what would help. */
  | { clean: null; reason: string };

export const maxConflicts = 100;
const mergeMs = 120_000;

/**
 * Whether a commit goes on top of the target's tip, asked of the mirror as it is: no work tree, no checkout, and no
 * program of anybody's configuration or attributes.
 * @throws GitError when the mirror lacks one of the commits.
 */
export async function preflight(
  mirror: string,
  { commit, tip }: { commit: string; tip: string },
  signal?: AbortSignal,
): Promise<Merge> {
  return await mergeOf(mirror, tip, commit, signal);
}

/**
 * Three-way merge of trees whose base is given, whatever their commits descend from.
 * @returns as `preflight`.
 */
export async function mergeTrees(
  mirror: string,
  { base, ours, theirs }: { base: string; ours: string; theirs: string },
  signal?: AbortSignal,
): Promise<Merge> {
  // merge-tree asks commits for what they have in common (its --merge-base came with git 2.40).
  const root = await anonymous(mirror, base, []);
  return await mergeOf(
    mirror,
    await anonymous(mirror, ours, [root]),
    await anonymous(mirror, theirs, [root]),
    signal,
  );
}

/**
 * The branch to land on, and its tip, in the mirror as it is: sync it before.
 * @param target null is the project's default branch, else the repository's, else its only one.
 * @throws LandingFailure `target_not_found`.
 */
export async function targetTip(
  mirror: string,
  target: string | null,
  project: { default_branch: string | null },
): Promise<{ branch: string; tip: string }> {
  const only = await branches(mirror, 2);
  const candidates =
    target !== null
      ? [target]
      : [project.default_branch, await headBranch(mirror), ...(only.length === 1 ? only : [])];
  for (const branch of candidates) {
    if (branch === null || !isRefName(`refs/heads/${branch}`)) continue;
    const tip = await tipOf(mirror, branch);
    if (tip !== null) return { branch, tip };
  }
  const words =
    target === null
      ? 'The repository names no default branch: say on which branch to land.'
      : `The repository has no branch “${target.slice(0, 200)}” to land on.`;
  throw new LandingFailure('target_not_found', words);
}

/** A branch's commit in the mirror as it is; null when there is no such branch. */
export async function tipOf(mirror: string, branch: string): Promise<string | null> {
  if (!isRefName(`refs/heads/${branch}`)) return null;
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `refs/heads/${branch}^{commit}`];
  const { exitCode, stdout } = await gitExit(mirror, args, [0, 1, 128]);
  return exitCode === 0 ? decode(stdout).trim() : null;
}

/** Whether `commit` is `tip` or one of its ancestors: what was landed is there, whatever came on top of it. False when either is missing. */
export async function contains(mirror: string, tip: string, commit: string): Promise<boolean> {
  const args = ['merge-base', '--is-ancestor', requireSha(commit), requireSha(tip)];
  return (await gitExit(mirror, args, [0, 1, 128])).exitCode === 0;
}

/**
 * What the target changed in some files since the base, as a diff that a directive can quote.
 * @param paths as `preflight` names them
 * @param maxBytes of the whole; a file whose diff does not fit any more is named only.
 */
export async function upstreamDiff(
  mirror: string,
  { base, tip, paths }: { base: string; tip: string; paths: readonly string[] },
  maxBytes: number,
): Promise<string> {
  const parts: string[] = [];
  let left = maxBytes;
  for (const path of paths.slice(0, maxConflicts)) {
    const part = left > 0 ? await diffOf(mirror, base, tip, path, left) : null;
    const shown = part ?? `(${JSON.stringify(path)}: its changes are too long to be shown here)\n`;
    parts.push(shown);
    left -= Buffer.byteLength(shown);
  }
  return parts.join('');
}

async function mergeOf(mirror: string, ours: string, theirs: string, signal?: AbortSignal): Promise<Merge> {
  const args = [
    ...['merge-tree', '--write-tree', '-z', '--name-only', '--no-messages'],
    ...[requireSha(ours), requireSha(theirs)],
  ];
  try {
    const { exitCode, stdout, said } = await gitExit(mirror, args, [0, 1], { signal, timeoutMs: mergeMs });
    // What it cannot merge at all ends like a conflict.
    if (stdout.length === 0) throw new GitError(said, exitCode);
    const [tree = '', ...rest] = Buffer.from(stdout).toString().split('\0');
    if (exitCode === 0) return { clean: true, tree: requireSha(tree) };
    const conflicts = [...new Set(rest.filter((path) => path !== ''))];
    return { clean: false, conflicts: conflicts.slice(0, maxConflicts), total: conflicts.length };
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    if (/unrelated histories/.test(error.message)) return { clean: false, conflicts: [], total: 0 };
    if (error.exitCode === 129)
      return { clean: null, reason: 'It needs git 2.38 or newer to be known beforehand.' };
    if (error.timedOut) return { clean: null, reason: 'Git took too long to find out.' };
    throw error;
  }
}

/** A commit of a tree that nobody will ever see, the same each time. */
async function anonymous(mirror: string, commit: string, parents: string[]): Promise<string> {
  const tree = await treeOf(mirror, commit);
  return await commitTree(mirror, { tree, parents, message: '', date: new Date(0) });
}

async function headBranch(mirror: string): Promise<string | null> {
  const { exitCode, stdout } = await gitExit(mirror, ['symbolic-ref', '--quiet', 'HEAD'], [0, 1]);
  return exitCode === 0 ? decode(stdout).trim().replace('refs/heads/', '') : null;
}

async function branches(mirror: string, count: number): Promise<string[]> {
  const args = ['for-each-ref', `--count=${count}`, '--format=%(refname)', 'refs/heads'];
  return (await gitText(mirror, args))
    .split('\n')
    .filter((ref) => ref !== '')
    .map((ref) => ref.replace('refs/heads/', ''));
}

/** Null when it is longer than that. */
async function diffOf(mirror: string, base: string, tip: string, path: string, maxBytes: number) {
  const args = [
    ...['--literal-pathspecs', 'diff', '--no-color', '--no-ext-diff', '--no-textconv', '--no-renames'],
    ...[requireSha(base), requireSha(tip), '--', path],
  ];
  try {
    return decode(await git(mirror, args, { maxOutputBytes: maxBytes }));
  } catch (error) {
    if (error instanceof GitError && error.exitCode === 0) return null;
    throw error;
  }
}
