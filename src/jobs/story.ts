import { type Outcome, work } from '../agent/loop';
import { makeModel } from '../agent/models';
import { commitKey, decisionAt, isListed, Suspended } from '../agent/steering';
import type { Patch } from '../agent/workspace';
import type { Decision } from '../core/approval';
import { type Assignment, readAssignment, settleBase } from '../core/assignment';
import type { Claimed, Ending } from '../core/claim';
import { persist } from '../core/db';
import { waitingDirectives } from '../core/directive';
import { VariationFailure } from '../core/failure';
import { iterationFact, type NextIteration, startIteration } from '../core/iteration';
import type { Recorder } from '../core/recorder';
import { ensureBase } from './base';
import { checkBaseOnce } from './base-checks';
import { accessTo } from './credential';
import { gather } from './evidence';
import { openJournal } from './journal';
import type { Parts } from './parts';
import { readPast } from './past';
import type { Pause } from './pause';
import { openPlace, type Place } from './place';
import { toProfile } from './profile';
import { propose, requireResult } from './result';
import { startWatch } from './watch';

/** A variation at work, with all that it works with. */
export interface Job extends Parts {
  claimed: Claimed;
  assignment: Assignment;
  recorder: Recorder;
  abort: AbortController;
  pause: Pause;
  decisions: Decision[];
}

/**
 * Mirror, workspace, and then rounds of work, each followed by checks, until they have nothing against it or the rounds
 * are used up: the road of every variation.
 */
export async function story(job: Job, kept: { patch: Patch | null }): Promise<Ending> {
  const { claimed, abort, pause } = job;
  const { run, project } = job.assignment;
  /** What may be cut short by a pause, to be done again later. */
  const signal = AbortSignal.any([abort.signal, pause.cut]);
  const { mirrored } = await persist(() => accessTo(job, project), { signal });
  const mirror = await job.mirrors.sync(mirrored, { signal });
  await ensureBase(job, project, run, signal);
  const found = await job.mirrors.resolve(project, run.base_sha ?? run.base);
  const baseSha = await persist(() => settleBase(job.database, claimed, found), { signal });
  const place = await openPlace(job, mirror.path, baseSha, signal);

  // A base that nobody waits for any more, since all who did have ended, is not checked on in their absence.
  const over = new AbortController();
  const base = checkBaseOnce(job, place, AbortSignal.any([signal, over.signal]));
  base.catch(() => {}); // Awaited below, unless something ends the work before.
  try {
    for (let round: Assignment = job.assignment, before: Patch | null = null; ; ) {
      const outcome = await letAgentWork(job, round, place, signal, before === null);
      kept.patch = outcome.patch;
      const proposed = outcome.patch.bytes.length > 0 ? await propose(job, mirror.path, outcome.patch) : null;
      requireResult(round, outcome, proposed !== null);
      const key = commitKey(outcome.step, outcome.patch);
      const asks = run.options.approval === 'commit' && proposed !== null;
      // What was approved has been checked before it was asked about.
      const word = asks ? decisionAt(job, 'commit', key) : null;
      if (word?.decision === 'deny')
        throw new VariationFailure(
          'patch_rejected',
          `A person did not approve it. ${word.comment ?? ''}`.trim(),
        );
      if (word === null) {
        await base;
        const next = await gather(job, round, place, { outcome, proposed, before, signal });
        if (next !== null) {
          await iterate(job, next);
          before = outcome.patch;
          round = await persist(() => readAssignment(job.database, claimed), { signal });
          continue;
        }
        if (asks) throw new Suspended({ kind: 'commit', key, question: { patch: outcome.patch.stat } });
      }
      return {
        status: 'completed',
        summary: outcome.summary,
        patch: proposed ? outcome.patch.stat : null,
        commit_sha: proposed?.commit ?? null,
        branch: proposed?.ref ?? null,
      };
    }
  } finally {
    over.abort();
    await base.catch(() => {});
  }
}

async function iterate({ recorder, claimed }: Job, next: NextIteration): Promise<void> {
  await recorder.commit([iterationFact(next)], (tx) => startIteration(tx, claimed.variationId, next));
}

/** @param first of this claim: what is gone on with then, was broken off */
async function letAgentWork(
  job: Job,
  round: Assignment,
  place: Place,
  signal: AbortSignal,
  first: boolean,
): Promise<Outcome> {
  const { claimed, recorder, abort, pause, decisions } = job;
  const { run, project, mended } = round;
  const started = performance.now();
  const { profile, instructions } = await persist(() => toProfile(job, round.agent_id));
  const { past, checkpoint } = await persist(() => readPast(job.database, claimed, profile.max_tokens), {
    signal: abort.signal,
  });
  const workspace = await place.open('work', signal, mended === null ? checkpoint?.bytes : undefined);
  const watch = startWatch(job.database, claimed, round.worked_ms, run.options.timeout_s * 1000, () => {
    abort.abort(new VariationFailure('timeout', `It worked longer than ${run.options.timeout_s} s`));
  });
  try {
    const duration_ms = Math.round(performance.now() - started);
    recorder.emit({ type: 'workspace.ready', payload: { base_sha: place.baseSha, duration_ms } });
    if (past.messages.length > 0 && mended === null && first) {
      const payload = { checkpoint: checkpoint?.number ?? null, step: past.step };
      recorder.emit({ type: 'variation.resumed', payload });
    }
    if (checkpoint && mended === null && first) {
      const { number, step, stat } = checkpoint;
      recorder.emit({ type: 'checkpoint.restored', payload: { checkpoint: number, step, ...stat } });
    }
    return await work({
      assignment: { ...run, agent_instructions: instructions },
      model: makeModel(profile, job.config),
      workspace,
      journal: openJournal(job.database, recorder, claimed, run.options, profile),
      signal: abort.signal,
      past,
      stepsBefore: round.steps_before,
      mended,
      asIs: await asIs(job, round, past.messages.length > 0),
      steering: {
        approval: run.options.approval,
        pausing: () => pause.wanted,
        cut: pause.cut,
        allowed: (command) => isListed(command, project.allowed_commands),
        decisions,
      },
    });
  } finally {
    await watch.stop();
    await workspace.remove();
  }
}

/** A graft is work that was done elsewhere, until somebody says something to it. */
async function asIs({ database, claimed }: Job, round: Assignment, begun: boolean): Promise<string | null> {
  if (round.kind !== 'graft' || begun) return null;
  const said = await persist(() => waitingDirectives(database, claimed.variationId));
  return said.length > 0 ? null : 'Composed of parts of other variations.';
}
