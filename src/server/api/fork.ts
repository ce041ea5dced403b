import { Type as t } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import { findAgent } from '../../core/agent';
import { invalid } from '../../core/errors';
import { recall } from '../../core/idempotency';
import { fork } from '../../core/rewind';
import { getRun, getVariation } from '../../core/run';
import { json } from '../answer';
import { jsonBody, requireBytes } from '../body';
import { describe, idempotencyKey } from '../describe';
import { enqueue } from '../enqueue';
import { readId } from '../query';
import { findPriceless } from '../run-input';
import { variationSchema } from '../schemas';
import type { Services } from '../services';
import { idempotencyOf } from '../start-run';
import { directiveBytes, directiveText } from './directives';
import { checkpointNumber } from './steer';

const body = t.Object(
  {
    checkpoint: checkpointNumber,
    agent: t.Optional(
      t.Union([t.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }), t.String({ minLength: 1, maxLength: 100 })], {
        description: 'name or id; the same agent when absent',
      }),
    ),
    directive: t.Optional(directiveText),
  },
  {
    additionalProperties: false,
    examples: [{ checkpoint: 2, agent: 'Sonnet', directive: 'Keep the public names as they are' }],
  },
);

/** `POST …/fork`: a new variation that goes on from another one's checkpoint. */
export function forkRoutes(services: Services) {
  const { database } = services;
  return new Elysia({ prefix: '/runs' }).post(
    '/:id/variations/:position/fork',
    async ({ params, body, request }) => {
      const [id, from] = [readId(params.id), readId(params.position)];
      requireBytes('directive', body.directive, directiveBytes);
      if (body.directive?.trim() === '') throw invalid('directive', 'directive is empty');
      const key = idempotencyOf(request.headers.get('idempotency-key'), body);
      const before = await recall(database, `forks of variation ${from} of run ${id}`, key);
      const place = (position: number) => ({ location: `/api/v1/runs/${id}/variations/${position}` });
      if (before !== null) return json(await getVariation(database, id, before), 200, place(before));
      const wanted = {
        checkpoint: body.checkpoint,
        agent_id: body.agent === undefined ? null : await agentFor(services, id, body.agent),
        directive: body.directive?.trim() ?? null,
      };
      const position = await fork(database, id, from, wanted, key);
      await enqueue(services, id);
      return json(await getVariation(database, id, position), 201, place(position));
    },
    {
      body,
      parse: jsonBody(body),
      ...describe('steering', 'Fork a new variation from a checkpoint', {
        status: 201,
        takes: body,
        gives: variationSchema,
        parameters: [idempotencyKey],
      }),
    },
  );
}

/** @throws BakeoffError 422 when there is no such agent, or the run's budget could not be kept with it */
export async function agentFor(services: Services, id: number, name: string | number): Promise<number> {
  const agent = await findAgent(services.database, name);
  if (!agent) throw invalid('agent', `There is no agent ${name}`);
  const run = await getRun(services.database, id);
  const priceless = run.options.budget_usd === null ? undefined : await findPriceless(services, [agent]);
  if (priceless)
    throw invalid(
      'agent',
      `The run has a budget in dollars, and the price of ${priceless.model} is not known`,
    );
  return agent.id;
}
