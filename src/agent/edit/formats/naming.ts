import { bareLine, fenceOpening } from './text';

/**
 * The path that a line of prose above a block names: alone, in backticks, bold, as a heading, with a label or a
 * colon. Null when it is not one.
 */
export function namedPath(line: string): string | null {
  // Longer ones are no names, and patterns are slow on them.
  if (line.length > 600) return null;
  let text = bareLine(line).trim();
  text = text.replace(/^(#{1,6}|[-*>]|\d{1,3}[.)])[ \t]+/, '');
  const quoted =
    /(?:^|[\s:])[`"*]{1,3}([^`"*\n]+?)[`"*]{1,3}:?$/.exec(text) ??
    /^[`"*]{1,3}([^`"*\n]+?)[`"*]{1,3}/.exec(text);
  if (quoted?.[1] !== undefined && plausible(quoted[1].trim())) return quoted[1].trim();
  text = text
    .replace(/^(?:file ?name|file|path|in|update|edit|create|new file|modify)\s*:\s*/i, '')
    .replace(/^[`"'*_]+|[`"'*_]+:?$/g, '')
    .replace(/^\/\/\s+/, '')
    .replace(/:$/, '')
    .trim();
  return plausible(text) ? text : null;
}

/** Like a path rather than a sentence: no spaces unless there is a slash and an ending. */
function plausible(text: string): boolean {
  if (text === '' || text.length > 500 || /[<>|{}();=]{2}|\t/.test(text)) return false;
  if (/^[`~]{3}/.test(text)) return false;
  if (/\s/.test(text)) return /^[^\s].*\/.*\.\w{1,10}$/.test(text) && !/[.,:;!?] /.test(text);
  return /[./\\]/.test(text)
    ? !/^[.\s/]*$/.test(text) && !/^https?:/.test(text)
    : /^[A-Z][A-Za-z]*file$|^LICENSE$|^README$/.test(text);
}

/**
 * The path named above line `at` of `lines`, or in the info of the fence there. Blank lines and one fence between
 * are passed over.
 */
export function pathAbove(lines: readonly string[], at: number): string | null {
  let fences = 0;
  for (let index = at - 1; index >= 0 && index >= at - 4; index--) {
    const line = lines[index] ?? '';
    if (line.trim() === '') continue;
    const fence = fenceOpening(line);
    if (fence) {
      const inside = namedPath(fence.info.replace(/^[\w+#-]+[:\s]+(?:title=|file=|path=)?/, ''));
      const alone = namedPath(fence.info);
      if (fence.info !== '' && (alone ?? inside) !== null) return alone ?? inside;
      if (++fences > 1 || (fence.info === '' && index < at - 1 && fences > 1)) return null;
      continue;
    }
    return namedPath(line);
  }
  return null;
}
