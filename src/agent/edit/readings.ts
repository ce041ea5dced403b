import { marks } from './indent';
import { indentOf } from './lines';
import { minimal } from './minimal';
import type { Hunk, Line } from './model';

/**
 * The ways a hunk may be meant, the plain one first: what stands without a mark may be context, an added blank line,
 * or prose after the patch; lines may carry their numbers, be escaped for HTML, or have their marks twice. A well
 * formed hunk has one reading.
 */
export function readings(hunk: Hunk): Line[][] {
  const plain = hunk.lines;
  const bases = [
    plain,
    ...[unprefixed, addedBlanks, unnumbered, unescaped, unmarked].map((read) => read(plain)),
  ];
  const all = bases.flatMap((base) => (base ? [base, ...cuts(base)] : []));
  const seen = new Set<string>();
  return all
    .filter((lines) => {
      const key = lines.map((line) => line.op + line.text).join('\n');
      return seen.has(key) ? false : seen.add(key);
    })
    .map(minimal);
}

/** No context line has its mark: what was taken for one is the line's own first space. */
function unprefixed(lines: readonly Line[]): Line[] | null {
  const marked = lines.filter((line) => line.op === ' ' && !line.bare);
  if (marked.length === 0) return null;
  const bare = lines.some((line) => line.bare && line.text.trim() !== '');
  const text = (op: string) =>
    lines.filter((line) => line.op === op && line.text.trim() !== '').map((line) => line.text);
  const indents = text(' ').map((line) => ` ${indentOf(line)}`);
  if (!bare && text('-').length === 0 && marks(text('+'), indents) !== 'lost') return null;
  return lines.map((line) => (line.op === ' ' && !line.bare ? { ...line, text: ` ${line.text}` } : line));
}

/** Without blank lines at its edges, which many write into a block for the looks of it. Null when there are none. */
export function withoutEdges(lines: readonly Line[]): Line[] | null {
  const blank = (at: number) => lines[at]?.op === ' ' && lines[at]?.text.trim() === '';
  const free = (at: number) => lines[at]?.op === ' ' || lines[at]?.op === '-';
  let from = 0;
  let to = lines.length;
  while (blank(from) && free(from + 1)) from++;
  while (to - 1 > from && blank(to - 1) && free(to - 2)) to--;
  return to - from < lines.length ? lines.slice(from, to) : null;
}

/** Blank lines without a mark, among added lines. */
function addedBlanks(lines: readonly Line[]): Line[] | null {
  let found = false;
  const read = lines.map((line, at): Line => {
    if (!line.bare || line.text.trim() !== '' || !within(lines, at)) return line;
    found = true;
    return { op: '+', text: line.text };
  });
  return found ? read : null;
}

function within(lines: readonly Line[], at: number): boolean {
  const blank = (line: Line | undefined) => line?.bare === true && line.text.trim() === '';
  let before = at - 1;
  while (blank(lines[before])) before--;
  let after = at + 1;
  while (blank(lines[after])) after++;
  return lines[before]?.op === '+' && lines[after]?.op === '+';
}

const number = /^\s*\d+\s?[|:\t]\s?/;

function unnumbered(lines: readonly Line[]): Line[] | null {
  const numbered = /^(\s*\d+(?: \| |\||: |:|\t| ?\|$))(.*)$/s;
  const old = lines.filter((line) => line.op !== '+' && line.text.trim() !== '');
  if (old.length === 0 || !old.every((line) => number.test(line.text.slice(0, 40)))) return null;
  const added = lines.filter((line) => line.op === '+' && line.text.trim() !== '');
  if (added.some((line) => !numbered.test(line.text))) return null;
  return lines.map((line) => ({ ...line, text: numbered.exec(line.text)?.[2] ?? line.text }));
}

function unescaped(lines: readonly Line[]): Line[] | null {
  if (!lines.some((line) => /&(lt|gt|amp|quot|#39);/.test(line.text))) return null;
  if (lines.some((line) => /[<>]/.test(line.text))) return null;
  return lines.map((line) => ({
    ...line,
    text: line.text
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&'),
  }));
}

/** Every change marked twice. */
function unmarked(lines: readonly Line[]): Line[] | null {
  const changed = lines.filter((line) => line.op !== ' ');
  if (changed.length === 0 || changed.some((line) => !line.text.startsWith(line.op))) return null;
  return lines.map((line) => (line.op === ' ' ? line : { ...line, text: line.text.slice(1) }));
}

/** Without what follows the last change unmarked: from the first text on; from the first blank line on. */
function cuts(lines: readonly Line[]): Line[][] {
  const last = lines.findLastIndex((line) => line.op !== ' ');
  const blank = lines.findIndex((line, at) => at > last && line.bare && line.text.trim() === '');
  const text = lines.findIndex((line, at) => at > last && line.bare && line.text.trim() !== '');
  const found: Line[][] = [];
  if (text !== -1) found.push(lines.slice(0, text));
  let end = text === -1 ? lines.length : text;
  while (end > last + 1 && lines[end - 1]?.bare && lines[end - 1]?.text.trim() === '') end--;
  found.push(lines.slice(0, end));
  if (blank !== -1) found.push(lines.slice(0, blank));
  return found.filter((cut) => cut.length < lines.length && cut.length > 0);
}
