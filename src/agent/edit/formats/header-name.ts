/** The name in a `---` or `+++` line: unquoted, without time stamp or remark. */
export function headerName(text: string): string {
  const line = text.replace(/\r$/, '').slice(0, 5000);
  const quoted = /^"(?:[^"\\]|\\.)*"/.exec(line);
  if (quoted) return unquote(quoted[0]);
  return line
    .replace(/\t.*$/, '')
    .replace(/\s+\d{4}-\d\d-\d\d[ T]\d\d:\d\d.*$/, '')
    .replace(/\s+\((working copy|revision \d+|nonexistent)\)\s*$/, '')
    .replace(/^`(.*)`$/, '$1')
    .trim();
}

const escapes: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, '\\': 92 };

/** Undoes git's quoting of names: C escapes, and bytes in octal that are UTF-8 together. */
export function unquote(text: string): string {
  const trimmed = text.trim();
  if (!/^".*"$/s.test(trimmed) || trimmed.length < 2) return trimmed;
  const bytes: number[] = [];
  const inner = trimmed.slice(1, -1);
  for (let at = 0; at < inner.length; at++) {
    const octal = inner[at] === '\\' ? /^[0-7]{3}/.exec(inner.slice(at + 1, at + 4)) : null;
    const escaped = inner[at] === '\\' ? escapes[inner[at + 1] ?? ''] : undefined;
    if (octal) {
      bytes.push(Number.parseInt(octal[0], 8) & 255);
      at += 3;
    } else if (escaped !== undefined) {
      bytes.push(escaped);
      at++;
    } else {
      const char = String.fromCodePoint(inner.codePointAt(at) ?? 0);
      bytes.push(...new TextEncoder().encode(char));
      at += char.length - 1;
    }
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}
