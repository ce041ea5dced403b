import type { CriterionAnswer } from '../../core/opinion';
import { withoutCodes } from '../tools/text';
import { cutNotice, type Material } from './material';

/** Characters, without white space, that make a quotation evidence; a whole changed line may have fewer. */
const leastChars = 8;
/** Longer ones are not looked up, and so are not found. */
const maxChars = 4000;

type Place = CriterionAnswer['place'];
type Found =
  | { why: 'quoted'; place: Place }
  | { why: 'quotation_missing' | 'quotation_trivial' | 'not_found' };

/**
 * Whether a quotation stands in the material word for word: letter case, white space within lines and all. Lines of a
 * diff may be quoted with their signs or without; a quotation of several lines must be of lines that follow each other.
 * What Bakeoff itself wrote into the material (where it was cut) cannot be quoted.
 */
export function findQuotation(quotation: string, material: Material): Found {
  if (quotation.length > maxChars) return { why: 'not_found' };
  const own = withoutCodes(quotation).trim();
  if (own === '') return { why: 'quotation_missing' };
  const lines = linesOf(material);
  const quoted = own.split(/\r?\n/);
  const at = lines.findIndex((_, index) =>
    quoted.every((line, step) => fits(lines, index, quoted, line, step)),
  );
  const found = lines[at];
  if (!found) return { why: 'not_found' };
  if (own.replace(/\s/g, '').length < leastChars && !isWholeChange(own, lines))
    return { why: 'quotation_trivial' };
  return { why: 'quoted', place: found.place };
}

interface Line {
  raw: string;
  /** Without the sign of a diff. */
  bare: string;
  changed: boolean;
  place: Place;
  /** Nothing that the variation says: it stands in every diff, or is ours. */
  notice: boolean;
}

/** One line may be quoted in part; of several the first to its end, the last from its beginning, those between whole. */
function fits(
  lines: readonly Line[],
  index: number,
  quoted: readonly string[],
  line: string,
  step: number,
): boolean {
  const own = lines[index + step];
  if (!own || own.notice) return false;
  if (quoted.length === 1) return own.raw.includes(line);
  if (step === 0) return own.raw.endsWith(line);
  if (step === quoted.length - 1) return own.raw.startsWith(line) || own.bare.startsWith(line);
  return own.raw === line || own.bare === line;
}

/** A bracket by itself is a whole line in half of all diffs: without a letter or digit it says nothing. */
function isWholeChange(own: string, lines: readonly Line[]): boolean {
  if (!/[\p{L}\p{N}]/u.test(own)) return false;
  return lines.some((line) => line.changed && (line.bare.trim() === own || line.raw.trim() === own));
}

function linesOf({ kind, text }: Material): Line[] {
  const reader = kind === 'diff' ? diffReader() : plain;
  return text.split(/\r?\n/).map((raw) => {
    if (!cutNotice.test(raw)) return reader(raw);
    reader(null);
    return { ...plain(raw), notice: true };
  });
}

function plain(raw: string | null): Line {
  return { raw: raw ?? '', bare: raw ?? '', changed: false, place: null, notice: false };
}

/** Reads a diff line by line, and knows where each is; after a cut (null) the file only, until the next hunk. */
function diffReader(): (raw: string | null) => Line {
  let path = { base: '', patch: '' };
  let at: { base: number; patch: number } | null = null;
  let left = { base: 0, patch: 0 };
  let afloat = false;
  return (raw) => {
    if (raw === null) {
      afloat = true;
      at = null;
      left = { base: 0, patch: 0 };
      return plain(raw);
    }
    const sign = raw[0] ?? ' ';
    const inHunk = left.base > 0 || left.patch > 0 || (afloat && /^[-+ ]/.test(raw));
    if (inHunk && sign !== '\\') {
      const side = sign === '-' ? ('base' as const) : ('patch' as const);
      const place = path[side] === '' ? null : { path: path[side], line: at?.[side] ?? null, side };
      if (sign !== '+') left.base--;
      if (sign !== '-') left.patch--;
      if (at && sign !== '+') at.base++;
      if (at && sign !== '-') at.patch++;
      return { raw, bare: raw.slice(1), changed: sign === '+' || sign === '-', place, notice: false };
    }
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(raw);
    if (hunk) {
      at = { base: Number(hunk[1]), patch: Number(hunk[3]) };
      left = { base: Number(hunk[2] ?? 1), patch: Number(hunk[4] ?? 1) };
      afloat = false;
      return { ...plain(raw), notice: true };
    }
    // Ends of files, and the ids of their contents.
    if (/^\\ |^index [0-9a-f]+\.\.[0-9a-f]+/.test(raw)) return { ...plain(raw), notice: true };
    if (raw.startsWith('diff --git ')) {
      path = { base: '', patch: '' };
      afloat = false;
    } else if (raw.startsWith('--- ')) path.base = pathOf(raw);
    else if (raw.startsWith('+++ ')) path.patch = pathOf(raw);
    return plain(raw);
  };
}

/** As git writes it, unusual names in quotation marks; what is not there has no path. */
function pathOf(header: string): string {
  const name = header.slice(4).replace(/\t$/, '');
  return name === '/dev/null' ? '' : name.replace(/^("?)[ab]\//, '$1');
}
