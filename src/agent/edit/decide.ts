import type { LineIndex } from './find';
import type { Hunk } from './model';
import type { Fit, Placement } from './place';

export type Numbers = number | null;

/**
 * Decides between several fits of a hunk, by what the patch itself says: as many identical hunks as places, the line
 * number (moved as all its neighbours are), the end of the file, a heading that stands once. Never by what is near.
 */
export function decide(index: LineIndex, hunks: readonly Hunk[], found: readonly Placement[]): Placement[] {
  const done = [...found];
  shareOut(hunks, done);
  const drift = driftOf(hunks, found);
  for (const [at, placement] of done.entries()) {
    const hunk = hunks[at];
    if (placement.kind !== 'ambiguous' || !hunk) continue;
    const numbered = byNumber(hunk, placement.fits, drift);
    const fit = numbered ?? (placement.more > 0 ? null : byHeading(index, hunk, placement.fits));
    if (fit) done[at] = { kind: 'fit', fit };
  }
  return done;
}

/** As many identical hunks as there are places that do not overlap: one each. */
function shareOut(hunks: readonly Hunk[], placements: Placement[]): void {
  const groups = new Map<string, number[]>();
  for (const [at, placement] of placements.entries()) {
    if (placement.kind !== 'ambiguous') continue;
    const key = (hunks[at]?.lines ?? []).map((line) => line.op + line.text).join('\n');
    groups.set(key, [...(groups.get(key) ?? []), at]);
  }
  for (const group of groups.values()) {
    const first = placements[group[0] ?? -1];
    if (
      group.length < 2 ||
      first?.kind !== 'ambiguous' ||
      first.more > 0 ||
      first.fits.length !== group.length
    )
      continue;
    const apart = first.fits.every((fit, at) => at === 0 || fit.at >= (first.fits[at - 1]?.end ?? 0));
    if (!apart) continue;
    for (const [turn, at] of group.entries()) {
      const fit = first.fits[turn];
      if (fit) placements[at] = { kind: 'fit', fit };
    }
  }
}

/** How far off the numbers of the surely placed hunks are; null when they disagree. */
function driftOf(hunks: readonly Hunk[], found: readonly Placement[]): number | null {
  const drifts = new Set<number>();
  for (const [at, placement] of found.entries()) {
    const start = hunks[at]?.start ?? null;
    if (placement.kind === 'fit' && start !== null) drifts.add(placement.fit.at + 1 - start);
  }
  if (drifts.size === 0) return 0;
  return drifts.size === 1 ? ([...drifts][0] ?? null) : null;
}

function byNumber(hunk: Hunk, fits: readonly Fit[], drift: number | null): Fit | null {
  if (hunk.start === null || drift === null) return null;
  const wanted = hunk.start - 1 + drift;
  return fits.find((fit) => fit.at === wanted) ?? null;
}

function byHeading(index: LineIndex, hunk: Hunk, fits: readonly Fit[]): Fit | null {
  let from = 0;
  for (const heading of hunk.headings) {
    const places = headingPlaces(index, heading).filter((place) => place >= from);
    const [place] = places;
    // The first anchor must stand once; the ones in it are looked for after it.
    if (place === undefined || (places.length > 1 && from === 0)) return null;
    from = place + 1;
  }
  if (from === 0) return null;
  const after = fits.filter((fit) => fit.at >= from - 1);
  if (after.length === 1 || (hunk.jump && after.length > 0)) return after[0] ?? null;
  const inside = after.filter((fit) => fit.end <= blockEnd(index.lines, from - 1));
  return inside.length === 1 ? (inside[0] ?? null) : null;
}

/** Whole lines; or their beginning, which is all that git writes of a long one. */
function headingPlaces(index: LineIndex, heading: string): readonly number[] {
  const whole = index.places(heading, 'indentation');
  if (whole.length > 0 || heading.length < 20) return whole;
  const found: number[] = [];
  for (const [at, line] of index.lines.entries()) if (line.trimStart().startsWith(heading)) found.push(at);
  return found;
}

/** One behind the last line that is indented deeper than the line `at`, or closes it. */
function blockEnd(lines: readonly string[], at: number): number {
  const depth = (line: string) => line.length - line.trimStart().length;
  const own = depth(lines[at] ?? '');
  let end = at + 1;
  while (end < lines.length) {
    const line = lines[end] ?? '';
    if (line.trim() !== '' && depth(line) <= own) return /^\s*[})\]]/.test(line) ? end + 1 : end;
    end++;
  }
  return end;
}
