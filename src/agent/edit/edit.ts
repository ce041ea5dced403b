import { EditError } from './errors';
import { replacement } from './formats/search-replace';
import { fileText } from './lines';
import { withEnd } from './merge';
import type { Tier } from './model';
import { isPlaceholder } from './placeholder';
import { type Replacement, replaceOnce } from './replace';
import { placeholder, update } from './update';

export type Edited =
  | (Extract<Replacement, { ok: true }> & { tier: Tier })
  | Extract<Replacement, { ok: false }>;

/**
 * Puts `replace` where `search` stands in a file's text: character for character, else by whole lines as a patch is
 * placed, in one place only. The error is written for the one who asked.
 */
export function editText(path: string, text: string, search: string, replace: string): Edited {
  const left = placeholderIn(path, linesOf(replace), [...fileText(text).lines, ...linesOf(search)]);
  if (left) return { ok: false, error: left.message, missing: false };
  const exact = replaceOnce(text, search, replace);
  if (exact.ok) return { ...exact, tier: 'exact' };
  if (!exact.missing || search.trim() === '') return exact;
  const [old, fresh] = [linesOf(search), linesOf(replace)];
  try {
    const done = update(path, text, [replacement(old, fresh)], 'search/replace');
    const [first] = done.starts;
    if (done.already > 0) {
      return {
        ok: false,
        error: 'This was already applied: the file has the new lines. Nothing was changed.',
        missing: false,
      };
    }
    if (first === undefined || done.tier === null) return exact;
    return { ok: true, text: done.text, first, last: first + Math.max(0, fresh.length - 1), tier: done.tier };
  } catch (error) {
    if (!(error instanceof EditError)) throw error;
    return error.reason === 'not_found' && !/indentation/.test(error.message)
      ? exact
      : { ok: false, error: error.message, missing: false };
  }
}

/**
 * A whole file as a model wrote it, with the line ends and byte order mark of what is there (`before`; null when
 * nothing is). @throws EditError when a line of it stands for lines that were left out.
 */
export function wholeFile(path: string, content: string, before: string | null): string {
  const old = fileText(before ?? '');
  const found = placeholderIn(path, linesOf(content), old.lines);
  if (found) throw found;
  if (before === null) return content;
  const counted = old.ended ? old.lines : old.lines.slice(0, -1);
  const crlf = counted.length > 0 && counted.every((line) => line.endsWith('\r')) && !content.includes('\r');
  const lines = content.split('\n');
  const text = crlf ? lines.map((line, at) => withEnd(line, at < lines.length - 1)).join('\n') : content;
  return before.startsWith('\ufeff') && !text.startsWith('\ufeff') && text !== '' ? `\ufeff${text}` : text;
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

function placeholderIn(path: string, lines: readonly string[], known: readonly string[]): EditError | null {
  const found = lines.filter((line) => isPlaceholder(line, path));
  if (found.length === 0) return null;
  const own = new Set(known.map((line) => line.trim()));
  const strange = found.find((line) => !own.has(line.trim()));
  return strange === undefined ? null : placeholder(path, `${path}: the new text`, strange);
}
