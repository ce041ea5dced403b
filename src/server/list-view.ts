import type { Page, Run } from '../core/contract';
import type { Database } from '../core/db';
import { BakeoffError } from '../core/errors';
import { listRuns, type RunFilter } from '../core/run-list';
import type { Counts } from '../views/home';
import { type ListQuery, type Show, shows, statusesOf } from '../views/query';

const pageRuns = 25;

/** The page of runs that an address asks for; a cursor that cannot be read shows the first one. */
export async function listPage(database: Pick<Database, 'db'>, query: ListQuery): Promise<Page<Run>> {
  const filter = { ...filterOf(query, query.show), sort: query.sort, limit: pageRuns };
  if (query.cursor === undefined) return listRuns(database, filter);
  try {
    return await listRuns(database, { ...filter, cursor: query.cursor });
  } catch (error) {
    if (error instanceof BakeoffError && error.status < 500) return listRuns(database, filter);
    throw error;
  }
}

/** How many runs each status filter would show. */
export async function countRuns(database: Pick<Database, 'db'>, query: ListQuery): Promise<Counts> {
  const totals = await Promise.all(
    shows.map(
      async (show) =>
        [show, (await listRuns(database, { ...filterOf(query, show), limit: 1 })).total] as const,
    ),
  );
  return Object.fromEntries(totals) as Counts;
}

/** The id of the newest run there is; 0 before the first. */
export async function newestRun(database: Pick<Database, 'db'>): Promise<number> {
  return (await listRuns(database, { sort: 'newest', limit: 1 })).items[0]?.id ?? 0;
}

function filterOf(query: ListQuery, show: Show): RunFilter {
  const status = statusesOf[show];
  return {
    ...(status === null ? {} : { status }),
    ...(query.project_id === undefined ? {} : { project_id: [query.project_id] }),
    ...(query.q === undefined ? {} : { q: query.q }),
  };
}
