import { EditError } from '../errors';
import { hunkOf, type Line, type Operation, operation } from '../model';
import { namedPath, pathAbove } from './naming';
import { bareLine, closesFence, fenceOpening, type Source, short } from './text';

const head = /^[ \t]*<{5,12}[ \t]*(?:SEARCH|ORIGINAL)\b[ \t]*>?[ \t]*(.*)$/i;
const divider = /^={5,12}$/;
const tail = /^[ \t]*>{5,12}[ \t]*(?:REPLACE|UPDATED?|MODIFIED)\b[ \t]*<?$/i;

/** The first line that only this format has; -1 when there is none. */
export function firstSearchReplace(lines: readonly string[]): number {
  return lines.findIndex((line) => isHead(line));
}

function isHead(line: string): boolean {
  return short(line) && /^[ \t]*<{5}/.test(line) && head.test(bareLine(line));
}

/**
 * Reads blocks `<<<<<<< SEARCH`, `=======`, `>>>>>>> REPLACE`. A block's file is named above it, or is the one of the
 * block before.
 * @throws EditError when a block is not closed, or could be divided in more than one way.
 */
export function readSearchReplace({ lines, ended }: Source): Operation[] {
  const done: Operation[] = [];
  let after = 0;
  let fence: string | null = null;
  let path: string | null = null;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (!isHead(line)) {
      if (fence === null) fence = fenceOpening(line)?.mark ?? null;
      else if (closesFence(line, fence)) fence = null;
      continue;
    }
    const named = head.exec(bareLine(line))?.[1]?.trim();
    path = pathAbove(lines, at) ?? (named ? named : path) ?? wordAbove(lines, at);
    const block = done.length + 1;
    let middle = -1;
    let end = at + 1;
    for (; end < lines.length; end++) {
      const text = lines[end] ?? '';
      if (!/^[ \t]*[=<>]{5}/.test(text) || !short(text)) continue;
      if (divider.test(bareLine(text))) {
        if (middle !== -1)
          throw malformed(
            path,
            block,
            'has more than one line "=======", so where it is divided is not clear',
          );
        middle = end;
      } else if (tail.test(bareLine(text))) break;
      else if (isHead(text)) throw malformed(path, block, 'is not closed before the next one');
    }
    if (end >= lines.length) throw cutOff(path, block);
    if (middle === -1) throw malformed(path, block, 'has no line "======="');
    if (path === null)
      throw malformed(path, block, 'names no file: write its path on the line above the block');
    done.push(operationOf(path, lines.slice(at + 1, middle), lines.slice(middle + 1, end)));
    at = end;
    after = end + 1;
  }
  if (fence !== null && done.length > 0) throw cutOff(path, 0);
  if (done.length > 0) refuseRest(lines, after, ended, path);
  return done;
}

/** A name without a folder or an ending: only where nothing else names the file. */
function wordAbove(lines: readonly string[], at: number): string | null {
  const above = lines
    .slice(Math.max(0, at - 3), at)
    .findLast((line) => line.trim() !== '' && !fenceOpening(line));
  return /^[\w-]{1,60}$/.test(above?.trim() ?? '') ? (above?.trim() ?? null) : null;
}

function operationOf(path: string, search: string[], replace: string[]): Operation {
  if (search.every((line) => line.trim() === '')) {
    return operation('create', 'search/replace', [path], { content: { lines: replace, ended: true } });
  }
  return operation('update', 'search/replace', [path], { hunks: [replacement(search, replace)] });
}

/** The begin of another block behind the last: the reply broke off there. */
function refuseRest(lines: readonly string[], from: number, ended: boolean, path: string | null): void {
  let first = from;
  while (first < lines.length && lines[first]?.trim() === '') first++;
  // The fence of the last block itself.
  if (/^\s*(`{3,}|~{3,})\s*$/.test(lines[first] ?? '')) first++;
  let open: string | null = null;
  for (const line of lines.slice(first)) {
    if (/^\s*<{3}/.test(line)) throw cutOff(path, 0);
    if (open === null) open = fenceOpening(line)?.mark ?? null;
    else if (closesFence(line, open)) open = null;
  }
  const last = lines.at(-1) ?? '';
  const broken = /^\s*[`~]{1,2}$/.test(last) || namedPath(last) === last.trim();
  if (open !== null || (!ended && first < lines.length && broken)) throw cutOff(path, 0);
}

/** A hunk that has nothing but lines that are replaced. */
export function replacement(search: readonly string[], replace: readonly string[]) {
  return hunkOf([
    ...search.map((text): Line => ({ op: '-', text })),
    ...replace.map((text): Line => ({ op: '+', text })),
  ]);
}

function malformed(path: string | null, block: number, why: string): EditError {
  return new EditError(
    'malformed',
    `${path === null ? '' : `${path}: `}block ${block} ${why}. Nothing was changed. Each block is "<<<<<<< SEARCH", the lines that are there, "=======", the lines that shall be there, ">>>>>>> REPLACE".`,
    path,
  );
}

function cutOff(path: string | null, block: number): EditError {
  return new EditError(
    'cut_off',
    `${path === null ? '' : `${path}: `}${block === 0 ? 'the last block' : `block ${block}`} has no ">>>>>>> REPLACE" line, so it may have been cut off. Nothing was changed. Send all blocks again.`,
    path,
  );
}
