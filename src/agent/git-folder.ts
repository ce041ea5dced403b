import { lstat, readFile, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { runProcess } from './environments/spawn';
import { exists } from './exists';

/** The repository's own folder: the path itself when bare, its `.git`, or where a `.git` file points. */
export async function gitFolder(path: string): Promise<string | null> {
  const dotGit = join(path, '.git');
  const found = await lstat(dotGit).catch(() => null);
  if (found === null) {
    return (await exists(join(path, 'HEAD'))) && (await exists(join(path, 'objects'))) ? path : null;
  }
  if (!found.isFile()) return await realpath(dotGit).catch(() => null);
  const named = (await small(dotGit))?.match(/^gitdir: (.+?)\s*$/)?.[1];
  return named ? await realpath(resolve(path, named)).catch(() => null) : null;
}

/** More links or borrowed folders than any honest repository has. */
const maxPlaces = 1000;
/** What git reads in a repository's folder to hand out its branches and objects. */
const read = [
  ...['HEAD', 'config', 'config.worktree', 'packed-refs', 'shallow'],
  ...['info', 'objects', 'refs', 'reftable'],
];

/**
 * Whether all that git would read to serve this repository is `allowed`: where it is a worktree of another one, has
 * links in it, or borrows objects (alternates), those too. Otherwise a repository that was unpacked from somewhere could
 * have git, which may read more than its author, hand out another one. What changes while it is looked at is not seen.
 */
export async function staysWithin(gitDir: string, allowed: (path: string) => boolean): Promise<boolean> {
  const common = await commonFolder(gitDir);
  if (common === null || !allowed(gitDir) || !allowed(common)) return false;
  const places = [gitDir, common].flatMap((folder) => read.map((name) => join(folder, name)));
  const seen = new Set<string>();
  for (let place = places.shift(); place !== undefined; place = places.shift()) {
    const real = await realpath(place).catch(() => null);
    if (real === null || seen.has(real)) continue;
    if (!allowed(real) || seen.size > maxPlaces) return false;
    seen.add(real);
    const found = await stat(real).catch(() => null);
    if (!found?.isDirectory()) continue;
    const [links, borrowed] = [await linksIn(real), await alternates(real)];
    if (links === null || borrowed === null) return false;
    places.push(...links, ...borrowed);
  }
  return true;
}

/** The folder that a worktree's own folder leads to, or the folder itself; null for what only git could follow. */
export async function commonFolder(gitDir: string): Promise<string | null> {
  const file = join(gitDir, 'commondir');
  if (!(await exists(file))) return gitDir;
  const named = (await small(file))?.replace(/[\r\n]+$/, '');
  // Down and up again could go through a link.
  if (!named || /(^|\/)(?!\.\.?\/)[^/]+\/+(\.\/+)*\.\.(\/|$)/.test(named)) return null;
  return await realpath(resolve(gitDir, named)).catch(() => null);
}

/** Null when there are more than can be looked at. */
async function linksIn(folder: string): Promise<string[] | null> {
  const found = await runProcess({
    argv: ['find', folder, '-type', 'l', '-print0'],
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    timeoutMs: 20_000,
    maxOutputBytes: 2 ** 20,
  });
  const said = text(found.stdout);
  // 1: something could not be read, or went while git tidied up. What is not there for us is not there for git.
  const whole = found.exit_code === 0 || found.exit_code === 1;
  if (!whole || found.truncated || said === null) return null;
  const links = said.split('\0').filter((link) => link !== '');
  return links.length > maxPlaces ? null : links;
}

/** Null for what only git could read: quoted names, and lists beyond reason. */
async function alternates(objects: string): Promise<string[] | null> {
  const file = join(objects, 'info', 'alternates');
  if (!(await exists(file))) return [];
  const lines = (await small(file))?.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines && !lines.some((line) => line.startsWith('"'))
    ? lines.map((line) => resolve(objects, line))
    : null;
}

/** A small file of names; null when it is none, or when git would read the names otherwise than we do. */
async function small(path: string): Promise<string | null> {
  const found = await stat(path).catch(() => null);
  if (!found?.isFile() || found.size > 65_536) return null;
  const said = text(await readFile(path).catch(() => new Uint8Array([0])));
  return said === null || said.includes('\0') ? null : said;
}

/** Byte for byte, or null. */
function text(bytes: Uint8Array): string | null {
  const said = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  return said.includes('\uFFFD') ? null : said;
}
