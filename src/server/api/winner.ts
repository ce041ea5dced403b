import { Type as t } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import { getRun } from '../../core/run';
import { chooseWinner, clearWinner } from '../../core/winner';
import { json } from '../answer';
import { jsonBody } from '../body';
import { describe } from '../describe';
import { readId } from '../query';
import { runSchema } from '../schemas';
import type { Services } from '../services';

const tell = describe.bind(null, 'results');

const winnerBody = t.Object(
  {
    variation: t.Integer({ minimum: 1, maximum: 2 ** 31 - 1, description: 'its position' }),
    note: t.Optional(t.String({ maxLength: 2000, description: 'why' })),
  },
  {
    additionalProperties: false,
    examples: [{ variation: 2, note: 'The smaller change, and it reads well' }],
  },
);

/** `/runs/:id/winner`: a person's choice among a run's variations. */
export function winnerRoutes(services: Services) {
  const { database } = services;
  return new Elysia({ prefix: '/runs' })
    .put(
      '/:id/winner',
      async ({ params, body }) => {
        const id = readId(params.id);
        await chooseWinner(database, id, {
          ...{ position: body.variation, by: 'person', note: body.note ?? null },
        });
        return json(await getRun(database, id));
      },
      {
        body: winnerBody,
        parse: jsonBody(winnerBody),
        ...tell(
          'Choose the winner, in place of another: it lands where `options.land` says so; nothing is stopped',
          {
            takes: winnerBody,
            gives: runSchema,
          },
        ),
      },
    )
    .delete(
      '/:id/winner',
      async ({ params }) => {
        const id = readId(params.id);
        await clearWinner(database, id);
        return json(await getRun(database, id));
      },
      tell('Take the choice back, unless it has landed', { gives: runSchema }),
    );
}
