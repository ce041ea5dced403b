import { listOpenApprovals } from '../core/approval';
import { listAskedWinners } from '../core/asked-winner';
import type { Page, Run } from '../core/contract';
import type { Database } from '../core/db';
import { listAwaitedWinners } from '../core/dependency';
import { BakeoffError } from '../core/errors';
import { countByStatus, listRuns, type RunFilter } from '../core/run-list';
import { readFigures } from '../core/stats';
import type { Counts } from '../views/home';
import { type ListQuery, type Show, shows, statusesOf } from '../views/query';
import { type AllWaits, mostWaits } from '../views/waits';
import { lately } from './lately';

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

/** How many runs each status filter would show; counted once for all who ask within `latelyMs`. */
export function countRuns(database: Pick<Database, 'db'>, query: ListQuery): Promise<Counts> {
  const filter = filterOf(query, 'all');
  return lately(database, `counts ${JSON.stringify(filter)}`, async () => {
    const by = await countByStatus(database, filter);
    const all = Object.values(by).reduce((sum, n) => sum + n, 0);
    const of = (show: Show): number =>
      statusesOf[show]?.reduce((sum, status) => sum + (by[status] ?? 0), 0) ?? all;
    return Object.fromEntries(shows.map((show) => [show, of(show)])) as Counts;
  });
}

/** The last days' figures, shared like the counts. */
export function readWeek(database: Pick<Database, 'sql'>) {
  return lately(database, 'week', () => readFigures(database));
}

/** What waits for a person, the oldest first: as it is now, since what was just answered must not come back. */
export async function readWaits(database: Pick<Database, 'sql'>): Promise<AllWaits> {
  const [waits, awaited, asked] = await Promise.all([
    listOpenApprovals(database, mostWaits),
    listAwaitedWinners(database, mostWaits),
    listAskedWinners(database, mostWaits),
  ]);
  const says = new Map(asked.map((one) => [one.id, one.says]));
  const waited = new Set(awaited.map((one) => one.id));
  const picks = [
    ...awaited.map((one) => ({ ...one, says: says.get(one.id) ?? null })),
    ...asked.filter((one) => !waited.has(one.id)).map((one) => ({ ...one, waiting: [] })),
  ];
  return { waits, picks: picks.sort((a, b) => (a.since < b.since ? -1 : 1)).slice(0, mostWaits) };
}

/** The id of the newest run there is; 0 before the first. */
export async function newestRun({ sql }: Pick<Database, 'sql'>): Promise<number> {
  const [row] = await sql<{ id: number | null }[]>`select max(id) as id from runs`;
  return row?.id ?? 0;
}

function filterOf(query: ListQuery, show: Show): RunFilter {
  const status = statusesOf[show];
  return {
    ...(status === null ? {} : { status }),
    ...(query.project_id === undefined ? {} : { project_id: [query.project_id] }),
    ...(query.q === undefined ? {} : { q: query.q }),
  };
}
