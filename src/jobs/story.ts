import { type Outcome, work } from '../agent/loop';
import { makeModel } from '../agent/models';
import { commitKey, decisionAt, isListed, Suspended } from '../agent/steering';
import type { Patch, Workspace } from '../agent/workspace';
import type { Decision } from '../core/approval';
import { type Assignment, settleBase } from '../core/assignment';
import { baseResults, forgetChecks } from '../core/check';
import type { Claimed, Ending } from '../core/claim';
import { persist } from '../core/db';
import { VariationFailure } from '../core/failure';
import type { Recorder } from '../core/recorder';
import { credentialFor } from '../forges/place';
import { ensureBase } from './base';
import { checkBase, checkPatch } from './checks';
import { openJournal } from './journal';
import type { Parts } from './parts';
import { readPast } from './past';
import type { Pause } from './pause';
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

/** Mirror, workspace, agent, patch, checks: the road of every variation. */
export async function story(job: Job, kept: { patch: Patch | null }): Promise<Ending> {
  const { claimed, assignment, recorder, abort, pause } = job;
  const { run, project } = assignment;
  /** What may be cut short by a pause, to be done again later. */
  const signal = AbortSignal.any([abort.signal, pause.cut]);
  const credential = credentialFor(project, job.config);
  const mirror = await job.mirrors.sync({ ...project, credential }, { signal });
  await ensureBase(job, project, run, signal);
  const found = await job.mirrors.resolve(project, run.base_sha ?? run.base);
  const baseSha = await persist(() => settleBase(job.database, claimed, found), { signal });
  const fresh = (what: string, until: AbortSignal, patch?: Uint8Array): Promise<Workspace> =>
    job.workspaces.open({
      mirror: mirror.path,
      baseSha,
      id: `run-${run.id}-${claimed.position}-${claimed.epoch}-${what}`,
      signal: until,
      ...(patch ? { patch } : {}),
    });

  // A base that nobody waits for any more, since all who did have ended, is not checked on in their absence.
  const over = new AbortController();
  const base = checkBaseOnce(job, AbortSignal.any([signal, over.signal]), (until) => fresh('base', until));
  base.catch(() => {}); // Awaited below, unless something ends the work before.
  try {
    const outcome = await letAgentWork(job, baseSha, (patch) => fresh('work', signal, patch));
    kept.patch = outcome.patch;
    const proposed = outcome.patch.bytes.length > 0 ? await propose(job, mirror.path, outcome.patch) : null;
    requireResult(assignment, outcome, proposed !== null);
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
      await persist(() => forgetChecks(job.database, claimed), { signal });
      await checkPatch(job.database, recorder, claimed, {
        checks: run.options.dry_run ? [] : project.checks,
        open: () => fresh('check', signal, outcome.patch.bytes),
        signal,
        boundary: () => pause.boundary(),
      });
      if (asks) throw new Suspended({ kind: 'commit', key, question: { patch: outcome.patch.stat } });
    }
    return {
      status: 'completed',
      summary: outcome.summary,
      patch: proposed ? outcome.patch.stat : null,
      commit_sha: proposed?.commit ?? null,
      branch: proposed?.ref ?? null,
    };
  } finally {
    over.abort();
    await base.catch(() => {});
  }
}

async function letAgentWork(
  job: Job,
  baseSha: string,
  open: (patch?: Uint8Array) => Promise<Workspace>,
): Promise<Outcome> {
  const { claimed, assignment, recorder, abort, pause, decisions } = job;
  const { run, project } = assignment;
  const started = performance.now();
  const { profile, instructions } = await persist(() => toProfile(job, assignment.agent_id));
  const { past, checkpoint } = await persist(() => readPast(job.database, claimed, profile.max_tokens), {
    signal: abort.signal,
  });
  const { mended } = assignment;
  const workspace = await open(mended === null ? checkpoint?.bytes : undefined);
  const watch = startWatch(job.database, claimed, assignment.worked_ms, run.options.timeout_s * 1000, () => {
    abort.abort(new VariationFailure('timeout', `It worked longer than ${run.options.timeout_s} s`));
  });
  try {
    const duration_ms = Math.round(performance.now() - started);
    recorder.emit({ type: 'workspace.ready', payload: { base_sha: baseSha, duration_ms } });
    if (past.messages.length > 0 && mended === null) {
      const payload = { checkpoint: checkpoint?.number ?? null, step: past.step };
      recorder.emit({ type: 'variation.resumed', payload });
    }
    if (checkpoint && mended === null) {
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
      stepsBefore: assignment.steps_before,
      mended,
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

/** The run's variations wait for one and the same check of their base; what an interrupted one has recorded, stands. */
async function checkBaseOnce(
  job: Job,
  wanted: AbortSignal,
  open: (signal: AbortSignal) => Promise<Workspace>,
): Promise<void> {
  const { run, project } = job.assignment;
  if (run.options.dry_run) return;
  await job.baseChecks.once(run.id, wanted, async (signal) => {
    const done = await persist(() => baseResults(job.database, run.id), { signal });
    const checks = project.checks.filter((check) => !done.has(check.name));
    await checkBase(job.database, job.claimed, { checks, open: () => open(signal), signal });
  });
}
