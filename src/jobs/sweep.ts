import { remindOld } from '../core/approval';
import { replaceJobs, requeueLost } from '../core/claim';
import { type Database, idleInTransactionMs } from '../core/db';
import { takeBackErrands } from '../core/errand';
import { forgetOldKeys } from '../core/idempotency';
import { letIn } from '../core/limit';
import { releaseDue } from '../core/pending';
import { readSettings } from '../core/settings';
import { stopAllLosers } from '../core/stop-losers';
import { listQueued, type QueuedVariation, queuedOf } from '../core/variation';
import { forgetOldDeliveries } from '../core/webhook-delivery';
import { forgetDead, witnessS } from '../core/worker';
import type { Log } from '../log';
import { every, seldom } from './every';
import type { JobQueue } from './queue';

/** One process of the cluster at a time does what is due every second; one, perhaps another, sweeps. */
const tickLock = 0x5eee8;
const sweepLock = 0x5eee9;
const tickMs = 1_000;
/** What is under way at a stop is waited for so long; it may be done again by anybody. */
const stopMs = 500;
const sayAgainMs = 30_000;
/** A job that was taken has its variation taken within moments; after so many seconds, its worker is not well. */
const lateS = 4;
/** What was queued is looked for this far back; a tick may be left out. */
const freshS = 5;

interface Round {
  database: Database;
  queue: JobQueue;
  log: Log;
  /** Seconds of this process's unbroken contact with the database: who has none accuses nobody. */
  contactS: () => number;
}

/** Something that is due. */
type Chore = (round: Round) => Promise<void>;

/** Every second: cheap when there is nothing to do. One that fails does not keep the others from their turn. */
const tickChores: Record<string, Chore> = {
  'taking back what gone workers had': takeBack,
  'releasing what waited for its time or for others': handingOn(releaseDue),
  'stopping what a better sibling has made needless': ({ database }) => stopAllLosers(database),
  'letting in what was held': handingOn(letIn),
  'reminding of questions': ({ database }) => remindOld(database),
  'handing on what was queued': handingOn(listFresh),
  'making anew the jobs that went with their workers': async ({ database, queue }) =>
    queue.add(await replaceJobs(database, await queue.taken(), lateS)),
};

/** Every few seconds. */
const sweepChores: Record<string, Chore> = {
  'holding the queue, or not': async ({ database, queue }) =>
    queue.hold(!(await readSettings(database)).execution),
  'putting back lost jobs': async ({ database, queue }) => queue.restore(await listQueued(database)),
  'forgetting old keys': ({ database }) => forgetOldKeys(database),
  'forgetting old deliveries': ({ database }) => forgetOldDeliveries(database),
  'forgetting dead workers': ({ database }) => forgetDead(database),
};

/** Does what is due every second, once. Safe to do at any time, by anybody. */
export async function tick(round: Round): Promise<void> {
  await alone(round.database, tickLock, () => doAll(tickChores, round));
}

/**
 * Puts the queue in line with the rows (invariant 4): what waits without a job gets one, what runs under a worker that
 * is gone waits again. Safe to do at any time, by anybody.
 * @throws the first failure of its parts, after all had their turn
 */
export async function sweep(
  database: Database,
  queue: JobQueue,
  log: Log,
  contactS: () => number = () => Number.POSITIVE_INFINITY,
): Promise<void> {
  const round = { database, queue, log, contactS };
  await tick(round);
  await alone(database, sweepLock, () => doAll(sweepChores, round));
}

/** Ticks and sweeps until it is stopped; every process of the cluster may. */
export function startRounds(round: Round, sweepMs: number): { stop(): Promise<void> } {
  const { database, queue, log, contactS } = round;
  const failed = seldom(sayAgainMs, (error) => log.warn('sweep failed', { error }));
  const stops = [
    every(tickMs, () => tick(round), failed),
    every(sweepMs, () => sweep(database, queue, log, contactS), failed),
  ];
  return {
    stop: async () => {
      await Promise.race([Promise.all(stops.map((stop) => stop())), Bun.sleep(stopMs)]);
    },
  };
}

async function doAll(chores: Record<string, Chore>, round: Round): Promise<void> {
  const failures: Error[] = [];
  for (const [name, chore] of Object.entries(chores)) {
    try {
      await chore(round);
    } catch (error) {
      failures.push(new Error(`${name}: ${(error as Error).message}`, { cause: error }));
    }
  }
  if (failures[0]) throw failures[0];
}

/** What `queue` gives has been queued: its jobs are made at once. */
function handingOn(queue: (database: Database) => Promise<readonly QueuedVariation[]>): Chore {
  return async (round) => round.queue.add(await queue(round.database));
}

/** Nobody else does the same meanwhile; whoever comes second leaves it. The lock ends with the connection, too. */
async function alone({ sql }: Database, lock: number, work: () => Promise<void>): Promise<void> {
  await sql.begin(async (tx) => {
    const [row] = await tx<{ mine: boolean }[]>`select pg_try_advisory_xact_lock(${lock}) as mine`;
    if (!row?.mine) return;
    // A transaction in which nothing is said is ended by the database, so that a process that is stopped lets go of it.
    const saying = setInterval(() => void tx`select 1`.catch(() => {}), idleInTransactionMs / 4);
    try {
      await work();
    } finally {
      clearInterval(saying);
    }
  });
}

async function takeBack({ database, log, contactS }: Round): Promise<void> {
  if (contactS() < witnessS) return;
  const lost = await requeueLost(database);
  if (lost > 0) log.warn('took back variations whose worker is gone', { variations: lost });
  await takeBackErrands(database);
}

/** What was queued a moment ago by whomever, and may not have got its job: its process may have died over it. */
async function listFresh(database: Database): Promise<QueuedVariation[]> {
  const runs = await database.sql<{ run_id: number }[]>`
    select distinct run_id from variations
    where status = 'queued' and updated_at > now() - make_interval(secs => ${freshS}) limit 200`;
  const queued: QueuedVariation[] = [];
  for (const { run_id } of runs) queued.push(...(await queuedOf(database, run_id)));
  return queued;
}
