import { Elysia } from 'elysia';
import type { QueueStats } from '../../core/contract';
import { BakeoffError } from '../../core/errors';
import { readStats } from '../../core/stats';
import { listWorkers } from '../../core/worker';
import { json } from '../answer';
import { describe } from '../describe';
import { pageOf } from '../schemas';
import { processedSchema, queueSchema, statsSchema, workerSchema } from '../schemas-service';
import type { Services } from '../services';

const tell = describe.bind(null, 'service');

/** Workers, queue and statistics. */
export function serviceRoutes(services: Services) {
  const { database } = services;
  return new Elysia()
    .get(
      '/worker/status',
      async () => {
        const items = await listWorkers(database);
        return json({ items, total: items.length, next_cursor: null });
      },
      tell('Workers, what each does, and when it was heard', { gives: pageOf(workerSchema) }),
    )
    .post(
      '/worker/process',
      async () => {
        if (!services.worker)
          throw new BakeoffError('no_worker', 'This process works on nothing: ask a worker’s', 409);
        const id = await services.worker.takeOne();
        if (id === null) return json({ processed: null });
        const [row] = await database.sql<{ run_id: number; position: number }[]>`
          select run_id, position from variations where id = ${id}`;
        return json({ processed: row ?? null }, 202);
      },
      tell('Take one queued variation now', { status: 202, gives: processedSchema }),
    )
    .get(
      '/queue/stats',
      async () => json(await readQueueStats(services)),
      tell('What waits, and how fast it goes', { gives: queueSchema }),
    )
    .get(
      '/stats',
      async () => json(await readStats(database)),
      tell('Figures of the last seven days, and who won in the last 90', { gives: statsSchema }),
    );
}

async function readQueueStats({ database, queue }: Services): Promise<QueueStats> {
  const [counts, [row]] = await Promise.all([
    queue.counts(),
    database.sql<{ oldest: number | null; ended: number }[]>`
      select
        (select extract(epoch from now() - min(created_at))::float8 from variations where status = 'queued') as oldest,
        (select count(*)::int from variations where completed_at > now() - interval '1 hour') as ended`,
  ]);
  return {
    backend: queue.backend,
    counts,
    oldest_age_s: row?.oldest ?? null,
    throughput_per_hour: row?.ended ?? 0,
  };
}
