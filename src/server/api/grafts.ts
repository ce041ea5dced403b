import { Type as t } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import { createGraft } from '../../core/graft';
import { recall } from '../../core/idempotency';
import { getVariation } from '../../core/run';
import { json } from '../answer';
import { jsonBody } from '../body';
import { describe, idempotencyKey } from '../describe';
import { enqueue } from '../enqueue';
import { readId } from '../query';
import { variationSchema } from '../schemas';
import type { Services } from '../services';
import { idempotencyOf } from '../start-run';

const position = t.Integer({ minimum: 1, maximum: 1000 });
const strict = { additionalProperties: false } as const;

const body = t.Object(
  {
    on: t.Optional(
      t.Union([position, t.Null()], {
        description: 'the variation whose files it starts from; the base when null or absent',
      }),
    ),
    parts: t.Array(
      t.Object(
        {
          variation: position,
          path: t.String({ minLength: 1, maxLength: 4096 }),
          hunks: t.Optional(
            t.Array(t.Integer({ minimum: 1, maximum: 100_000 }), {
              minItems: 1,
              maxItems: 2000,
              description:
                'numbered from 1, as in the variation’s diff against `on`; the whole file when absent',
            }),
          ),
        },
        strict,
      ),
      { minItems: 1, maxItems: 2000 },
    ),
  },
  {
    ...strict,
    examples: [
      {
        parts: [
          { variation: 1, path: 'src/csv.ts', hunks: [1, 3] },
          { variation: 2, path: 'src/line.ts' },
        ],
      },
    ],
  },
);

/** `POST /runs/:id/grafts`: a new candidate made of parts of several variations. */
export function graftRoutes(services: Services) {
  const { database } = services;
  return new Elysia({ prefix: '/runs' }).post(
    '/:id/grafts',
    async ({ params, body, request }) => {
      const id = readId(params.id);
      const key = idempotencyOf(request.headers.get('idempotency-key'), body);
      const place = (at: number) => ({ location: `/api/v1/runs/${id}/variations/${at}` });
      const before = await recall(database, `grafts of run ${id}`, key);
      if (before !== null) return json(await getVariation(database, id, before), 200, place(before));
      const composed = await services.results.compose(id, { on: body.on ?? null, parts: body.parts });
      const made = await createGraft(database, id, composed, key);
      await enqueue(services, id);
      return json(
        await getVariation(database, id, made.position),
        made.existed ? 200 : 201,
        place(made.position),
      );
    },
    {
      body,
      parse: jsonBody(body),
      ...describe(
        'results',
        'Compose a new candidate of files and hunks of several variations; 409 tells the conflicts',
        {
          status: 201,
          takes: body,
          gives: variationSchema,
          parameters: [idempotencyKey],
        },
      ),
    },
  );
}
