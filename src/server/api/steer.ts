import { Type as t } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import { retry, rollback } from '../../core/rewind';
import { getRun, getVariation } from '../../core/run';
import { pause, resume, stop } from '../../core/steer';
import { json } from '../answer';
import { jsonBody, noFields, optionalBody } from '../body';
import { describe } from '../describe';
import { enqueue } from '../enqueue';
import { readId } from '../query';
import { runSchema, variationSchema } from '../schemas';
import type { Services } from '../services';

const tell = describe.bind(null, 'steering');
const strict = { additionalProperties: false } as const;

const verbs = [
  {
    verb: 'pause',
    act: pause,
    run: 'Pause what waits or runs, at its next boundary: it then holds no worker',
    one: 'Pause one variation at its next boundary',
  },
  {
    verb: 'resume',
    act: resume,
    run: 'Let what is paused go on from where it was',
    one: 'Let a paused variation go on from where it was',
  },
  {
    verb: 'stop',
    act: stop,
    run: 'Stop all variations that have not ended',
    one: 'Stop one variation',
  },
] as const;

const retryBody = t.Object(
  {
    from: t.Optional(
      t.Union([t.Literal('checkpoint'), t.Literal('start')], {
        default: 'checkpoint',
        description: 'its last checkpoint, or the base with an empty conversation',
      }),
    ),
  },
  { ...strict, examples: [{ from: 'start' }] },
);

/** The number of a checkpoint; 0 is the start. */
export const checkpointNumber = t.Integer({
  minimum: 0,
  maximum: 2 ** 31 - 1,
  description: 'as `GET …/checkpoints` numbers them; 0 is the start',
});
const rollbackBody = t.Object({ checkpoint: checkpointNumber }, { ...strict, examples: [{ checkpoint: 2 }] });

/** Pause, resume, stop and retry, of a run and of one variation; rollback of one. */
export function steerRoutes(services: Services) {
  const { database } = services;
  const ofRun = async (id: number): Promise<Response> => {
    await enqueue(services, id);
    return json(await getRun(database, id), 202);
  };
  const ofVariation = async (id: number, position: number): Promise<Response> => {
    await enqueue(services, id);
    return json(await getVariation(database, id, position), 202);
  };

  const routes = new Elysia({ prefix: '/runs' });
  for (const { verb, act, run, one } of verbs) {
    const bare = { body: noFields, parse: optionalBody(noFields) };
    routes
      .post(
        `/:id/${verb}`,
        async ({ params }) => {
          await act(database, readId(params.id));
          return ofRun(readId(params.id));
        },
        { ...bare, ...tell(run, { status: 202, gives: runSchema }) },
      )
      .post(
        `/:id/variations/:position/${verb}`,
        async ({ params }) => {
          await act(database, readId(params.id), readId(params.position));
          return ofVariation(readId(params.id), readId(params.position));
        },
        { ...bare, ...tell(one, { status: 202, gives: variationSchema }) },
      );
  }
  return routes
    .post(
      '/:id/retry',
      async ({ params, body }) => {
        await retry(database, readId(params.id), undefined, body.from ?? 'checkpoint');
        return ofRun(readId(params.id));
      },
      {
        body: retryBody,
        parse: optionalBody(retryBody),
        ...tell('Start all that ended without completing again', {
          status: 202,
          takes: retryBody,
          gives: runSchema,
        }),
      },
    )
    .post(
      '/:id/variations/:position/retry',
      async ({ params, body }) => {
        await retry(database, readId(params.id), readId(params.position), body.from ?? 'checkpoint');
        return ofVariation(readId(params.id), readId(params.position));
      },
      {
        body: retryBody,
        parse: optionalBody(retryBody),
        ...tell('Start one that ended again, from its last checkpoint or from the start', {
          status: 202,
          takes: retryBody,
          gives: variationSchema,
        }),
      },
    )
    .post(
      '/:id/variations/:position/rollback',
      async ({ params, body }) => {
        await rollback(database, readId(params.id), readId(params.position), body.checkpoint);
        return ofVariation(readId(params.id), readId(params.position));
      },
      {
        body: rollbackBody,
        parse: jsonBody(rollbackBody),
        ...tell('Go back to a checkpoint, files and conversation, and go on from there', {
          status: 202,
          takes: rollbackBody,
          gives: variationSchema,
        }),
      },
    );
}
