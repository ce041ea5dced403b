import { isMark, marks, type Pair, reindent } from './indent';
import { type FileText, indentOf } from './lines';
import type { Line } from './model';
import type { Fit, Piece } from './place';

/** Lines that go in before line `at`. */
interface Insert {
  owner: number;
  at: number;
  lines: string[];
  /** The line before it, and after it, is quoted by the same hunk. */
  before: boolean;
  after: boolean;
  /** To be taken character for character. */
  literal: boolean;
}

export type Merged =
  | { ok: true; file: FileText /** The first output line of each hunk, from 0. */; starts: number[] }
  /** Two hunks change the same place. */
  | { ok: false; kind: 'conflict'; first: number; second: number }
  /** How added lines are indented cannot be told. */
  | { ok: false; kind: 'indentation'; first: number };

/**
 * Carries out placed hunks on one file, all against its original lines. Lines that are not changed keep their bytes;
 * new ones get the file's line ends and indentation; a byte order mark and the final newline stay as they are unless
 * the patch says otherwise and knows how they were. The same hunk placed twice is carried out once.
 */
export function merge(file: FileText, fits: readonly Fit[]): Merged {
  const removed = new Map<number, number>();
  const inserts = new Map<number, Insert[]>();
  const seen = new Set<string>();
  for (const [owner, fit] of fits.entries()) {
    const key = JSON.stringify(
      fit.pieces.map((piece) => [piece.spots, piece.lines.map((line) => line.op + line.text)]),
    );
    if (seen.has(key)) continue;
    seen.add(key);
    const pairs = fit.tier === 'indentation' || fit.key === 'spaces' ? pairsOf(file, fit) : [];
    const only = fit.pieces.every((piece) => piece.lines.every((line) => line.op !== '-'));
    for (const piece of fit.pieces) {
      for (const insert of changes(piece, owner, fit.tier === 'exact', removed)) {
        if (typeof insert === 'number') return { ok: false, kind: 'conflict', first: insert, second: owner };
        const lines =
          only &&
          isMark(pairs) &&
          marks(
            insert.lines,
            pairs.map(([, own]) => own),
          ) !== 'kept'
            ? null
            : (reindent(insert.lines, pairs) ?? likeRemoved(file, insert, removed, owner));
        if (!lines) return { ok: false, kind: 'indentation', first: owner };
        inserts.set(insert.at, [...(inserts.get(insert.at) ?? []), { ...insert, lines }]);
      }
    }
  }
  for (const group of inserts.values()) {
    const clash = order(group);
    if (clash) return { ok: false, kind: 'conflict', ...clash };
  }
  const clash = within(inserts, removed);
  if (clash) return { ok: false, kind: 'conflict', ...clash };
  return assemble(file, fits, removed, inserts);
}

function pairsOf(file: FileText, fit: Fit): Pair[] {
  return fit.pieces.flatMap(({ lines, spots }) =>
    lines
      .filter((line) => line.op !== '+')
      .flatMap((line, at): Pair[] => {
        const own = file.lines[spots[at] ?? -1];
        return own === undefined || line.text.trim() === '' ? [] : [[indentOf(line.text), indentOf(own)]];
      }),
  );
}

/** A piece's additions; its removals go into `removed`. A number when another hunk, that one, removes the same line. */
function changes(
  piece: Piece,
  owner: number,
  literal: boolean,
  removed: Map<number, number>,
): (Insert | number)[] {
  const done: (Insert | number)[] = [];
  let cursor: number | null = null;
  let run: string[] = [];
  let old = 0;
  const flush = (next: number | null) => {
    const at = cursor ?? next ?? 0;
    if (run.length > 0)
      done.push({ owner, at, lines: run, before: cursor !== null, after: next !== null, literal });
    run = [];
  };
  for (const line of piece.lines) {
    if (line.op === '+') {
      run.push(line.text);
      continue;
    }
    const spot = piece.spots[old++] ?? null;
    if (spot === null) continue;
    flush(spot);
    if (line.op === '-') {
      const other = removed.get(spot);
      if (other !== undefined && other !== owner) done.push(other);
      removed.set(spot, owner);
    }
    cursor = spot + 1;
  }
  flush(null);
  return done;
}

/** As many lines in as were taken out just before: each is indented as the one in its place was. */
function likeRemoved(
  file: FileText,
  insert: Insert,
  removed: Map<number, number>,
  owner: number,
): string[] | null {
  const from = insert.at - insert.lines.length;
  const out = insert.lines.map((_, turn) => from + turn);
  if (!out.every((at) => removed.get(at) === owner) || removed.get(from - 1) === owner) return null;
  return insert.lines.map((line, turn) =>
    line.trim() === '' ? line : indentOf(file.lines[from + turn] ?? '') + line.slice(indentOf(line).length),
  );
}

/** Additions of several hunks in one place: only what closes one quotation and opens the next has an order. */
function order(group: Insert[]): { first: number; second: number } | null {
  const [one, two] = group;
  if (!one || !two) return null;
  const fits = (a: Insert, b: Insert) => a.before && !a.after && b.after && !b.before;
  if (group.length === 2 && fits(one, two)) return null;
  if (group.length === 2 && fits(two, one)) {
    group.reverse();
    return null;
  }
  return { first: one.owner, second: two.owner };
}

/** Additions in the midst of what another hunk removes. */
function within(
  inserts: Map<number, Insert[]>,
  removed: Map<number, number>,
): { first: number; second: number } | null {
  for (const [at, group] of inserts) {
    const other = removed.get(at - 1);
    if (other === undefined || removed.get(at) !== other) continue;
    const foreign = group.find((insert) => insert.owner !== other);
    if (foreign) return { first: other, second: foreign.owner };
  }
  return null;
}

function assemble(
  file: FileText,
  fits: readonly Fit[],
  removed: Map<number, number>,
  inserts: Map<number, Insert[]>,
): Merged {
  const out: string[] = [];
  const starts = fits.map(() => -1);
  const returns = returnsOf(file);
  const mark = file.lines[0]?.startsWith('\ufeff') ?? false;
  const first = removed.get(0);
  let moveMark = mark && first !== undefined && fits[first]?.tier !== 'exact';
  /** Where the file's last line went; the last line of all, if it is ours. */
  let lastAt = -1;
  let ownEnd = false;
  for (let at = 0; at <= file.lines.length; at++) {
    for (const insert of inserts.get(at) ?? []) {
      if (mark && !insert.literal && at === 0) moveMark = true;
      if (starts[insert.owner] === -1) starts[insert.owner] = out.length;
      const crlf = returns(at);
      for (const line of insert.lines) out.push(insert.literal ? line : withEnd(line, crlf));
      ownEnd = !insert.literal;
    }
    const owner = removed.get(at);
    if (owner !== undefined && starts[owner] === -1) starts[owner] = out.length;
    if (owner !== undefined || at >= file.lines.length) continue;
    if (at === file.lines.length - 1) lastAt = out.length;
    out.push(file.lines[at] ?? '');
    ownEnd = false;
  }
  if (moveMark) remark(out, file.lines[0] ?? '', removed.has(0));
  const ended = out.length === 0 || endOf(file, fits);
  const end = out.length - 1;
  // A last line without a line feed has no carriage return either; a line that is no longer the last has both.
  if (ownEnd && !ended) out[end] = withEnd(out[end] ?? '', false);
  if (ownEnd && !file.ended && lastAt !== -1 && lastAt < end)
    out[lastAt] = withEnd(out[lastAt] ?? '', returns(file.lines.length));
  return { ok: true, file: { lines: out, ended }, starts };
}

/** The mark is the file's first character whatever line comes first. */
function remark(out: string[], first: string, gone: boolean): void {
  const at = gone ? -1 : out.indexOf(first);
  if (at !== -1) out[at] = first.slice(1);
  if (out[0] !== undefined) out[0] = `\ufeff${out[0].replace(/^\ufeff/, '')}`;
}

/** Whether lines at a place end with a carriage return too: all of the file, or the neighbour when it is mixed. */
function returnsOf(file: FileText): (at: number) => boolean {
  const counted = file.ended ? file.lines : file.lines.slice(0, -1);
  let returns = 0;
  for (const line of counted) if (line.endsWith('\r')) returns++;
  if (returns === 0 || returns === counted.length) return () => returns > 0;
  return (at) => (counted[at - 1] ?? counted[at] ?? '').endsWith('\r');
}

export function withEnd(line: string, crlf: boolean): string {
  const bare = line.endsWith('\r') ? line.slice(0, -1) : line;
  return crlf ? `${bare}\r` : bare;
}

/** Whether the last line ends with a line feed: as before, unless a hunk at the end knew that and says otherwise. */
function endOf(file: FileText, fits: readonly Fit[]): boolean {
  for (const { pieces } of fits) {
    const piece = pieces.at(-1);
    if (!piece || (piece.spots.at(-1) ?? -1) !== file.lines.length - 1) continue;
    const old = last(piece.lines, '+');
    const fresh = last(piece.lines, '-');
    if (piece.lines.every((line) => line.op === ' ') || (old?.unended ?? false) === file.ended) continue;
    return !(fresh?.unended ?? false);
  }
  return file.ended;
}

function last(lines: readonly Line[], except: '+' | '-'): Line | undefined {
  return lines.findLast((line) => line.op !== except);
}
