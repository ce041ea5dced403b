import { openapi } from '@elysiajs/openapi';
import { Elysia } from 'elysia';
import { BakeoffError } from '../core/errors';
import { errorBody, explain, json } from './answer';
import { agentRoutes } from './api/agents';
import { laterRoutes } from './api/later';
import { projectRoutes } from './api/projects';
import { runRoutes } from './api/runs';
import { serviceRoutes } from './api/service';
import { taskRoutes } from './api/tasks';
import { enter, type Gate, isKnown, requireHost, requireOrigin } from './auth';
import { isJson, maxBodyBytes, tooLarge } from './body';
import { readMetrics } from './metrics';
import { errorPage, pages } from './pages';
import { queueDashboard } from './queues';
import type { Services } from './services';

/** Everything the service answers, as one app. */
export function createApp(services: Services, gate: Gate) {
  const board = queueDashboard(services.queue);
  return new Elysia({ normalize: false, precompile: true, nativeStaticResponse: false })
    .onRequest(({ request }) => guard(request, gate))
    .onError(({ error, request }) => refuse(error, request, services))
    .onAfterHandle(({ request, responseValue }) => secure(request, responseValue))
    .use(
      openapi({
        provider: null,
        path: '/docs',
        specPath: '/openapi.json',
        documentation: {
          info: {
            title: 'Bakeoff',
            version: services.version,
            description: 'Runs of coding agents, watched and steered',
          },
          components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
          security: [{ key: [] }],
        },
        exclude: { paths: [/^\/(?!api\/|health|metrics)/] },
      }),
    )
    .get(
      '/health',
      async () => {
        const health = await services.health.read();
        return json(health, health.status === 'down' ? 503 : 200);
      },
      { detail: { summary: 'How the parts of the service are', tags: ['service'], security: [] } },
    )
    .get(
      '/metrics',
      async () =>
        new Response(await readMetrics(services), {
          headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
        }),
      { detail: { summary: 'Figures for Prometheus', tags: ['service'] } },
    )
    .get('/enter', ({ request }) => {
      const entered = enter(request, gate);
      if (entered) return entered;
      throw new BakeoffError(
        'link_refused',
        'This link is not valid any more; use the one that the service printed last',
        403,
      );
    })
    .all('/queues', ({ request }) => board(request), { parse: 'none' })
    .all('/queues/*', ({ request }) => board(request), { parse: 'none' })
    .group('/api/v1', (api) =>
      api
        .use(runRoutes(services))
        .use(taskRoutes(services))
        .use(projectRoutes(services))
        .use(agentRoutes(services))
        .use(serviceRoutes(services))
        .use(laterRoutes()),
    )
    .use(pages(services));
}

const openPaths = /^\/(health|enter|assets\/[^?]*|favicon\.ico)$/;

/** Before anything is read: the name we are called by, where the request comes from, who asks, and what comes along. */
function guard(request: Request, gate: Gate): void {
  requireHost(request, gate);
  requireOrigin(request, gate);
  const path = new URL(request.url).pathname;
  if (!openPaths.test(path) && !isKnown(request, gate)) {
    throw new BakeoffError(
      'unauthorized',
      'State the API key as `Authorization: Bearer …`, or open the link that the service printed',
      401,
    );
  }
  const length = Number(request.headers.get('content-length') ?? 0);
  if (length > maxBodyBytes) throw tooLarge();
  const sends = length > 0 || request.headers.has('transfer-encoding');
  if (path.startsWith('/api/') && sends && !isJson(request.headers.get('content-type'))) {
    throw new BakeoffError('not_json', 'Send application/json', 415);
  }
}

/** Scripts get JSON, people a page. */
async function refuse(error: unknown, request: Request, services: Services): Promise<Response> {
  const known = explain(error, services.log);
  const path = new URL(request.url).pathname;
  const wantsPage = !path.startsWith('/api/') && (request.headers.get('accept') ?? '').includes('text/html');
  const answer = wantsPage ? await errorPage(services, request, known) : json(errorBody(known), known.status);
  if (known.status === 401) answer.headers.set('www-authenticate', 'Bearer');
  return secure(request, answer);
}

/** Headers of every answer that does not bring its own. */
function secure(_request: Request, response: unknown): Response {
  const answer = response instanceof Response ? response : json(response);
  const set = (name: string, value: string): void => {
    if (!answer.headers.has(name)) answer.headers.set(name, value);
  };
  set('content-security-policy', contentPolicy);
  set('x-content-type-options', 'nosniff');
  set('referrer-policy', 'same-origin');
  set('x-frame-options', 'DENY');
  set('cross-origin-opener-policy', 'same-origin');
  return answer;
}

const contentPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
