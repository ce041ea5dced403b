import { createPostgresBackend, type Job, Queue, Worker } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import type { QueueStats } from '../core/contract';
import { type DatabaseAddress, idleInTransactionMs } from '../core/db';
import { jobId, type QueuedVariation } from '../core/variation';

/** What a job says: which variation, and for which of its times in the queue. The rest is in Postgres. */
export interface VariationJob {
  variation_id: number;
  job_epoch: number;
}

export type Process = (job: VariationJob) => Promise<void>;

/** The queue of variation jobs: who works on what, when. It may be lost at any time (invariant 4). */
export interface JobQueue {
  readonly backend: 'postgres' | 'redis';
  /** For the operator's dashboard. */
  readonly queue: Queue;
  /**
   * Makes jobs for what is queued; a job that is there already stays as it is. Like all that follow, it rejects within
   * seconds when the backend is away.
   */
  add(variations: readonly QueuedVariation[]): Promise<void>;
  /** Like `add`, and replaces jobs that ended without their variation having been taken. */
  restore(variations: readonly QueuedVariation[]): Promise<void>;
  /** Brings jobs that wait in line with their run's priority, after it was changed. Those that are not there are left. */
  reprioritize(variations: readonly QueuedVariation[]): Promise<void>;
  /** Names of the jobs that workers have, or had when they died. */
  taken(): Promise<string[]>;
  /** Holds back (or gives out) new work, over all workers. */
  hold(held: boolean): Promise<void>;
  counts(): Promise<QueueStats['counts']>;
  /** Starts working on jobs in this process. */
  work(
    process: Process,
    options: { concurrency: number; lockS: number; onError: (error: Error) => void },
  ): JobWorker;
  /** Within some seconds, also when the backend is away. */
  close(): Promise<void>;
}

export interface JobWorker {
  /** Takes no more jobs, and resolves when those under way are done. */
  close(): Promise<void>;
}

const queueName = 'variations';
/** Jobs under way that are looked at. */
const maxTaken = 5_000;
/** Jobs that go to the queue in one call. */
const chunkJobs = 500;
/** A call of the queue that takes longer is given up: the sweep does it again. */
const callMs = 10_000;
const closeMs = 1_000;
/** BullMQ's own retries are for a processor that could not even record its failure: Postgres gone, for one. */
const jobOptions = {
  attempts: 100,
  backoff: { type: 'fixed', delay: 1_000, jitter: 0.5 },
  removeOnComplete: { count: 500 },
  removeOnFail: { count: 500 },
};

/**
 * Opens the queue on Redis when there is one, else in a schema of the same Postgres.
 * @param onError hears of lost connections; they are made anew by themselves
 */
export async function openQueue(
  at: { redisUrl: string | null; database: string | DatabaseAddress },
  onError: (error: Error) => void,
): Promise<JobQueue> {
  const place = at.redisUrl === null ? postgresPlace(at.database) : redisPlace(at.redisUrl);
  const queue = place.queue();
  queue.on('error', onError);
  try {
    await within(callMs, queue.waitUntilReady(), 'it does not answer');
  } catch (error) {
    place.close();
    throw error;
  }
  const call = <T>(work: () => Promise<T>): Promise<T> => {
    place.check();
    return within(callMs, work(), `the queue on ${place.backend} does not answer`);
  };
  const toJob = (variation: QueuedVariation) => ({
    name: 'variation',
    data: { variation_id: variation.id, job_epoch: variation.job_epoch } satisfies VariationJob,
    opts: {
      ...jobOptions,
      jobId: jobId(variation.id, variation.job_epoch),
      priority: urgency(variation),
      ...(variation.delay_ms > 0 ? { delay: variation.delay_ms } : {}),
    },
  });
  const add = async (variations: readonly QueuedVariation[]): Promise<void> => {
    for (let i = 0; i < variations.length; i += chunkJobs)
      await call(() => queue.addBulk(variations.slice(i, i + chunkJobs).map(toJob)));
  };
  return {
    backend: place.backend,
    queue,
    add,
    restore: async (variations) => {
      if (variations.length === 0) return;
      // The few jobs that ended and are still kept are asked for once, whatever waits.
      const ended = new Set(await call(() => queue.getRanges(['completed', 'failed'], 0, -1)));
      const again = variations.map((one) => jobId(one.id, one.job_epoch)).filter((id) => ended.has(id));
      for (const id of again) await call(() => queue.remove(id));
      await add(variations);
    },
    taken: () => call(() => queue.getRanges(['active'], 0, maxTaken)),
    reprioritize: async (variations) => {
      for (const one of variations) {
        const job = await call(() => queue.getJob(jobId(one.id, one.job_epoch)));
        if (!job || job.priority === urgency(one)) continue;
        // Taken or ended in the very moment: then it does not matter any more.
        await call(() => job.changePriority({ priority: urgency(one) })).catch((error) => {
          if (!/missing|not found|does not exist/i.test((error as Error).message)) throw error;
        });
      }
    },
    hold: async (held) => {
      if ((await call(() => queue.isPaused())) === held) return;
      await call(() => (held ? queue.pause() : queue.resume()));
    },
    counts: async () => {
      const counts = await call(() => queue.getJobCounts());
      const of = (name: string): number => counts[name] ?? 0;
      return {
        waiting: of('waiting'),
        active: of('active'),
        delayed: of('delayed'),
        completed: of('completed'),
        failed: of('failed'),
        paused: of('paused'),
        prioritized: of('prioritized'),
      };
    },
    work: (process, options) => {
      const worker = place.worker((job) => process(job.data as VariationJob), {
        concurrency: options.concurrency,
        lockDuration: options.lockS * 1000,
        stalledInterval: options.lockS * 500,
        // How often a job may be lost is counted on the variation, where it survives the queue.
        maxStalledCount: 1000,
        drainDelay: 5,
      });
      worker.on('error', options.onError);
      return { close: () => worker.close() };
    },
    close: async () => {
      await within(closeMs, queue.close(), 'the queue does not close').catch(onError);
      place.close();
    },
  };
}

/**
 * BullMQ's priority: it takes 1 first, while a run's 10 is the highest. Of one urgency, each run's first variation goes
 * before any run's second, so that a run of many does not starve a run of one.
 */
function urgency({ priority, rank }: QueuedVariation): number {
  return (11 - priority) * 1000 + rank;
}

/** @throws when it takes longer; what it does in the end is nobody's business then */
async function within<T>(ms: number, work: Promise<T>, late: string): Promise<T> {
  work.catch(() => {});
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(late)), ms);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

interface WorkerSettings {
  concurrency: number;
  lockDuration: number;
  stalledInterval: number;
  maxStalledCount: number;
  drainDelay: number;
}

interface Place {
  backend: 'postgres' | 'redis';
  queue(): Queue;
  worker(process: (job: Job) => Promise<void>, settings: WorkerSettings): Worker;
  /** @throws when it is known to be away: calls would pile up until it is back */
  check(): void;
  close(): void;
}

function postgresPlace(database: string | DatabaseAddress): Place {
  const connection = {
    ...(typeof database === 'string' ? { connectionString: database } : database),
    migrate: true,
    max: 6,
    application_name: 'bakeoff queue',
    idle_in_transaction_session_timeout: idleInTransactionMs,
    // A server that is frozen, or gone without a word, is noticed by these only.
    connectionTimeoutMillis: 5_000,
    statement_timeout: 30_000,
    query_timeout: 35_000,
  };
  return {
    backend: 'postgres',
    // The class's type parameters name the Redis backend; nothing here depends on it.
    queue: () => new Queue(queueName, { connection }, createPostgresBackend) as unknown as Queue,
    worker: (process, settings) =>
      new Worker(queueName, process, { connection, ...settings }, createPostgresBackend) as unknown as Worker,
    check: () => {},
    close: () => {},
  };
}

function redisPlace(url: string): Place {
  const connect = (): Redis => {
    const client = new Redis({ ...redisOptions(url), maxRetriesPerRequest: null });
    // BullMQ hears of these errors itself; this is for those after it has let go.
    client.on('error', () => {});
    open.push(client);
    return client;
  };
  const open: Redis[] = [];
  const connection = connect();
  const prefix = 'bakeoff';
  return {
    backend: 'redis',
    queue: () => new Queue(queueName, { connection, prefix }),
    // Its blocking calls need a connection of their own; BullMQ duplicates the one it is given.
    worker: (process, settings) =>
      new Worker(queueName, process, { connection: connect(), prefix, ...settings }),
    check: () => {
      if (connection.status !== 'ready') throw new Error('Redis is away');
    },
    close: () => {
      for (const client of open.splice(0)) client.disconnect();
    },
  };
}

/** ioredis's options of a URL; `unix:` and `redis+unix:` name a socket, with `?db=n`. */
function redisOptions(text: string): RedisOptions {
  const url = new URL(text);
  if (url.protocol === 'unix:' || url.protocol === 'redis+unix:') {
    return { path: decodeURIComponent(url.pathname), db: Number(url.searchParams.get('db') ?? 0) };
  }
  return {
    host: url.hostname || '127.0.0.1',
    port: Number(url.port || 6379),
    db: Number(url.pathname.slice(1) || 0),
    ...(url.username ? { username: decodeURIComponent(url.username) } : {}),
    ...(url.password ? { password: decodeURIComponent(url.password) } : {}),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
  };
}
