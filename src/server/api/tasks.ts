import { Elysia } from 'elysia';
import { outputTypes } from '../../core/contract';
import { listEvents } from '../../core/event';
import { eventTypesOf, toOutput } from '../../core/output';
import { getRun, getVariation } from '../../core/run';
import { listRuns } from '../../core/run-list';
import { json } from '../answer';
import { after, describe, filter, paging } from '../describe';
import { readId, readQuery } from '../query';
import { outputSchema, pageOf, readingOf, runSchema } from '../schemas';
import type { Services } from '../services';
import { runFilter, runFilters } from './runs';

const tell = describe.bind(null, 'tasks');

const outputs = {
  gives: readingOf(outputSchema),
  parameters: [
    after,
    ...paging.slice(0, 1),
    filter('output_type', { type: 'string', enum: [...outputTypes] }),
  ],
};

/** `/tasks`: the same runs, to be watched. */
export function taskRoutes(services: Services) {
  const { database } = services;
  return new Elysia({ prefix: '/tasks' })
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
    .get(
      '/:id/outputs',
      async ({ params, request }) => json(await readOutputs(services, readId(params.id), null, request)),
      tell('What a run put out, in order', outputs),
    )
    .get(
      '/:id/variations/:position/outputs',
      async ({ params, request }) =>
        json(await readOutputs(services, readId(params.id), readId(params.position), request)),
      tell('What one variation put out, in order', outputs),
    );
}

async function readOutputs({ database }: Services, id: number, position: number | null, request: Request) {
  const query = readQuery(request);
  const run = await getRun(database, id);
  if (position !== null) await getVariation(database, id, position);
  const wanted = query.many('output_type', outputTypes);
  const limit = query.integer('limit', 1, 200) ?? 50;
  const after = query.integer('after', 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const types = (wanted.length > 0 ? wanted : outputTypes).flatMap((type) => eventTypesOf[type]);
  const events = await listEvents(database, id, {
    after,
    limit,
    types,
    ...(position === null ? {} : { variations: [position] }),
  });
  const ids = new Map(run.variations.map((one) => [one.position, one.id]));
  const items = events
    .map((event) => toOutput(event, ids))
    .filter((output) => output !== null)
    .filter((output) => wanted.length === 0 || wanted.includes(output.output_type));
  const last = events.at(-1);
  return { items, next_cursor: events.length === limit && last ? String(last.seq) : null };
}
