import type { PullRequest as Ours } from '../../drizzle/schema';
import { revertCommit } from '../agent/landing/commits';
import { contains, tipOf } from '../agent/landing/preflight';
import { deleteBranch, pushBranch } from '../agent/landing/push';
import { LandingFailure } from '../core/landing-failure';
import { finishUndo, requireLanding } from '../core/landing-progress';
import { ForgeError } from '../forges/forge';
import { markerOf, toOurs, wordsOf } from './landing-forward';
import { titleOf } from './landing-words';
import { deliveryOf, type LandingWork, requireForge } from './landing-work';

/**
 * Takes back what has landed, or what went out of it: closes the pull request, deletes the branch if it is still ours,
 * or reverts what was merged. Done again, it finds that done.
 * @throws LandingFailure, ForgeError, VariationFailure: why it could not be done; Fenced
 */
export async function undo(work: LandingWork): Promise<void> {
  await requireLanding(work.parts.database, work.errand);
  if (work.row.request.mode === 'merge') await revert(work);
  else await withdraw(work);
}

async function withdraw(work: LandingWork): Promise<void> {
  const { parts, errand, row } = work;
  const pull = row.request.mode === 'pull_request' ? await close(work) : null;
  const gone = await dropBranch(work).catch((error) => {
    // It is closed all the same; what others have added to the branch is theirs.
    if (pull !== null && error instanceof LandingFailure && error.code === 'branch_moved') return false;
    throw error;
  });
  const how = pull !== null ? 'closed' : gone ? 'branch_deleted' : 'nothing';
  await finishUndo(parts.database, errand, how, { pull });
}

/** The pull request as it is then; null when there is none. @throws LandingFailure `merged` */
async function close(work: LandingWork): Promise<Ours | null> {
  const { row, signal } = work;
  const forge = requireForge(work);
  const { branch, target } = row;
  if (branch === null || target === null) return null;
  const number =
    row.pull_request?.number ??
    (await forge.findPullRequest({ head: branch, base: target, marker: markerOf(work) }, signal))?.number;
  if (number === undefined) return null;
  const pull = await forge.closePullRequest(number, signal).catch((error) => {
    // A forge may let its owners delete one: it is open nowhere, and its branch is left to be dropped.
    if (error instanceof ForgeError && error.code === 'forge_not_found') return null;
    throw error;
  });
  if (pull === null) return row.pull_request && { ...row.pull_request, state: 'closed' };
  if (pull.state === 'merged') {
    const words = `Pull request ${number} has been merged: revert it where it was merged.`;
    throw new LandingFailure('merged', words);
  }
  return { ...toOurs(pull), checks: row.pull_request?.checks ?? 'none' };
}

/** @returns whether it was there */
async function dropBranch(work: LandingWork): Promise<boolean> {
  const { branch, commit_sha } = work.row;
  if (branch === null || commit_sha === null) return false;
  await work.parts.mirrors.sync(work.mirrored, { signal: work.signal });
  return (await deleteBranch(deliveryOf(work), { branch, onlyIf: commit_sha })).state === 'deleted';
}

async function revert(work: LandingWork): Promise<void> {
  const { parts, errand, row, mirrored, signal } = work;
  const { target, target_sha, commit_sha } = row;
  await parts.mirrors.sync(mirrored, { signal });
  const delivery = deliveryOf(work);
  const { mirror } = delivery;
  const tip = target === null ? null : await tipOf(mirror, target);
  const nothing = () => finishUndo(parts.database, errand, 'nothing');
  if (target === null || target_sha === null || commit_sha === null || tip === null) return await nothing();
  if (!(await contains(mirror, tip, commit_sha))) return await nothing();
  const { author, coAuthors = [] } = wordsOf(work);
  const { commit } = await revertCommit({
    ...{ mirror, tip, signal, landed: { from: target_sha, to: commit_sha } },
    ...{ ref: `refs/bakeoff/${row.run_id}/landing-${row.id}-undo`, date: new Date() },
    ...{ message: `Revert "${titleOf(row.request, work.run)}"\n\nThis undoes ${commit_sha}.\n`, coAuthors },
    ...(author ? { author } : {}),
  });
  if (commit === tip) return await nothing();
  await pushBranch(delivery, { commit, branch: target, expectOld: tip, checkout: row.request.checkout });
  await finishUndo(parts.database, errand, 'reverted', { commit });
}
