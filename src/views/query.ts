import { type RunStatus, runStatuses } from '../../drizzle/schema';

/** What the address of the list says. */
export interface ListQuery {
  show: Show;
  project_id?: number | undefined;
  sort: Sort;
  q?: string | undefined;
  cursor?: string | undefined;
}

export const shows = ['all', 'live', 'waiting', 'completed', 'review', 'failed', 'stopped'] as const;
export type Show = (typeof shows)[number];
export const sorts = ['live', 'newest', 'priority'] as const;
export type Sort = (typeof sorts)[number];

/** The statuses behind each filter; null is every one. */
export const statusesOf: Record<Show, readonly RunStatus[] | null> = {
  all: null,
  live: runStatuses.filter((status) =>
    ['pending', 'queued', 'running', 'paused', 'awaiting_approval'].includes(status),
  ),
  waiting: ['awaiting_approval'],
  completed: ['completed'],
  review: ['needs_review'],
  failed: ['failed'],
  stopped: ['stopped'],
};

/** Reads an address leniently: what is not understood is as if it were not there. */
export function readQuery(search: URLSearchParams): ListQuery {
  const project = Number(search.get('project_id'));
  return {
    show: shows.find((show) => show === search.get('show')) ?? 'all',
    project_id: Number.isSafeInteger(project) && project > 0 && project < 2 ** 31 ? project : undefined,
    sort: sorts.find((sort) => sort === search.get('sort')) ?? 'live',
    q: search.get('q')?.trim().slice(0, 200) || undefined,
    cursor: search.get('cursor') || undefined,
  };
}

/** The address of a list, changed in some places; a change of filter goes back to its first page. */
export function queryString(query: ListQuery, change: Partial<ListQuery>, path = '/'): string {
  const next = { ...query, cursor: undefined, ...change };
  const search = new URLSearchParams();
  if (next.show !== 'all') search.set('show', next.show);
  if (next.project_id !== undefined) search.set('project_id', String(next.project_id));
  if (next.sort !== 'live') search.set('sort', next.sort);
  if (next.q !== undefined) search.set('q', next.q);
  if (next.cursor !== undefined) search.set('cursor', next.cursor);
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Whether other filters than that of the status hide runs. */
export function isFiltered(query: ListQuery): boolean {
  return query.q !== undefined || query.project_id !== undefined;
}
