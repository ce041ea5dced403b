import { contextFits } from './context';
import { decide, type Numbers } from './decide';
import { elidedFits } from './elided';
import type { LineIndex } from './find';
import type { KeyTier } from './lines';
import type { Hunk, Line, Tier } from './model';
import { readings, withoutEdges } from './readings';

/** Where a part of a hunk stands: for each line that is no addition its line in the file, from 0. */
export interface Piece {
  lines: Line[];
  /** In the order of the old lines; null for context that is not in the file as it was quoted. */
  spots: (number | null)[];
}

export interface Fit {
  pieces: Piece[];
  tier: Tier;
  /** What was compared of each line. */
  key: KeyTier;
  /** The first file line of the first old line, from 0, as well as it is known. */
  at: number;
  /** One behind the last file line. */
  end: number;
}

export type Placement =
  | { kind: 'fit'; fit: Fit }
  /** The new lines are there, at this line. */
  | { kind: 'already'; at: number }
  /** `more`: places that are not among the fits, which are then too many to tell apart but by their number. */
  | { kind: 'ambiguous'; fits: Fit[]; more: number }
  | { kind: 'unanchored' }
  | { kind: 'nothing' }
  | { kind: 'none' };

const keyTiers: KeyTier[] = ['exact', 'line ends', 'trailing space', 'punctuation', 'indentation', 'spaces'];

/** Where each hunk stands in a file, each found on its own against the same lines; then the ambiguous ones decided. */
export function placeAll(index: LineIndex, hunks: readonly Hunk[]): Placement[] {
  const found = hunks.map((hunk) => placeOne(index, hunk));
  const decided = decide(index, hunks, found);
  if (!decided.some((placement) => placement.kind === 'already')) return decided;
  // Where some were applied before, one whose new lines are there too was as well; its old lines stand elsewhere.
  return decided.map((placement, at) => {
    const hunk = hunks[at];
    const [plain] = hunk ? readings(hunk) : [];
    if (placement.kind !== 'fit' || !hunk || !plain || placement.fit.at + 1 === hunk.start) return placement;
    return applied(index, hunk, plain, null) ?? placement;
  });
}

/** By the first tier with a hit. More than one hit is `ambiguous` here; `decide` knows more. */
export function placeOne(index: LineIndex, hunk: Hunk, numbers: Numbers = null): Placement {
  const ways = readings(hunk);
  const [plain] = ways;
  if (!plain || plain.every((line) => line.op === ' ')) return { kind: 'nothing' };
  if (ways.every((lines) => unanchored(index, hunk, lines))) return { kind: 'unanchored' };
  if (index.lines.length === 0) return onEmpty(plain);
  return (
    wholly(index, hunk, ways, numbers) ??
    wholly(
      index,
      hunk,
      ways.map(withoutEdges).filter((lines) => lines !== null),
      numbers,
    ) ??
    partly(index, ways) ?? { kind: 'none' }
  );
}

/** All old lines stand there as quoted, by the first tier that has a place; or the new ones do. */
function wholly(index: LineIndex, hunk: Hunk, ways: Line[][], numbers: Numbers): Placement | null {
  const [plain] = ways;
  if (!plain) return null;
  for (const tier of keyTiers) {
    for (const lines of ways) {
      const fits = tailFits(index, hunk, lines, tier) ?? wholeFits(index, hunk, lines, tier);
      if (fits.length === 0) continue;
      const there = fits.find((fit) => repeated(index, fit));
      if (there && fits.length === 1) return { kind: 'already', at: there.at };
      if (fits.length === 1) return movedAlready(index, hunk, lines, fits) ?? placed(fits);
      return placed(fits);
    }
    if (tier === 'line ends') {
      const already = applied(index, hunk, plain, numbers);
      if (already) return already;
    }
  }
  return null;
}

/** With a part left out, or with errors in the context. */
function partly(index: LineIndex, ways: Line[][]): Placement | null {
  for (const find of [elidedFits, contextFits]) {
    for (const lines of ways) {
      const fits = find(index, lines);
      if (fits.length > 0) return placed(fits);
    }
  }
  return null;
}

function placed(fits: Fit[]): Placement {
  const [fit] = fits;
  return fit && fits.length === 1
    ? { kind: 'fit', fit }
    : { kind: 'ambiguous', fits, more: fits.length >= maxFits ? 1 : 0 };
}

/** Additions without any line that says where; only an empty file, or its end where the patch names it, has one place. */
function unanchored(index: LineIndex, hunk: Hunk, lines: readonly Line[]): boolean {
  return index.lines.length > 0 && !hunk.atEnd && lines.every((line) => line.op === '+');
}

function onEmpty(lines: Line[]): Placement {
  if (lines.some((line) => line.op !== '+')) return { kind: 'none' };
  return { kind: 'fit', fit: { pieces: [{ lines, spots: [] }], tier: 'exact', key: 'exact', at: 0, end: 0 } };
}

/** Places of one hunk that are kept: those are told to the model, and it has no use for more. */
const maxFits = 100;

function wholeFits(index: LineIndex, { start }: Hunk, lines: Line[], tier: KeyTier): Fit[] {
  const old = oldLines(lines);
  const places = index.find(old, tier);
  const kept =
    places.length <= maxFits ? places : places.filter((at, turn) => turn < maxFits || at + 1 === start);
  return kept.map((at) => fitAt(lines, old.length, at, tier));
}

/** Hunks that say they end the file stand nowhere else. Null for others. */
function tailFits(index: LineIndex, hunk: Hunk, lines: Line[], tier: KeyTier): Fit[] | null {
  if (!hunk.atEnd) return null;
  const old = oldLines(lines);
  const at = index.lines.length - old.length;
  const fits = at >= 0 && old.every((line, offset) => index.same(at + offset, line, tier));
  return fits ? [fitAt(lines, old.length, at, tier)] : null;
}

function fitAt(lines: Line[], length: number, at: number, tier: KeyTier): Fit {
  const spots = Array.from({ length }, (_, offset) => at + offset);
  return { pieces: [{ lines, spots }], tier, key: tier, at, end: at + length };
}

export function oldLines(lines: readonly Line[]): string[] {
  return lines.filter((line) => line.op !== '+').map((line) => line.text);
}

export function newLines(lines: readonly Line[]): string[] {
  return lines.filter((line) => line.op !== '-').map((line) => line.text);
}

/** Additions at a hunk's open end, whose lines follow there (or precede) already. */
function repeated(index: LineIndex, { pieces: [piece], at, end, key }: Fit): boolean {
  if (!piece || piece.lines.some((line) => line.op === '-')) return false;
  const fresh = newLines(piece.lines);
  const matches = (from: number) =>
    from >= 0 && fresh.every((line, offset) => index.same(from + offset, line, key));
  const added = piece.lines.filter((line) => line.op === '+');
  if (!added.some((line) => /\w/.test(line.text))) return false;
  return (
    (piece.lines.at(-1)?.op === '+' && matches(at)) ||
    (piece.lines[0]?.op === '+' && matches(end - fresh.length))
  );
}

/** Found once, but not where its number says, and there the new lines stand: it was applied there before. */
function movedAlready(index: LineIndex, hunk: Hunk, lines: readonly Line[], [fit]: Fit[]): Placement | null {
  if (hunk.start === null || !fit || fit.at === hunk.start - 1) return null;
  const fresh = newLines(lines);
  if (fresh.length < 2 || !lines.some((line) => line.op === '+')) return null;
  const from = hunk.start - 1;
  return fresh.every((line, offset) => index.same(from + offset, line, 'line ends'))
    ? { kind: 'already', at: from }
    : null;
}

/** The old lines are nowhere; the new ones are, in one place or where the number says. */
function applied(index: LineIndex, hunk: Hunk, lines: readonly Line[], numbers: Numbers): Placement | null {
  const fresh = newLines(lines);
  const added = lines.filter((line) => line.op === '+').map((line) => line.text);
  const telling = added.join('').replace(/\W/g, '').length >= 4;
  const between = lines[0]?.op === ' ' && lines.at(-1)?.op === ' ';
  if (!telling && !(between && fresh.length >= 2)) return null;
  const places = index.find(fresh, 'line ends');
  const at = places.length === 1 ? places[0] : places.find((place) => place + 1 === (numbers ?? hunk.start));
  return at === undefined ? null : { kind: 'already', at };
}
