import { EditError, shown } from './errors';

/** What there is, by path from the root. */
export interface Tree {
  has(path: string): boolean;
  paths(): Iterable<string>;
  /** Links and submodules: nothing is written onto or through them. */
  barred: ReadonlySet<string>;
}

/**
 * Refuses what may never be named, before anything else is looked at: absolute paths, `..`, git's own folder in any
 * spelling, control characters, and names without one.
 */
export function refuseHostile(written: string): void {
  const parts = written.split(/[/\\]/);
  const stripped = written.replace(/^[ab]\//, '');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(written)) refuse(written, 'a path cannot hold control characters');
  if ([written, stripped].some((path) => /^[/\\~]|^[a-z]:[/\\]/i.test(path)))
    refuse(written, 'the path is not relative to the root of the project');
  if (parts.includes('..')) refuse(written, '".." is not allowed in a path');
  if (parts.some(isGitFolder)) refuse(written, "git's own folder is out of bounds");
  if (written.length > 4096 || parts.every((part) => part === '' || part === '.'))
    refuse(written, 'that is no path of a file');
}

function refuse(written: string, why: string): never {
  throw new EditError(
    'path',
    `"${shown(written)}": ${why}. Nothing was changed. Give paths of files in the project, from its root.`,
    written,
  );
}

/** `.git` as any file system may understand it: other case, trailing dots, ignorable characters, short names. */
export function isGitFolder(part: string): boolean {
  if (part.length > 300) return false; // No file system takes such a name.
  const bare = part
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/[. ]+$/, '')
    .replace(/:.*$/, '')
    .toLowerCase();
  return bare === '.git' || /^git~\d+$/.test(bare);
}

export function clean(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

const prefix = /^(?:[abciow]|old|new|orig)\//;

/** One path where a diff's prefix may stand before it; both names when they are the same but for that. */
function stripped(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.replace(prefix, '')))];
}

/**
 * The file that names in a patch mean: as written, without `a/` or `b/`, without a leading folder that the project
 * does not have, or by its end. Null when there is none. @throws EditError when there are two, or the names differ.
 */
export function resolveExisting(written: readonly string[], tree: Tree): string | null {
  const names = [...new Set(written.map(clean))];
  const bare = stripped(names);
  const pair = names.length === 2 && bare.length === 1;
  const levels = [pair ? [] : names, bare, pair ? names : [], bare.map((name) => withoutSurplus(name, tree))];
  for (const level of levels) {
    const found = [...new Set(level.filter((path) => path !== '' && tree.has(path)))];
    if (found.length > 1) throw twoNames(found);
    const [path] = found;
    if (path === undefined) continue;
    if (!bare.every((name) => alike(name, path))) throw twoNames(bare);
    return path;
  }
  const ends = new Set<string>();
  for (const path of tree.paths()) if (bare.some((name) => path.endsWith(`/${name}`))) ends.add(path);
  if (ends.size > 1) {
    const list = [...ends].sort().slice(0, 12).join(', ');
    throw new EditError(
      'path',
      `"${bare[0]}" could be any of ${ends.size} files: ${list}. Nothing was changed. Write the whole path.`,
      bare[0],
    );
  }
  return [...ends][0] ?? null;
}

function withoutSurplus(name: string, tree: Tree): string {
  const slash = name.indexOf('/');
  if (slash === -1) return '';
  const folder = name.slice(0, slash + 1);
  for (const path of tree.paths()) if (path.startsWith(folder)) return '';
  return name.slice(slash + 1);
}

/** The other name of a header names the same file: but for folders before it, or the mark of a copy kept aside. */
function alike(name: string, path: string): boolean {
  const one = name.replace(/(\.orig|\.old|\.bak|~)$/, '');
  const two = path.replace(/(\.orig|\.old|\.bak|~)$/, '');
  return one === two || one.endsWith(`/${two}`) || two.endsWith(`/${one}`);
}

function twoNames(names: string[]): EditError {
  return new EditError(
    'path',
    `The header names two files, ${names.map((name) => `"${shown(name)}"`).join(' and ')}. Nothing was changed. Name one file in both lines, or say "rename from" and "rename to".`,
    names[0],
  );
}

/** The path of a file that is to be made. A prefix goes only where a diff put it. */
export function resolveNew(written: string, diff: boolean, tree: Tree): string {
  const path = clean(written);
  const bare = diff ? clean(path.replace(/^[ab]\//, '')) : path;
  return diff && bare !== path && tree.has(path) ? path : bare;
}

/** @throws EditError for a path onto or through a link or submodule, or through a file. */
export function refuseBarred(path: string, tree: Tree): void {
  for (let end = path.indexOf('/'); ; end = path.indexOf('/', end + 1)) {
    const part = end === -1 ? path : path.slice(0, end);
    if (tree.barred.has(part))
      refuse(path, `"${part}" is a link or a submodule, and nothing is written onto or through one`);
    if (end === -1) return;
    if (tree.has(part)) refuse(path, `"${part}" is a file, not a folder`);
  }
}
