import { Type } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import { listCheckpoints, readCheckpoint } from '../../core/checkpoint';
import { invalid, notFound, notYet } from '../../core/errors';
import { mend } from '../../core/mend';
import { getRun, getVariation } from '../../core/run';
import { json } from '../answer';
import { textOrJson } from '../body';
import { describe, paging } from '../describe';
import { enqueue } from '../enqueue';
import { fileOfPatch } from '../file-of-patch';
import { type Query, readId, readPaging, readQuery } from '../query';
import { checkpointSchema, pageOf, variationSchema } from '../schemas';
import type { Services } from '../services';
import { pageOfList } from './paged';

/** Also as plain text. */
const patchBody = Type.Object(
  {
    patch: Type.String({
      minLength: 1,
      maxLength: 4_000_000,
      description: 'A unified diff, search/replace blocks, "*** Begin Patch", or whole files',
    }),
  },
  {
    additionalProperties: false,
    examples: [{ patch: '--- a/refund.ts\n+++ b/refund.ts\n@@ -1 +1 @@\n-round(x)\n+round(x, exponent)\n' }],
  },
);

const tell = describe.bind(null, 'runs');

/** `/runs/:id/variations`: list, get, checkpoints, diff, a mended patch. */
export function variationRoutes(services: Services) {
  const { database } = services;
  return new Elysia({ prefix: '/runs/:id/variations' })
    .get(
      '',
      async ({ params }) => {
        const { variations } = await getRun(database, readId(params.id));
        return json({ items: variations, total: variations.length, next_cursor: null });
      },
      tell('A run’s variations', { gives: pageOf(variationSchema) }),
    )
    .get(
      '/:position',
      async ({ params }) => json(await getVariation(database, readId(params.id), readId(params.position))),
      tell('One variation', { gives: variationSchema }),
    )
    .get(
      '/:position/checkpoints',
      async ({ params, request }) => {
        const page = readPaging(readQuery(request));
        const items = await listCheckpoints(database, readId(params.id), readId(params.position));
        return json(pageOfList(items, (one) => one.checkpoint, page));
      },
      tell('The states of its files that it can go back to, or be forked from', {
        gives: pageOf(checkpointSchema),
        parameters: paging,
      }),
    )
    .put(
      '/:position/patch',
      async ({ body, params }) => {
        const [id, position] = [readId(params.id), readId(params.position)];
        await mend(database, id, position, body.patch);
        await enqueue(services, id);
        return json(await getVariation(database, id, position), 202);
      },
      {
        body: patchBody,
        parse: textOrJson(patchBody, 'patch'),
        ...tell('Your mended patch for a variation that needs review: applied to the base, and checked', {
          status: 202,
          takes: patchBody,
          gives: variationSchema,
        }),
      },
    )
    .get(
      '/:position/diff',
      async ({ params, request }) =>
        readDiff(services, readId(params.id), readId(params.position), readQuery(request)),
      tell('The patch: applies with `git apply` on the run’s base_sha', {
        gives: 'text/x-diff',
        parameters: [
          { name: 'path', schema: { type: 'string' }, description: 'only what it does to this file' },
          {
            name: 'checkpoint',
            schema: { type: 'integer', minimum: 0 },
            description: 'as it was then; 0 is the start, absent the present',
          },
        ],
      }),
    );
}

async function readDiff(
  { database }: Services,
  id: number,
  position: number,
  query: Query,
): Promise<Response> {
  if (query.text('against') !== undefined) throw notYet('?against=', 'against');
  const path = query.text('path');
  if (path !== undefined && path.length > 4096) throw invalid('path', 'path is over 4096 characters');
  const checkpoint = query.integer('checkpoint', 0, 2 ** 31 - 1);
  if (id < 1) throw notFound('run', id);
  // Of the start there is no row, and nothing to show; but the variation has to be there.
  if (checkpoint === 0) await getVariation(database, id, position);
  const patch = checkpoint === 0 ? null : await readCheckpoint(database, id, position, checkpoint);
  const headers: Record<string, string> = {
    'content-type': 'text/x-diff',
    'content-disposition': `inline; filename="run-${id}-${position}.diff"`,
    'cache-control': 'no-store',
  };
  if (patch === null) return new Response('', { headers });
  headers['x-base-sha'] = patch.base_sha;
  if (path !== undefined) return new Response(fileOfPatch(patch.bytes, path), { headers });
  return new Response(Buffer.from(patch.bytes), { headers: { ...headers, etag: `"${patch.sha256}"` } });
}
