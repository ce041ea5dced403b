import { type CommitRequest, commitPatch } from '../agent/commit';
import type { MirroredProject } from '../agent/mirror';
import { readCheckpoint } from '../core/checkpoint';
import { makerOf } from '../core/dependency';
import { VariationFailure } from '../core/failure';
import { nameFrom } from '../core/run';
import type { Parts } from './parts';

/** Runs that each have another's result as their base, and none of whose commits is on this machine. */
const longestChain = 100;

/**
 * Makes the commit that a run starts from be in this machine's mirror, when it is the result of another run that was
 * worked on elsewhere: that run's patch is made a commit again, which has the same id. Between `mirrors.sync` and
 * `mirrors.resolve`. A base that no run has made is left to `resolve`.
 * @throws VariationFailure `base_not_found` when the commit cannot be made again, `disk_full`; AbortError
 */
export async function ensureBase(
  parts: Pick<Parts, 'database' | 'mirrors'>,
  project: MirroredProject,
  run: { base: string | null; base_sha: string | null; base_run: number | null },
  signal?: AbortSignal,
): Promise<void> {
  const wanted = run.base_sha ?? run.base;
  if (wanted === null && run.base_run !== null) {
    const message = `It is to start from the result of run ${run.base_run}, and was started before that was known. Retry it`;
    throw new VariationFailure('base_not_found', message);
  }
  if (wanted !== null && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(wanted))
    await ensureCommit(parts, project, wanted, signal);
}

/**
 * What a variation's commit says besides its change: only what never changes, so that it can be made again. A run's
 * name can be changed; its goal cannot.
 * @param agent the agent's name when the variation was last started
 */
export function commitWords(
  run: { goal: string; created_at: Date },
  agent: string,
): Pick<CommitRequest, 'message' | 'author' | 'date'> {
  const author = { name: agent, email: 'bakeoff@localhost' };
  return { message: nameFrom(run.goal), author, date: run.created_at };
}

/**
 * Makes a commit that a variation has made be in this machine's mirror; one that no variation has made is left alone.
 * @throws as `ensureBase`
 */
export async function ensureCommit(
  parts: Pick<Parts, 'database' | 'mirrors'>,
  project: MirroredProject,
  sha: string,
  signal?: AbortSignal,
  left = longestChain,
): Promise<void> {
  const { database, mirrors } = parts;
  if (left === 0 || (await mirrors.has(project.id, sha))) return;
  const maker = await makerOf(database, project.id, sha);
  if (!maker) return;
  await ensureCommit(parts, project, maker.base_sha, signal, left - 1);
  const checkpoint = await readCheckpoint(database, maker.run_id, maker.position);
  try {
    const { commit } = await commitPatch({
      mirror: mirrors.pathOf(project.id),
      baseSha: maker.base_sha,
      patch: checkpoint?.bytes ?? new Uint8Array(),
      ref: `refs/bakeoff/${maker.run_id}/${maker.position}`,
      ...commitWords(maker, maker.agent),
      ...(signal ? { signal } : {}),
    });
    if (commit === sha) return;
  } catch (error) {
    // Another variation of the run, on this machine, may have made it at the same time, and have had the ref's lock.
    if (await mirrors.has(project.id, sha)) return;
    if (!(error instanceof VariationFailure) || error.code === 'disk_full') throw error;
  }
  throw new VariationFailure(
    'base_not_found',
    `The commit ${sha} of variation ${maker.position} of run ${maker.run_id} is not on this machine, and could not be made again: the variation has gone on since.`,
  );
}
