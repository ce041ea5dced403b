import { unquote } from './header-name';
import type { Counts } from './hunk-body';

/** `a/x b/x`: two quoted names, or two that are the same but for the prefix, or two without spaces. */
export function gitNames(text: string): [string, string] | null {
  const quoted = /^("(?:[^"\\]|\\.)*"|\S+) ("(?:[^"\\]|\\.)*"|\S+)$/.exec(text);
  if (quoted) return [unquote(quoted[1] ?? ''), unquote(quoted[2] ?? '')];
  for (let at = text.indexOf(' '); at !== -1; at = text.indexOf(' ', at + 1)) {
    const [one, two] = [text.slice(0, at), text.slice(at + 1)];
    if (one.replace(/^a\//, '') === two.replace(/^b\//, '')) return [one, two];
  }
  return null;
}

/** What a line `@@ … @@` says: counts, a start, a heading; all of it may be missing or made up. */
export function hunkHeader(line: string): { counts: Counts; start: number | null; headings: string[] } {
  const match = /^@@+ +-(\d{1,9})(?:,(\d{1,9}))? +\+(\d{1,9})(?:,(\d{1,9}))? *(?:@@+ ?(.*?))?\r?$/.exec(line);
  if (!match) return { counts: null, start: null, headings: headingOf(line) };
  const [, start, old, , added, heading] = match;
  const counts = { old: Number(old ?? 1), new: Number(added ?? 1) };
  const headings = heading?.trim() ? [heading.trim()] : [];
  // "-0,0 +0,0" and counts of nothing are stand-ins.
  if (counts.old === 0 && counts.new === 0) return { counts: null, start: null, headings };
  return { counts, start: Number(start), headings };
}

function headingOf(line: string): string[] {
  const text = line
    .replace(/\r$/, '')
    .replace(/^@@+/, '')
    .replace(/^ *(?:-[\w.?]*(?:,[\w.?]*)?|\.\.\.) +(?:\+[\w.?]*(?:,[\w.?]*)?|\.\.\.) *(?=@@|$)/, '')
    .replace(/^ *\.\.\. *@@+/, '')
    .replace(/@@+\s*$/, '')
    .trim()
    .replace(/^@@+\s*/, '')
    .trim();
  return /\w/.test(text) && !/^[.…\s]*$/.test(text) ? [text] : [];
}
