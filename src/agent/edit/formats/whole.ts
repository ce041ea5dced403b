import { EditError } from '../errors';
import { type Operation, operation } from '../model';
import { pathAbove } from './naming';
import { closesFence, fenceOpening, type Source } from './text';

/** Reads fenced blocks with a path above them, each a whole file. @throws EditError when the last is not closed. */
export function readWholeFiles({ lines }: Source): Operation[] {
  const done: Operation[] = [];
  for (let at = 0; at < lines.length; at++) {
    const fence = fenceOpening(lines[at] ?? '');
    if (!fence) continue;
    const path = pathAbove(lines, at + 1);
    let end = at + 1;
    while (end < lines.length && !closesFence(lines[end] ?? '', fence.mark)) end++;
    if (path !== null && end >= lines.length) {
      throw new EditError(
        'cut_off',
        `${path}: the code fence is not closed, so the file may have been cut off. Nothing was changed. Send it again whole.`,
        path,
      );
    }
    if (path !== null) {
      const content = { lines: lines.slice(at + 1, end), ended: true };
      done.push(operation('replace', 'whole file', [path], { content }));
    }
    at = end;
  }
  return done;
}
