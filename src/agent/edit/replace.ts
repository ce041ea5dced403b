import { excerpt } from './excerpt';

export type Replacement =
  /** `first` and `last` are the lines, from 1, that hold what was put in. */
  | { ok: true; text: string; first: number; last: number }
  /** `missing`: it is nowhere, as quoted. */
  | { ok: false; error: string; missing: boolean };

/**
 * Puts `replace` where `search` stands, which must be in exactly one place, character for character. The text's line
 * ends are kept: where it has only CRLF, `search` and `replace` are read as having them too. Everything else,
 * a byte order mark included, is left as it is. The error is written for the one who asked: where it nearly was, or
 * all the places where it was.
 */
export function replaceOnce(text: string, search: string, replace: string): Replacement {
  if (search === '') return failed('"search" is empty; quote the text that is to be replaced');
  if (search === replace) return failed('"search" and "replace" are the same; nothing would change');
  const crlf = allCrlf(text);
  const wanted = crlf ? toCrlf(search) : search;
  const places = occurrences(text, wanted);
  const [at] = places;
  if (at === undefined) return { ok: false, error: notFound(text, search), missing: true };
  if (places.length > 1) return failed(notUnique(text, places));
  const put = crlf ? toCrlf(replace) : replace;
  const first = lineAt(text, at);
  const last = first + Math.max(0, put.replace(/\n$/, '').split('\n').length - 1);
  return { ok: true, text: text.slice(0, at) + put + text.slice(at + wanted.length), first, last };
}

function failed(error: string): Replacement {
  return { ok: false, error, missing: false };
}

function allCrlf(text: string): boolean {
  return text.includes('\r\n') && !/(^|[^\r])\n/.test(text);
}

function toCrlf(text: string): string {
  return text.replace(/\r?\n/g, '\r\n');
}

/** Overlapping ones too: each is a place that could be meant. Bounded, for the answer needs no more. */
function occurrences(text: string, search: string): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(search); at !== -1 && found.length < 1000; at = text.indexOf(search, at + 1)) {
    found.push(at);
  }
  return found;
}

function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

function notUnique(text: string, places: number[]): string {
  const lines = places.slice(0, 50).map((at) => lineAt(text, at));
  const more = places.length > 50 ? ' and more' : '';
  return (
    `"search" stands in ${places.length} places, on lines ${lines.join(', ')}${more}. ` +
    'Nothing was changed; quote more of what is around the one you mean.'
  );
}

function notFound(text: string, search: string): string {
  const start = '"search" is not in the file. Nothing was changed.';
  const wanted = search
    .replace(/\r/g, '')
    .replace(/^\n+|\n+$/g, '')
    .split('\n');
  if (wanted.every((line) => /^\s*\d+\t/.test(line))) {
    return `${start} It seems to quote line numbers: leave them out, they are not part of the file.`;
  }
  if (text === '') return `${start} The file is empty.`;
  const lines = text.split('\n');
  const near = closest(lines, wanted);
  if (near === null) return `${start} Nothing in it is like it; read the file again.`;
  const only = near.sameButSpace ? ' It differs in white space only.' : '';
  const to = Math.min(near.at + wanted.length - 1, near.at + 39);
  return `${start} The closest place:${only}\n${excerpt(lines, near.at, to, 2)}`;
}

/** The run of lines most like the wanted ones: by lines alike but for white space, then by likeness of the first. */
function closest(lines: string[], wanted: string[]): { at: number; sameButSpace: boolean } | null {
  const trimmed = lines.slice(0, 50_000).map(squeeze);
  const goal = wanted.slice(0, 40).map(squeeze);
  let best = { at: 0, score: 0 };
  for (let at = 0; at < trimmed.length; at++) {
    let score = 0;
    for (let i = 0; i < goal.length; i++) if (goal[i] !== '' && goal[i] === trimmed[at + i]) score++;
    if (score > best.score) best = { at, score };
  }
  if (best.score > 0) {
    const same = wanted.length <= 40 && goal.every((line, i) => line === (trimmed[best.at + i] ?? ''));
    return { at: best.at + 1, sameButSpace: same };
  }
  const first = goal.findIndex((line) => line !== '');
  const probe = pairs((goal[first] ?? '').slice(0, 400));
  if (probe.size === 0) return null;
  for (let at = 0; at < Math.min(trimmed.length, 20_000); at++) {
    const score = likeness(probe, pairs((trimmed[at] ?? '').slice(0, 400)));
    if (score > best.score) best = { at, score };
  }
  return best.score < 0.4 ? null : { at: Math.max(1, best.at + 1 - first), sameButSpace: false };
}

function squeeze(line: string): string {
  return line.replace(/\s+/g, ' ').trim();
}

function pairs(line: string): Set<string> {
  const found = new Set<string>();
  for (let at = 0; at + 2 <= line.length; at++) found.add(line.slice(at, at + 2));
  return found;
}

/** Dice's coefficient of the pairs of characters: 1 is alike, 0 has nothing in common. */
function likeness(a: Set<string>, b: Set<string>): number {
  let common = 0;
  for (const pair of a) if (b.has(pair)) common++;
  return a.size + b.size === 0 ? 0 : (2 * common) / (a.size + b.size);
}
