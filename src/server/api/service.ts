import { Type as t } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import type { QueueStats } from '../../core/contract';
import { BakeoffError } from '../../core/errors';
import { changeSettings, readSettings } from '../../core/settings';
import { readStats } from '../../core/stats';
import { listWorkers } from '../../core/worker';
import { json } from '../answer';
import { jsonBody } from '../body';
import type { Services } from '../services';

const detail = (summary: string) => ({ detail: { summary, tags: ['service'] } });

const settingsBody = t.Object(
  { execution: t.Optional(t.Boolean()) },
  { additionalProperties: false, examples: [{ execution: false }] },
);

/** Workers, queue, statistics and settings. */
export function serviceRoutes(services: Services) {
  const { database, queue } = services;
  return new Elysia()
    .get(
      '/worker/status',
      async () => {
        const items = await listWorkers(database);
        return json({ items, total: items.length, next_cursor: null });
      },
      detail('Workers, what each does, and when it was heard'),
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
      detail('Take one queued variation now'),
    )
    .get(
      '/queue/stats',
      async () => json(await readQueueStats(services)),
      detail('What waits, and how fast it goes'),
    )
    .get('/stats', async () => json(await readStats(database)), detail('Figures of the last seven days'))
    .get('/settings', async () => json(await readSettings(database)), detail('Settings'))
    .patch(
      '/settings',
      async ({ body }) => {
        const settings = await changeSettings(database, body);
        await queue.hold(!settings.execution);
        return json(settings);
      },
      {
        body: settingsBody,
        parse: jsonBody(settingsBody),
        ...detail('Change settings: `execution: false` keeps new work queued'),
      },
    );
}

async function readQueueStats({ database, queue }: Services): Promise<QueueStats> {
  const [counts, [row]] = await Promise.all([
    queue.counts(),
    database.sql<{ oldest: number | null; ended: number }[]>`
      select
        (select extract(epoch from now() - min(created_at))::float8 from variations where status = 'queued') as oldest,
        (select count(*)::int from events where type in
          ('variation.completed', 'variation.failed', 'variation.needs_review', 'variation.stopped')
          and created_at > now() - interval '1 hour'
          and run_id in (select id from runs where updated_at > now() - interval '1 hour')) as ended`,
  ]);
  return {
    backend: queue.backend,
    counts,
    oldest_age_s: row?.oldest ?? null,
    throughput_per_hour: row?.ended ?? 0,
  };
}
