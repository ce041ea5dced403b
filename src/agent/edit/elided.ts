import type { LineIndex } from './find';
import type { KeyTier } from './lines';
import type { Line } from './model';
import type { Fit, Piece } from './place';
import { isElision } from './placeholder';

interface Part {
  lines: Line[];
  old: string[];
  changes: boolean;
}

/**
 * Fits of a hunk with a part left out ("..."): the parts in order, each whole. Where parts with changes could stand
 * in several places, they are all given, as a hunk that is ambiguous.
 */
export function elidedFits(index: LineIndex, lines: Line[]): Fit[] {
  const parts = split(index, lines);
  if (parts.length < 2 || parts.some((part) => part.changes && part.old.length === 0)) return [];
  for (const key of [
    'exact',
    'line ends',
    'trailing space',
    'punctuation',
    'indentation',
    'spaces',
  ] as const) {
    const hits = feasible(
      parts,
      parts.map((part) => index.find(part.old, key)),
    );
    if (hits.some((places) => places.length === 0)) continue;
    const several = hits.find((places, at) => parts[at]?.changes && places.length > 1);
    const chosen = hits.map((places) => places[0] ?? 0);
    if (!several) return [fitOf(parts, chosen, key)];
    const which = hits.indexOf(several);
    return several.slice(0, 100).map((place) => fitOf(parts, chosen.with(which, place), key));
  }
  return [];
}

function split(index: LineIndex, lines: readonly Line[]): Part[] {
  const groups: Line[][] = [[]];
  for (const line of lines) {
    const gap = line.op === ' ' && isElision(line.text) && index.count(line.text, 'spaces') === 0;
    if (gap) groups.push([]);
    else groups.at(-1)?.push(line);
  }
  return groups
    .filter((group) => group.length > 0)
    .map((group) => ({
      lines: group,
      old: group.filter((line) => line.op !== '+').map((line) => line.text),
      changes: group.some((line) => line.op !== ' '),
    }));
}

/** Of each part's places those that leave room for the parts before and after it. */
function feasible(parts: readonly Part[], hits: number[][]): number[][] {
  const done = hits.map((places) => [...places]);
  let low = 0;
  for (const [at, part] of parts.entries()) {
    const from = low;
    done[at] = (done[at] ?? []).filter((place) => place >= from);
    low = (done[at]?.[0] ?? Number.POSITIVE_INFINITY) + part.old.length;
  }
  let high = Number.POSITIVE_INFINITY;
  for (let at = parts.length - 1; at >= 0; at--) {
    const to = high;
    const size = parts[at]?.old.length ?? 0;
    done[at] = (done[at] ?? []).filter((place) => place + size <= to);
    high = done[at]?.at(-1) ?? -1;
  }
  return done;
}

function fitOf(parts: readonly Part[], places: readonly number[], key: KeyTier): Fit {
  const pieces = parts.map((part, turn): Piece => {
    const at = places[turn] ?? 0;
    return { lines: part.lines, spots: part.old.map((_, offset) => at + offset) };
  });
  const last = parts.at(-1)?.old.length ?? 0;
  return { pieces, tier: key, key, at: places[0] ?? 0, end: (places.at(-1) ?? 0) + last };
}
