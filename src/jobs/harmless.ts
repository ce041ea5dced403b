/** Breaks what would be acted on, and cannot be seen (U+200B). */
const gap = '\u200b';

/**
 * Text of a model or a repository, made fit for a commit's message or a forge's Markdown: it reads the same, and pings
 * nobody, refers to and closes no issue, gives bots no order, skips no checks, names no author, and holds no HTML, link or
 * picture. Code in it can still be read, since nothing is escaped.
 * @param most characters; more is cut
 */
export function harmless(text: string, most: number): string {
  return breakUp(visible(text), most).trim();
}

/** The same as one line, such as a title. */
export function harmlessLine(text: string, most: number): string {
  return harmless(text.replace(/\s+/g, ' '), most);
}

/** A word or path as code, on one line: nothing in it is acted on. */
export function asCode(text: string, most = 200): string {
  const line = cut(visible(text).replace(/\s+/g, ' ').trim(), most);
  const longest = Math.max(0, ...(line.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  // A backtick at an end would join the fence; in a table, a bar would end the cell even within code.
  return `${fence} ${line.replaceAll('|', '¦')} ${fence}`.replace(/^` ([^`]*) `$/, '`$1`');
}

const acted: [RegExp, string][] = [
  // A name to ping; an entity would be one again as soon as it is rendered.
  [/[@＠](?=[^\s\u200b])/g, `$&${gap}`],
  [/&(?=[#\w])/g, `$&${gap}`],
  // An issue or a pull request: #1, owner/repo#1, !1, GH-1, and its URL.
  [/[#!](?=\d)/g, `$&${gap}`],
  [/\bGH-(?=\d)/gi, `$&${gap}`],
  [/\/(?:issues|pulls?|merge_requests)\/(?=\d)/gi, `$&${gap}`],
  // HTML, and the marker that a pull request is found by.
  [/<(?=[A-Za-z/!?])/g, `$&${gap}`],
  // Links and pictures.
  [/\](?=[(:[])/g, `$&${gap}`],
  [/\[(?=\s*(?:skip|no|ci|actions)\b)/gi, `$&${gap}`],
  // Orders to bots, and trailers of a commit, each at the beginning of a line.
  [/^(\s*)\/(?=\w)/gm, `$1/${gap}`],
  [/^(?=[A-Za-z][A-Za-z-]*-by[^\S\n]*:|skip-checks[^\S\n]*:|change-id[^\S\n]*:)/gim, gap],
];

function breakUp(text: string, most: number): string {
  return acted.reduce((told, [what, instead]) => told.replace(what, instead), cut(text, most));
}

/** Without terminal codes, other control characters, and those that turn the direction of what follows. */
function visible(text: string): string {
  return (
    text
      .replaceAll('\r\n', '\n')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are taken out
      .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, '')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are taken out
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
      .toWellFormed()
  );
}

function cut(text: string, most: number): string {
  // A cut may halve a surrogate pair.
  return text.length <= most ? text : `${text.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
