import { judgesOf, withBaseJudges } from '../agent/evidence/base-judges';
import { feedback } from '../agent/evidence/feedback';
import type { Outcome } from '../agent/loop';
import type { Patch } from '../agent/workspace';
import type { Assignment } from '../core/assignment';
import { fails, forgetChecks, variationChecks } from '../core/check';
import { persist } from '../core/db';
import type { NextIteration } from '../core/iteration';
import { assess } from './assess';
import { confirmBaseOnce } from './base-checks';
import { checkPatch, flagPatch } from './checks';
import type { Place } from './place';
import type { Job } from './story';

interface Work {
  outcome: Outcome;
  /** The commit that was made of its patch; null when nothing was changed. */
  proposed: { commit: string } | null;
  /** The patch of the round before; null in the first. */
  before: Patch | null;
  signal: AbortSignal;
}

/**
 * Finds out by running it what a variation's patch is worth, and records that. Where no check can tell, a judge may be
 * asked for its opinion.
 * @returns the next round of work, when something required fails and there are rounds left; else null
 */
export async function gather(
  job: Job,
  round: Assignment,
  place: Place,
  { outcome, proposed, before, signal }: Work,
): Promise<NextIteration | null> {
  const { database, recorder, claimed, pause } = job;
  const unchanged = before?.sha256 === outcome.patch.sha256;
  const earlier = unchanged ? await persist(() => variationChecks(database, claimed.variationId)) : [];
  await persist(() => forgetChecks(database, claimed), { signal });
  // Without a change the base's results are its own.
  if (round.run.options.dry_run || proposed === null) return null;
  const trees = { mirror: place.mirror, baseSha: place.baseSha, sha: proposed.commit, signal };
  const judges = await judgesOf(
    trees,
    place.checks.map((check) => check.command),
  );
  await flagPatch(
    recorder,
    claimed,
    judges.slice(0, mostFlags).map(({ path, kind, change }) => ({ path, kind, change })),
  );
  const openWithBaseTests = async () => {
    const patch = await withBaseJudges({ ...trees, files: judges });
    return place.open('base_tests', signal, patch.bytes);
  };
  const rows = await checkPatch(database, recorder, claimed, {
    checks: place.checks,
    open: () => place.open('patch', signal, outcome.patch.bytes),
    openWithBaseTests: judges.length > 0 ? openWithBaseTests : null,
    earlier,
    confirmBase: (checks) => confirmBaseOnce(job, place, checks, signal),
    signal,
    boundary: () => pause.boundary(),
  });
  const iteration = round.iteration + 1;
  const rounds = round.iteration - round.iterations_before;
  const { max_iterations } = round.run.options;
  // Who has changed nothing since it was told will not do so for being told again.
  const goesOn = hears(round, outcome) && rounds < max_iterations && !unchanged;
  if (rows.length === 0) {
    const opinion = await assess(job, round, outcome, signal);
    return opinion && goesOn ? { iteration, ...opinion } : null;
  }
  const failed = rows.filter(fails);
  if (failed.length === 0 || !goesOn) return null;
  const told = { round: rounds + 1, of: max_iterations };
  return { iteration, failed: failed.map((row) => row.name), feedback: feedback(failed, judges, told) };
}

/** Files that are named in the record; all of them are put back. */
const mostFlags = 200;

/** Whether somebody works on it who can be told something: a graft has nobody, until a directive has woken its agent. */
function hears({ run, mended, kind }: Assignment, { step }: Outcome): boolean {
  return run.options.mode === 'tools' && mended === null && (kind === 'agent' || step > 0);
}
