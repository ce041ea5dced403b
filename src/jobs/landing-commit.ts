import { commitTree, keep, treeOf } from '../agent/commit';
import { gitText } from '../agent/git';
import { commitsToLand, type Words } from '../agent/landing/commits';
import { putOnto } from '../agent/landing/rebased';
import type { MirroredProject } from '../agent/mirror';
import { readCheckpoint } from '../core/checkpoint';
import type { Run } from '../core/contract';
import { inheritedResult } from '../core/dependency';
import { LandingFailure } from '../core/landing-failure';
import { landingSteps, rebasedOn } from '../core/landing-matter';
import { ensureBase, ensureCommit } from './base';
import { stepsOf } from './landing-words';
import type { Parts } from './parts';

interface Request {
  run: Pick<Run, 'id'>;
  position: number;
  mirrored: MirroredProject;
  /** The last part of the ref that keeps it, under `refs/bakeoff/<run>/`. */
  ref: string;
  words: Words;
  /** A person gave some of these words: then they are also those of what others made. */
  asked?: boolean;
  squash: boolean;
  signal?: AbortSignal;
}

/** A winner as a commit in this machine's mirror. */
export interface WinnersCommit {
  commit: string;
  /** The same on the base alone: another one when it was put onto what it was rebased on. */
  own: string;
  base_sha: string;
  /** The checkpoint whose patch it is. */
  checkpoint: number;
  ref: string;
}

/**
 * Makes a winner's patch a commit on its base, or one for each of its steps, in the mirror as it is; wherever and
 * whenever it is made, it is the same. What was rebased is put onto what it was rebased on.
 * @throws LandingFailure `nothing_to_land`; VariationFailure `base_not_found`, `patch_rejected`, `disk_full`
 */
export async function winnersCommit(
  parts: Pick<Parts, 'database' | 'mirrors'>,
  request: Request,
): Promise<WinnersCommit> {
  const { database, mirrors } = parts;
  const { run, position, mirrored, words, squash, signal } = request;
  const checkpoint = await readCheckpoint(database, run.id, position);
  const ownRef = `refs/bakeoff/${run.id}/${request.ref}`;
  if (!checkpoint || checkpoint.bytes.length === 0)
    return inherited(parts, request, ownRef, checkpoint?.number ?? 0);
  const { base_sha, bytes: patch, number } = checkpoint;
  await ensureBase(parts, mirrored, { base: null, base_sha, base_run: null }, signal);
  const mirror = mirrors.pathOf(mirrored.id);
  const steps = squash ? [] : stepsOf(await landingSteps(database, run.id, position));
  const place = { mirror, ref: ownRef, ...(signal ? { signal } : {}) };
  const { commit, commits } = await commitsToLand({ ...place, ...words, baseSha: base_sha, patch, steps });
  if (commits === 0) return inherited(parts, request, ownRef, number);
  const made = { base_sha, checkpoint: number, ref: ownRef, own: commit };
  const rebase = await rebasedOn(database, run.id, position);
  if (rebase === null || !(await mirrors.has(mirrored.id, rebase.target_sha))) return { ...made, commit };
  const { target_sha: onto, paths } = rebase;
  return { ...made, commit: await putOnto({ ...place, ...words, commit, onto, paths, squash }) };
}

/** A stage of a flow that changed nothing lands what the flow had come to before it, in new words where these were asked for. */
async function inherited(
  parts: Pick<Parts, 'database' | 'mirrors'>,
  { run, mirrored, words, asked = false, signal }: Request,
  ref: string,
  checkpoint: number,
): Promise<WinnersCommit> {
  const base_sha = await inheritedResult(parts.database.sql, run.id);
  if (base_sha === null) throw new LandingFailure('nothing_to_land', 'The winner changed no file.');
  await ensureCommit(parts, mirrored, base_sha, signal);
  const mirror = parts.mirrors.pathOf(mirrored.id);
  const commit = asked ? await reworded(mirror, base_sha, words, signal) : base_sha;
  await keep(mirror, ref, commit);
  return { commit, own: commit, base_sha, checkpoint, ref };
}

async function reworded(mirror: string, commit: string, words: Words, signal?: AbortSignal): Promise<string> {
  const parents = (await gitText(mirror, ['rev-parse', `${commit}^@`], { signal })).split('\n');
  return await commitTree(mirror, { ...words, tree: await treeOf(mirror, commit), parents, signal });
}
