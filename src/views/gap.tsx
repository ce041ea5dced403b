import { Html } from '@kitajs/html';
import { type CompareQuery, compareAddress } from './compare-address';
import type { Row } from './diff';
import { splitRows, unifiedRows } from './diffrows';
import { plural } from './format';

/** Lines that both sides have and that are folded away. */
export interface Gap {
  path: string;
  /** The first one's number, on the left and on the right. */
  old: number;
  now: number;
  count: number;
  /** Nothing comes after it. */
  toEnd: boolean;
}

/** What unfolds lines around changes: fetched into their place, or on a page with the whole file without script. */
export function GapRow({ run, query, gap }: { run: number; query: CompareQuery; gap: Gap }) {
  const { path, old, now, count, toEnd } = gap;
  const search = new URLSearchParams({ to: String(query.to), path, old: String(old), now: String(now) });
  search.set('count', String(count));
  if (query.split) search.set('view', 'split');
  if (toEnd) search.set('end', '1');
  return (
    <tbody>
      <tr class="gap">
        <td colspan={columnsOf(query)}>
          <a
            href={Html.escapeHtml(compareAddress(run, query, { path }))}
            hx-get={Html.escapeHtml(`/runs/${run}/compare/lines?${search}`)}
            hx-target="closest tbody"
            hx-swap="outerHTML"
            safe
          >
            {`Show ${plural(count, 'line')}${toEnd ? ' to the end' : ''}`}
          </a>
        </td>
      </tr>
    </tbody>
  );
}

/** A gap that is asked for, as its address says; null for nonsense. */
export function readGap(search: URLSearchParams): Gap | null {
  const [old, now, count] = ['old', 'now', 'count'].map((name) => {
    const text = search.get(name) ?? '';
    return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null;
  });
  const path = search.get('path') ?? '';
  if (!old || !now || !count || path === '' || path.length > 4096) return null;
  return { path, old, now, count, toEnd: search.get('end') === '1' };
}

/** The lines of a gap in its place; where they are not all, what is left of it after them. */
export function GapLines({
  run,
  query,
  gap,
  lines,
}: {
  run: number;
  query: CompareQuery;
  gap: Gap;
  lines: readonly string[];
}) {
  const rows = lines.slice(0, gap.count).map((text, i): Row => {
    return { kind: 'same', old: gap.old + i, now: gap.now + i, text };
  });
  const left = gap.count - rows.length;
  const rest = { ...gap, old: gap.old + rows.length, now: gap.now + rows.length, count: left };
  return (
    <>
      <tbody>{(query.split ? splitRows(rows, gap.path) : unifiedRows(rows, gap.path)) as 'safe'}</tbody>
      {left > 0 && rows.length > 0 ? <GapRow run={run} query={query} gap={rest} /> : ''}
    </>
  );
}

/** Columns of a diff's table. */
export function columnsOf({ split }: Pick<CompareQuery, 'split'>): number {
  return split ? 4 : 3;
}
