import { Elysia } from 'elysia';
import { type RunStatus, runStatuses, runTypes, taskTypes } from '../../../drizzle/schema';
import { readCheckpoint } from '../../core/checkpoint';
import { notFound, notYet } from '../../core/errors';
import { listEvents } from '../../core/event';
import { getRun, getVariation } from '../../core/run';
import { listRuns, type RunFilter, runSorts } from '../../core/run-list';
import { stop } from '../../core/variation';
import { json } from '../answer';
import { jsonBody } from '../body';
import { after, describe, filter, idempotencyKey, type Parameter, paging } from '../describe';
import { type Query, readId, readPaging, readQuery } from '../query';
import { eventSchema, pageOf, readingOf, runSchema, variationSchema } from '../schemas';
import type { Services } from '../services';
import { eventStream, resumeAfter, type StreamHost } from '../sse';
import { runBody, startRun } from '../start-run';
import { readTranscript } from '../transcript';

const tell = describe.bind(null, 'runs');

const [limit] = paging as [Parameter, Parameter];
const word = (values: readonly string[]) => ({ type: 'string', enum: [...values] });
export const runFilters: readonly Parameter[] = [
  filter('status', word(runStatuses)),
  filter('project_id', { type: 'integer', minimum: 1 }),
  filter('agent', { type: 'string' }, 'names'),
  filter('task_type', word(taskTypes)),
  filter('run_type', word(runTypes)),
  { name: 'q', schema: { type: 'string' }, description: 'words in name or goal' },
  { name: 'sort', schema: { ...word(runSorts), default: 'priority' } },
  ...paging,
];

/** `/runs`: create, list, get, events, stream, diff, stop. */
export function runRoutes(services: Services) {
  const { database, feed } = services;
  return new Elysia({ prefix: '/runs' })
    .post(
      '',
      async ({ body, request }) => {
        const { id, existed } = await startRun(services, body, request.headers.get('idempotency-key'));
        return json(await getRun(database, id), existed ? 200 : 201, { location: `/api/v1/runs/${id}` });
      },
      {
        body: runBody,
        parse: jsonBody(runBody),
        ...tell('Start a run: answered before any agent starts', {
          status: 201,
          takes: runBody,
          gives: runSchema,
          parameters: [idempotencyKey],
        }),
      },
    )
    .get(
      '',
      async ({ request }) => json(await listRuns(database, runFilter(readQuery(request)))),
      tell('List runs', { gives: pageOf(runSchema), parameters: runFilters }),
    )
    .get(
      '/:id',
      async ({ params }) => json(await getRun(database, readId(params.id))),
      tell('One run', { gives: runSchema }),
    )
    .post(
      '/:id/stop',
      async ({ params }) => {
        await stop(database, readId(params.id));
        return json(await getRun(database, readId(params.id)), 202);
      },
      tell('Stop all variations that have not ended', { status: 202, gives: runSchema }),
    )
    .get(
      '/:id/events',
      async ({ params, request }) => json(await readEvents(services, readId(params.id), request)),
      tell('Events in order, after a number', {
        gives: readingOf(eventSchema),
        parameters: [
          after,
          limit,
          filter('variation', { type: 'integer', minimum: 1 }, 'positions'),
          filter('type', { type: 'string' }),
        ],
      }),
    )
    .get(
      '/:id/stream',
      async ({ params, request, server }) => {
        const id = readId(params.id);
        readQuery(request).integer('after', 0, Number.MAX_SAFE_INTEGER);
        await getRun(database, id);
        return eventStream(request, server as StreamHost | null, services.stopping, async function* (signal) {
          for await (const events of feed.follow(id, { after: resumeAfter(request), signal })) {
            yield events.map((event) => ({ id: event.seq, event: event.type, data: JSON.stringify(event) }));
          }
        });
      },
      tell('Server-sent events; Last-Event-ID resumes exactly', {
        gives: 'text/event-stream',
        parameters: [
          after,
          {
            name: 'Last-Event-ID',
            in: 'header',
            schema: { type: 'integer' },
            description: 'wins over `after`',
          },
        ],
      }),
    )
    .get(
      '/:id/transcript',
      async ({ params }) => {
        const run = await getRun(database, readId(params.id));
        return new Response(readTranscript(database, run), {
          headers: { 'content-type': 'text/plain; charset=utf-8' },
        });
      },
      tell('Everything said and done, as plain text', { gives: 'text/plain' }),
    )
    .get(
      '/:id/variations',
      async ({ params }) => {
        const { variations } = await getRun(database, readId(params.id));
        return json({ items: variations, total: variations.length, next_cursor: null });
      },
      tell('A run’s variations', { gives: pageOf(variationSchema) }),
    )
    .get(
      '/:id/variations/:position',
      async ({ params }) => json(await getVariation(database, readId(params.id), readId(params.position))),
      tell('One variation', { gives: variationSchema }),
    )
    .post(
      '/:id/variations/:position/stop',
      async ({ params }) => {
        await stop(database, readId(params.id), readId(params.position));
        return json(await getVariation(database, readId(params.id), readId(params.position)), 202);
      },
      tell('Stop one variation', { status: 202, gives: variationSchema }),
    )
    .get(
      '/:id/variations/:position/diff',
      async ({ params, request }) => readDiff(services, readId(params.id), readId(params.position), request),
      tell('The patch: applies with `git apply` on the run’s base_sha', { gives: 'text/x-diff' }),
    );
}

/** The filter of a list of runs, from its query. */
export function runFilter(query: Query): RunFilter {
  const q = query.text('q');
  const sort = query.many('sort', runSorts)[0];
  return {
    status: query.many<RunStatus>('status', runStatuses),
    project_id: query.integers('project_id'),
    agent: query.texts('agent'),
    task_type: query.many('task_type', taskTypes),
    run_type: query.many('run_type', runTypes),
    ...(q === undefined ? {} : { q }),
    ...(sort === undefined ? {} : { sort }),
    ...readPaging(query),
  };
}

async function readEvents({ database }: Services, id: number, request: Request) {
  const query = readQuery(request);
  await getRun(database, id);
  const limit = query.integer('limit', 1, 200) ?? 50;
  const items = await listEvents(database, id, {
    after: query.integer('after', 0, Number.MAX_SAFE_INTEGER) ?? 0,
    limit,
    variations: query.integers('variation'),
    types: query.texts('type'),
  });
  const last = items.at(-1);
  return { items, next_cursor: items.length === limit && last ? String(last.seq) : null };
}

async function readDiff(
  { database }: Services,
  id: number,
  position: number,
  request: Request,
): Promise<Response> {
  const query = new URL(request.url).searchParams;
  for (const later of ['against', 'path']) {
    if (query.has(later)) throw notYet(`?${later}=`, later);
  }
  if (id < 1) throw notFound('run', id);
  const patch = await readCheckpoint(database, id, position);
  const headers: Record<string, string> = {
    'content-type': 'text/x-diff',
    'content-disposition': `inline; filename="run-${id}-${position}.diff"`,
    'cache-control': 'no-store',
  };
  if (patch) Object.assign(headers, { 'x-base-sha': patch.base_sha, etag: `"${patch.sha256}"` });
  return new Response(patch ? Buffer.from(patch.bytes) : '', { headers });
}
