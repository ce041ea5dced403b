import type { Tier } from './model';

/** A file's text as lines, without line feeds; carriage returns and a byte order mark stay in them. */
export interface FileText {
  lines: string[];
  /** A line feed follows the last line. Of an empty file too. */
  ended: boolean;
}

export function fileText(text: string): FileText {
  if (text === '') return { lines: [], ended: true };
  const lines = text.split('\n');
  const ended = lines.at(-1) === '';
  if (ended) lines.pop();
  return { lines, ended };
}

export function textOf({ lines, ended }: FileText): string {
  if (lines.length === 0) return '';
  return ended ? `${lines.join('\n')}\n` : lines.join('\n');
}

export type KeyTier = Exclude<Tier, 'context'>;

/** What of a line counts in a tier: lines with the same key are the same there. */
export function keyOf(line: string, tier: KeyTier): string {
  if (tier === 'exact') return line;
  let key = line.endsWith('\r') ? line.slice(0, -1) : line;
  if (key.startsWith('\ufeff')) key = key.slice(1);
  if (tier === 'line ends') return key;
  key = trimEnd(key);
  if (tier === 'trailing space') return key;
  key = plain(key);
  if (tier === 'punctuation') return key;
  key = key.slice(indentOf(key).length);
  return tier === 'indentation' ? key : key.replace(/[ \t]+/g, ' ');
}

/** Spaces and tabs at a line's end. A pattern with `+$` would be quadratic in a long run of them. */
function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t' || text[end - 1] === '\r')) end--;
  return end === text.length ? text : text.slice(0, end);
}

export function indentOf(line: string): string {
  let end = 0;
  while (line[end] === ' ' || line[end] === '\t') end++;
  return line.slice(0, end);
}

const typographic: Record<string, string> = {
  '‘': "'",
  '’': "'",
  '‚': "'",
  '‛': "'",
  '′': "'",
  '“': '"',
  '”': '"',
  '„': '"',
  '‟': '"',
  '″': '"',
  '«': '"',
  '»': '"',
  '‐': '-',
  '‑': '-',
  '‒': '-',
  '–': '-',
  '—': '-',
  '―': '-',
  '−': '-',
  '…': '...',
  '\u00a0': ' ',
  '\u2002': ' ',
  '\u2003': ' ',
  '\u2007': ' ',
  '\u2009': ' ',
  '\u202f': ' ',
  '\u3000': ' ',
  '\u200b': '',
  '\u2060': '',
  '\ufeff': '',
};
const typographicChars = new RegExp(`[${Object.keys(typographic).join('')}]`, 'g');

/** Typographic punctuation and spaces as a keyboard writes them. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
  if (!/[^\u0000-\u007f]/.test(text)) return text;
  return trimEnd(text.replace(typographicChars, (char) => typographic[char] ?? char));
}
