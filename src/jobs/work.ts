import { commitPatch } from '../agent/landing';
import { type Outcome, work } from '../agent/loop';
import { makeModel } from '../agent/models';
import type { Patch, Workspace } from '../agent/workspace';
import { type Assignment, readAssignment, settleBase } from '../core/assignment';
import { baseResults } from '../core/check';
import { Fenced } from '../core/errors';
import type { Claim } from '../core/event';
import { type FailureCode, VariationFailure } from '../core/failure';
import { Recorder } from '../core/recorder';
import { masker } from '../core/secret';
import { mapStrings } from '../core/text';
import { type Claimed, claim, type Ending, finish, release } from '../core/variation';
import { checkBase, checkPatch } from './checks';
import { openJournal } from './journal';
import type { Parts } from './parts';
import { readPast } from './past';
import { secretsOf, toProfile } from './profile';
import type { VariationJob } from './queue';

/** The worker shuts down: what is under way goes back to the queue. */
export class ShuttingDown extends Error {
  override name = 'ShuttingDown';
}

/** Where a stop from outside finds the variations that this process works on. */
export type Active = Map<number, AbortController>;

/**
 * Works on one variation from its claim to its end. Whatever ends it is recorded with its code; what throws is only
 * what could not be recorded, so that the queue tries again.
 */
export async function workOn(parts: Parts, active: Active, worker: string, job: VariationJob): Promise<void> {
  const claimed = await claim(parts.database, job.variation_id, job.job_epoch, worker);
  if (claimed) await workOnClaimed(parts, active, claimed);
}

/** The same for a variation that this worker has taken already. */
export async function workOnClaimed(parts: Parts, active: Active, claimed: Claimed): Promise<void> {
  const { database, log } = parts;
  const abort = new AbortController();
  active.set(claimed.variationId, abort);
  log.info('variation started', {
    run: claimed.runId,
    variation: claimed.position,
    attempt: claimed.attempt,
  });
  try {
    const ending = await attempt(parts, claimed, abort);
    await finish(database.sql, claimed, ending);
    log.info('variation ended', { run: claimed.runId, variation: claimed.position, status: ending.status });
  } catch (error) {
    if (error instanceof Fenced) {
      log.warn('variation was taken over', { run: claimed.runId, variation: claimed.position });
      return;
    }
    if (!(error instanceof ShuttingDown)) throw error;
    await release(database.sql, claimed);
    log.info('variation given back', { run: claimed.runId, variation: claimed.position });
  } finally {
    active.delete(claimed.variationId);
  }
}

/** The work itself; failures become endings here, once. */
async function attempt(parts: Parts, claimed: Claim, abort: AbortController): Promise<Ending> {
  const assignment = await readAssignment(parts.database, claimed);
  const secrets = await secretsOf(parts, assignment.agent_id);
  const recorder = new Recorder(
    parts.database.sql,
    claimed,
    masker([...parts.secrets, ...secrets]),
    (error) => abort.abort(error),
  );
  const job: Job = { ...parts, claimed, assignment, recorder, abort };
  const kept: { patch: Patch | null } = { patch: null };
  try {
    const ending = await story(job, kept);
    await recorder.flush();
    return mapStrings(ending, recorder.mask) as Ending;
  } catch (thrown) {
    // Whatever broke because it was ended from outside, the reason is the outside's.
    const error = abort.signal.aborted ? abort.signal.reason : thrown;
    if (error instanceof Fenced) throw error;
    await recorder.flush();
    if (error instanceof ShuttingDown) throw error;
    const { code, message } = explain(job, error);
    const failure = { code, message: recorder.mask(message) };
    return { status: statusOf(code), error: failure, patch: kept.patch?.stat ?? null };
  }
}

interface Job extends Parts {
  claimed: Claim;
  assignment: Assignment;
  recorder: Recorder;
  abort: AbortController;
}

/** Mirror, workspace, agent, patch, checks: the road of every variation. */
async function story(job: Job, kept: { patch: Patch | null }): Promise<Ending> {
  const { claimed, assignment, recorder, abort } = job;
  const { run, project } = assignment;
  const mirror = await job.mirrors.sync(project, { signal: abort.signal });
  const baseSha = await settleBase(
    job.database,
    run.id,
    await job.mirrors.resolve(project, run.base_sha ?? run.base),
  );
  const fresh = (what: string, signal: AbortSignal, patch?: Uint8Array): Promise<Workspace> =>
    job.workspaces.open({
      mirror: mirror.path,
      baseSha,
      id: `run-${run.id}-${claimed.position}-${claimed.epoch}-${what}`,
      signal,
      ...(patch ? { patch } : {}),
    });

  // A base that nobody waits for any more, since all who did have ended, is not checked on in their absence.
  const over = new AbortController();
  const base = checkBaseOnce(job, AbortSignal.any([abort.signal, over.signal]), (signal) =>
    fresh('base', signal),
  );
  base.catch(() => {}); // Awaited below, unless something ends the work before.
  try {
    const outcome = await letAgentWork(job, baseSha, (patch) => fresh('work', abort.signal, patch));
    kept.patch = outcome.patch;
    const proposed = outcome.patch.bytes.length > 0 ? await propose(job, mirror.path, outcome.patch) : null;
    requireResult(job, outcome, proposed !== null);
    await base;
    await checkPatch(job.database, recorder, claimed, {
      checks: run.options.dry_run ? [] : project.checks,
      open: () => fresh('check', abort.signal, outcome.patch.bytes),
      signal: abort.signal,
    });
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

function requireResult({ assignment: { run } }: Job, outcome: Outcome, changed: boolean): void {
  if (outcome.end === 'step_limit') {
    throw new VariationFailure(
      'step_limit',
      `It used all of its ${run.options.max_steps} steps without finishing`,
    );
  }
  const mustChange = run.task_type === 'coding' || run.task_type === 'documentation';
  if (mustChange && !changed && !run.options.dry_run) {
    throw new VariationFailure('no_changes', 'The agent finished without changing a file');
  }
}

async function letAgentWork(
  job: Job,
  baseSha: string,
  open: (patch?: Uint8Array) => Promise<Workspace>,
): Promise<Outcome> {
  const { claimed, assignment, recorder, abort } = job;
  const { run } = assignment;
  const started = performance.now();
  const { profile, instructions } = await toProfile(job, assignment.agent_id);
  const { past, checkpoint } = await readPast(job.database, claimed, profile.max_tokens);
  const workspace = await open(checkpoint?.bytes);
  const limit = setTimeout(() => {
    abort.abort(new VariationFailure('timeout', `It worked longer than ${run.options.timeout_s} s`));
  }, run.options.timeout_s * 1000);
  try {
    const duration_ms = Math.round(performance.now() - started);
    recorder.emit({ type: 'workspace.ready', payload: { base_sha: baseSha, duration_ms } });
    if (past.step > 0) {
      const payload = { checkpoint: checkpoint?.number ?? null, step: past.step };
      recorder.emit({ type: 'variation.resumed', payload });
    }
    if (checkpoint) {
      const { number, step, stat } = checkpoint;
      recorder.emit({ type: 'checkpoint.restored', payload: { checkpoint: number, step, ...stat } });
    }
    return await work({
      assignment: { ...run, agent_instructions: instructions },
      model: makeModel(profile, job.config),
      workspace,
      journal: openJournal(job.database, recorder, claimed, run.options),
      signal: abort.signal,
      past,
    });
  } finally {
    clearTimeout(limit);
    await workspace.remove();
  }
}

/** The patch as text becomes a commit outside every workspace, or is refused with reasons. */
async function propose(job: Job, mirror: string, patch: Patch): Promise<{ commit: string; ref: string }> {
  const { recorder, assignment, claimed } = job;
  recorder.emit({ type: 'patch.proposed', payload: patch.stat });
  const ref = `refs/bakeoff/${claimed.runId}/${claimed.position}`;
  try {
    const { commit } = await commitPatch({
      mirror,
      baseSha: patch.base_sha,
      patch: patch.bytes,
      ref,
      message: assignment.run.name,
      author: { name: assignment.agent_name, email: 'bakeoff@localhost' },
    });
    recorder.emit({ type: 'patch.applied', payload: { commit, ref } });
    return { commit, ref };
  } catch (error) {
    if (error instanceof VariationFailure && error.code === 'patch_rejected') {
      recorder.emit({ type: 'patch.rejected', payload: { reasons: error.message.split('\n') } });
    }
    throw error;
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
    const done = await baseResults(job.database, run.id);
    const checks = project.checks.filter((check) => !done.has(check.name));
    await checkBase(job.database, run.id, { checks, open: () => open(signal), signal });
  });
}

function explain(job: Job, error: unknown): { code: FailureCode; message: string } {
  if (error instanceof VariationFailure) return { code: error.code, message: error.message };
  const { runId: run, position: variation } = job.claimed;
  if ((error as NodeJS.ErrnoException).code === 'ENOSPC') {
    return { code: 'disk_full', message: 'The disk of the worker is full' };
  }
  job.log.error('variation failed by a mistake of ours', { run, variation, error });
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}

/** The status that a failure ends a variation with; docs/errors.md says the same. */
export function statusOf(code: FailureCode): 'needs_review' | 'failed' | 'stopped' {
  if (code === 'stopped' || code === 'budget_exceeded') return 'stopped';
  if (code === 'step_limit' || code === 'patch_rejected' || code === 'no_changes') return 'needs_review';
  return 'failed';
}
