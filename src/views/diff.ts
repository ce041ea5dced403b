/** A line of a hunk; `old` and `now` are its numbers on either side. */
export interface Row {
  kind: 'add' | 'del' | 'same';
  old: number | null;
  now: number | null;
  text: string;
  /** No line break follows it: the file ends with it. */
  open?: true;
}

export interface Hunk {
  /** What git says the hunk is in: the function's first line, often. */
  context: string;
  old: number;
  now: number;
  rows: Row[];
}

export interface FileChange {
  path: string;
  /** Where it was before, when it was renamed or copied. */
  from: string | null;
  kind: 'added' | 'deleted' | 'changed' | 'renamed' | 'copied';
  mode: string | null;
  binary: boolean;
  additions: number;
  deletions: number;
  hunks: Hunk[];
}

/**
 * Reads a patch as `git diff` writes it. Rows are counted by the hunk headers, so that content which looks like a
 * header is content. Never throws: what cannot be read is left out.
 */
export function parseDiff(patch: string): FileChange[] {
  const lines = patch.split('\n');
  const files: FileChange[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? '';
    if (!line.startsWith('diff --git ')) {
      at++;
      continue;
    }
    const file: FileChange = {
      path: pathOfHeader(line),
      from: null,
      kind: 'changed',
      mode: null,
      binary: false,
      additions: 0,
      deletions: 0,
      hunks: [],
    };
    files.push(file);
    at = readFile(lines, at + 1, file);
  }
  return files;
}

function readFile(lines: string[], start: number, file: FileChange): number {
  let at = start;
  while (at < lines.length) {
    const line = lines[at] ?? '';
    if (line.startsWith('diff --git ')) return at;
    if (line.startsWith('@@ ')) {
      at = readHunk(lines, at, file);
      continue;
    }
    readHeader(line, file);
    at++;
  }
  return at;
}

function readHeader(line: string, file: FileChange): void {
  const value = (prefix: string) => (line.startsWith(prefix) ? line.slice(prefix.length) : null);
  const mode = value('new mode ') ?? value('new file mode ');
  if (mode !== null && mode !== '100644') file.mode = mode;
  if (line.startsWith('new file mode ')) file.kind = 'added';
  else if (line.startsWith('deleted file mode ')) file.kind = 'deleted';
  const renamed = value('rename from ') ?? value('copy from ');
  if (renamed !== null) {
    file.from = unquoted(renamed);
    file.kind = line.startsWith('copy') ? 'copied' : 'renamed';
  }
  const target = value('rename to ') ?? value('copy to ');
  if (target !== null) file.path = unquoted(target);
  const now = value('+++ ');
  if (now !== null && now !== '/dev/null') file.path = withoutSide(now);
  const old = value('--- ');
  if (old !== null && old !== '/dev/null' && file.kind === 'deleted') file.path = withoutSide(old);
  if (line.startsWith('GIT binary patch') || line.startsWith('Binary files ')) file.binary = true;
}

function readHunk(lines: string[], start: number, file: FileChange): number {
  const header = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$/.exec(lines[start] ?? '');
  if (!header) return start + 1;
  let old = Number(header[1]);
  let now = Number(header[3]);
  let oldLeft = Number(header[2] ?? 1);
  let nowLeft = Number(header[4] ?? 1);
  const hunk: Hunk = { context: header[5] ?? '', old, now, rows: [] };
  file.hunks.push(hunk);
  let at = start + 1;
  for (; at < lines.length && (oldLeft > 0 || nowLeft > 0); at++) {
    const line = lines[at] ?? '';
    const text = line.slice(1);
    if (line[0] === '+') {
      hunk.rows.push({ kind: 'add', old: null, now: now++, text });
      file.additions++;
      nowLeft--;
    } else if (line[0] === '-') {
      hunk.rows.push({ kind: 'del', old: old++, now: null, text });
      file.deletions++;
      oldLeft--;
    } else if (line[0] === ' ' || line === '') {
      hunk.rows.push({ kind: 'same', old: old++, now: now++, text });
      oldLeft--;
      nowLeft--;
    } else if (line[0] === '\\') openLast(hunk);
    else return at;
  }
  if (lines[at]?.startsWith('\\')) {
    openLast(hunk);
    at++;
  }
  return at;
}

/** What git says after a line that has no line break. */
function openLast(hunk: Hunk): void {
  const last = hunk.rows.at(-1);
  if (last) last.open = true;
}

/** `diff --git a/x b/x`: both sides are the same where no other header follows, so half of it is the path. */
function pathOfHeader(line: string): string {
  const rest = line.slice('diff --git '.length);
  if (rest.endsWith('"')) return withoutSide(rest.slice(rest.lastIndexOf(' "') + 1));
  return rest.slice(Math.floor(rest.length / 2) + 1).replace(/^b\//, '');
}

function withoutSide(path: string): string {
  return unquoted(path.replace(/\t$/, '')).replace(/^[ab]\//, '');
}

/** Undoes git's quoting of unusual paths: `"a/\303\244.txt"`. */
function unquoted(path: string): string {
  if (!path.startsWith('"') || !path.endsWith('"')) return path;
  const bytes: number[] = [];
  for (const [part] of path.slice(1, -1).matchAll(/\\[0-7]{3}|\\.|[^\\]+/g)) {
    if (/^\\[0-7]{3}$/.test(part)) bytes.push(Number.parseInt(part.slice(1), 8));
    else if (part.startsWith('\\')) bytes.push(...Buffer.from(escapes[part.slice(1)] ?? part.slice(1)));
    else bytes.push(...Buffer.from(part));
  }
  return Buffer.from(bytes).toString('utf8');
}

const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', a: '\u0007', b: '\b', f: '\f', v: '\v' };
