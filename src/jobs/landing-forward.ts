import { mergeCommit, type Words } from '../agent/landing/commits';
import { contains, type Merge, preflight, targetTip } from '../agent/landing/preflight';
import { pushBranch, remoteTip } from '../agent/landing/push';
import { LandingFailure } from '../core/landing-failure';
import { verdictHeadline } from '../core/landing-matter';
import { type LandingPlan, planLanding, requireLanding, succeedLanding } from '../core/landing-progress';
import { branchOf } from '../core/landing-watch';
import { type Forge, marker, openPullRequest, type PullRequest } from '../forges/forge';
import { type WinnersCommit, winnersCommit } from './landing-commit';
import { bodyOf, messageOf, slugOf, titleOf } from './landing-words';
import { deliveryOf, type LandingWork, requireForge } from './landing-work';

/**
 * Lands a winner, once: what goes out is noted before it does, so that whoever does it again finds what is there.
 * @throws LandingFailure, ForgeError, VariationFailure: why it could not be done; Fenced
 */
export async function land(work: LandingWork): Promise<void> {
  const { request } = work.row;
  const { local_path } = work.project;
  if (request.mode === 'merge' && local_path === null) {
    const words =
      'A merge is into a local repository, and this one is remote: land a branch or a pull request.';
    throw new LandingFailure('repository_refused', words);
  }
  const forge = request.mode === 'pull_request' ? requireForge(work) : null;
  await work.parts.mirrors.sync(work.mirrored, { signal: work.signal });
  if (request.mode === 'merge') await mergeIn(work);
  else await publish(work, forge);
}

/** A branch of its own, and a pull request from it where one is wanted. */
async function publish(work: LandingWork, forge: Forge | null): Promise<void> {
  const { parts, errand, row } = work;
  const before = planOf(work);
  const out = before !== null && (await isOut(work, before, forge));
  const plan = out ? before : await planBranch(work);
  if (!out)
    await pushBranch(deliveryOf(work), { commit: plan.commit_sha, branch: plan.branch, expectOld: null });
  if (forge === null) return await succeedLanding(parts.database, errand, null);
  await requireLanding(parts.database, errand);
  const opening = {
    ...{ head: plan.branch, base: plan.target, title: titleOf(row.request, work.run) },
    ...{ body: row.request.body ?? (await generated(work)), labels: row.request.labels },
    marker: markerOf(work),
  };
  const { pull, warnings } = await openPullRequest(forge, opening, work.signal);
  const [warning] = warnings;
  const trouble = warning === undefined ? null : { code: 'labels_refused', message: warning };
  await succeedLanding(parts.database, errand, toOurs(pull), trouble);
}

/** Whether what was planned is out: its branch as it was pushed, or even its pull request, whose branch may be gone by now. */
async function isOut(work: LandingWork, { branch, target, commit_sha }: LandingPlan, forge: Forge | null) {
  const request = { head: branch, base: target, marker: markerOf(work) };
  if (forge !== null && (await forge.findPullRequest(request, work.signal)) !== null) return true;
  return (await remoteTip(deliveryOf(work), branch)) === commit_sha;
}

async function planBranch(work: LandingWork): Promise<LandingPlan> {
  const { parts, errand, row, run, project, signal } = work;
  const { mirror } = deliveryOf(work);
  const { branch: target, tip } = await targetTip(mirror, row.target ?? row.request.target, project);
  const winner = await commitOf(work);
  requireNoConflict(await preflight(mirror, { commit: winner.commit, tip }, signal), target);
  const branch = row.branch ?? (await freeBranch(work, branchOf(run.id, slugOf(run.name)), winner.commit));
  const plan = { branch, target, target_sha: tip, commit_sha: winner.commit };
  await planLanding(parts.database, errand, plan, { position: row.variation, checkpoint: winner.checkpoint });
  return plan;
}

/** An earlier landing of the run may have left its branch: that is not written to. */
async function freeBranch(work: LandingWork, name: string, commit: string): Promise<string> {
  const tip = await remoteTip(deliveryOf(work), name);
  return tip === null || tip === commit ? name : `${name}-${work.row.id}`;
}

/** Into a branch of a local repository. */
async function mergeIn(work: LandingWork): Promise<void> {
  const { parts, errand, row, project, signal } = work;
  const { request } = row;
  const delivery = deliveryOf(work);
  const { mirror } = delivery;
  const { branch, tip } = await targetTip(mirror, row.target ?? request.target, project);
  const before = planOf(work);
  if (before !== null && (await contains(mirror, tip, before.commit_sha)))
    return await succeedLanding(parts.database, errand, null);
  const winner = await commitOf(work);
  const merge = await preflight(mirror, { commit: winner.commit, tip }, signal);
  requireNoConflict(merge, branch);
  const { ref, checkpoint } = winner;
  const { commit } = await mergeCommit({
    ...{ mirror, ref, tip, merge, signal, commit: winner.commit, squash: request.squash },
    ...wordsOf(work),
  });
  const plan = { branch, target: branch, target_sha: tip, commit_sha: commit };
  await planLanding(parts.database, errand, plan, { position: row.variation, checkpoint });
  await pushBranch(delivery, { commit, branch, expectOld: tip, checkout: request.checkout }).catch(
    (error) => {
      // The branch has gone on since we looked: it is merged into what it is then.
      if (error instanceof LandingFailure && error.code === 'push_rejected')
        throw new LandingFailure('push_rejected', error.message, { cause: error, transient: true });
      throw error;
    },
  );
  await succeedLanding(parts.database, errand, null);
}

function planOf({ row }: LandingWork): LandingPlan | null {
  const { branch, target, target_sha, commit_sha } = row;
  if (branch === null || target === null || target_sha === null || commit_sha === null) return null;
  return { branch, target, target_sha, commit_sha };
}

async function commitOf(work: LandingWork): Promise<WinnersCommit> {
  const { parts, row, run, mirrored, signal } = work;
  return await winnersCommit(parts, {
    ...{ run, mirrored, signal, position: row.variation, squash: row.request.squash },
    ...{ ref: `landing-${row.id}`, words: wordsOf(work), asked: isAsked(row.request) },
  });
}

/** Whether a person said how it is to read. */
function isAsked({ title, body, author, co_authors }: LandingWork['row']['request']): boolean {
  return title !== null || body !== null || author !== null || co_authors.length > 0;
}

/** The same each time. */
export function wordsOf({ row, run, variation }: LandingWork): Words {
  const { request, created_at } = row;
  const body = request.mode === 'pull_request' ? null : request.body;
  return {
    message: messageOf(titleOf(request, run), variation.result, body),
    author: request.author ?? { name: variation.agent.name, email: 'bakeoff@localhost' },
    coAuthors: request.co_authors,
    date: created_at,
  };
}

/** Numbers begin anew in another database, which may land in the same repository; its moments are others. */
export function markerOf({ row }: LandingWork): string {
  return marker(`run-${row.run_id}/landing-${row.id}/${row.created_at.getTime().toString(36)}`);
}

async function generated({ parts, run, variation }: LandingWork): Promise<string> {
  const verdict = await verdictHeadline(parts.database, run.id);
  return bodyOf({ run, variation, verdict, publicUrl: parts.config.publicUrl });
}

/** As it is told of; its checks are looked at in a moment. */
export function toOurs({ number, url, state, merged_sha }: PullRequest) {
  return { number, url, state, merged_sha, checks: 'none' as const };
}

function requireNoConflict(merge: Merge, target: string): void {
  if (merge.clean !== false) return;
  const { conflicts: paths, total } = merge;
  const few = paths.slice(0, 5).map((path) => JSON.stringify(path));
  const more = total > few.length ? ` and ${total - few.length} more` : '';
  const words =
    total === 0
      ? `${target} shares no history with the winner.`
      : `Changed on ${target} in the same places: ${few.join(', ')}${more}.`;
  throw new LandingFailure('merge_conflict', words, { paths });
}
