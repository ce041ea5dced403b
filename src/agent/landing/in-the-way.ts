import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { requireSha } from '../commit';
import { isErrno } from '../environments/spawn';
import { git } from '../git';

/**
 * A file of a person's that would be lost if a work tree went from one commit to another: it lies where the second has
 * a file, and the first has none. Git itself minds only those that are not ignored, and writes over the others.
 * @param mirror has both commits
 * @param workTree is only looked at, and no link in it is followed
 * @returns its path in the work tree; null when there is none
 * @throws GitError; what `lstat` and `readdir` throw.
 */
export async function inTheWay(
  mirror: string,
  { tip, commit }: { tip: string; commit: string },
  workTree: string,
): Promise<string | null> {
  const args = [
    'diff-tree',
    '-r',
    '-z',
    '--no-renames',
    '--name-status',
    requireSha(tip),
    requireSha(commit),
  ];
  // Each byte a character: a name need not be UTF-8.
  const words = Buffer.from(await git(mirror, args))
    .toString('latin1')
    .split('\0');
  const paths = (kinds: RegExp) => words.filter((_, at) => at % 2 === 1 && kinds.test(words[at - 1] ?? ''));
  // What the second has not, or has as something else, is the first's: git looks whether that is clean.
  const known = new Set(paths(/^[DT]/));
  const root = Buffer.from(workTree).toString('latin1');
  for (const path of paths(/^[AT]/)) {
    const found = await unknownAt(root, path, known);
    if (found !== null) return Buffer.from(found, 'latin1').toString();
  }
  return null;
}

/** What is at a path or on the way to it, or below it, and is not known. */
async function unknownAt(root: string, path: string, known: Set<string>): Promise<string | null> {
  const parts = path.split('/');
  for (const at of parts.keys()) {
    const part = parts.slice(0, at + 1).join('/');
    const there = await statsOf(`${root}/${part}`);
    if (there === null) return null;
    if (!there.isDirectory()) return known.has(part) ? null : part;
  }
  return await unknownBelow(root, path, known);
}

async function unknownBelow(root: string, folder: string, known: Set<string>): Promise<string | null> {
  const names = await readdir(Buffer.from(`${root}/${folder}`, 'latin1'), { encoding: 'latin1' });
  for (const path of names.map((name) => `${folder}/${name}`)) {
    const there = await statsOf(`${root}/${path}`);
    const found = there?.isDirectory() ? await unknownBelow(root, path, known) : path;
    if (found !== null && !known.has(found)) return found;
  }
  return null;
}

async function statsOf(path: string): Promise<Stats | null> {
  return await lstat(Buffer.from(path, 'latin1')).catch((error) => {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  });
}
