import { EditError } from '../errors';
import { type Hunk, hunkOf, type Line, type Operation, operation } from '../model';
import { unquote } from './header-name';
import { bareLine, closesFence, fenceOpening, type Source, short } from './text';

const marker =
  /^\*{3}[ \t]*(Add|Update|Delete)[ \t]+File[ \t]*:[ \t]*(.*)$|^\*{3}[ \t]*(Move)[ \t]+to[ \t]*:[ \t]*(.*)$|^\*{3}[ \t]*(End of File|End Patch|Begin Patch)[ \t]*$/i;

interface Marker {
  kind: string;
  value: string;
}

function markerOf(line: string): Marker | null {
  if (!short(line) || !/^[ \t]*\*\*\*/.test(line)) return null;
  const text = bareLine(line);
  const match =
    marker.exec(text) ?? marker.exec(/^\s+\*{3}\s*(Begin|End) Patch$/i.test(text) ? text.trim() : '');
  if (!match) return null;
  const kind = (match[1] ?? match[3] ?? match[5] ?? '').toLowerCase();
  return { kind, value: unquote(match[2] ?? match[4] ?? '').replace(/^`(.*)`$/, '$1') };
}

/** The first line that only this format has; -1 when there is none. */
export function firstV4a(lines: readonly string[]): number {
  return lines.findIndex((line) => markerOf(line) !== null && /patch|file/i.test(line));
}

/**
 * Reads patches in the envelope `*** Begin Patch` … `*** End Patch`.
 * @throws EditError when the end is missing: nothing else says that the patch is whole.
 */
export function readV4a({ lines }: Source): Operation[] {
  const done: Operation[] = [];
  let fence: string | null = null;
  let open = false;
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? '';
    const found = markerOf(line);
    if (!found) {
      if (!open) {
        if (fence === null) fence = fenceOpening(line)?.mark ?? null;
        else if (closesFence(line, fence)) fence = null;
      }
      at++;
      continue;
    }
    open = found.kind !== 'end patch';
    if (found.kind !== 'add' && found.kind !== 'update' && found.kind !== 'delete') {
      at++;
      continue;
    }
    const section = body(lines, at + 1);
    done.push(operationOf(found, section.lines));
    at = section.next;
  }
  if (open) {
    const path = done.at(-1)?.names[0] ?? null;
    const where = path === null ? '' : `${path}: `;
    throw new EditError(
      'cut_off',
      `${where}the patch has no "*** End Patch" line, so it may have been cut off. Nothing was changed. Send the whole patch again, with that line at its end.`,
      path,
    );
  }
  return done;
}

function body(lines: readonly string[], at: number): { lines: string[]; next: number } {
  let next = at;
  while (next < lines.length) {
    const found = markerOf(lines[next] ?? '');
    if (found && !['end of file', 'move'].includes(found.kind)) break;
    next++;
  }
  return { lines: lines.slice(at, next), next };
}

function operationOf({ kind, value }: Marker, lines: string[]): Operation {
  if (kind === 'delete') return operation('delete', 'V4A', [value]);
  if (kind === 'add') return operation('create', 'V4A', [value], { content: added(value, lines) });
  const move = lines.map(markerOf).find((found) => found?.kind === 'move');
  const hunks = chunks(lines);
  return move
    ? operation('rename', 'V4A', [value], { target: move.value, hunks })
    : operation('update', 'V4A', [value], { hunks });
}

function added(path: string, lines: string[]): { lines: string[]; ended: boolean } {
  const text: string[] = [];
  let trailing = 0;
  for (const line of lines) {
    if (markerOf(line)) continue;
    if (line.startsWith('+')) {
      text.push(line.slice(1));
      trailing = 0;
    } else if (line.trim() === '') {
      text.push('');
      trailing++;
    } else if (!/^(@@|\+\+\+ |--- )/.test(line)) {
      throw new EditError(
        'malformed',
        `${path}: every line of a new file must begin with "+", and "${line.slice(0, 80)}" does not. Nothing was changed. Send the patch again with the "+" signs.`,
        path,
      );
    }
  }
  // Blank lines without a mark at the end are the patch's, not the file's.
  return { lines: trailing > 0 ? text.slice(0, -trailing) : text, ended: true };
}

function chunks(lines: readonly string[]): Hunk[] {
  const hunks: Hunk[] = [];
  let current: Line[] = [];
  let headings: string[] = [];
  let start: number | null = null;
  const flush = (atEnd: boolean) => {
    if (current.length > 0) hunks.push(hunkOf(current, { headings, start, atEnd, jump: start === null }));
    if (current.length > 0 || atEnd) {
      headings = [];
      start = null;
    }
    current = [];
  };
  for (const [at, line] of lines.entries()) {
    const found = markerOf(line);
    if (found?.kind === 'end of file') flush(true);
    if (found || line.startsWith('\\ No newline')) continue;
    if (current.length === 0 && hunks.length === 0 && /^(--- |\+\+\+ )\S/.test(line) && fileHeads(lines, at))
      continue;
    if (line.startsWith('@@')) {
      flush(false);
      const numbers = /^@@ +-(\d{1,9})(?:,\d+)? +\+\d+(?:,\d+)? *@@ *(.*)$/.exec(bareLine(line));
      if (numbers) start = Number(numbers[1]) || null;
      const heading = (numbers ? (numbers[2] ?? '') : bareLine(line).slice(2).replace(/@@$/, '')).trim();
      if (heading !== '' && heading !== '...') headings.push(heading);
      continue;
    }
    const mark = line[0];
    if (mark === ' ' || mark === '-' || mark === '+') current.push({ op: mark, text: line.slice(1) });
    else current.push({ op: ' ', text: line, bare: true });
  }
  flush(false);
  return hunks;
}

/** The two lines of a unified diff's file header, which some put under the marker as well. */
function fileHeads(lines: readonly string[], at: number): boolean {
  const line = lines[at] ?? '';
  return line.startsWith('---')
    ? /^\+\+\+ \S/.test(lines[at + 1] ?? '')
    : /^--- \S/.test(lines[at - 1] ?? '');
}
