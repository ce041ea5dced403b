export interface Tag {
  name: string;
  kind: 'open' | 'close' | 'empty';
  attributes: ReadonlyMap<string, string>;
  /** Where the text goes on after it. */
  end: number;
}

/** The text is no XML that we read. */
export class Malformed extends Error {
  override name = 'Malformed';
}

/**
 * The tags of an XML text from `at` on, one after the other, in linear time. Text, comments and CDATA are passed over;
 * entities stay as they are written, and a declaration (`<!DOCTYPE`, `<!ENTITY`) is refused: nothing can expand.
 * @throws Malformed
 */
export function* tags(text: string, at: number): Generator<Tag> {
  for (let start = text.indexOf('<', at); start !== -1; start = text.indexOf('<', at)) {
    const passed = skip(text, start);
    if (passed !== null) {
      at = passed;
      continue;
    }
    const tag = readTag(text, start);
    at = tag.end;
    yield tag;
  }
}

const passedOver = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
] as const;

function skip(text: string, start: number): number | null {
  for (const [open, close] of passedOver) {
    if (!text.startsWith(open, start)) continue;
    const end = text.indexOf(close, start + open.length);
    if (end === -1) throw new Malformed(`${open} without an end`);
    return end + close.length;
  }
  return null;
}

const opening = /<(\/?)([A-Za-z_][\w:.-]{0,200})/y;
const attribute = /\s{1,1000}([A-Za-z_][\w:.-]{0,200})\s{0,100}=\s{0,100}(?:"([^"<]*)"|'([^'<]*)')/y;
const closing = /\s{0,1000}(\/?)>/y;

function readTag(text: string, start: number): Tag {
  const head = at(opening, text, start);
  if (!head) throw new Malformed('a < that begins no tag');
  const attributes = new Map<string, string>();
  let end = start + head[0].length;
  for (let found = at(attribute, text, end); found; found = at(attribute, text, end)) {
    attributes.set(found[1] ?? '', found[2] ?? found[3] ?? '');
    end += found[0].length;
  }
  const tail = at(closing, text, end);
  if (!tail) throw new Malformed('a tag without an end');
  const kind = head[1] === '/' ? 'close' : tail[1] === '/' ? 'empty' : 'open';
  return { name: head[2] ?? '', kind, attributes, end: end + tail[0].length };
}

function at(pattern: RegExp, text: string, index: number): RegExpExecArray | null {
  pattern.lastIndex = index;
  return pattern.exec(text);
}
