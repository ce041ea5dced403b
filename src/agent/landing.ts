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
  author?: { name: string; email: string };
  /** Of author and committer, to the second: the commit's id is to be the same wherever and whenever it is made. */
  date: Date;
  signal?: AbortSignal;
}

const bakeoff = { name: 'Bakeoff', email: 'bakeoff@localhost' };

/**
 * Makes a patch a commit on its base, in the mirror, without a work tree, and keeps it under `ref`. The patch is
 * hostile: what it makes of the base is screened before anything refers to it. Doing it again, on whatever machine, makes
 * the same commit. An empty patch is the base itself.
 * @throws VariationFailure `patch_rejected`, its message one reason a line; `base_not_found`, `disk_full`.
 */
export async function commitPatch(request: CommitRequest): Promise<{ commit: string }> {
  const { mirror, baseSha, patch, ref, signal } = request;
  if (!ref.startsWith('refs/bakeoff/') || !isRefName(ref))
    throw new TypeError(`${ref} is not under refs/bakeoff/`);
  if (!/^[0-9a-f]{40,64}$/.test(baseSha)) throw new TypeError('a base is a whole commit id');
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
    const commit = await commitTree(request, tree);
    await unlocked(mirror, () =>
      bareRepository(mirror).raw('update-ref', '--no-deref', '--end-of-options', ref, commit),
    );
    return { commit };
  } catch (error) {
    if (error instanceof Error && /No space left on device|ENOSPC/.test(error.message)) {
      throw new VariationFailure('disk_full', 'The disk is full: the patch could not be kept.', {
        cause: error,
      });
    }
    throw error;
  } finally {
    await Promise.all([rm(index, { force: true }), rm(`${index}.lock`, { force: true })]);
  }
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

async function commitTree(request: CommitRequest, tree: string): Promise<string> {
  const { mirror, baseSha, message, author = bakeoff, date, signal } = request;
  const baseTree = await gitText(mirror, ['rev-parse', `${baseSha}^{tree}`], { signal });
  if (tree === baseTree) return baseSha;
  const when = `@${Math.floor(date.getTime() / 1000)} +0000`;
  const env = {
    ...{ GIT_AUTHOR_NAME: isName(author.name) ? author.name : bakeoff.name, GIT_AUTHOR_EMAIL: author.email },
    ...{ GIT_COMMITTER_NAME: bakeoff.name, GIT_COMMITTER_EMAIL: bakeoff.email },
    ...{ GIT_AUTHOR_DATE: when, GIT_COMMITTER_DATE: when },
  };
  const stdin = new TextEncoder().encode(message.replaceAll('\0', ''));
  return await gitText(mirror, ['commit-tree', tree, '-p', baseSha, '-F', '-'], { env, stdin, signal });
}

/** Git takes these characters off a name's ends, and refuses a name of which nothing stays. */
function isName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: git counts them in
  return /[^\u0000-\u0020.,:;<>"\\']/.test(name);
}

function reject(reasons: string[]): void {
  if (reasons.length > 0) throw new VariationFailure('patch_rejected', reasons.slice(0, 20).join('\n'));
}
