import { listProjects } from '../core/project';
import type { Entry, EntryError } from '../views/form';
import { HomePage } from '../views/home';
import { readQuery } from '../views/query';
import { searchOf } from './form-fields';
import { countRuns, listPage, readWaits, readWeek } from './list-view';
import { pageHeaders, shellOf } from './page-shell';
import type { Refused } from './refused';
import type { Services } from './services';

/** The first page; `sent` is a form that came back wrong. */
export async function home(
  services: Services,
  request: Request,
  { sent, refused }: { sent?: { entry: Entry; error: EntryError }; refused?: Refused } = {},
): Promise<Response> {
  const { database } = services;
  const search = sent || refused ? new URLSearchParams() : searchOf(request.url);
  const query = readQuery(search);
  const [shell, page, stats, counts, projects, waits] = await Promise.all([
    shellOf(services, request),
    listPage(database, query),
    readWeek(database),
    countRuns(database, query),
    listProjects(database, { limit: 200 }),
    readWaits(database),
  ]);
  const markup = await HomePage({
    shell,
    query,
    page,
    stats,
    counts,
    waits,
    problem: refused?.problem,
    projects: projects.items,
    ...(sent ? { sent } : {}),
  });
  return new Response(markup, { status: sent ? 422 : (refused?.status ?? 200), headers: pageHeaders });
}
