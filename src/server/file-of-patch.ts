/**
 * The part of a patch, as `git diff` writes it, that makes or changes one file, byte for byte; also found under the
 * name that it had before. Empty when the patch does not touch it.
 */
export function fileOfPatch(patch: Uint8Array, path: string): Buffer<ArrayBuffer> {
  // As Latin-1 every byte is one character, so that nothing of a binary or broken file is lost on the way.
  const text = Buffer.from(patch).toString('latin1');
  const wanted = Buffer.from(path).toString('latin1');
  // Every line of a hunk begins with one of ` +-\`, and base 85 knows no blank: at a line's start this is a header.
  // (Not `^`, which takes the place after a carriage return for a line's start.)
  const parts = text.split(/(?<=\n)(?=diff --git )/).filter((part) => namesOf(part).includes(wanted));
  return Buffer.from(parts.join(''), 'latin1');
}

/** The names that a file's header gives it, before and after. */
function namesOf(part: string): string[] {
  const [first = '', ...more] = headerOf(part);
  const said = more.flatMap((line) => {
    const moved = /^(?:rename|copy) (?:from|to) (.+)$/.exec(line)?.[1];
    if (moved !== undefined) return [unquoted(moved)];
    const side = /^(?:---|\+\+\+) (.+)$/.exec(line)?.[1]?.replace(/\t$/, '');
    return side === undefined || side === '/dev/null' ? [] : [withoutSide(unquoted(side))];
  });
  return said.length > 0 ? said : [nameOfBoth(first.slice('diff --git '.length))];
}

/** The lines before the first hunk. */
function headerOf(part: string): string[] {
  const end = part.search(/\n(?:@@ |GIT binary patch|Binary files )/);
  return (end === -1 ? part : part.slice(0, end)).split('\n');
}

/** `a/x b/x`: no other line names the file, so both sides are the same, and half of it is the name. */
function nameOfBoth(sides: string): string {
  return withoutSide(unquoted(sides.slice((sides.length + 1) / 2)));
}

function withoutSide(name: string): string {
  return name.replace(/^[ab]\//, '');
}

/** Undoes git's C-style quoting: `"a/\303\244.txt"`. */
function unquoted(name: string): string {
  if (!/^".*"$/.test(name)) return name;
  return name.slice(1, -1).replace(/\\([0-7]{3}|.)/g, (_, code: string) => {
    return /^[0-7]{3}$/.test(code) ? String.fromCharCode(Number.parseInt(code, 8)) : (escapes[code] ?? code);
  });
}

const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', a: '\u0007', b: '\b', f: '\f', v: '\v' };
