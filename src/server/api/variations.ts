import { Type } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import { listCheckpoints, readCheckpoint } from '../../core/checkpoint';
import { BakeoffError, invalid, notFound } from '../../core/errors';
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
            name: 'against',
            schema: { type: 'integer', minimum: 1 },
            description: 'another variation: what this one has otherwise; both must be completed',
          },
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
  { database, results }: Services,
  id: number,
  position: number,
  query: Query,
): Promise<Response> {
  const path = query.text('path');
  if (path !== undefined && path.length > 4096) throw invalid('path', 'path is over 4096 characters');
  const checkpoint = query.integer('checkpoint', 0, 2 ** 31 - 1);
  if (id < 1) throw notFound('run', id);
  const against = query.integer('against', 1, 1000);
  if (against !== undefined) {
    if (checkpoint !== undefined) throw invalid('checkpoint', 'Give against or checkpoint, not both');
    const bytes = await results.diff({
      runId: id,
      from: against,
      to: position,
      ...(path === undefined ? {} : { path }),
    });
    if (bytes === null) throw new BakeoffError('too_large', 'The diff is larger than 64 MiB', 413);
    return new Response(Buffer.from(bytes), { headers: diffHeaders(`run-${id}-${against}-${position}`) });
  }
  // Of the start there is no row, and nothing to show; but the variation has to be there.
  if (checkpoint === 0) await getVariation(database, id, position);
  const patch = checkpoint === 0 ? null : await readCheckpoint(database, id, position, checkpoint);
  const headers = diffHeaders(`run-${id}-${position}`);
  if (patch === null) return new Response('', { headers });
  headers['x-base-sha'] = patch.base_sha;
  if (path !== undefined) return new Response(fileOfPatch(patch.bytes, path), { headers });
  return new Response(Buffer.from(patch.bytes), { headers: { ...headers, etag: `"${patch.sha256}"` } });
}

function diffHeaders(name: string): Record<string, string> {
  return {
    'content-type': 'text/x-diff',
    'content-disposition': `inline; filename="${name}.diff"`,
    'cache-control': 'no-store',
  };
}
