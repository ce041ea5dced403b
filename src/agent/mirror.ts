import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Config, Credential } from '../config';
import { VariationFailure } from '../core/failure';
import type { Sandbox } from './environments/sandbox';
import { exists } from './exists';
import { bareRepository, GitError, type GitOptions, git, gitText, isPassing, redact } from './git';
import { unlocked } from './git-locks';
import { commitOf, isMirror, makeBare, makeSourceIn, ownProtocol, sourceIn } from './mirror-source';
import { type Source, SourceError, validateSource } from './source';
import { type Owners, type Tidied, Tidier } from './tidy';
import { Turns } from './turns';

/** A project as its mirror knows it. */
export interface MirroredProject {
  id: number;
  repo_url: string | null;
  local_path: string | null;
  default_branch: string | null;
  /** What to log in with where the repository is private. */
  credential?: Credential | null;
}

export interface Mirror {
  /** Folder of the bare repository. */
  path: string;
  /** Null: the repository is empty, or says of no branch that it is the one. */
  default_branch: string | null;
}

interface Options {
  /** Where the mirrors lie; made if missing. */
  dir: string;
  config: Config;
  /** Whose commands read the mirrors' objects. */
  sandbox: Pick<Sandbox, 'makeReadable'>;
}

const fetchMs = 600_000;
const refspecs = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'];

/**
 * One bare repository for each project, brought up to date under a lock. The results of runs live there too, under
 * `refs/bakeoff/`; what came from the source lies in a repository inside of it, which is all that workspaces see.
 */
export class Mirrors {
  private readonly turns = new Map<number, Turns<Mirror>>();
  private readonly tidier: Tidier;

  constructor(private readonly options: Options) {
    this.tidier = new Tidier(options.dir, 2 * fetchMs);
  }

  pathOf(projectId: number): string {
    return join(this.options.dir, `${projectId}.git`);
  }

  /**
   * Brings the mirror up to what the source had when this was called, at the latest. Calls that wait for the same
   * project share one fetch. Limit: 10 minutes.
   * @throws VariationFailure `clone_failed` with git's reason; AbortError when `signal` fires (the fetch itself ends
   * when nobody waits for it any more).
   */
  async sync(project: MirroredProject, options: { signal?: AbortSignal } = {}): Promise<Mirror> {
    const turns = this.turns.get(project.id) ?? new Turns<Mirror>();
    this.turns.set(project.id, turns);
    return await turns.join((signal) => this.fetch(project, signal), options.signal);
  }

  /** Whether the mirror, as it is, has a commit of this whole id. */
  async has(projectId: number, sha: string): Promise<boolean> {
    return (await commitOf(this.pathOf(projectId), sha)) !== null;
  }

  /**
   * The commit that `base` means in the mirror as it is: null is the default branch; else a branch, a tag, or a commit,
   * whole or abbreviated, in this order.
   * @throws VariationFailure `base_not_found`.
   */
  async resolve(project: MirroredProject, base: string | null): Promise<string> {
    const path = this.pathOf(project.id);
    const candidates = base === null ? await this.defaultRefs(project, path) : refsFor(base);
    for (const candidate of candidates) {
      const sha = await commitOf(path, candidate);
      if (sha !== null) return sha;
    }
    if (base !== null && candidates.length > 0) {
      throw new VariationFailure('base_not_found', `The repository has no branch, tag or commit “${base}”.`);
    }
    if (base !== null)
      throw new VariationFailure('base_not_found', 'That is no name of a branch, tag or commit.');
    const some = await gitText(path, ['for-each-ref', '--count=1', 'refs/heads']);
    throw new VariationFailure(
      'base_not_found',
      some === ''
        ? 'The repository is empty: it has no commit to start from.'
        : 'The repository names no default branch: say which branch to start from.',
    );
  }

  /** Removes what has no owner any more, and packs what has become a heap; see `Tidier`. One call at a time. */
  async tidy(owners: Owners, signal?: AbortSignal): Promise<Tidied> {
    return await this.tidier.tidy(owners, signal);
  }

  private async defaultRefs(project: MirroredProject, path: string): Promise<string[]> {
    const head = await gitText(path, ['symbolic-ref', '--quiet', 'HEAD']).catch(() => null);
    const named = project.default_branch === null ? [] : refsFor(`refs/heads/${project.default_branch}`);
    const only = await gitText(path, ['for-each-ref', '--count=2', '--format=%(refname)', 'refs/heads']);
    return [
      ...named,
      ...(head === null ? [] : [head]),
      ...(only.includes('\n') || only === '' ? [] : [only]),
    ];
  }

  private async fetch(project: MirroredProject, signal: AbortSignal): Promise<Mirror> {
    const path = this.pathOf(project.id);
    try {
      const source = await validateSource(project, this.options.config);
      await mkdir(this.options.dir, { recursive: true });
      await this.options.sandbox.makeReadable(this.options.dir);
      if (!(await isMirror(path))) await this.create(path, source, signal);
      else await bring(path, source, signal);
      const default_branch = await takeHead(path, source, signal);
      return { path, default_branch };
    } catch (error) {
      throw asFailure(error);
    }
  }

  /** Under another name first, so that half a mirror is never taken for a whole one. */
  private async create(path: string, source: Source, signal: AbortSignal): Promise<void> {
    await sweepHalfMade(this.options.dir);
    const half = join(this.options.dir, `${halfMade}${basename(path)}-${randomUUID()}`);
    try {
      await makeBare(half);
      await bring(half, source, signal);
      if (await exists(path)) await rename(path, `${path}.broken-${Date.now()}`);
      await rename(half, path);
    } finally {
      await rm(half, { recursive: true, force: true });
    }
  }
}

/** What the source has goes into the repository inside, the names of it into the mirror. */
async function bring(mirror: string, source: Source, signal: AbortSignal): Promise<void> {
  await makeSourceIn(mirror);
  const inside = sourceIn(mirror);
  await fetchInto(inside, source, signal);
  await fetchInto(mirror, { url: inside, options: [], flags: [], env: ownProtocol }, signal);
}

async function fetchInto(path: string, source: Source, signal: AbortSignal): Promise<void> {
  await sweepPacks(path);
  const flags = [
    '--quiet',
    '--prune',
    '--no-tags',
    '--no-write-fetch-head',
    '--no-auto-maintenance',
    '--force',
  ];
  const args = [
    ...source.options,
    'fetch',
    ...flags,
    ...source.flags,
    '--end-of-options',
    source.url,
    ...refspecs,
  ];
  await unlocked(path, () => git(path, args, { env: source.env, signal, timeoutMs: fetchMs }));
}

/** Makes the source's default branch the mirror's. */
async function takeHead(path: string, source: Source, signal: AbortSignal): Promise<string | null> {
  const options: GitOptions = { env: source.env, signal, timeoutMs: 60_000 };
  const said = await gitText(
    path,
    [...source.options, 'ls-remote', '--symref', ...source.flags, '--', source.url, 'HEAD'],
    options,
  );
  const head = said.match(/^ref: (refs\/heads\/.+)\tHEAD$/m)?.[1];
  if (head && isRefName(head)) {
    await unlocked(path, () => bareRepository(path).raw('symbolic-ref', 'HEAD', head));
  }
  const ref = await gitText(path, ['symbolic-ref', '--quiet', 'HEAD']);
  return (await commitOf(path, ref)) === null ? null : ref.replace('refs/heads/', '');
}

const halfMade = 'half-';

async function sweepHalfMade(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (name.startsWith(halfMade)) await removeOlder(join(dir, name), 2 * fetchMs);
  }
}

/** What a killed fetch leaves is as large as what it had fetched. */
async function sweepPacks(path: string): Promise<void> {
  const packs = join(path, 'objects', 'pack');
  for (const name of await readdir(packs).catch(() => [])) {
    if (name.startsWith('tmp_')) await removeOlder(join(packs, name), 2 * fetchMs);
  }
}

async function removeOlder(path: string, ms: number): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found && Date.now() - found.mtimeMs > ms) await rm(path, { recursive: true, force: true });
}

function refsFor(base: string): string[] {
  const refs = base.startsWith('refs/') ? [base] : [`refs/heads/${base}`, `refs/tags/${base}`];
  const commit = /^[0-9a-f]{4,64}$/i.test(base) ? [base.toLowerCase()] : [];
  return [...refs.filter((ref) => /^refs\/(heads|tags)\//.test(ref) && isRefName(ref)), ...commit];
}

/** The rules of git-check-ref-format(1). */
export function isRefName(ref: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what git refuses too
  if (/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|\/$|\.$/.test(ref) || ref.length > 1000) return false;
  return ref
    .split('/')
    .every(
      (part) => part !== '' && !part.startsWith('.') && !part.startsWith('-') && !part.endsWith('.lock'),
    );
}

function asFailure(error: unknown): unknown {
  if (error instanceof SourceError)
    return new VariationFailure('clone_failed', error.message, { cause: error });
  if (!(error instanceof Error) || error.name === 'AbortError') return error;
  if (/No space left on device|ENOSPC/.test(error.message)) {
    return new VariationFailure('disk_full', 'The disk is full: the repository could not be fetched.', {
      cause: error,
    });
  }
  if (error instanceof GitError || error.name.startsWith('Git')) {
    return new VariationFailure('clone_failed', plain(redact(error.message)), {
      cause: error,
      transient: isPassing(error),
    });
  }
  return error;
}

/** Git's reason, with what it means where git's words do not say. */
function plain(message: string): string {
  if (/Authentication failed/.test(message)) return `The repository refused the token (${message}).`;
  if (/certificate/i.test(message)) {
    return `The server's certificate is not trusted; the operator can name its authority in SSL_CERT_FILE (${message}).`;
  }
  if (/could not read Username|terminal prompts disabled|403/.test(message)) {
    return `The repository asks for a password or does not exist (${message}).`;
  }
  if (/redirect|returned error: 30\d/i.test(message))
    return `The repository has moved; use its new URL (${message}).`;
  return `The repository could not be fetched: ${message}`;
}
