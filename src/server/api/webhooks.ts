import { Type as t } from '@sinclair/typebox';
import { Elysia } from 'elysia';
import { BakeoffError } from '../../core/errors';
import { errorBody, json } from '../answer';
import { describe } from '../describe';
import { Pace } from '../rate';
import type { Services } from '../services';

/** Bytes of a delivery at most. */
const maxBytes = 2 ** 20;
/** Deliveries of one address at once, and a second. */
const burst = 120;
const perSecond = 4;

const heardSchema = t.Object(
  {
    heard: t.Union([t.Literal('taken'), t.Literal('known'), t.Literal('nothing')], {
      description: 'known: this delivery was taken before; nothing: it is about no landing of ours',
    }),
  },
  { additionalProperties: false },
);

/** `/api/webhook/github` and `/api/webhook/forgejo`: open to who signs with the secret, and to nobody else. */
export function webhookRoutes({ agentSide }: Pick<Services, 'agentSide'>) {
  const pace = new Pace(burst, perSecond);
  const routes = new Elysia();
  for (const forge of ['github', 'forgejo'] as const) {
    const { detail } = describe('service', 'What a forge says by itself of pull requests and their checks', {
      gives: heardSchema,
    });
    routes.post(
      `/webhook/${forge}`,
      async ({ request, server }) => {
        const waitS = pace.wait(server?.requestIP(request)?.address ?? '');
        if (waitS !== null) return tooMany(waitS);
        const body = await read(request);
        return json({ heard: await agentSide.hearForge(forge, body, Object.fromEntries(request.headers)) });
      },
      // The signature is over the bytes as they come.
      { parse: 'none', detail: { ...detail, security: [] } },
    );
  }
  return routes;
}

function tooMany(waitS: number): Response {
  const words = `Too many deliveries at once: send the next in ${waitS} s`;
  const refusal = new BakeoffError('too_many_requests', words, 429);
  return json(errorBody(refusal), 429, { 'retry-after': String(waitS) });
}

/**
 * A piece at a time: whoever sends more than is taken, of whatever length they state, is told so while they do.
 * @throws BakeoffError 413; 400 when it is broken off, which is nobody's mistake here
 */
async function read(request: Request): Promise<Uint8Array> {
  const large = new BakeoffError('too_large', `A delivery is over ${maxBytes / 2 ** 20} MiB`, 413);
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw large;
  const pieces: Uint8Array[] = [];
  const reader = request.body?.getReader();
  const next = async () =>
    await reader?.read().catch(() => {
      throw new BakeoffError('unreadable', 'The delivery was broken off', 400);
    });
  let bytes = 0;
  for (let read = await next(); read?.value; read = await next()) {
    bytes += read.value.byteLength;
    if (bytes > maxBytes) {
      await reader?.cancel();
      throw large;
    }
    pieces.push(read.value);
  }
  return Buffer.concat(pieces);
}
