import { EditError, region, shown } from './errors';
import type { LineIndex } from './find';
import { keyOf } from './lines';
import type { Hunk } from './model';
import { type Fit, newLines, oldLines, type Placement } from './place';
import { readings } from './readings';

export interface Where {
  path: string;
  /** "hunk" or "block", its number from 1, and how many the file has. */
  word: string;
  number: number;
  of: number;
}

/** The refusal of a hunk that has no one place: what differs where, or all the places, and what to do next. */
export function refusal(index: LineIndex, hunk: Hunk, placement: Placement, where: Where): EditError {
  const { path } = where;
  switch (placement.kind) {
    case 'ambiguous':
      return new EditError('ambiguous', ambiguous(index, placement.fits, where), path);
    case 'unanchored':
      return new EditError(
        'unanchored',
        `${intro(where)} only adds lines and quotes none of the file, so where they go is not said. Nothing was changed. Quote a few of the lines around the place, and send the whole patch again.`,
        path,
      );
    default:
      return new EditError('not_found', notFound(index, hunk, where), path);
  }
}

export function intro({ path, word, number, of }: Where): string {
  return of === 1 ? `${path}: the ${word}` : `${path}: ${word} ${number} of ${of}`;
}

function ambiguous(index: LineIndex, fits: readonly Fit[], where: Where): string {
  const places = fits.map((fit) => {
    const spots = fit.pieces.flatMap((piece) => piece.spots).filter((spot) => spot !== null);
    const [first = 0, last = first] = [spots[0], spots.at(-1)];
    return first === last ? `${first + 1}` : `${first + 1}–${last + 1}`;
  });
  const more = places.length > 40 ? ` and ${places.length - 40} more` : '';
  const before = fits.slice(0, 5).map((fit) => {
    const at = Math.max(0, fit.at - 2);
    return region(index.lines, at + 1, fit.at + 1);
  });
  return [
    `${intro(where)} fits in ${places.length}${places.length >= 100 ? ' or more' : ''} places: lines ${places.slice(0, 40).join(', ')}${more}. Nothing was changed.`,
    ...before.map((text, turn) => `Place ${turn + 1}:\n${text}`),
    `Quote more of what is around the one you mean, until it stands in one place only, and send the whole patch again.`,
  ].join('\n');
}

function notFound(index: LineIndex, hunk: Hunk, where: Where): string {
  const [plain = []] = readings(hunk);
  const old = oldLines(plain);
  const start = `${intro(where)} does not fit. Nothing was changed.`;
  const next = 'Quote the lines as they are in the file now, and send the whole patch again.';
  if (index.lines.length === 0) return `${start} The file is empty. Send its whole content as added lines.`;
  const at = closest(index, old, hunk.start);
  if (at === null) {
    const line = old.find((text) => text.trim() !== '') ?? old[0] ?? '';
    return `${start}\n  patch: ${shown(line)}\n  file:  nothing in its ${index.lines.length} lines is like it\nRead the file again (is it the right one?), and send the whole patch again.`;
  }
  const differing = old.findIndex((line, offset) => !index.same(at + offset, line, 'spaces'));
  const offset = differing === -1 ? 0 : differing;
  const own = index.lines[at + offset];
  const done =
    newLines(plain).length > 0 &&
    newLines(plain).every((line, turn) => index.same(at + turn, line, 'spaces'));
  return [
    start,
    'The first line that differs:',
    `  patch: ${shown(old[offset] ?? '')}`,
    own === undefined || at + offset < 0
      ? '  file:  (no line there)'
      : `  file:  ${at + offset + 1}: ${shown(own)}`,
    `The closest place, lines ${Math.max(1, at + 1)}–${Math.min(index.lines.length, at + old.length)}:`,
    region(index.lines, Math.max(1, at + 1), Math.min(index.lines.length, at + old.length)),
    done ? 'It looks as if the change was already applied there.' : '',
    next,
  ]
    .filter((line) => line !== '')
    .join('\n');
}

/** Where most of the lines are, by votes of the rare ones; else where the line most like the first telling one is. */
function closest(index: LineIndex, old: readonly string[], start: number | null): number | null {
  const votes = new Map<number, number>();
  for (const [offset, line] of old.slice(0, 400).entries()) {
    if (line.trim() === '') continue;
    if (index.count(line, 'spaces') > 100) continue;
    const places = index.places(line, 'spaces');
    const weight = (/\w{3}/.test(line) ? 10 : 1) / Math.max(1, places.length);
    for (const place of places) votes.set(place - offset, (votes.get(place - offset) ?? 0) + weight);
  }
  let best: { at: number; score: number } | null = null;
  for (const [at, score] of votes) {
    const near = start === null ? 0 : 0.001 / (1 + Math.abs(at + 1 - start));
    if (!best || score + near > best.score) best = { at, score: score + near };
  }
  if (best && best.score >= 1) return best.at;
  return alike(index, old) ?? best?.at ?? null;
}

function alike(index: LineIndex, old: readonly string[]): number | null {
  const offset = old.findIndex((line) => /\w{3}/.test(line));
  const probe = pairsOf(keyOf((old[offset] ?? '').slice(0, 400), 'spaces'));
  if (offset === -1 || probe.size === 0) return null;
  let best = { at: -1, score: 0.4 };
  for (const [at, line] of index.lines.slice(0, 5000).entries()) {
    const own = pairsOf(keyOf(line.slice(0, 400), 'spaces'));
    let common = 0;
    for (const pair of probe) if (own.has(pair)) common++;
    const score = (2 * common) / (probe.size + own.size || 1);
    if (score > best.score) best = { at: at - offset, score };
  }
  return best.at === -1 ? null : best.at;
}

function pairsOf(line: string): Set<string> {
  const found = new Set<string>();
  for (let at = 0; at + 2 <= line.length; at++) found.add(line.slice(at, at + 2));
  return found;
}
