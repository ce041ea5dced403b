import { Elysia } from 'elysia';
import { BakeoffError } from '../core/errors';
import { errorBody, explain, json, unavailable } from './answer';
import { agentRoutes } from './api/agents';
import { approvalRoutes } from './api/approvals';
import { directiveRoutes } from './api/directives';
import { flowRoutes } from './api/flows';
import { forkRoutes } from './api/fork';
import { graftRoutes } from './api/grafts';
import { landingRoutes } from './api/landing';
import { laterCallbackRoutes, laterRoutes } from './api/later';
import { projectRoutes } from './api/projects';
import { runRoutes } from './api/runs';
import { serviceRoutes } from './api/service';
import { settingsRoutes } from './api/settings';
import { steerRoutes } from './api/steer';
import { taskRoutes } from './api/tasks';
import { variationRoutes } from './api/variations';
import { verdictRoutes } from './api/verdict';
import { webhookRoutes } from './api/webhooks';
import { winnerRoutes } from './api/winner';
import { cookieName, enter, type Gate, isKnown, requireHost, requireOrigin } from './auth';
import { isJson, isPatch, maxBodyBytes, tooLarge } from './body';
import { describe } from './describe';
import { docsPage } from './docs';
import { readMetrics } from './metrics';
import { describeApi } from './openapi';
import { errorPage, pages } from './pages';
import { patiently } from './patience';
import { queueDashboard } from './queues';
import { healthSchema } from './schemas-service';
import type { Services } from './services';

/** Everything the service answers, as one app. */
export function createApp(services: Services, gate: Gate) {
  const board = queueDashboard(services.queue);
  const app = new Elysia({ normalize: false, precompile: true, nativeStaticResponse: false })
    .wrap(patient(services) as unknown as Parameters<Elysia['wrap']>[0])
    .onRequest(({ request }) => guard(request, gate))
    .onError(({ error, request }) => refuse(error, request, services))
    .onAfterHandle(({ request, responseValue }) => secure(request, responseValue))
    .get(
      '/health',
      async () => {
        const health = await services.health.read();
        return json(health, health.status === 'down' ? 503 : 200);
      },
      openly(
        describe('service', 'How the parts of the service are; 503 when it cannot work', {
          gives: healthSchema,
        }),
      ),
    )
    .get(
      '/metrics',
      async () =>
        new Response(await readMetrics(services), {
          headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
        }),
      describe('service', 'Figures for Prometheus', { gives: 'text/plain' }),
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
        .use(variationRoutes(services))
        .use(verdictRoutes(services))
        .use(steerRoutes(services))
        .use(forkRoutes(services))
        .use(graftRoutes(services))
        .use(directiveRoutes(services))
        .use(approvalRoutes(services))
        .use(flowRoutes(services))
        .use(winnerRoutes(services))
        .use(landingRoutes(services))
        .use(taskRoutes(services))
        .use(projectRoutes(services))
        .use(agentRoutes(services))
        .use(serviceRoutes(services))
        .use(settingsRoutes(services))
        .use(laterRoutes()),
    )
    .group('/api', (api) => api.use(webhookRoutes(services)).use(laterCallbackRoutes()))
    .use(pages(services));
  const api = describeApi(app, services.version, cookieName(gate));
  return app
    .get('/openapi.json', () => json(api))
    .get('/docs', ({ request }) => docsPage(services, request, api));
}

/** Around everything: a Postgres that hangs is told, not waited for. */
function patient({ database }: Services) {
  return (handle: Handle): Handle =>
    (request, ...more) =>
      patiently(Promise.resolve(handle(request, ...more)), database, () =>
        secure(request, json(errorBody(unavailable()), 503)),
      );
}

type Handle = (request: Request, ...more: unknown[]) => Response | Promise<Response>;

/** Without a key. */
function openly<T extends { detail: object }>(call: T): T {
  return { ...call, detail: { ...call.detail, security: [] } };
}

const mendPath = /^\/runs\/\d+\/variations\/\d+\/mend$/;
const openPaths = /^\/(health|enter|assets\/[^?]*|favicon\.ico)$/;
/** Signed over their bytes, by services that have no key and no page of ours. */
const signedPaths = /^\/api\/webhook\/(github|forgejo)$/;

/** Before anything is read: the name we are called by, where the request comes from, who asks, and what comes along. */
function guard(request: Request, gate: Gate): void {
  requireHost(request, gate);
  const path = new URL(request.url).pathname;
  const signed = request.method === 'POST' && signedPaths.test(path);
  if (!signed) requireOrigin(request, gate);
  if (!signed && !openPaths.test(path) && !isKnown(request, gate)) {
    throw new BakeoffError(
      'unauthorized',
      'State the API key as `Authorization: Bearer …`, or open the link that the service printed',
      401,
    );
  }
  const length = Number(request.headers.get('content-length') ?? 0);
  // A form sends each line break as two bytes, and has its own limit.
  if (length > (mendPath.test(path) ? 2 : 1) * maxBodyBytes) throw tooLarge();
  const sends = length > 0 || request.headers.has('transfer-encoding');
  const type = request.headers.get('content-type');
  const fits = isJson(type) || (path.endsWith('/patch') && isPatch(type));
  if (path.startsWith('/api/') && sends && !fits) {
    throw new BakeoffError('not_json', 'Send application/json', 415);
  }
}

/** Scripts get JSON, people a page. */
async function refuse(error: unknown, request: Request, services: Services): Promise<Response> {
  const known = explain(error, services.log);
  // Of a host that is nonsense, Bun makes no whole URL.
  const path = URL.canParse(request.url) ? new URL(request.url).pathname : '/';
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
