import { Type as t } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import { direct, listDirectives } from '../../core/directive';
import { BakeoffError, invalid } from '../../core/errors';
import { recall } from '../../core/idempotency';
import { getRun } from '../../core/run';
import { json } from '../answer';
import { jsonBody, requireBytes } from '../body';
import { describe, idempotencyKey, paging } from '../describe';
import { enqueue } from '../enqueue';
import { readId, readPaging, readQuery } from '../query';
import { directiveSchema, pageOf } from '../schemas';
import type { Services } from '../services';
import { idempotencyOf } from '../start-run';
import { pageOfList } from './paged';

const tell = describe.bind(null, 'steering');
const highest = 2 ** 31 - 1;
/** Bytes of a directive at most. */
export const directiveBytes = 20_000;
export const directiveText = t.String({
  minLength: 1,
  maxLength: directiveBytes,
  description: 'what the agent is to hear at its next turn, 20 kB',
});

const body = t.Object(
  {
    text: directiveText,
    variations: t.Optional(
      t.Array(t.Integer({ minimum: 1, maximum: highest }), {
        minItems: 1,
        maxItems: 100,
        uniqueItems: true,
        description: 'positions; absent: all that have not ended',
      }),
    ),
    path: t.Optional(t.String({ minLength: 1, maxLength: 4000, description: 'the file that it is about' })),
    line: t.Optional(t.Integer({ minimum: 1, maximum: highest, description: 'the line of `path`' })),
  },
  {
    additionalProperties: false,
    examples: [
      { text: 'Keep the public names as they are', variations: [1, 3] },
      { text: 'This may be null', path: 'src/refund.ts', line: 42 },
    ],
  },
);

/** `/runs/:id/directives`, also under `/directive`. */
export function directiveRoutes(services: Services) {
  const { database } = services;
  const routes = new Elysia({ prefix: '/runs' });
  for (const path of ['/:id/directives', '/:id/directive'] as const) {
    routes.post(
      path,
      async ({ params, body, request }) => {
        const id = readId(params.id);
        const text = body.text.trim();
        if (text === '') throw invalid('text', 'text is empty: say what the agent is to hear');
        requireBytes('text', text, directiveBytes);
        if (body.line !== undefined && body.path === undefined)
          throw invalid('line', 'line is a line of path: give that too');
        const key = idempotencyOf(request.headers.get('idempotency-key'), body);
        const before = await recall(database, `directives of run ${id}`, key);
        const told = {
          text,
          variations: body.variations ?? null,
          path: body.path ?? null,
          line: body.line ?? null,
        };
        const items = await direct(database, id, told, key).catch((error: unknown) => {
          const astray = error instanceof BakeoffError && error.code === 'variation_not_found';
          throw astray ? invalid('variations', error.message) : error;
        });
        await enqueue(services, id);
        return json({ items }, before === null ? 201 : 200);
      },
      {
        body,
        parse: jsonBody(body),
        ...tell('Tell one variation or all something: heard at the next turn, once, in order', {
          status: 201,
          takes: body,
          gives: t.Object({ items: t.Array(directiveSchema) }, { additionalProperties: false }),
          parameters: [idempotencyKey],
        }),
      },
    );
  }
  return routes.get(
    '/:id/directives',
    async ({ params, request }) => {
      const page = readPaging(readQuery(request));
      await getRun(database, readId(params.id));
      return json(pageOfList(await listDirectives(database, readId(params.id)), (one) => one.id, page));
    },
    tell('What was told, and when each was heard', { gives: pageOf(directiveSchema), parameters: paging }),
  );
}
