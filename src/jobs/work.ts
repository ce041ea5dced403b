import { PatchRefused } from '../agent/one-shot';
import { Suspended } from '../agent/steering';
import type { Patch } from '../agent/workspace';
import { ask, decisionsOf } from '../core/approval';
import { readAssignment } from '../core/assignment';
import { type Claimed, claim, type Ending, finish, postpone, release } from '../core/claim';
import { isAway, persist } from '../core/db';
import { Fenced } from '../core/errors';
import { VariationFailure } from '../core/failure';
import { letIn } from '../core/limit';
import { Recorder } from '../core/recorder';
import { masker } from '../core/secret';
import { pauseClaimed } from '../core/steer';
import { stopLosers } from '../core/stop-losers';
import { mapStrings } from '../core/text';
import { type QueuedVariation, queuedOf } from '../core/variation';
import type { Parts } from './parts';
import { Pause } from './pause';
import { secretsOf } from './profile';
import type { VariationJob } from './queue';
import { explain, statusOf } from './result';
import { type Job, story } from './story';

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
    // What fails here, the next tick does.
    if (let_go.ends)
      await stopLosers(database, claimed.runId).catch((error) =>
        log.warn('losers could not be stopped', { ...told, error }),
      );
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
async function attempt(parts: Parts, claimed: Claimed, under: UnderWay): Promise<LetGo> {
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
async function prepare(parts: Parts, claimed: Claimed, { abort, pause }: UnderWay): Promise<Job> {
  const { database } = parts;
  return persist(
    async () => {
      const assignment = await readAssignment(database, claimed);
      const secrets = await secretsOf(parts, assignment.agent_id, assignment.project.id);
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
