import { html } from '@elysiajs/html';
import { Elysia } from 'elysia';
import { BakeoffError } from '../core/errors';
import { findProject } from '../core/project';
import { getRun } from '../core/run';
import { ErrorPage } from '../views/errorpage';
import { readQuery as readListQuery } from '../views/query';
import { themes } from '../views/shell';
import { assetRoutes } from './assets';
import { compareFeed } from './compare-feed';
import { comparePages } from './compare-forms';
import { queryOf } from './compare-page';
import { bodyOf, entryError, readEntry } from './entry';
import { readForm, searchOf } from './form-fields';
import { home } from './home-page';
import { landingForms } from './landing-forms';
import { listFeed } from './list-feed';
import { mendForm } from './mend-form';
import { bareShell, ownPath, pageHeaders, seeOther } from './page-shell';
import { projectsPages } from './projects-page';
import { readId } from './query';
import { earlierItems, runFeed } from './run-feed';
import { chosen, runPage, seqOf, tabOf } from './run-page';
import type { Services } from './services';
import { settingsPages } from './settings-page';
import { eventStream, resumeAfter } from './sse';
import { parseRunBody, startRun } from './start-run';
import { statisticsPages } from './statistics-page';
import { steeringForms } from './steering-forms';
import { workersPages } from './workers-page';

export { pageHeaders, shellOf } from './page-shell';

/** The pages: what a person sees of the service. Every page works without script, and is kept up to date with it. */
export function pages(services: Services) {
  const { database } = services;
  return new Elysia({ name: 'pages', detail: { hide: true } })
    .use(html({ autoDetect: false }))
    .use(assetRoutes())
    .use(steeringForms(services))
    .use(mendForm(services))
    .use(comparePages(services))
    .use(landingForms(services))
    .use(settingsPages(services))
    .use(projectsPages(services))
    .use(workersPages(services))
    .use(statisticsPages(services))
    .get('/', ({ request }) => home(services, request))
    .get('/feed', ({ request, server }) => {
      const query = readListQuery(searchOf(request.url));
      return eventStream(request, server, services.stopping, (signal) => listFeed(services, query, signal));
    })
    .post(
      '/runs',
      async ({ request, body }) => {
        const entry = readEntry(readForm(body));
        const read = bodyOf(entry, await findProject(database, entry.project));
        if ('error' in read) return home(services, request, { sent: { entry, error: read.error } });
        try {
          const { id } = await startRun(services, parseRunBody(read.body), null);
          return seeOther(`/runs/${id}`);
        } catch (error) {
          if (!(error instanceof BakeoffError) || error.status >= 500) throw error;
          return home(services, request, { sent: { entry, error: entryError(error) } });
        }
      },
      { parse: 'text' },
    )
    .get('/runs', () => seeOther('/'))
    .get('/runs/:id', ({ request, params }) =>
      runPage(services, request, readId(params.id), searchOf(request.url)),
    )
    .get('/runs/:id/feed', async ({ request, params, server }) => {
      const run = await getRun(database, readId(params.id));
      const search = searchOf(request.url);
      if (search.get('page') === 'compare') {
        const [query, after] = [queryOf(run, search), resumeAfter(request)];
        return eventStream(request, server, services.stopping, (signal) =>
          compareFeed(services, run.id, query, after, signal),
        );
      }
      const { position } = chosen(run.variations, search.get('v'));
      const query = { runId: run.id, position, tab: tabOf(search), after: resumeAfter(request) } as const;
      return eventStream(request, server, services.stopping, (signal) => runFeed(services, query, signal));
    })
    .get('/runs/:id/earlier', async ({ request, params }) => {
      const search = searchOf(request.url);
      const run = await getRun(database, readId(params.id));
      const { position } = chosen(run.variations, search.get('v'));
      const parts = await earlierItems(services, run.id, position, seqOf(search.get('before')) ?? 1);
      return new Response(parts, { headers: pageHeaders });
    })
    .get('/tasks/:id', ({ params }) => seeOther(`/runs/${readId(params.id)}`))
    .get('/task/:id', ({ params }) => seeOther(`/runs/${readId(params.id)}`))
    .post(
      '/theme',
      ({ body }) => {
        const form = readForm(body);
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
  const page = await ErrorPage({ shell: bareShell(request), status: error.status, message: error.message });
  return new Response(page, { status: error.status, headers: pageHeaders });
}
