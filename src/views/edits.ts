import { type FileChange, type Hunk, parseDiff, type Row } from './diff';

/**
 * The changes that a tool call asks for, read from its arguments, where they say so: a search and replacement, a whole
 * file, a patch. Empty for every other call. It shows what was wanted; the diff shows what came of it.
 */
export function editsOf(args: unknown): FileChange[] {
  if (typeof args !== 'object' || args === null) return [];
  const text = (...names: string[]) =>
    names.map((name) => (args as Record<string, unknown>)[name]).find(isText);
  const path = text('path', 'file', 'file_path');
  const patch = text('patch', 'diff');
  if (patch !== undefined) return parseDiff(withHeaders(patch)).slice(0, 20);
  if (path === undefined) return [];
  const before = text('old', 'search', 'old_text', 'old_string');
  const after = text('new', 'replace', 'new_text', 'new_string', 'replacement');
  if (before !== undefined && after !== undefined) return [change(path, before, after)];
  const edits = (args as Record<string, unknown>).edits;
  if (Array.isArray(edits)) return edits.slice(0, 50).flatMap((one) => editsOf({ path, ...one }));
  const content = text('content', 'text');
  return content === undefined ? [] : [change(path, '', content)];
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** Old text to new text, with the lines that both begin and end with as context. */
function change(path: string, before: string, after: string): FileChange {
  const old = split(before);
  const now = split(after);
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let end = 0;
  while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end++;
  const row =
    (kind: Row['kind']) =>
    (text: string): Row => ({ kind, old: null, now: null, text });
  const removed = old.slice(start, old.length - end);
  const added = now.slice(start, now.length - end);
  const rows = [
    ...old.slice(Math.max(0, start - 3), start).map(row('same')),
    ...removed.map(row('del')),
    ...added.map(row('add')),
    ...old.slice(old.length - end, old.length - end + 3).map(row('same')),
  ];
  const hunk: Hunk = { context: '', old: 1, now: 1, rows };
  return {
    path,
    from: null,
    kind: 'changed',
    mode: null,
    binary: false,
    additions: added.length,
    deletions: removed.length,
    hunks: [hunk],
  };
}

function split(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** Models write patches without git's own header line. */
function withHeaders(patch: string): string {
  if (/^diff --git /m.test(patch)) return patch;
  return patch.replace(/^--- (\S+).*\n\+\+\+ (\S+)/gm, (both, old: string, now: string) => {
    const path = now === '/dev/null' ? old : now;
    const name = path.replace(/^[ab]\//, '');
    return `diff --git a/${name} b/${name}\n${both}`;
  });
}
