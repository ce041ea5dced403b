import type { Row } from './diff';
import { type Painter, painterFor } from './highlight';
import { type Range, wordDiff } from './word-diff';

/** What comes right after a row, as safe HTML of whole rows; empty for nothing. */
export type After = (row: Row) => string;

/** Rows of a table with both numbers and one text. Each side has its own painter: a comment opened in a removed line is not open in the new one. */
export function unifiedRows(rows: readonly Row[], path: string, after: After = () => ''): string {
  const paint = painters(rows, path);
  return rows
    .map((row, i) => {
      const side = row.kind === 'same' ? '' : ` class="${row.kind}"`;
      const text = row.kind === 'del' ? paint(i).before : paint(i).after;
      return `<tr${side}><td>${row.old ?? ''}</td><td>${row.now ?? ''}</td><td><code>${text}</code></td></tr>${after(row)}`;
    })
    .join('\n');
}

/** Rows of a table with the old text on the left and the new on the right; what replaces a line stands beside it. */
export function splitRows(rows: readonly Row[], path: string, after: After = () => ''): string {
  const paint = painters(rows, path);
  const painted = rows.map((row, i) => ({ row, ...paint(i) }));
  const out: string[] = [];
  for (let i = 0; i < painted.length; ) {
    const { dels, adds, end } = changeAt(rows, i);
    if (end === i) {
      const [both] = painted.slice(i, i + 1);
      if (both)
        out.push(splitRow(both.row.old, both.before, both.row.now, both.after, false), after(both.row));
      i += 1;
      continue;
    }
    for (let k = 0; k < Math.max(dels, adds); k++) {
      const left = k < dels ? painted[i + k] : undefined;
      const right = k < adds ? painted[i + dels + k] : undefined;
      out.push(splitRow(left?.row.old, left?.before, right?.row.now, right?.after, true));
      if (left) out.push(after(left.row));
      if (right) out.push(after(right.row));
    }
    i = end;
  }
  return out.filter(Boolean).join('\n');
}

function splitRow(
  old: number | null | undefined,
  before: string | undefined,
  now: number | null | undefined,
  after: string | undefined,
  changed: boolean,
): string {
  const half = (line: number | null | undefined, text: string | undefined, side: string) =>
    text === undefined
      ? '<td></td><td></td>'
      : `<td>${line ?? ''}</td><td${changed ? ` class="${side}"` : ''}><code>${text}</code></td>`;
  return `<tr>${half(old, before, 'del')}${half(now, after, 'add')}</tr>`;
}

/** The texts of rows in order, as safe HTML; the side that a row does not have is empty. */
function painters(rows: readonly Row[], path: string): (i: number) => { before: string; after: string } {
  const [before, after]: [Painter, Painter] = [painterFor(path), painterFor(path)];
  const marks = marksOf(rows);
  const painted = rows.map((row, i) => {
    const end = row.open ? '<small class="muted"> no line break at the end</small>' : '';
    return {
      before: row.kind === 'add' ? '' : `${before(row.text, marks.get(i) ?? [], 'del')}${end}`,
      after: row.kind === 'del' ? '' : `${after(row.text, marks.get(i) ?? [], 'ins')}${end}`,
    };
  });
  return (i) => painted[i] ?? { before: '', after: '' };
}

/** Removed lines from here on, and the added ones that follow them. */
function changeAt(rows: readonly Row[], at: number): { dels: number; adds: number; end: number } {
  let dels = 0;
  while (rows[at + dels]?.kind === 'del') dels++;
  let adds = 0;
  while (rows[at + dels + adds]?.kind === 'add') adds++;
  return { dels, adds, end: at + dels + adds };
}

/** Words that changed, where removed lines are followed by as many added ones, or nearly. */
function marksOf(rows: readonly Row[]): Map<number, readonly Range[]> {
  const marks = new Map<number, readonly Range[]>();
  for (let i = 0; i < rows.length; ) {
    const { dels, adds, end } = changeAt(rows, i);
    for (let k = 0; k < Math.min(dels, adds); k++) {
      const pair = wordDiff(rows[i + k]?.text ?? '', rows[i + dels + k]?.text ?? '');
      if (!pair) continue;
      marks.set(i + k, pair.removed);
      marks.set(i + dels + k, pair.added);
    }
    i = Math.max(end, i + 1);
  }
  return marks;
}
