import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { commitTree, keep, requireSha } from '../commit';
import { type GitOptions, git, gitExit, gitText } from '../git';
import type { Words } from './commits';
import { maxConflicts, preflight } from './preflight';

/**
 * The commit that puts one on top of a branch whose changes it has taken in already: where both changed the same places
 * of one of `paths`, the file is as `commit` has it, for whoever made it had seen the branch's. Everything else is merged
 * as ever.
 * @param onto the branch's commit that was seen
 * @returns `commit` itself when the two go together anyway, or stay in conflict in other files
 * @throws VariationFailure `disk_full`; GitError when the mirror lacks one of the commits
 */
export async function putOnto(
  request: Words & {
    mirror: string;
    /** Under `refs/bakeoff/<run>/`. */
    ref: string;
    commit: string;
    onto: string;
    paths: readonly string[];
    /** One commit on the branch; else one that has both for parents. */
    squash: boolean;
    signal?: AbortSignal;
  },
): Promise<string> {
  const { mirror, commit, onto, paths, squash, signal } = request;
  const merge = await preflight(mirror, { commit, tip: onto }, signal);
  if (merge.clean !== false || merge.total === 0 || merge.total > maxConflicts) return commit;
  // A name that is no UTF-8 could not be found again.
  if (!merge.conflicts.every((path) => paths.includes(path) && !path.includes('\ufffd'))) return commit;
  const tree = await treeWithOwn(mirror, { commit, onto, paths: merge.conflicts }, signal);
  const { message, author, coAuthors, date } = request;
  const made = await commitTree(mirror, {
    ...{ tree, message, date, parents: squash ? [onto] : [commit, onto] },
    ...(author ? { author } : {}),
    ...(coAuthors ? { coAuthors } : {}),
    ...(signal ? { signal } : {}),
  });
  await keep(mirror, request.ref, made);
  return made;
}

/** The merge of the two, with some files as the commit has them. */
async function treeWithOwn(
  mirror: string,
  { commit, onto, paths }: { commit: string; onto: string; paths: readonly string[] },
  signal: AbortSignal | undefined,
): Promise<string> {
  const index = join(mirror, `bakeoff-index-${randomUUID()}`);
  const options: GitOptions = {
    env: { GIT_DIR: mirror, GIT_INDEX_FILE: index },
    ...(signal ? { signal } : {}),
  };
  try {
    const args = ['merge-tree', '--write-tree', '-z', '--name-only', '--no-messages'];
    const merged = await gitExit(mirror, [...args, requireSha(onto), requireSha(commit)], [1], options);
    const tree = requireSha(Buffer.from(merged.stdout).toString().split('\0')[0] ?? '');
    await git(mirror, ['read-tree', tree], options);
    const entries = await Promise.all(paths.map((path) => entryOf(mirror, commit, path, options)));
    const stdin = new TextEncoder().encode(entries.join(''));
    await git(mirror, ['update-index', '-z', '--index-info'], { ...options, stdin });
    return await gitText(mirror, ['write-tree'], options);
  } finally {
    await Promise.all([rm(index, { force: true }), rm(`${index}.lock`, { force: true })]);
  }
}

/** A file's line for `update-index --index-info`; one that the commit does not have is taken out. */
async function entryOf(mirror: string, commit: string, path: string, options: GitOptions): Promise<string> {
  const args = ['--literal-pathspecs', 'ls-tree', '-z', '--full-tree', requireSha(commit), '--', path];
  const lines = (await gitText(mirror, args, options)).split('\0');
  const own = lines.find((line) => line.endsWith(`\t${path}`) && !/^\d+ tree /.test(line));
  const [, mode, , sha] = own?.match(/^(\d+) (\w+) ([0-9a-f]+)\t/) ?? [];
  const none = `0 ${'0'.repeat(commit.length)}\t${path}\0`;
  return mode === undefined || sha === undefined ? none : `${mode} ${sha} 0\t${path}\0`;
}
