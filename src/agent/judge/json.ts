/** A model's JSON made an answer, or what is wrong with it, in a sentence to the model. */
export type Read<T> = { value: T } | { complaint: string };

/** Openings of JSON in an answer that are tried, from the last on: an answer has few. */
const maxTries = 200;

/**
 * Finds the JSON that a model answers with, fenced or bare, with words around it or not, and reads it. Where there is
 * more than one, the last that can be read counts: models think first and answer last. Takes what models get wrong in
 * JSON: line breaks and lone backslashes in strings, commas before a closing bracket.
 */
export function readAnswer<T>(text: string, read: (value: unknown) => Read<T>): Read<T> {
  const whole = parse(text.trim());
  if (whole) return read(whole.json);
  let complaint = 'There is no JSON object in it that can be read.';
  let tries = 0;
  for (let at = text.length - 1; at >= 0 && tries < maxTries; at--) {
    if (text[at] !== '{' && text[at] !== '[') continue;
    tries++;
    const end = closing(text, at);
    const found = end < 0 ? null : parse(text.slice(at, end + 1));
    if (!found) continue;
    const answer = read(found.json);
    if ('value' in answer) return answer;
    complaint = answer.complaint;
  }
  return { complaint };
}

function parse(text: string): { json: unknown } | null {
  if (text === '' || (text[0] !== '{' && text[0] !== '[')) return null;
  for (const one of [text, mended(text)]) {
    try {
      return { json: JSON.parse(one) as unknown };
    } catch {
      // Not JSON as it is; then mended, or not at all.
    }
  }
  return null;
}

/** Where the bracket that opens at `start` closes; -1 when it does not. */
function closing(text: string, start: number): number {
  let depth = 0;
  let quoted = false;
  for (let at = start; at < text.length; at++) {
    const letter = text[at];
    if (quoted) {
      if (letter === '\\') at++;
      else if (letter === '"') quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === '{' || letter === '[') depth++;
    else if ((letter === '}' || letter === ']') && --depth === 0) return at;
  }
  return -1;
}

/** In one pass: an expression that looked for strings would take its time on hostile text. */
function mended(json: string): string {
  let out = '';
  let quoted = false;
  for (let at = 0; at < json.length; at++) {
    const letter = json[at] ?? '';
    if (!quoted) {
      quoted = letter === '"';
      if (letter !== ',' || !/^\s*[}\]]/.test(json.slice(at + 1, at + 100))) out += letter;
    } else if (letter === '\\') {
      const whole = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(json.slice(at, at + 6))?.[0];
      out += whole ?? '\\\\';
      at += (whole?.length ?? 1) - 1;
    } else {
      quoted = letter !== '"';
      out += letter < ' ' ? `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}` : letter;
    }
  }
  return out;
}
