import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LandingFailure } from '../../core/landing-failure';
import { isErrno } from '../environments/spawn';
import { exists } from '../exists';
import { gitText } from '../git';
import { commonFolder, gitFolder } from '../git-folder';

/** Where in a local repository a push goes, and how its receiving side is started. */
export interface Receiver {
  /** The repository's own folder, that of a worktree's main one. */
  path: string;
  /** Options of `git push`. */
  flags: string[];
  /** The folders whose checked-out files follow the branch. */
  workTrees: string[];
}

interface Request {
  /** The folder that `validateSource` looked at. */
  gitDir: string;
  branch: string;
  /** Whether files that are checked out from the branch may follow it, where they are clean. */
  checkout: boolean;
  /** Real paths that may be written at all. */
  allowed: (path: string) => boolean;
}

/**
 * Starts the receiving side so that nothing of the repository's hooks and configuration runs a program, that it reaches
 * no other repository (a partial clone's source, say), and that what it writes belongs to the repository's owner.
 * @throws LandingFailure `repository_refused`, `branch_checked_out`; GitError when its configuration cannot be read.
 */
export async function localReceiver(request: Request): Promise<Receiver> {
  const path = await commonFolder(request.gitDir);
  // receive-pack, which knows no --strict, would take a repository within the repository, which nobody has looked at.
  if (path === null || (await exists(join(path, '.git'))))
    throw new LandingFailure('repository_refused', 'The repository has another one in its own folder.');
  const names = await configNames(path);
  const workTrees = request.checkout ? await thatFollow(path, names, request) : [];
  const settings: [string, string][] = [
    ...always,
    ['receive.denyCurrentBranch', workTrees.length > 0 ? 'updateInstead' : 'refuse'],
    // Newer gits know hooks by configuration too.
    ...namesBelow('hook', names).map((name): [string, string] => [`hook.${name}.enabled`, 'false']),
  ];
  const receive = [...(await asOwner(path)), 'git', 'receive-pack'].join(' ');
  const flag = `--receive-pack=cd / && export ${variables(settings)} && exec ${receive}`;
  return { path, flags: [flag], workTrees };
}

const always: [string, string][] = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.attributesFile', '/dev/null'],
  // A program that is asked for refs, and names none.
  ['core.alternateRefsCommand', 'true'],
  ['receive.denyNonFastForwards', 'true'],
  ['receive.denyDeleteCurrent', 'refuse'],
  ['receive.autogc', 'false'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['submodule.recurse', 'false'],
  ['safe.directory', '*'],
];

/** In the command itself: git takes away what it was told of configuration when it starts the other side. */
function variables(settings: [string, string][]): string {
  const named = settings.flatMap(([name, value], at): [string, string][] => [
    [`GIT_CONFIG_KEY_${at}`, name],
    [`GIT_CONFIG_VALUE_${at}`, value],
  ]);
  const all = [
    ...named,
    ['GIT_CONFIG_COUNT', `${settings.length}`],
    // Ours may lie where the owner cannot read.
    ['GIT_CONFIG_GLOBAL', '/dev/null'],
    ['GIT_ALLOW_PROTOCOL', 'none'],
    ['GIT_COMMITTER_NAME', 'Bakeoff'],
    ['GIT_COMMITTER_EMAIL', 'bakeoff@localhost'],
  ];
  return all.map(([name, value]) => `${name}=${quoted(value ?? '')}`).join(' ');
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** As root, the push is the owner's: objects of root would be in the way of everything that the owner does next. */
async function asOwner(path: string): Promise<string[]> {
  if (process.getuid?.() !== 0) return [];
  const { uid, gid } = await stat(path);
  return uid === 0 ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs'];
}

/**
 * The folders in which git may write the files that are checked out from the branch: they lie where a repository may,
 * where the repository says that they lie, and no filter is wanted for them (filters are programs).
 * @throws LandingFailure `branch_checked_out` when they are checked out, and it may not.
 */
async function thatFollow(path: string, names: string[], { branch, allowed }: Request): Promise<string[]> {
  const follow: string[] = [];
  for (const { folder, workTree } of await checkedOut(path, branch)) {
    const all = folder === path ? names : [...names, ...(await configNames(folder))];
    const real = workTree === null ? null : await realpath(workTree).catch(() => null);
    const known =
      real !== null &&
      allowed(real) &&
      (await gitFolder(real)) === (await realpath(folder)) &&
      !all.includes('core.worktree');
    if (!known) {
      throw new LandingFailure(
        'branch_checked_out',
        `The branch ${branch} is checked out where it may not be changed; land on another branch.`,
      );
    }
    if (namesBelow('filter', all).length > 0) {
      throw new LandingFailure(
        'branch_checked_out',
        `The branch ${branch} is checked out, and its files go through filters (such as git-lfs), which are not run; land on another branch.`,
      );
    }
    follow.push(real);
  }
  return follow;
}

/** The main folder and its worktrees whose HEAD is the branch, each with where its files lie. */
async function checkedOut(path: string, branch: string) {
  const linked = await readdir(join(path, 'worktrees')).catch((error) => {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  });
  const folders = [path, ...linked.map((name) => join(path, 'worktrees', name))];
  const found: { folder: string; workTree: string | null }[] = [];
  for (const folder of folders) {
    if ((await line(join(folder, 'HEAD'))) !== `ref: refs/heads/${branch}`) continue;
    found.push({ folder, workTree: folder === path ? mainTree(path) : await linkedTree(folder) });
  }
  return found;
}

function mainTree(path: string): string | null {
  return basename(path) === '.git' ? dirname(path) : null;
}

async function linkedTree(folder: string): Promise<string | null> {
  const dotGit = await line(join(folder, 'gitdir'));
  return dotGit !== null && basename(dotGit) === '.git' ? dirname(dotGit) : null;
}

async function line(file: string): Promise<string | null> {
  const found = await stat(file).catch(() => null);
  if (!found?.isFile() || found.size > 5000) return null;
  return (await readFile(file, 'utf8')).trimEnd();
}

/** The names of all settings that a repository's own files hold, those that they include among them. */
async function configNames(folder: string): Promise<string[]> {
  const args = ['config', '--list', '--includes', '--name-only'];
  const said = await gitText('/', args, { env: { GIT_DIR: folder, GIT_CONFIG_GLOBAL: '/dev/null' } });
  return said.split('\n');
}

/** `x` for each `<section>.x.<key>`, once. */
function namesBelow(section: string, names: string[]): string[] {
  const below = names
    .filter((name) => name.startsWith(`${section}.`) && name.lastIndexOf('.') > section.length)
    .map((name) => name.slice(section.length + 1, name.lastIndexOf('.')));
  return [...new Set(below)];
}
