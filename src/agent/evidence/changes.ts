import { decode } from '../environment';
import { GitError, git } from '../git';
import { type FileChange, isManifest } from './judging-files';

export interface Trees {
  /** The bare repository; it has both commits. */
  mirror: string;
  baseSha: string;
  /** The variation's commit. */
  sha: string;
  signal?: AbortSignal;
}

/** What became of one path, as git tells it; a mode of zeros: it is not there. */
export interface TreeChange {
  path: string;
  /** The path's bytes, one a character: it may be in any encoding. */
  raw: string;
  base: TreeEntry;
  patched: TreeEntry;
}

export interface TreeEntry {
  mode: string;
  blob: string;
}

const maxListBytes = 256 * 2 ** 20;
/** Of a manifest; more is none that a person wrote. */
const maxTextBytes = 2 ** 20;
/** More of them in one patch are taken to judge without being read. */
const maxTexts = 200;

/**
 * What a commit changes against its base, with the texts of manifests: what `judgingFiles` wants to be told.
 * @throws GitError; AbortError
 */
export async function readChanges(trees: Trees): Promise<FileChange[]> {
  let texts = 0;
  const changes: FileChange[] = [];
  for (const { path, base, patched } of await treeChanges(trees)) {
    const status = isThere(base) ? (isThere(patched) ? 'modified' : 'deleted') : 'added';
    const change: FileChange = { path, status };
    if (isManifest(path) && texts++ < maxTexts) {
      change.base = await textOf(trees, base);
      change.patched = await textOf(trees, patched);
    }
    changes.push(change);
  }
  return changes;
}

/**
 * The text of a file of a commit, at most 1 MiB; null where there is no such file.
 * @throws GitError; AbortError
 */
export async function readText(
  { mirror, sha, signal }: Pick<Trees, 'mirror' | 'sha' | 'signal'>,
  path: string,
): Promise<string | null> {
  const args = ['ls-tree', '-z', '--full-tree', sha, '--', `:(literal)${path}`];
  const line = /^(\d{6}) blob ([0-9a-f]+)\t/.exec(decode(await git(mirror, args, { signal })));
  if (!line) return null;
  return (await textOf({ mirror, signal }, { mode: line[1] ?? '', blob: line[2] ?? '' })) ?? null;
}

/** Every path that differs, without looking for renames. */
export async function treeChanges({ mirror, baseSha, sha, signal }: Trees): Promise<TreeChange[]> {
  for (const id of [baseSha, sha])
    if (!/^[0-9a-f]{40,64}$/.test(id)) throw new TypeError('a commit is named by its whole id');
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--full-index', baseSha, sha];
  const said = Buffer.from(await git(mirror, args, { signal, maxOutputBytes: maxListBytes }));
  const fields = said.toString('latin1').split('\0');
  const changes: TreeChange[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [baseMode = '', mode = '', baseBlob = '', blob = ''] = (fields[at] ?? '').slice(1).split(' ');
    const raw = fields[at + 1] ?? '';
    const path = decode(Buffer.from(raw, 'latin1'));
    changes.push({ path, raw, base: { mode: baseMode, blob: baseBlob }, patched: { mode, blob } });
  }
  return changes;
}

export function isThere({ mode }: TreeEntry): boolean {
  return mode !== '000000';
}

export function isFile({ mode }: TreeEntry): boolean {
  return mode === '100644' || mode === '100755';
}

/** Null where there is nothing; undefined for what is no text of a usual size. */
export async function textOf(
  { mirror, signal }: Pick<Trees, 'mirror' | 'signal'>,
  entry: TreeEntry,
): Promise<string | null | undefined> {
  if (!isThere(entry)) return null;
  if (!isFile(entry)) return undefined;
  try {
    const bytes = await git(mirror, ['cat-file', 'blob', entry.blob], {
      signal,
      maxOutputBytes: maxTextBytes,
    });
    return bytes.includes(0) ? undefined : decode(bytes);
  } catch (error) {
    // It is longer than we asked for.
    if (error instanceof GitError && error.exitCode === 0) return undefined;
    throw error;
  }
}
