import { html } from '@elysiajs/html';
import { Elysia } from 'elysia';
import { defaultAgent, listAgents } from '../core/agent';
import type { Variation } from '../core/contract';
import { BakeoffError, notFound } from '../core/errors';
import { listEvents } from '../core/event';
import { findProject, listProjects } from '../core/project';
import { getRun } from '../core/run';
import { stop } from '../core/variation';
import { ErrorPage } from '../views/errorpage';
import type { Entry, EntryError } from '../views/form';
import { HomePage } from '../views/home';
import { readQuery as readListQuery } from '../views/query';
import { RunPage } from '../views/runpage';
import { type Shell, type Theme, themes } from '../views/shell';
import { assetPaths, assetRoutes } from './assets';
import { readCookie } from './auth';
import { bodyOf, entryError, readEntry } from './entry';
import { earlierItems, listFeed, runFeed } from './fragments';
import { countRuns, listPage, readWeek } from './list-view';
import { readId } from './query';
import { changedFiles, loadSteps, loadStream } from './run-view';
import type { Services } from './services';
import { eventStream, resumeAfter } from './sse';
import { parseRunBody, startRun } from './start-run';

/** Nothing from elsewhere, nothing inline: what an agent or a repository writes can at worst be read. */
const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': contentSecurityPolicy,
  'cache-control': 'private, no-cache',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
};

/** The pages: what a person sees of the service. Every page works without script, and is kept up to date with it. */
export function pages(services: Services) {
  const { database } = services;
  return new Elysia({ name: 'pages', detail: { hide: true } })
    .use(html({ autoDetect: false }))
    .use(assetRoutes())
    .get('/', ({ request }) => home(services, request))
    .get('/feed', ({ request, server }) => {
      const query = readListQuery(new URL(request.url).searchParams);
      return eventStream(request, server, services.stopping, (signal) => listFeed(services, query, signal));
    })
    .post(
      '/runs',
      async ({ request, body }) => {
        const entry = readEntry(new URLSearchParams(String(body ?? '')));
        const read = bodyOf(entry, await findProject(database, entry.project));
        if ('error' in read) return home(services, request, { entry, error: read.error });
        try {
          const { id } = await startRun(services, parseRunBody(read.body), null);
          return seeOther(`/runs/${id}`);
        } catch (error) {
          if (!(error instanceof BakeoffError) || error.status >= 500) throw error;
          return home(services, request, { entry, error: entryError(error) });
        }
      },
      { parse: 'text' },
    )
    .get('/runs', () => seeOther('/'))
    .get('/runs/:id', ({ request, params }) => runPage(services, request, readId(params.id)))
    .get('/runs/:id/feed', async ({ request, params, server }) => {
      const run = await getRun(database, readId(params.id));
      const search = new URL(request.url).searchParams;
      const { position } = chosen(run.variations, search.get('v'));
      const query = { runId: run.id, position, tab: tabOf(search), after: resumeAfter(request) } as const;
      return eventStream(request, server, services.stopping, (signal) => runFeed(services, query, signal));
    })
    .get('/runs/:id/earlier', async ({ request, params }) => {
      const search = new URL(request.url).searchParams;
      const run = await getRun(database, readId(params.id));
      const { position } = chosen(run.variations, search.get('v'));
      const parts = await earlierItems(services, run.id, position, seqOf(search.get('before')) ?? 1);
      return new Response(parts, { headers: pageHeaders });
    })
    .post(
      '/runs/:id/stop',
      async ({ params }) => {
        await stop(database, readId(params.id));
        return seeOther(`/runs/${readId(params.id)}`);
      },
      { parse: 'text' },
    )
    .post(
      '/runs/:id/variations/:position/stop',
      async ({ params }) => {
        await stop(database, readId(params.id), readId(params.position));
        return seeOther(`/runs/${readId(params.id)}?v=${readId(params.position)}`);
      },
      { parse: 'text' },
    )
    .get('/tasks/:id', ({ params }) => seeOther(`/runs/${readId(params.id)}`))
    .get('/task/:id', ({ params }) => seeOther(`/runs/${readId(params.id)}`))
    .post(
      '/theme',
      ({ body }) => {
        const form = new URLSearchParams(String(body ?? ''));
        const theme = themes.find((one) => one === form.get('theme'));
        const cookie = theme ? `theme=${theme}; Max-Age=31536000` : 'theme=; Max-Age=0';
        const response = seeOther(ownPath(form.get('back') ?? '/'));
        response.headers.set('set-cookie', `${cookie}; Path=/; HttpOnly; SameSite=Lax`);
        return response;
      },
      { parse: 'text' },
    );
}

/**
 * A refusal as a page. What a stranger sees says nothing of the service; what is broken is told without asking the
 * database, which may be what is broken.
 */
export async function errorPage(
  _services: Services,
  request: Request,
  error: BakeoffError,
): Promise<Response> {
  const shell: Shell = {
    health: null,
    theme: themeOf(request),
    assets: assetPaths(),
    now: new Date(),
    projects: [],
    agents: [],
    defaultAgent: null,
    path: '/',
  };
  const page = await ErrorPage({ shell, status: error.status, message: error.message });
  return new Response(page, { status: error.status, headers: pageHeaders });
}

async function home(
  services: Services,
  request: Request,
  sent?: { entry: Entry; error: EntryError },
): Promise<Response> {
  const { database } = services;
  const query = readListQuery(sent ? new URLSearchParams() : new URL(request.url).searchParams);
  const [shell, page, stats, counts, projects] = await Promise.all([
    shellOf(services, request),
    listPage(database, query),
    readWeek(database),
    countRuns(database, query),
    listProjects(database, { limit: 200 }),
  ]);
  const markup = await HomePage({
    shell,
    query,
    page,
    stats,
    counts,
    projects: projects.items,
    ...(sent ? { sent } : {}),
  });
  return new Response(markup, { status: sent ? 422 : 200, headers: pageHeaders });
}

async function runPage(services: Services, request: Request, id: number): Promise<Response> {
  const { database } = services;
  const search = new URL(request.url).searchParams;
  // The newest event first: the feed goes on after it, and what is read later can only be newer.
  const [newest] = await listEvents(database, id, { before: Number.MAX_SAFE_INTEGER, limit: 1 });
  const run = await getRun(database, id);
  const seq = newest?.seq ?? 0;
  const variation = chosen(run.variations, search.get('v'));
  const tab = tabOf(search);
  const past = seqOf(search.get('before'));
  const [shell, { stream, earlier }, steps, files] = await Promise.all([
    shellOf(services, request),
    loadStream(database, id, variation.position, past ?? seq + 1),
    loadSteps(database, id, seq + 1),
    changedFiles(database, id, variation.position),
  ]);
  const markup = await RunPage({
    shell,
    run,
    variation,
    tab,
    items: stream.items,
    earlier,
    seq,
    files,
    steps,
    past: past !== null,
  });
  return new Response(markup, { headers: pageHeaders });
}

export async function shellOf(services: Services, request: Request): Promise<Shell> {
  const { database, config } = services;
  const [health, projects, agents, preset] = await Promise.all([
    services.health.read(),
    listProjects(database, { limit: 200 }),
    listAgents(database, { limit: 200 }),
    defaultAgent(database, config.providers),
  ]);
  const { pathname, search } = new URL(request.url);
  return {
    health,
    theme: themeOf(request),
    assets: assetPaths(),
    now: new Date(),
    projects: projects.items,
    agents: agents.items,
    defaultAgent: preset?.name ?? null,
    path: request.method === 'GET' ? pathname + search : '/',
  };
}

function themeOf(request: Request): Theme | null {
  const value = readCookie(request, 'theme');
  return themes.find((theme) => theme === value) ?? null;
}

/** The variation that the address names, else the first. */
function chosen(variations: readonly Variation[], asked: string | null): Variation {
  const found = variations.find((one) => String(one.position) === asked) ?? variations[0];
  if (!found) throw notFound('variation', asked ?? 1);
  return found;
}

function tabOf(search: URLSearchParams): 'events' | 'changes' {
  return search.get('tab') === 'changes' ? 'changes' : 'events';
}

function seqOf(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** After a POST: the browser goes on with a GET. */
function seeOther(path: string): Response {
  return new Response(null, { status: 303, headers: { location: path, 'cache-control': 'no-store' } });
}

/** Only a path of ours: `//host` would lead elsewhere. */
function ownPath(path: string): string {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(path) ? path : '/';
}
