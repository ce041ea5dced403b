import type { LineIndex } from './find';
import type { KeyTier } from './lines';
import type { Line } from './model';
import type { Fit } from './place';

/** Old lines that must be there (removed, quoted, or next to a change), in a row; `from` counts the old lines. */
interface Core {
  from: number;
  lines: string[];
}

/** Cores that are looked at; more are no evidence. */
const maxPlaces = 2000;

/**
 * Fits where the context has errors: a line misquoted or left out. What is removed and what is next to a change must
 * be there, in a row; of the rest, two thirds (and all but one of a few).
 */
export function contextFits(index: LineIndex, lines: Line[]): Fit[] {
  const old = lines.filter((line) => line.op !== '+');
  const cores = coresOf(lines);
  const loose = old.length - cores.reduce((sum, core) => sum + core.lines.length, 0);
  const [first] = cores;
  if (!first || loose === 0 || !telling(cores)) return [];
  for (const key of ['trailing space', 'spaces'] as const) {
    const allowed = Math.max(1, Math.floor(loose / 3));
    const places = index.find(first.lines, key);
    if (places.length > maxPlaces) continue;
    const fits = places.flatMap((place) => follow(index, key, old, cores, place, allowed) ?? []);
    if (fits.length === 0) continue;
    const texts = old.map((line) => line.text);
    if (fits.some((fit) => rivalled(index, key, texts, fit.spots))) return [];
    return fits.map((fit) => ({ ...fit, pieces: [{ lines, spots: fit.spots }] }));
  }
  return [];
}

/** Another place has as many of the old lines: the hunk may have been meant for it, before it was changed there. */
function rivalled(
  index: LineIndex,
  key: KeyTier,
  old: readonly string[],
  spots: readonly (number | null)[],
): boolean {
  const own = spots.filter((spot) => spot !== null);
  const [first = 0, last = 0] = [own[0], own.at(-1)];
  const votes = new Map<number, number>();
  for (const [offset, line] of old.entries()) {
    if (line.trim() === '' || index.count(line, key) > 100) continue;
    for (const place of index.places(line, key)) {
      if (place >= first - 1 && place <= last + 1) continue;
      votes.set(place - offset, (votes.get(place - offset) ?? 0) + 1);
    }
  }
  const there = spots.filter((spot, at) => spot !== null && old[at]?.trim() !== '').length;
  return [...votes.values()].some((count) => count >= there);
}

function coresOf(lines: readonly Line[]): Core[] {
  const strict: boolean[] = [];
  const text: string[] = [];
  let afterAdded = false;
  for (const [at, line] of lines.entries()) {
    if (line.op === '+') {
      // The old line before it.
      if (strict.length > 0) strict[strict.length - 1] = true;
      afterAdded = true;
      continue;
    }
    const next = lines[at + 1]?.op;
    const beside = afterAdded || next === '-' || next === '+' || lines[at - 1]?.op === '-';
    strict.push(line.op === '-' || line.quoted === true || beside);
    text.push(line.text);
    afterAdded = false;
  }
  const cores: Core[] = [];
  for (const [at, isStrict] of strict.entries()) {
    if (!isStrict) continue;
    const last = cores.at(-1);
    if (last && last.from + last.lines.length === at) last.lines.push(text[at] ?? '');
    else cores.push({ from: at, lines: [text[at] ?? ''] });
  }
  return cores;
}

function telling(cores: readonly Core[]): boolean {
  return (
    cores
      .flatMap((core) => core.lines)
      .join('')
      .replace(/\W/g, '').length >= 8
  );
}

/** The fit whose first core stands at `place`, if the other cores follow and enough of the context is there. */
function follow(
  index: LineIndex,
  key: KeyTier,
  old: readonly Line[],
  cores: readonly Core[],
  place: number,
  allowed: number,
): (Omit<Fit, 'pieces'> & { spots: (number | null)[] }) | null {
  const spots: (number | null)[] = old.map(() => null);
  let errors = 0;
  let from = 0;
  let fileFrom = -1;
  for (const [turn, core] of cores.entries()) {
    const between = core.from - from;
    const at = turn === 0 ? place : next(index, key, core, fileFrom, between);
    if (at === -1) return null;
    const window = turn === 0 ? [Math.max(0, at - between - 2), at] : [fileFrom, at];
    errors += align(index, key, old, from, core.from, window, spots, turn === 0 ? 'end' : 'both');
    for (let offset = 0; offset < core.lines.length; offset++) spots[core.from + offset] = at + offset;
    from = core.from + core.lines.length;
    fileFrom = at + core.lines.length;
  }
  const tail = old.length - from;
  errors += align(
    index,
    key,
    old,
    from,
    old.length,
    [fileFrom, Math.min(index.lines.length, fileFrom + tail + 2)],
    spots,
    'start',
  );
  if (errors > allowed) return null;
  const first = place - (cores[0]?.from ?? 0);
  return { spots, tier: 'context', key, at: first, end: fileFrom + tail };
}

/** Where the next core stands, two lines more or fewer behind the last one than quoted; -1 when nowhere or twice. */
function next(index: LineIndex, key: KeyTier, core: Core, from: number, between: number): number {
  const found: number[] = [];
  for (let at = from + Math.max(0, between - 2); at <= from + between + 2; at++) {
    if (core.lines.every((line, offset) => index.same(at + offset, line, key))) found.push(at);
  }
  return found.length === 1 ? (found[0] ?? -1) : -1;
}

/** Finds the loose lines in order within the window; says how many are not there, or are there beside them. */
function align(
  index: LineIndex,
  key: KeyTier,
  old: readonly Line[],
  from: number,
  to: number,
  [low = 0, high = 0]: number[],
  spots: (number | null)[],
  side: 'start' | 'end' | 'both',
): number {
  const wanted = to - from;
  const width = high - low + 1;
  // Longest common subsequence; both sides are a hunk's context, so it is small.
  const best = new Uint16Array((wanted + 1) * width);
  const cell = (i: number, j: number) => best[i * width + j] ?? 0;
  const same = (i: number, j: number) => index.same(low + j, old[from + i]?.text ?? '', key);
  if (wanted * width > 1_000_000) return wanted;
  for (let i = wanted - 1; i >= 0; i--)
    for (let j = width - 2; j >= 0; j--)
      best[i * width + j] = same(i, j) ? cell(i + 1, j + 1) + 1 : Math.max(cell(i + 1, j), cell(i, j + 1));
  const matched = cell(0, 0);
  for (let i = 0, j = 0; i < wanted && j < width - 1; ) {
    if (same(i, j) && cell(i, j) === cell(i + 1, j + 1) + 1) spots[from + i++] = low + j++;
    else if (cell(i + 1, j) >= cell(i, j + 1)) i++;
    else j++;
  }
  const extra = side === 'both' ? Math.max(0, width - 1 - wanted) : 0;
  return wanted - matched + extra;
}
