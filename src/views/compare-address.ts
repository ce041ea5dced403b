import type { GraftPart } from '../../drizzle/schema';

/** What the address of a compare page says. */
export interface CompareQuery {
  /** A position; 0 is the base. */
  from: number;
  to: number;
  split: boolean;
  /** One file alone, and all of its lines. */
  path: string | null;
  /** The variations whose columns are shown; null: all. */
  columns: number[] | null;
  /** What was taken for a graft on `from`. */
  taken: Taken[];
  /** Something was taken for a graft on another start, where hunks have other numbers: that is let go. */
  dropped: boolean;
}

/** A hunk that is taken, or with `hunk` null the whole file. */
export interface Taken {
  variation: number;
  path: string;
  hunk: number | null;
}

/** What may be taken at once, as the API has it. */
const maxTaken = 2000;

/**
 * Reads an address leniently: what is not understood is as if it were not there.
 * @param positions of the run's variations
 * @param first the variation that is shown where none is named
 */
export function readCompareQuery(
  search: URLSearchParams,
  positions: readonly number[],
  first: number,
): CompareQuery {
  const known = (text: string | null) => positions.find((one) => String(one) === text);
  const to = known(search.get('to')) ?? first;
  const from = known(search.get('from')) ?? 0;
  const columns = new Set(search.getAll('show').flatMap((text) => known(text) ?? []));
  const taken = readPicks(search);
  const on = search.get('on');
  const dropped = taken.length > 0 && on !== null && on !== String(from);
  return {
    from,
    to,
    split: search.get('view') === 'split',
    path: search.get('path')?.slice(0, 4096) || null,
    columns: columns.size > 0 && columns.size < positions.length ? [...columns] : null,
    taken: dropped ? [] : taken,
    dropped,
  };
}

/** What the boxes of a page say that are ticked, in a form or an address. A whole file is more than its hunks. */
export function readPicks(form: URLSearchParams): Taken[] {
  const picks = new Map<string, Taken>();
  const whole = new Set<string>();
  for (const value of form.getAll('file').slice(0, maxTaken)) {
    const [, position, name] = /^(\d{1,3}):(.+)$/s.exec(value) ?? [];
    if (position === undefined || name === undefined) continue;
    const pick = { variation: Number(position), path: pathOf(name), hunk: null };
    whole.add(fileValue(pick));
    picks.set(fileValue(pick), pick);
  }
  for (const value of form.getAll('hunk').slice(0, maxTaken)) {
    const [, position, name, hunk] = /^(\d{1,3}):(.+):(\d{1,6})$/s.exec(value) ?? [];
    if (position === undefined || name === undefined) continue;
    const pick = { variation: Number(position), path: pathOf(name), hunk: Number(hunk) };
    if (!whole.has(fileValue(pick))) picks.set(hunkValue(pick), pick);
  }
  return [...picks.values()];
}

/** As the API takes them: one part for each file of each variation. */
export function partsOf(picks: readonly Taken[]): GraftPart[] {
  const parts = new Map<string, GraftPart>();
  for (const pick of picks) {
    const { variation, path, hunk } = pick;
    const part = parts.get(fileValue(pick)) ?? { variation, path, ...(hunk === null ? {} : { hunks: [] }) };
    if (hunk !== null) part.hunks?.push(hunk);
    parts.set(fileValue(pick), part);
  }
  return [...parts.values()];
}

/** What a box says that takes a file. */
export function fileValue({ variation, path }: Omit<Taken, 'hunk'>): string {
  // A form turns every line break into two characters, so that a path with one would not come back as it was.
  return `${variation}:${path.replace(/[%\r\n]/g, encodeURIComponent)}`;
}

/** What a box says that takes a hunk. */
export function hunkValue(pick: Taken): string {
  return `${fileValue(pick)}:${pick.hunk}`;
}

function pathOf(name: string): string {
  return name.replace(/%(?:25|0D|0A)/g, decodeURIComponent);
}

/** The address of a run's compare page, changed in some places; what is taken goes along while its start stays. */
export function compareAddress(run: number, query: CompareQuery, change: Partial<CompareQuery> = {}): string {
  const next = { ...query, path: null, ...change };
  const search = new URLSearchParams({ from: String(next.from), to: String(next.to) });
  if (next.split) search.set('view', 'split');
  if (next.path !== null) search.set('path', next.path);
  for (const column of next.columns ?? []) search.append('show', String(column));
  if (next.from === query.from) {
    for (const pick of next.taken) {
      if (pick.hunk === null) search.append('file', fileValue(pick));
      else search.append('hunk', hunkValue(pick));
    }
  }
  return `/runs/${run}/compare?${search}`;
}
