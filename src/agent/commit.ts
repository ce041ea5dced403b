import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { VariationFailure } from '../core/failure';
import { bareRepository, GitError, git, gitText } from './git';
import { unlocked } from './git-locks';
import { isRefName } from './mirror';
import { screenPatch, screenTree } from './screen';

export interface CommitRequest {
  /** The bare repository; it must have `baseSha`. */
  mirror: string;
  baseSha: string;
  patch: Uint8Array;
  /** Under `refs/bakeoff/`. */
  ref: string;
  message: string;
  author?: Person;
  /** Of author and committer, to the second: the commit's id is to be the same wherever and whenever it is made. */
  date: Date;
  signal?: AbortSignal;
}

/** Who made a commit, as git writes it. */
export interface Person {
  name: string;
  email: string;
}

const bakeoff: Person = { name: 'Bakeoff', email: 'bakeoff@localhost' };

/**
 * Makes a patch a commit on its base, in the mirror, without a work tree, and keeps it under `ref`. The patch is
 * hostile: what it makes of the base is screened before anything refers to it. Doing it again, on whatever machine, makes
 * the same commit. An empty patch is the base itself.
 * @throws VariationFailure `patch_rejected`, its message one reason a line; `base_not_found`, `disk_full`.
 */
export async function commitPatch(request: CommitRequest): Promise<{ commit: string }> {
  const { mirror, baseSha, patch, ref, signal } = request;
  requireOwnRef(ref);
  const tree = await patchTree(mirror, baseSha, patch, signal);
  const unchanged = tree === (await treeOf(mirror, baseSha));
  const commit = unchanged ? baseSha : await commitTree(mirror, { ...request, tree, parents: [baseSha] });
  await keep(mirror, ref, commit);
  return { commit };
}

/**
 * The tree that a patch makes of its base, screened.
 * @throws VariationFailure `patch_rejected`, its message one reason a line; `base_not_found`, `disk_full`.
 */
export async function patchTree(
  mirror: string,
  baseSha: string,
  patch: Uint8Array,
  signal?: AbortSignal,
): Promise<string> {
  requireSha(baseSha);
  reject(screenPatch(patch));
  const index = join(mirror, `bakeoff-index-${randomUUID()}`);
  const env = { GIT_DIR: mirror, GIT_INDEX_FILE: index };
  try {
    await git(mirror, ['read-tree', baseSha], { env, signal }).catch((error) => {
      throw error instanceof GitError && !/No space left/.test(error.message)
        ? new VariationFailure('base_not_found', `The mirror has no commit ${baseSha}.`, { cause: error })
        : error;
    });
    if (patch.length > 0) await apply(mirror, patch, env, signal);
    const tree = await gitText(mirror, ['write-tree'], { env, signal });
    reject(await screenTree(mirror, baseSha, tree, signal));
    return tree;
  } catch (error) {
    throw asDiskFull(error);
  } finally {
    await Promise.all([rm(index, { force: true }), rm(`${index}.lock`, { force: true })]);
  }
}

export interface NewCommit {
  tree: string;
  parents: readonly string[];
  message: string;
  author?: Person;
  /** Named at the end of the message. */
  coAuthors?: readonly Person[];
  /** Of author and committer, to the second. */
  date: Date;
  signal?: AbortSignal;
}

/**
 * A commit of a tree; nothing refers to it yet. The same request makes the same commit.
 * @throws VariationFailure `disk_full`; GitError.
 */
export async function commitTree(mirror: string, request: NewCommit): Promise<string> {
  const { tree, parents, author = bakeoff, coAuthors = [], date, signal } = request;
  const when = `@${Math.floor(date.getTime() / 1000)} +0000`;
  const env = {
    ...{ GIT_AUTHOR_NAME: nameOf(author), GIT_AUTHOR_EMAIL: emailOf(author) },
    ...{ GIT_COMMITTER_NAME: bakeoff.name, GIT_COMMITTER_EMAIL: bakeoff.email },
    ...{ GIT_AUTHOR_DATE: when, GIT_COMMITTER_DATE: when },
  };
  const stdin = new TextEncoder().encode(withTrailers(request.message, coAuthors).replaceAll('\0', ''));
  const lineage = parents.flatMap((parent) => ['-p', requireSha(parent)]);
  const args = ['commit-tree', requireSha(tree), ...lineage, '-F', '-'];
  try {
    return await gitText(mirror, args, { env, stdin, signal });
  } catch (error) {
    throw asDiskFull(error);
  }
}

/** Keeps a commit under a ref of ours, whatever that was before. */
export async function keep(mirror: string, ref: string, commit: string): Promise<void> {
  requireOwnRef(ref);
  try {
    await unlocked(mirror, () =>
      bareRepository(mirror).raw('update-ref', '--no-deref', '--end-of-options', ref, requireSha(commit)),
    );
  } catch (error) {
    throw asDiskFull(error);
  }
}

/** @throws GitError when the mirror has no such commit. */
export async function treeOf(mirror: string, commit: string, signal?: AbortSignal): Promise<string> {
  return await gitText(mirror, ['rev-parse', '--verify', '--quiet', `${requireSha(commit)}^{tree}`], {
    signal,
  });
}

/** @throws TypeError for what is no whole id of an object. */
export function requireSha(sha: string): string {
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(sha)) throw new TypeError('that is no whole commit id');
  return sha;
}

async function apply(mirror: string, patch: Uint8Array, env: Record<string, string>, signal?: AbortSignal) {
  const args = ['apply', '--cached', '--binary', '--whitespace=nowarn', '-'];
  try {
    await git(mirror, args, { env, signal, stdin: patch, timeoutMs: 120_000 });
  } catch (error) {
    if (!(error instanceof GitError) || /No space left on device/.test(error.message)) throw error;
    throw new VariationFailure('patch_rejected', `The patch does not apply to its base: ${error.message}`, {
      cause: error,
    });
  }
}

/** In a paragraph of their own, or in that of trailers which the message ends with (git-interpret-trailers(1)). */
function withTrailers(message: string, coAuthors: readonly Person[]): string {
  if (coAuthors.length === 0) return message;
  const text = message.trimEnd();
  const last = text.split(/\n\s*\n/).at(-1) ?? '';
  const ends = last !== text && last.split('\n').every((line) => /^[A-Za-z][A-Za-z-]*: /.test(line));
  const lines = coAuthors.map((one) => `Co-authored-by: ${nameOf(one)} <${emailOf(one)}>`);
  return `${text}${ends ? '\n' : '\n\n'}${lines.join('\n')}\n`;
}

/** On one line, and without what ends a name or an address. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these would begin another line
  return text.replace(/[\u0000-\u001f\u007f<>]/g, '').trim();
}

function nameOf({ name }: Person): string {
  return isName(name) ? plain(name) : bakeoff.name;
}

function emailOf({ email }: Person): string {
  return isName(email) ? plain(email) : bakeoff.email;
}

/** Git takes these characters off a name's ends, and refuses a name of which nothing stays. */
function isName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: git counts them in
  return /[^\u0000-\u0020.,:;<>"\\']/.test(name);
}

function requireOwnRef(ref: string): void {
  if (!ref.startsWith('refs/bakeoff/') || !isRefName(ref))
    throw new TypeError(`${ref} is not under refs/bakeoff/`);
}

function asDiskFull(error: unknown): unknown {
  if (!(error instanceof Error) || !/No space left on device|ENOSPC/.test(error.message)) return error;
  return new VariationFailure('disk_full', 'The disk is full: the patch could not be kept.', {
    cause: error,
  });
}

function reject(reasons: string[]): void {
  if (reasons.length > 0) throw new VariationFailure('patch_rejected', reasons.slice(0, 20).join('\n'));
}
