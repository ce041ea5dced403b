import { type Outcome, work } from '../agent/loop';
import { makeModel } from '../agent/models';
import { PatchRefused } from '../agent/one-shot';
import { decisionAt, isListed, Suspended } from '../agent/steering';
import type { Patch, Workspace } from '../agent/workspace';
import { ask, type Decision, decisionsOf } from '../core/approval';
import { type Assignment, readAssignment, settleBase } from '../core/assignment';
import { baseResults, forgetChecks } from '../core/check';
import { type Claimed, claim, type Ending, finish, postpone, release } from '../core/claim';
import { isAway, persist } from '../core/db';
import { Fenced } from '../core/errors';
import type { Claim } from '../core/event';
import { VariationFailure } from '../core/failure';
import { letIn } from '../core/limit';
import { Recorder } from '../core/recorder';
import { masker } from '../core/secret';
import { pauseClaimed } from '../core/steer';
import { mapStrings } from '../core/text';
import { type QueuedVariation, queuedOf } from '../core/variation';
import { ensureBase } from './base';
import { checkBase, checkPatch } from './checks';
import { openJournal } from './journal';
import type { Parts } from './parts';
import { readPast } from './past';
import { Pause } from './pause';
import { secretsOf, toProfile } from './profile';
import type { VariationJob } from './queue';
import { explain, propose, requireResult, statusOf } from './result';
import { startWatch } from './watch';

/** The worker shuts down: what is under way goes back to the queue. */
export class ShuttingDown extends Error {
  override name = 'ShuttingDown';
}

/** A variation that this process works on. */
export interface UnderWay {
  epoch: number;
  /** Ends it, for the reason that it is aborted with. */
  abort: AbortController;
  pause: Pause;
}

/** Where wishes from outside find the variations that this process works on, by id. */
export type Active = Map<number, UnderWay>;

/**
 * Works on one variation from its claim to its end. Whatever ends it is recorded with its code; what throws is only
 * what could not be recorded, so that the queue tries again.
 * @returns what is to be handed to the queue: itself for another try, and who gets the place that it leaves
 */
export async function workOn(
  parts: Parts,
  active: Active,
  worker: string,
  job: VariationJob,
): Promise<QueuedVariation[]> {
  const { variation_id, job_epoch } = job;
  const claimed = await claim(parts.database, variation_id, job_epoch, worker);
  return claimed ? workOnClaimed(parts, active, claimed) : [];
}

/** The same for a variation that this worker has taken already. */
export async function workOnClaimed(
  parts: Parts,
  active: Active,
  claimed: Claimed,
): Promise<QueuedVariation[]> {
  const { database, log } = parts;
  const under: UnderWay = {
    epoch: claimed.epoch,
    abort: new AbortController(),
    pause: new Pause(parts.waits?.pauseMs),
  };
  active.set(claimed.variationId, under);
  const told = { run: claimed.runId, variation: claimed.position };
  log.info('variation started', { ...told, attempt: claimed.attempt });
  try {
    const let_go = await attempt(parts, claimed, under);
    // Said again after a connection that broke, each of these finds itself done.
    await persist(let_go.record, { onAway: (error) => log.warn('the database is away', { ...told, error }) });
    log.info(let_go.ends ? 'variation ended' : 'variation let go of', { ...told, status: let_go.as });
    const own = (await queuedOf(database, claimed.runId)).filter((one) => one.id === claimed.variationId);
    return [...own, ...(await letIn(database))];
  } catch (error) {
    if (!(error instanceof Fenced)) throw error;
    log.warn('variation was taken over', told);
    return [];
  } finally {
    under.pause.end();
    active.delete(claimed.variationId);
  }
}

/** How this worker lets go of a variation: in a word for the log, and the transaction that does it. */
interface LetGo {
  as: string;
  ends?: true;
  record: () => Promise<void>;
}

/** The work itself; failures become endings here, once. */
async function attempt(parts: Parts, claimed: Claim, under: UnderWay): Promise<LetGo> {
  const { sql } = parts.database;
  const { abort, pause } = under;
  const kept: { job: Job | null; patch: Patch | null } = { job: null, patch: null };
  const mask = (text: string): string => kept.job?.recorder.mask(text) ?? text;
  const ends = (ending: Ending): LetGo => {
    const masked = mapStrings(ending, mask) as Ending;
    return { as: ending.status, ends: true, record: () => finish(sql, claimed, masked) };
  };
  try {
    kept.job = await prepare(parts, claimed, under);
    const ending = await story(kept.job, kept);
    await kept.job.recorder.flush();
    return ends(ending);
  } catch (thrown) {
    // Whatever broke because it was ended from outside, the reason is the outside's.
    const error = abort.signal.aborted ? abort.signal.reason : pause.cut.aborted ? pause.cut.reason : thrown;
    if (error instanceof Fenced) throw error;
    await kept.job?.recorder.flush();
    // What the database could not take for minutes is done again from the last checkpoint.
    if (error instanceof ShuttingDown || isAway(error))
      return { as: 'queued', record: () => release(sql, claimed) };
    if (error instanceof Suspended) {
      const asked = error.asked === null ? null : (mapStrings(error.asked, mask) as typeof error.asked);
      if (asked === null) return { as: 'paused', record: () => pauseClaimed(sql, claimed) };
      return { as: 'awaiting_approval', record: () => ask(sql, claimed, asked) };
    }
    const { code, message } = explain({ claimed, log: parts.log }, error);
    const failure = { code, message: mask(message) };
    const { tries = 0, run } = kept.job?.assignment ?? {};
    const of = run?.options.max_retries ?? 0;
    if (error instanceof VariationFailure && error.transient && tries < of) {
      const delay_ms = backOff(tries, parts.waits?.retryMs);
      const when = { retry: tries + 1, of, delay_ms };
      return { as: 'retrying', record: () => postpone(sql, claimed, failure, when) };
    }
    return ends({ status: statusOf(code), error: failure, ...left(error, kept.patch) });
  }
}

/** Everything that is read before the work; the database may be away meanwhile. */
async function prepare(parts: Parts, claimed: Claim, { abort, pause }: UnderWay): Promise<Job> {
  const { database } = parts;
  return persist(
    async () => {
      const assignment = await readAssignment(database, claimed);
      const secrets = await secretsOf(parts, assignment.agent_id);
      const decisions = await decisionsOf(database, claimed.variationId);
      const recorder = new Recorder(database.sql, claimed, masker([...parts.secrets, ...secrets]), (error) =>
        abort.abort(error),
      );
      return { ...parts, claimed, assignment, recorder, abort, pause, decisions };
    },
    { signal: abort.signal },
  );
}

/** What a variation that failed leaves for a person. */
function left(error: unknown, patch: Patch | null) {
  return { patch: patch?.stat ?? null, summary: error instanceof PatchRefused ? error.answer : null };
}

const firstRetryMs = 5_000;
const longestRetryMs = 5 * 60_000;

/** Milliseconds before the next try: doubled each time, give or take a quarter, so that many do not come at once. */
function backOff(tries: number, first = firstRetryMs): number {
  return Math.round(Math.min(first * 2 ** tries, longestRetryMs) * (0.75 + Math.random() / 2));
}

interface Job extends Parts {
  claimed: Claim;
  assignment: Assignment;
  recorder: Recorder;
  abort: AbortController;
  pause: Pause;
  decisions: Decision[];
}

/** Mirror, workspace, agent, patch, checks: the road of every variation. */
async function story(job: Job, kept: { patch: Patch | null }): Promise<Ending> {
  const { claimed, assignment, recorder, abort, pause } = job;
  const { run, project } = assignment;
  /** What may be cut short by a pause, to be done again later. */
  const signal = AbortSignal.any([abort.signal, pause.cut]);
  const mirror = await job.mirrors.sync(project, { signal });
  await ensureBase(job, project, run, signal);
  const found = await job.mirrors.resolve(project, run.base_sha ?? run.base);
  const baseSha = await persist(() => settleBase(job.database, run.id, found), { signal });
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
    const key = `step:${outcome.step}`;
    const asks = run.options.approval === 'commit' && proposed !== null;
    // What was approved has been checked before it was asked about.
    if (!asks || decisionAt(job, 'commit', key) === null) {
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
    await checkBase(job.database, run.id, { checks, open: () => open(signal), signal });
  });
}
