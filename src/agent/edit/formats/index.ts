import { EditError } from '../errors';
import type { Operation } from '../model';
import { firstSearchReplace, readSearchReplace } from './search-replace';
import { source } from './text';
import { firstUnified, readUnified } from './udiff';
import { firstV4a, readV4a } from './v4a';
import { readWholeFiles } from './whole';

/**
 * Finds out which format a text holds, alone or among prose, and reads it. The marks that only one format has decide; where
 * there are several, the first in the text, for what comes later may be a line of a file.
 * @throws EditError `no_patch` when it holds none; what the format's reader throws.
 */
export function readPatch(text: string): Operation[] {
  const read = source(text);
  const { lines } = read;
  const [first] = [
    { at: firstV4a(lines), reader: readV4a },
    { at: firstSearchReplace(lines), reader: readSearchReplace },
    { at: firstUnified(lines), reader: readUnified },
  ]
    .filter(({ at }) => at !== -1)
    .sort((one, two) => one.at - two.at);
  const operations = (first?.reader ?? readWholeFiles)(read);
  if (operations.length === 0) {
    throw new EditError(
      'no_patch',
      'That holds no patch. Send a unified diff with "--- a/path", "+++ b/path" and "@@" lines, or search/replace blocks with a path above each.',
    );
  }
  return operations;
}
