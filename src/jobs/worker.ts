import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { stoppedByPerson } from '../core/better';
import { claimNext } from '../core/claim';
import type { ErrandTable } from '../core/errand';
import { conflict, Fenced } from '../core/errors';
import { VariationFailure } from '../core/failure';
import { Pulse } from '../core/pulse';
import { listWanted } from '../core/steer';
import { controlChannel } from '../core/variation';
import { retire, type WorkerIdentity } from '../core/worker';
import { type ErrandWork, startErrands } from './errands';
import { every } from './every';
import { judging } from './judging';
import { landing } from './landing';
import { watchPullRequests } from './landing-watch';
import type { Parts } from './parts';
import type { JobQueue } from './queue';
import { strayFinder } from './strays';
import { type Active, ShuttingDown, workOn, workOnClaimed } from './work';

/** What is done besides variations. */
const errands: Record<ErrandTable, ErrandWork> = { verdicts: judging, landings: landing };
/** A notice may be lost with a connection; a wish is seen by looking, too. */
const lookMs = 500;
const straysMs = 5_000;
/** What is under way at a shutdown is given back within this… */
const shutdownMs = 5_000;
/** …and then the worker leaves the list, if the database lets it. */
const leaveMs = 700;
/** What is taken by hand comes on top of the queue's own work, up to this many times the concurrency. */
const maxLoad = 2;
/** A variation may be claimed while we shut down: it is told, too. */
const tellMs = 50;

export interface Worker {
  identity: WorkerIdentity;
  /** Seconds of unbroken contact with the database. */
  contactS(): number;
  /**
   * Takes one queued variation now, also when its turn has not come; null when none waits.
   * @throws BakeoffError 409 when twice its concurrency is under way, or it is stopping
   */
  takeOne(): Promise<number | null>;
  /** Takes no more, gives back what is under way, and ends: within 8 s, whatever is away. */
  stop(): Promise<void>;
}

/** Starts working the queue in this process. */
export async function startWorker(
  parts: Parts,
  queue: JobQueue,
  sandbox: { kind: string; detail: string },
  version: string,
): Promise<Worker> {
  const { database, config, log } = parts;
  const active: Active = new Map();
  const identity: WorkerIdentity = {
    id: `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`,
    host: hostname(),
    pid: process.pid,
    concurrency: config.concurrency,
    version,
    sandbox: sandbox.kind,
    sandbox_detail: sandbox.detail,
  };
  const pulse = new Pulse(database.address, identity, (error) => {
    if (error) log.warn('contact with the database is lost', { worker: identity.id, error });
    else log.info('contact with the database is there again', { worker: identity.id });
  });
  await pulse.start();

  const look = async (ids: readonly number[]): Promise<void> => {
    for (const { id, epoch, status, wanted } of await listWanted(database, ids)) {
      const under = active.get(id);
      // Taken again by ourselves since it was read: that was of the epoch before.
      if (!under || epoch < under.epoch) continue;
      if (epoch > under.epoch || status !== 'running') under.abort.abort(new Fenced(id, under.epoch));
      else if (wanted === 'stop')
        under.abort.abort(new VariationFailure(stoppedByPerson.code, stoppedByPerson.message));
      else under.pause.want(wanted === 'pause');
    }
  };
  const blind = (error: Error): void => log.debug('could not look for wishes', { error });
  const listener = await database.sql.listen(controlChannel, (id) => {
    if (active.has(Number(id))) void look([Number(id)]).catch(blind);
  });
  const timers = [
    every(lookMs, () => look([...active.keys()]), blind),
    every(straysMs, strayFinder(database, identity.id, active, log), blind),
  ];

  let stopping = false;
  const claiming = new Set<Promise<unknown>>();
  const extra = new Set<Promise<void>>();
  const jobs = queue.work(async (job) => queue.add(await workOn(parts, active, identity.id, job)), {
    concurrency: config.concurrency,
    lockS: config.lockS,
    onError: (error) => log.warn('queue', { error: error.message }),
  });
  const take = async (): Promise<number | null> => {
    const claimed = await claimNext(database, identity.id);
    if (!claimed) return null;
    const done = workOnClaimed(parts, active, claimed)
      .then((next) => queue.add(next))
      .catch((error) => log.error('variation could not be worked on', { error }))
      .finally(() => extra.delete(done));
    extra.add(done);
    return claimed.variationId;
  };
  const stopErrands = await startErrands(parts, identity.id, errands);
  const stopWatching = watchPullRequests(parts);
  log.info('worker started', { worker: identity.id, concurrency: config.concurrency, sandbox: sandbox.kind });

  return {
    identity,
    contactS: () => pulse.contactS(),
    async takeOne() {
      if (stopping) throw conflict('worker_busy', 'This worker is stopping');
      const underWay = active.size + claiming.size;
      if (underWay >= maxLoad * config.concurrency)
        throw conflict('worker_busy', `This worker has ${underWay} variations under way already`);
      const taking = take();
      claiming.add(taking);
      try {
        return await taking;
      } finally {
        claiming.delete(taking);
      }
    },
    async stop() {
      stopping = true;
      const taken = Promise.allSettled([...claiming]).then(() => Promise.all(extra));
      const closed = Promise.all([jobs.close(), taken]);
      const giveBack = (): void => {
        for (const { abort } of active.values()) abort.abort(new ShuttingDown('the worker shuts down'));
      };
      giveBack();
      const teller = setInterval(giveBack, tellMs);
      await Promise.race([
        Promise.all([closed, stopErrands(), stopWatching()]).catch(() => {}),
        Bun.sleep(shutdownMs),
      ]);
      clearInterval(teller);
      const leave = async (): Promise<void> => {
        await Promise.all(timers.map((stop) => stop()));
        await listener.unlisten();
        await pulse.stop();
        await retire(database, identity.id);
      };
      // Whoever cannot say so is seen to be gone.
      await Promise.race([leave().catch(() => {}), Bun.sleep(leaveMs)]);
      await pulse.stop();
    },
  };
}
