import { Type as t } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import { type RunStatus, runStatuses, runTypes, taskTypes } from '../../../drizzle/schema';
import { invalid } from '../../core/errors';
import { listEvents } from '../../core/event';
import { changeRun, deleteRun, getRun, type RunChange } from '../../core/run';
import { listRuns, type RunFilter, runSorts } from '../../core/run-list';
import { json } from '../answer';
import { jsonBody } from '../body';
import { after, describe, filter, idempotencyKey, type Parameter, paging } from '../describe';
import { reprioritize } from '../enqueue';
import { type Query, readId, readPaging, readQuery } from '../query';
import { eventSchema, pageOf, readingOf, runSchema } from '../schemas';
import type { Services } from '../services';
import { eventStream, resumeAfter, type StreamHost } from '../sse';
import { readTime, runBody, startRun, timeText } from '../start-run';
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

const changeBody = t.Object(
  {
    name: t.Optional(t.String({ minLength: 1, maxLength: 200 })),
    priority: t.Optional(t.Integer({ minimum: 1, maximum: 10, description: 'higher first' })),
    scheduled_at: t.Optional(
      t.Union([timeText, t.Null()], { description: 'null is now. Only while the run is `pending`' }),
    ),
    metadata: t.Optional(
      t.Unsafe<Record<string, unknown>>(
        t.Object({}, { description: 'any JSON object, 16 kB; takes the place of the present one' }),
      ),
    ),
  },
  {
    additionalProperties: false,
    examples: [{ priority: 8 }, { name: 'Rounding', scheduled_at: '2030-05-01T07:00:00Z' }],
  },
);
const metadataBytes = 16 * 1024;
const startSummary =
  'Start a run: answered before any agent starts. A workflow or pipeline is several runs: the last is answered, whose end is the end of the whole, and whose `flow.runs` names all';

/** `/runs`: create, list, get, change, remove, events, stream, transcript. */
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
        ...tell(startSummary, {
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
    .patch(
      '/:id',
      async ({ params, body }) => {
        const id = readId(params.id);
        const run = await changeRun(database, id, changeOf(body));
        if (body.priority !== undefined) await reprioritize(services, id);
        return json(run);
      },
      {
        body: changeBody,
        parse: jsonBody(changeBody),
        ...tell('Change its name, priority, time or metadata', { takes: changeBody, gives: runSchema }),
      },
    )
    .delete(
      '/:id',
      async ({ params }) => {
        await deleteRun(database, readId(params.id));
        return new Response(null, { status: 204 });
      },
      tell('Remove a run that is over, with all that was recorded of it'),
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
    );
}

/** @throws BakeoffError 422 */
function changeOf({ scheduled_at, ...rest }: (typeof changeBody)['static']): RunChange {
  if (Buffer.byteLength(JSON.stringify(rest.metadata ?? {})) > metadataBytes)
    throw invalid('metadata', 'metadata is over 16 kB');
  if (scheduled_at === undefined) return rest;
  return { ...rest, scheduled_at: scheduled_at === null ? null : readTime('scheduled_at', scheduled_at) };
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
