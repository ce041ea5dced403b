import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { conflict } from '../core/errors';
import { VariationFailure } from '../core/failure';
import { claimNext, controlChannel, listWantedStops, stoppedByPerson } from '../core/variation';
import { heartbeat, retire, type WorkerIdentity } from '../core/worker';
import type { Parts } from './parts';
import type { JobQueue } from './queue';
import { type Active, ShuttingDown, workOn, workOnClaimed } from './work';

/** A notice may be lost with a connection; a stop is seen by looking, too. */
const lookMs = 500;
const heartbeatMs = 5_000;
/** What is under way at a shutdown is given back within this. */
const shutdownMs = 8_000;
/** What is taken by hand comes on top of the queue's own work, up to this many times the concurrency. */
const maxLoad = 2;
/** A variation may be claimed while we shut down: it is told, too. */
const tellMs = 50;

export interface Worker {
  identity: WorkerIdentity;
  /**
   * Takes one queued variation now, also when its turn has not come; null when none waits.
   * @throws BakeoffError 409 when twice its concurrency is under way, or it is stopping
   */
  takeOne(): Promise<number | null>;
  /** Takes no more, gives back what is under way, and ends: within 10 s. */
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
  await heartbeat(database, identity);

  const stopOne = (id: number): void =>
    active.get(id)?.abort(new VariationFailure(stoppedByPerson.code, stoppedByPerson.message));
  const look = async (): Promise<void> => {
    for (const id of await listWantedStops(database, [...active.keys()])) stopOne(id);
  };
  const listener = await database.sql.listen(controlChannel, (id) => stopOne(Number(id)));
  const timers = [
    every(lookMs, look, (error) => log.warn('could not look for stops', { error })),
    every(
      heartbeatMs,
      () => heartbeat(database, identity),
      (error) => log.warn('heartbeat failed', { error }),
    ),
  ];

  let stopping = false;
  const claiming = new Set<Promise<unknown>>();
  const extra = new Set<Promise<void>>();
  const jobs = queue.work((job) => workOn(parts, active, identity.id, job), {
    concurrency: config.concurrency,
    lockS: config.lockS,
    onError: (error) => log.warn('queue', { error: error.message }),
  });
  const take = async (): Promise<number | null> => {
    const claimed = await claimNext(database, identity.id);
    if (!claimed) return null;
    const done = workOnClaimed(parts, active, claimed)
      .catch((error) => log.error('variation could not be worked on', { error }))
      .finally(() => extra.delete(done));
    extra.add(done);
    return claimed.variationId;
  };
  log.info('worker started', { worker: identity.id, concurrency: config.concurrency, sandbox: sandbox.kind });

  return {
    identity,
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
        for (const abort of active.values()) abort.abort(new ShuttingDown('the worker shuts down'));
      };
      giveBack();
      const teller = setInterval(giveBack, tellMs);
      await Promise.race([closed, Bun.sleep(shutdownMs)]);
      clearInterval(teller);
      for (const stop of timers) await stop();
      await listener.unlisten();
      await retire(database, identity.id);
    },
  };
}

/** Does `action` again and again, one at a time; the returned function ends it and waits for the last one. */
export function every(
  ms: number,
  action: () => Promise<void>,
  onError: (error: Error) => void,
): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    last = action()
      .catch(onError)
      .finally(() => {
        busy = false;
      });
  }, ms);
  return async () => {
    clearInterval(timer);
    await last;
  };
}
