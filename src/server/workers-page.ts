import { Elysia } from 'elysia';
import { listWorkers } from '../core/worker';
import { WorkerList, WorkersPage } from '../views/workers';
import { pageHeaders, shellOf } from './page-shell';
import type { Services } from './services';

/** Who works here: a page, and its list alone, which the page asks for again and again. */
export function workersPages(services: Services) {
  const { database } = services;
  return new Elysia({ name: 'workers-pages', detail: { hide: true } })
    .get('/workers', async ({ request }) => {
      const [shell, workers] = await Promise.all([shellOf(services, request), listWorkers(database)]);
      return new Response(await WorkersPage({ shell, workers }), { headers: pageHeaders });
    })
    .get('/workers/list', async () => {
      const workers = await listWorkers(database);
      return new Response(await WorkerList({ workers, now: new Date() }), { headers: pageHeaders });
    });
}
