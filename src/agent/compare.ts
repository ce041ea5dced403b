import { GitError, git } from './git';

interface DiffOptions {
  /** One file's part of it, by its whole name in UTF-8. */
  path?: string;
  maxBytes: number;
  signal?: AbortSignal;
}

/**
 * What leads from one commit (or tree) to another, byte for byte as a snapshot of a workspace would have written it:
 * `git apply` takes it on `from`. Null when it is larger than `maxBytes`.
 * @throws GitError when the mirror lacks one of them; AbortError
 */
export async function diffBetween(
  mirror: string,
  fromSha: string,
  toSha: string,
  { path, maxBytes, signal }: DiffOptions,
): Promise<Uint8Array | null> {
  const paths = path === undefined ? [] : [path];
  if (path !== undefined && !isOfTree(path)) return new Uint8Array();
  return await bounded(maxBytes, () => patchOf(mirror, fromSha, toSha, paths, maxBytes, signal));
}

/** Git would take anything else from the folder that it is started in, or refuse it, telling where that is. */
function isOfTree(path: string): boolean {
  return (
    !path.includes('\0') && !path.split('/').some((part) => part === '' || part === '.' || part === '..')
  );
}

/** The patch of some files, or of all where none is named, `--binary` unless the bytes of such files are not wanted. */
export async function patchOf(
  mirror: string,
  from: string,
  to: string,
  paths: readonly string[],
  maxBytes: number,
  signal?: AbortSignal,
  binary = true,
): Promise<Uint8Array> {
  const args = ['-p', '-U3', '--inter-hunk-context=0', ...(binary ? ['--binary'] : [])];
  return await diffTree(mirror, args, [from, to], paths, maxBytes, signal);
}

export interface Change {
  path: string;
  /** `mode`: the content is the same. */
  status: 'added' | 'modified' | 'deleted' | 'mode';
  /** Lines; 0 where it is binary. */
  additions: number;
  deletions: number;
  binary: boolean;
}

/**
 * The files that differ between two commits (or trees), in the order of their diff: the first `limit` of them, and how
 * many there are.
 * @throws GitError when the mirror lacks one of them, or more changed than can be listed; AbortError
 */
export async function listChanges(
  mirror: string,
  from: string,
  to: string,
  { limit = 3000, signal }: { limit?: number; signal?: AbortSignal } = {},
): Promise<{ changes: Change[]; total: number }> {
  const said = await diffTree(mirror, ['--raw', '--numstat'], [from, to], [], maxListBytes, signal);
  const { entries, rest } = readRaw(said);
  const counts = new Map<string, { additions: number; deletions: number; binary: boolean }>();
  for (const line of rest) {
    const [, added, deleted, path] = /^(\d+|-)\t(\d+|-)\t([\s\S]*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    counts.set(path, {
      additions: Number(added) || 0,
      deletions: Number(deleted) || 0,
      binary: added === '-',
    });
  }
  const changes = entries.slice(0, limit).map((entry) => ({
    path: Buffer.from(entry.path, 'latin1').toString('utf8'),
    status: statusOf(entry),
    ...(counts.get(entry.path) ?? { additions: 0, deletions: 0, binary: false }),
  }));
  return { changes, total: entries.length };
}

function statusOf({ from, to }: RawChange): Change['status'] {
  if (from === null) return 'added';
  if (to === null) return 'deleted';
  return from.blob === to.blob && from.mode !== to.mode ? 'mode' : 'modified';
}

/** A file in a tree: what it holds and how. */
export interface Entry {
  mode: string;
  blob: string;
}

export interface RawChange {
  /** Its bytes, each a character. */
  path: string;
  /** Null: it is not there. */
  from: Entry | null;
  to: Entry | null;
}

/** Every file that differs, with its modes and blobs. */
export async function rawChanges(
  mirror: string,
  from: string,
  to: string,
  signal?: AbortSignal,
): Promise<RawChange[]> {
  return readRaw(await diffTree(mirror, ['--raw', '--no-abbrev'], [from, to], [], maxListBytes, signal))
    .entries;
}

/** Lines at most in one answer of `contextLines`. */
export const maxContextLines = 500;
const maxContextBytes = 16 * 2 ** 20;
const maxContextChars = 2 ** 19;

/**
 * Lines `from` to `to` of a file in a commit, counted from 1, both included; fewer than asked where the file ends or
 * they are too many to be shown at once. `total` is how many the file has. Null for what has no such lines: a file that
 * is binary, not there, or larger than 16 MiB.
 */
export async function contextLines(
  mirror: string,
  sha: string,
  path: string,
  from: number,
  to: number,
  signal?: AbortSignal,
): Promise<{ lines: string[]; total: number } | null> {
  checkId(sha);
  // A path that begins with a dot and a slash is one from the working folder, for git.
  if (path === '' || /^\.\.?\//.test(path) || path.includes('\0')) return null;
  const options = { env: { GIT_DIR: mirror }, signal, maxOutputBytes: maxContextBytes };
  const bytes = await git(mirror, ['cat-file', 'blob', `${sha}:${path}`], options).catch((error) => {
    if (error instanceof GitError && !error.timedOut) return null;
    throw error;
  });
  if (bytes === null || isBinary(bytes)) return null;
  const all = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split('\n');
  if (all.at(-1) === '') all.pop();
  let chars = maxContextChars;
  const first = Math.max(1, from) - 1;
  const lines = all.slice(first, Math.min(to, first + maxContextLines)).filter((line) => {
    chars -= line.length;
    return chars >= 0;
  });
  return { lines, total: all.length };
}

/** As git sees it: a NUL among the first bytes. */
function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 8000).includes(0);
}

const maxListBytes = 256 * 2 ** 20;

/** Those of a workspace's repository: which files are too large for lines, and how binary ones are packed. */
const settings = ['-c', 'core.bigFileThreshold=64m', '-c', 'core.looseCompression=0'];

/** The same in every diff of ours, and in that of the workspaces: hunks keep their numbers wherever they are shown. */
const asSnapshots = [
  ...['--full-index', '--no-renames', '--no-ext-diff', '--no-textconv', '--no-color'],
  ...['--ignore-submodules=all', '--no-indent-heuristic', '--diff-algorithm=myers'],
  ...['--src-prefix=a/', '--dst-prefix=b/'],
];

async function diffTree(
  mirror: string,
  args: readonly string[],
  sides: readonly [from: string, to: string],
  paths: readonly string[],
  maxOutputBytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  for (const side of sides) checkId(side);
  const env = {
    GIT_DIR: mirror,
    GIT_LITERAL_PATHSPECS: '1',
    // Some versions of git read attributes from a bare repository's HEAD; none is to colour a diff.
    GIT_ATTR_SOURCE: sides[0].length === 40 ? emptyTree.sha1 : emptyTree.sha256,
  };
  const asked = [...settings, 'diff-tree', '-r', ...asSnapshots, ...args];
  const named = args.includes('--raw') ? ['-z'] : [];
  return await git(mirror, [...asked, ...named, '--end-of-options', ...sides, '--', ...paths], {
    ...{ env, signal, maxOutputBytes },
    timeoutMs: 120_000,
  });
}

const emptyTree = {
  sha1: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  sha256: '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
};

/** @throws TypeError for what could be more than a commit's or tree's id */
export function checkId(sha: string): void {
  if (!/^[0-9a-f]{40,64}$/.test(sha)) throw new TypeError('a commit is named by its whole id');
}

/** The records of `--raw -z`, and the fields that follow them. */
function readRaw(said: Uint8Array): { entries: RawChange[]; rest: string[] } {
  const fields = Buffer.from(said.buffer, said.byteOffset, said.byteLength).toString('latin1').split('\0');
  const entries: RawChange[] = [];
  let at = 0;
  for (; fields[at]?.startsWith(':') && at + 1 < fields.length; at += 2) {
    const [fromMode = '', toMode = '', fromBlob = '', toBlob = ''] = (fields[at] ?? '').slice(1).split(' ');
    const side = (mode: string, blob: string) => (mode === '000000' ? null : { mode, blob });
    entries.push({ path: fields[at + 1] ?? '', from: side(fromMode, fromBlob), to: side(toMode, toBlob) });
  }
  return { entries, rest: fields.slice(at) };
}

/** Null where git had more to say than `maxBytes`. */
async function bounded(maxBytes: number, ask: () => Promise<Uint8Array>): Promise<Uint8Array | null> {
  try {
    const said = await ask();
    return said.length > maxBytes ? null : said;
  } catch (error) {
    if (error instanceof GitError && error.saidTooMuch) return null;
    throw error;
  }
}
