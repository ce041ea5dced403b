import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exists } from './exists';
import { bareRepository, GitError, git, gitText } from './git';
import { unlocked } from './git-locks';

/**
 * The bare repository inside of a mirror that has what its source has, and nothing that runs have made of it. Workspaces
 * are shown its objects only: one who lists them all finds no sibling's result. The mirror borrows them.
 */
export function sourceIn(mirror: string): string {
  return join(mirror, 'source');
}

/** Fetching on this disk, from one repository of ours into another. */
export const ownProtocol = { GIT_ALLOW_PROTOCOL: 'file' };

/** Makes the repository inside, unless it is there, and has the mirror borrow from it. */
export async function makeSourceIn(mirror: string): Promise<void> {
  const inside = sourceIn(mirror);
  if (!(await exists(inside))) await whole(inside, makeBare);
  const borrowed = join(mirror, 'objects', 'info', 'alternates');
  if (await exists(borrowed)) return;
  await mkdir(dirname(borrowed), { recursive: true });
  // Relative to the folder of objects (gitrepository-layout(5)).
  await whole(borrowed, (path) => writeFile(path, '../source/objects\n'));
}

/** Under another name first: half of something is never taken for the whole. */
async function whole(path: string, make: (half: string) => Promise<void>): Promise<void> {
  const half = `${path}-half`;
  await rm(half, { recursive: true, force: true });
  await make(half);
  await rename(half, path);
}

/**
 * Lends workspaces a commit to stand on that a run has made, with all that belongs to it; what the source has is there
 * already. Nothing happens where the mirror has no such commit.
 * @throws GitError; AbortError
 */
export async function lend(mirror: string, sha: string, signal?: AbortSignal): Promise<void> {
  const inside = sourceIn(mirror);
  if ((await commitOf(inside, sha)) !== null || (await commitOf(mirror, sha)) === null) return;
  const flags = ['--quiet', '--no-tags', '--no-write-fetch-head', '--no-auto-maintenance'];
  // As a pack, which is whole or not there: of loose objects a killed git could leave the commit without its files.
  const args = ['-c', 'fetch.unpackLimit=1', 'fetch', ...flags, '--end-of-options', mirror, sha];
  await unlocked(inside, () => git(inside, args, { env: ownProtocol, signal, timeoutMs: 120_000 }));
}

/** An empty bare repository, in a folder made for it. */
export async function makeBare(path: string): Promise<void> {
  await mkdir(path);
  // Commands in workspaces read the objects as another user; the folder of the mirrors keeps everybody else out.
  await chmod(path, 0o755);
  await bareRepository(path).init(true, ['--shared=0644']);
}

/** Whether a mirror is there, and whole. One of before there were repositories inside is. */
export async function isMirror(path: string): Promise<boolean> {
  const inside = sourceIn(path);
  return (await isRepository(path)) && (!(await exists(inside)) || (await isRepository(inside)));
}

async function isRepository(path: string): Promise<boolean> {
  if (!(await exists(path))) return false;
  return await gitText(path, ['rev-parse', '--is-bare-repository'], { env: { GIT_DIR: path } }).then(
    (said) => said === 'true',
    () => false,
  );
}

/** The whole id of the commit that a name means there; null: none. */
export async function commitOf(path: string, name: string): Promise<string | null> {
  try {
    return await gitText(path, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`]);
  } catch (error) {
    if (error instanceof GitError && !error.timedOut) return null;
    throw error;
  }
}
