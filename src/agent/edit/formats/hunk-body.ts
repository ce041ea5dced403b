import type { Line } from '../model';
import { bareLine, closesFence } from './text';

export interface Body {
  lines: Line[];
  /** The first line that is not the body's. */
  next: number;
  /** The text ended, or its fence did, where the body did. */
  closed: boolean;
}

/** What the header says of old and new lines; null where it says nothing. */
export type Counts = { old: number; new: number } | null;

/**
 * The lines of a hunk from line `at`. It goes on to the next header, the end of its fence, or a line that is no
 * patch. Counts decide where both are possible, and only when they agree with what is there.
 */
export function readBody(source: readonly string[], at: number, counts: Counts, fence: string | null): Body {
  const lines: Line[] = [];
  let old = counts?.old ?? -1;
  let fresh = counts?.new ?? -1;
  let next = at;
  for (; next < source.length; next++) {
    const raw = source[next] ?? '';
    if (
      fence !== null &&
      closesFence(raw, fence) &&
      !quotedFence(source, next, fence, counts !== null && (old > 0 || fresh > 0))
    )
      break;
    const full = counts !== null && old === 0 && fresh === 0;
    if (full && !raw.startsWith('\\') && ends(source, next, fence)) break;
    const inside = counts !== null && (old > 0 || fresh > 0);
    if (startsOther(source, next, inside ? { old, new: fresh } : null)) break;
    if (raw.startsWith('\\')) {
      const last = lines.at(-1);
      if (last) last.unended = true;
      continue;
    }
    const line = lineOf(raw);
    if (
      line.bare &&
      line.text.trim() !== '' &&
      !inside &&
      prose(lines, raw) &&
      !changesFollow(source, next, fence)
    )
      break;
    if (line.op !== '+') old--;
    if (line.op !== '-') fresh--;
    lines.push(line);
  }
  // Blank lines at the end are the patch's own, unless the header counts them in.
  if (old !== 0 || fresh !== 0) while (lines.at(-1)?.bare && lines.at(-1)?.text.trim() === '') lines.pop();
  return { lines, next, closed: next >= source.length };
}

/** A fence of the patched file, without its mark: the hunk goes on behind it, and the patch's own fence is still to come. */
function quotedFence(source: readonly string[], at: number, fence: string, wanting: boolean): boolean {
  let after = at + 1;
  while (after < source.length && source[after]?.trim() === '') after++;
  const next = source[after] ?? '';
  const goesOn = isChange(next) || next.startsWith('@@') || (wanting && /^[ +-]/.test(next));
  return goesOn && source.slice(after).some((line) => closesFence(line, fence));
}

function lineOf(raw: string): Line {
  const mark = raw[0];
  if (mark === ' ' || mark === '-' || mark === '+') return { op: mark, text: raw.slice(1) };
  return { op: ' ', text: raw, bare: true };
}

/** A sentence after a blank line: what a model says after its patch. */
function prose(lines: readonly Line[], raw: string): boolean {
  const before = lines.at(-1);
  if (!before?.bare || before.text.trim() !== '') return false;
  return raw.length < 2000 && /^[A-Z*#>][^{};=<>]*\s[^{};=<>]*[.!?:*]\r?$/.test(raw);
}

/** With its counts used up: whether what follows is not a part of the hunk, or the counts are wrong. */
function ends(source: readonly string[], at: number, fence: string | null): boolean {
  const raw = source[at] ?? '';
  if (/^[ +-]/.test(raw) && !signature(source, at)) return false;
  // A blank line, or one without a mark. Should hunk lines follow that are no prose, then the counts are wrong.
  return (
    !changesFollow(source, at, fence) && !/^ /.test(source[at + 1] ?? '') && !/^ /.test(source[at + 2] ?? '')
  );
}

/** Added or removed lines before the next header or the fence's end. */
function changesFollow(source: readonly string[], at: number, fence: string | null): boolean {
  for (let next = at; next < source.length && next < at + 400; next++) {
    const line = source[next] ?? '';
    if ((fence !== null && closesFence(line, fence)) || startsOther(source, next, null)) return false;
    if (isChange(line)) return true;
  }
  return false;
}

/** An added or removed line. An item of a list is none, nor a rule, nor the end of an e-mail. */
export function isChange(line: string): boolean {
  return /^\+(?!\+\+ )|^-(?! \S|-+\s*$)/.test(line);
}

/** Git's own end of an e-mail: two dashes and a space, then git's version. */
function signature(source: readonly string[], at: number): boolean {
  if (bareLine(source[at] ?? '') !== '--') return false;
  return /^\d+\.\d+[\w.() -]*\r?$/.test(source[at + 1] ?? '');
}

/** Whether another header, file, or envelope begins at line `at`. `left` is what the counts still want. */
export function startsOther(source: readonly string[], at: number, left: Counts): boolean {
  const raw = source[at] ?? '';
  switch (raw[0]) {
    case '@':
      return /^@@/.test(raw);
    case 'd':
      return /^diff --(git|cc|combined) /.test(raw);
    case 'I':
      return /^Index: \S/.test(raw) && /^={20,}/.test(source[at + 1] ?? '');
    case 'F':
      return /^From [0-9a-f]{40} /.test(raw);
    case '*':
      return /^\*{3} ?(End Patch|Begin Patch|(Add|Update|Delete) File:|End of File)/i.test(raw);
    case '-':
      return fileHeader(source, at, left) || (left === null && signature(source, at));
    case '+':
      return (
        left === null &&
        /^\+\+\+ \S/.test(raw) &&
        /^@@/.test(source[at + 1] ?? '') &&
        !/^[-+ ]/.test(source[at - 1] ?? '+')
      );
    default:
      return false;
  }
}

/** `--- old` and `+++ new`, which may as well be a removed `-- old` and an added `++ new`. */
function fileHeader(source: readonly string[], at: number, left: Counts): boolean {
  if (!/^--- \S/.test(source[at] ?? '') || !/^\+\+\+ \S/.test(source[at + 1] ?? '')) return false;
  const after = source[at + 2];
  if (after === undefined) return left === null;
  if (!/^@@/.test(after)) return left === null && /^[-+ ]/.test(after);
  return left === null || left.old !== 1 || left.new !== 1;
}
