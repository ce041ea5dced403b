import { VariationFailure } from '../../core/failure';
import { LandingFailure } from '../../core/landing-failure';
import { commitTree, keep, type NewCommit, type Person, patchTree, treeOf } from '../commit';
import { contains, type Merge, mergeTrees } from './preflight';

/** What every commit of one landing says. The same words and dates make the same commits, wherever and however often. */
export interface Words {
  message: string;
  author?: Person;
  coAuthors?: readonly Person[];
  date: Date;
}

/** A checkpoint as a commit of its own. */
export interface Step {
  /** Cumulative, against the base. */
  patch: Uint8Array;
  message: string;
  date: Date;
}

interface Place {
  /** The bare repository. */
  mirror: string;
  /** Under `refs/bakeoff/<run>/`: what keeps the commits until they are pushed, and after. */
  ref: string;
  signal?: AbortSignal;
}

/**
 * Makes a patch a commit on its base; with `steps`, a chain of one commit for each step that changes something, which
 * ends in the same tree. A step whose patch is refused by itself (the agent mended it later) is left out.
 * @returns the last commit; the base itself when nothing changes
 * @throws VariationFailure `patch_rejected`, `base_not_found`, `disk_full`.
 */
export async function commitsToLand(
  request: Place & Words & { baseSha: string; patch: Uint8Array; steps?: readonly Step[] },
): Promise<{ commit: string; commits: number }> {
  const { mirror, baseSha, patch, steps = [], ref, signal } = request;
  const final = await patchTree(mirror, baseSha, patch, signal);
  const chain: { tree: string; words: Words }[] = [];
  for (const { patch: soFar, message, date } of steps) {
    const tree = await stepTree(mirror, baseSha, soFar, signal);
    if (tree !== null) chain.push({ tree, words: { ...request, message, date } });
  }
  // The last word is the final patch's, unless the last step has come to the same.
  if (chain.at(-1)?.tree !== final) chain.push({ tree: final, words: request });
  let at = { commit: baseSha, tree: await treeOf(mirror, baseSha) };
  let commits = 0;
  for (const { tree, words } of chain) {
    if (tree === at.tree) continue;
    at = { tree, commit: await commitTree(mirror, spoken(words, tree, [at.commit], signal)) };
    commits += 1;
  }
  await keep(mirror, ref, at.commit);
  return { commit: at.commit, commits };
}

/**
 * The commit that brings `commit` into a branch whose tip is `tip`: a merge of the two; squashed, one commit on the tip.
 * @param merge what `preflight` said of the two
 * @returns `commit` itself when it is on top of the tip already and is not to be squashed; the tip when there is nothing
 * to bring.
 * @throws LandingFailure `merge_conflict` with the paths; VariationFailure `disk_full`.
 */
export async function mergeCommit(
  request: Place & Words & { tip: string; commit: string; merge: Merge; squash: boolean },
): Promise<{ commit: string }> {
  const { mirror, ref, tip, commit, merge, squash, signal } = request;
  const tree = requireClean(merge, 'merge_conflict');
  const made = async () => {
    if (tree === (await treeOf(mirror, tip))) return tip;
    if (squash) return await commitTree(mirror, spoken(request, tree, [tip], signal));
    if (await contains(mirror, commit, tip)) return commit;
    return await commitTree(mirror, spoken(request, tree, [tip, commit], signal));
  };
  const sha = await made();
  await keep(mirror, ref, sha);
  return { commit: sha };
}

/**
 * A commit on the target's present tip that undoes what was landed, as a three-way merge would; later changes stay.
 * @param landed the branch as it was before, and as landing left it
 * @returns the tip itself when nothing of it is left to undo, as after an undoing that was pushed and not recorded
 * @throws LandingFailure `revert_conflict` with the paths; VariationFailure `disk_full`; GitError when the mirror lacks a
 * commit.
 */
export async function revertCommit(
  request: Place & Words & { tip: string; landed: { from: string; to: string } },
): Promise<{ commit: string }> {
  const { mirror, ref, tip, landed, signal } = request;
  const merge = await mergeTrees(mirror, { base: landed.to, ours: tip, theirs: landed.from }, signal);
  const tree = requireClean(merge, 'revert_conflict');
  const unchanged = tree === (await treeOf(mirror, tip));
  const commit = unchanged ? tip : await commitTree(mirror, spoken(request, tree, [tip], signal));
  await keep(mirror, ref, commit);
  return { commit };
}

function spoken(words: Words, tree: string, parents: string[], signal: AbortSignal | undefined): NewCommit {
  const { message, author, coAuthors, date } = words;
  return {
    ...{ tree, parents, message, date },
    ...(author ? { author } : {}),
    ...(coAuthors ? { coAuthors } : {}),
    ...(signal ? { signal } : {}),
  };
}

async function stepTree(mirror: string, baseSha: string, patch: Uint8Array, signal?: AbortSignal) {
  try {
    return await patchTree(mirror, baseSha, patch, signal);
  } catch (error) {
    if (error instanceof VariationFailure && error.code === 'patch_rejected') return null;
    throw error;
  }
}

function requireClean(merge: Merge, code: 'merge_conflict' | 'revert_conflict'): string {
  if (merge.clean) return merge.tree;
  if (merge.clean === null) throw new LandingFailure(code, merge.reason);
  const { conflicts, total } = merge;
  const few = conflicts
    .slice(0, 5)
    .map((path) => JSON.stringify(path))
    .join(', ');
  const words =
    total === 0
      ? 'The target shares no history with what is to be landed'
      : `Changed on both sides: ${few}${total > 5 ? ` and ${total - 5} more` : ''}`;
  throw new LandingFailure(code, words, { paths: conflicts });
}
