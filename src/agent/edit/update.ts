import { EditError } from './errors';
import { intro, refusal, type Where } from './explain';
import { LineIndex } from './find';
import { type FileText, fileText, textOf } from './lines';
import { merge } from './merge';
import { type Hunk, type Operation, type Tier, tiers } from './model';
import { type Fit, type Placement, placeAll, placeOne } from './place';
import { isPlaceholder } from './placeholder';

export interface Updated {
  text: string;
  /** The least exact tier that was used; null when nothing was to do. */
  tier: Tier | null;
  /** Hunks that were carried out, and that were there already. */
  applied: number;
  already: number;
  /** The first changed line of each hunk carried out, from 1. */
  starts: number[];
}

/**
 * Carries out the hunks of one file. All are placed against the original lines; one that fits nowhere there may quote
 * what the others make of it.
 * @throws EditError for the first hunk that cannot be carried out.
 */
export function update(
  path: string,
  text: string,
  hunks: readonly Hunk[],
  format: Operation['format'],
): Updated {
  const file = fileText(text);
  const index = new LineIndex(file.lines);
  const where = (at: number): Where => ({
    path,
    word: format === 'search/replace' ? 'block' : 'hunk',
    number: at + 1,
    of: hunks.length,
  });
  const placements = placeAll(index, hunks);
  const later: number[] = [];
  for (const [at, placement] of placements.entries()) {
    if (placement.kind === 'fit') refusePlaceholders(placement.fit, index, where(at));
    else if (placement.kind === 'none' && hunks.length > 1) later.push(at);
    else if (placement.kind !== 'already' && placement.kind !== 'nothing')
      throw failed(index, hunks, at, placement, where(at));
  }
  const fits = placements.flatMap((placement, at) =>
    placement.kind === 'fit' ? [{ fit: placement.fit, at }] : [],
  );
  const done = mergeOrThrow(file, text, fits, where);
  let { text: result } = done;
  const used = fits.map(({ fit }) => fit);
  for (const at of later) {
    const next = sequential(result, hunks, at, where(at));
    if (fits.length === 0 || !next) throw failed(index, hunks, at, { kind: 'none' }, where(at));
    result = next.text;
    used.push(next.fit);
  }
  return {
    text: result,
    tier: used.length === 0 ? null : worst(used),
    applied: used.length,
    already: placements.filter((placement) => placement.kind === 'already').length,
    starts: done.starts.map((start) => start + 1),
  };
}

function mergeOrThrow(
  file: FileText,
  text: string,
  fits: readonly { fit: Fit; at: number }[],
  where: (at: number) => Where,
): { text: string; starts: number[] } {
  if (fits.length === 0) return { text, starts: [] };
  const merged = merge(
    file,
    fits.map(({ fit }) => fit),
  );
  if (merged.ok) return { text: textOf(merged.file), starts: merged.starts };
  const number = (turn: number) => fits[turn]?.at ?? 0;
  const first = where(number(merged.first));
  if (merged.kind === 'indentation') {
    throw new EditError(
      'not_found',
      `${intro(first)} quotes lines without their indentation, so how to indent the new ones cannot be told. Nothing was changed. Send it again with every line indented as in the file.`,
      first.path,
    );
  }
  const second = where(number(merged.second));
  throw new EditError(
    'conflict',
    `${intro(first)} and ${second.word} ${second.number} change the same lines in different ways. Nothing was changed. Make one ${first.word} of them, and send the whole patch again.`,
    first.path,
  );
}

/** A hunk that quotes what the hunks before it have made. Only as it is: what is not exact was looked for already. */
function sequential(
  text: string,
  hunks: readonly Hunk[],
  at: number,
  where: Where,
): { text: string; fit: Fit } | null {
  const hunk = hunks[at];
  if (!hunk) return null;
  const file = fileText(text);
  const index = new LineIndex(file.lines);
  const placement = placeOne(index, hunk);
  if (placement.kind !== 'fit' || placement.fit.tier === 'context') return null;
  refusePlaceholders(placement.fit, index, where);
  const merged = merge(file, [placement.fit]);
  return merged.ok ? { text: textOf(merged.file), fit: placement.fit } : null;
}

function failed(
  index: LineIndex,
  hunks: readonly Hunk[],
  at: number,
  placement: Placement,
  where: Where,
): EditError {
  const hunk = hunks[at];
  if (!hunk) throw new RangeError(`there is no hunk ${at}`);
  return refusal(index, hunk, placement, where);
}

function refusePlaceholders(fit: Fit, index: LineIndex, where: Where): void {
  const lines = fit.pieces.flatMap((piece) => piece.lines).filter((line) => line.op === '+');
  const found = lines.find(
    (line) => isPlaceholder(line.text, where.path) && index.count(line.text, 'spaces') === 0,
  );
  if (found) throw placeholder(where.path, intro(where), found.text);
}

export function placeholder(path: string, what: string, line: string): EditError {
  return new EditError(
    'placeholder',
    `${what} would put this line into the file, which stands for lines that were left out: "${line.trim().slice(0, 120)}". Nothing was changed. Write all the lines out, or quote only what changes.`,
    path,
  );
}

function worst(fits: readonly Fit[]): Tier {
  return fits
    .map((fit) => fit.tier)
    .reduce((one, two) => (tiers.indexOf(two) > tiers.indexOf(one) ? two : one), 'exact');
}
