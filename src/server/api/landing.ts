import { Type as t } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import { direct } from '../../core/directive';
import { recall } from '../../core/idempotency';
import { getLanding, landRun, undoLanding } from '../../core/landing';
import { json } from '../answer';
import { jsonBody, optionalBody } from '../body';
import { describe, idempotencyKey } from '../describe';
import { enqueue } from '../enqueue';
import { branchOf, landingAsked } from '../landing-asked';
import { landingBody } from '../landing-body';
import { readId, readQuery } from '../query';
import { directiveSchema } from '../schemas';
import { landingSchema, preflightSchema } from '../schemas-outcome';
import type { Services } from '../services';
import { idempotencyOf } from '../start-run';

const tell = describe.bind(null, 'results');

const target = t.String({ minLength: 1, maxLength: 250, description: 'a branch; default the project’s' });
const rebaseBody = t.Object(
  { target: t.Optional(target) },
  { additionalProperties: false, examples: [{ target: 'main' }] },
);

/** `/runs/:id/landing`: the winner on its way out. */
export function landingRoutes(services: Services) {
  const { database, agentSide } = services;
  return new Elysia({ prefix: '/runs' })
    .post(
      '/:id/landing',
      async ({ params, body, request }) => {
        const id = readId(params.id);
        const key = idempotencyOf(request.headers.get('idempotency-key'), body);
        const before = await recall(database, `landings of run ${id}`, key);
        if (before !== null) return json(await getLanding(database, id, before));
        const asked = await landingAsked(services, id, body);
        const { landing, existed } = await landRun(database, id, asked, key);
        return json(landing, existed ? 200 : 202);
      },
      {
        body: landingBody,
        parse: jsonBody(landingBody),
        ...tell(
          'Land the winner: as a branch, as a pull request, or merged into a local repository’s branch',
          {
            status: 202,
            takes: landingBody,
            gives: landingSchema,
            parameters: [idempotencyKey],
          },
        ),
      },
    )
    .get(
      '/:id/landing',
      async ({ params }) => json(await getLanding(database, readId(params.id))),
      tell('The newest landing', { gives: landingSchema }),
    )
    .delete(
      '/:id/landing',
      async ({ params }) => {
        const id = readId(params.id);
        await undoLanding(database, id);
        return json(await getLanding(database, id), 202);
      },
      tell('Undo it: close the pull request, delete the branch, or revert what was merged', {
        status: 202,
        gives: landingSchema,
      }),
    )
    .get(
      '/:id/landing/preflight',
      async ({ params, request }) => {
        const id = readId(params.id);
        return json(
          await agentSide.preflight(id, await branchOf(services, id, readQuery(request).text('target'))),
        );
      },
      tell('Whether the winner goes on top of a branch as it is now', {
        gives: preflightSchema,
        parameters: [
          {
            name: 'target',
            schema: { type: 'string', maxLength: 250 },
            description: 'a branch; default the project’s',
          },
        ],
      }),
    )
    .post(
      '/:id/landing/rebase',
      async ({ params, body }) => {
        const id = readId(params.id);
        const told = await agentSide.rebaseDirective(id, await branchOf(services, id, body.target));
        const items = await direct(database, id, told);
        await enqueue(services, id);
        return json({ items }, 201);
      },
      {
        body: rebaseBody,
        parse: optionalBody(rebaseBody),
        ...tell(
          'Ask the winner to put its change on top of a branch with which it is in conflict: it is reopened',
          {
            status: 201,
            takes: rebaseBody,
            gives: t.Object({ items: t.Array(directiveSchema) }, { additionalProperties: false }),
          },
        ),
      },
    );
}
