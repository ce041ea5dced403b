import { Type as t } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import { getRun } from '../../core/run';
import { json } from '../answer';
import { jsonBody } from '../body';
import { describe, idempotencyKey } from '../describe';
import { runSchema } from '../schemas';
import type { Services } from '../services';
import { flowBody, startFlow } from '../start-run';

const gives = t.Object(
  { items: t.Array(t.Object({ key: t.String(), ...runSchema.properties }, { additionalProperties: false })) },
  { additionalProperties: false },
);

/** `POST /flows`: several runs that may depend on each other, all made or none. */
export function flowRoutes(services: Services) {
  return new Elysia().post(
    '/flows',
    async ({ body, request }) => {
      const { runs, existed } = await startFlow(services, body, request.headers.get('idempotency-key'));
      const items = await Promise.all(
        runs.map(async ({ key, id }) => ({ key, ...(await getRun(services.database, id)) })),
      );
      return json({ items }, existed ? 200 : 201);
    },
    {
      body: flowBody,
      parse: jsonBody(flowBody),
      ...describe('runs', 'Start several runs that may depend on each other by their keys: all or none', {
        status: 201,
        takes: flowBody,
        gives,
        parameters: [idempotencyKey],
      }),
    },
  );
}
