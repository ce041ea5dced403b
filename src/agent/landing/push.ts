import { LandingFailure } from '../../core/landing-failure';
import { requireSha } from '../commit';
import { GitError, type GitOptions, gitExit, gitText, isPassing } from '../git';
import { isRefName, type MirroredProject } from '../mirror';
import { localPlaces, type Source, type SourceConfig, SourceError, validateSource } from '../source';
import { inTheWay } from './in-the-way';
import { contains } from './preflight';
import { localReceiver } from './receive';

/** From which mirror to which project: to its recorded URL or folder, and nowhere else. */
export interface Remote {
  project: MirroredProject;
  /** The bare repository that has the commits. */
  mirror: string;
  config: SourceConfig;
  signal?: AbortSignal;
}

export interface PushRequest {
  commit: string;
  /** Without `refs/heads/`. */
  branch: string;
  /** What the branch must be for the push to happen: null, not there yet; absent, anything that the commit contains. */
  expectOld?: string | null;
  /** In a local repository: the files that are checked out from the branch follow it, where they are clean. */
  checkout?: boolean;
}

const pushMs = 600_000;
const askMs = 60_000;

/**
 * Pushes one commit to one branch, forward only: nothing is ever forced, also not where `expectOld` allows for the
 * branch as it is (which the mirror must know then: sync it before). Again after a push whose answer was lost, it is
 * `already_there`. Limit: 10 minutes.
 * @throws LandingFailure `push_rejected` `push_refused` `branch_checked_out` `checkout_dirty` `repository_refused`
 * `disk_full`, or `forge_unavailable`, after which nobody knows whether it was done; AbortError.
 */
export async function pushBranch(
  remote: Remote,
  { commit, branch, expectOld, checkout = false }: PushRequest,
): Promise<{ state: 'pushed' | 'already_there' }> {
  const ref = branchRef(branch);
  const forward = typeof expectOld !== 'string' || (await contains(remote.mirror, commit, expectOld));
  if (!forward) throw rejected(branch);
  return await explained(async () => {
    const { source, url, flags, workTrees } = await receiver(remote, branch, checkout);
    if (workTrees.length > 0) await requireFree(remote, { commit, branch, workTrees });
    const lease = expectOld === undefined ? [] : [`--force-with-lease=${ref}:${expectOld ?? ''}`];
    const said = await push(remote, source, [...flags, ...lease, '--', url, `${requireSha(commit)}:${ref}`]);
    const { flag, words } = statusOf(said.stdout, ref);
    if (flag === '=') return { state: 'already_there' };
    if (flag === ' ' || flag === '*' || flag === '+') return { state: 'pushed' };
    throw flag === '!' ? refused(branch, words, said.said) : new GitError(said.said, said.exitCode);
  });
}

/**
 * Deletes a branch that is still what we left. Again after it was done, it is `already_gone`.
 * @throws LandingFailure `branch_moved`, or as `pushBranch`; AbortError.
 */
export async function deleteBranch(
  remote: Remote,
  { branch, onlyIf }: { branch: string; onlyIf: string },
): Promise<{ state: 'deleted' | 'already_gone' }> {
  const ref = branchRef(branch);
  const tip = await remoteTip(remote, branch);
  if (tip === null) return { state: 'already_gone' };
  const moved = new LandingFailure('branch_moved', `The branch ${branch} is not what was pushed any more.`);
  if (tip !== onlyIf) throw moved;
  return await explained(async () => {
    const { source, url, flags } = await receiver(remote, branch, false);
    const lease = `--force-with-lease=${ref}:${requireSha(onlyIf)}`;
    const said = await push(remote, source, [...flags, lease, '--', url, `:${ref}`]);
    const { flag, words } = statusOf(said.stdout, ref);
    if (flag === '-') return { state: 'deleted' };
    if (/stale info/.test(words)) throw moved;
    throw flag === '!' ? refused(branch, words, said.said) : new GitError(said.said, said.exitCode);
  });
}

/**
 * What a branch is at the source right now; null when it is not there.
 * @throws LandingFailure as `pushBranch`; AbortError.
 */
export async function remoteTip(remote: Remote, branch: string): Promise<string | null> {
  const ref = branchRef(branch);
  return await explained(async () => {
    const source = await validateSource(remote.project, remote.config);
    const args = [...source.options, 'ls-remote', ...source.flags, '--', source.url, ref];
    const said = await gitText(remote.mirror, args, optionsOf(remote, source, askMs));
    const line = said.split('\n').find((one) => one.endsWith(`\t${ref}`));
    return line === undefined ? null : requireSha(line.split('\t')[0] ?? '');
  });
}

function branchRef(branch: string): string {
  const ref = `refs/heads/${branch}`;
  if (!isRefName(ref)) throw new TypeError('that is no name of a branch');
  return ref;
}

async function receiver({ project, config }: Remote, branch: string, checkout: boolean) {
  const source = await validateSource(project, config);
  if (project.local_path === null) return { source, url: source.url, flags: [], workTrees: [] };
  const allowed = await localPlaces(config);
  const { path, ...receiving } = await localReceiver({ gitDir: source.url, branch, checkout, allowed });
  return { source, url: path, ...receiving };
}

/** @throws LandingFailure `checkout_dirty` when files that nobody has committed would be written over. */
async function requireFree(
  remote: Remote,
  { commit, branch, workTrees }: { commit: string; branch: string; workTrees: string[] },
): Promise<void> {
  const tip = await remoteTip(remote, branch);
  // A push that is not forward is refused anyway; so is one to a branch that has gone, by its lease.
  if (tip === null || !(await contains(remote.mirror, commit, tip))) return;
  for (const folder of workTrees) {
    const path = await inTheWay(remote.mirror, { tip, commit }, folder);
    if (path === null) continue;
    throw new LandingFailure(
      'checkout_dirty',
      `The files that are checked out from ${branch} are not clean: ${JSON.stringify(path)} is not committed, and would be written over.`,
      { paths: [path] },
    );
  }
}

async function push(remote: Remote, source: Source, args: readonly string[]) {
  const flags = ['--porcelain', '--no-verify', '--no-signed', '--no-follow-tags', '--no-recurse-submodules'];
  const options = optionsOf(remote, source, pushMs);
  return await gitExit(remote.mirror, [...source.options, 'push', ...flags, ...args], [0, 1], options);
}

function optionsOf({ signal }: Remote, source: Source, timeoutMs: number): GitOptions {
  return { env: source.env, timeoutMs, maxOutputBytes: 2 ** 20, ...(signal ? { signal } : {}) };
}

/** The line of `git push --porcelain` about a ref: flag, from:to, summary (reason). */
function statusOf(stdout: Uint8Array, ref: string): { flag: string | null; words: string } {
  const lines = new TextDecoder().decode(stdout).split('\n');
  const line = lines.map((one) => one.split('\t')).find(([, names]) => names?.endsWith(`:${ref}`));
  return { flag: line?.[0] ?? null, words: line?.[2] ?? '' };
}

/** @param words git's, for this branch @param said what it and the server said besides */
function refused(branch: string, words: string, said: string): LandingFailure {
  const told = said === '' ? words : `${words}; ${said}`;
  if (/currently checked out|deletion of the current branch/.test(words)) {
    return new LandingFailure('branch_checked_out', `The branch ${branch} is checked out in the repository.`);
  }
  if (/working (directory|tree)|up-to-date check/i.test(words)) {
    return new LandingFailure(
      'checkout_dirty',
      `The files that are checked out from ${branch} are not clean: ${words}.`,
    );
  }
  if (/remote failed to report|unexpected disconnect/.test(words)) {
    return new LandingFailure('forge_unavailable', `The connection broke off: ${told}`, { transient: true });
  }
  if (/No space left|ENOSPC/.test(told)) return new LandingFailure('disk_full', `A disk is full: ${told}`);
  // Somebody else's push was at the same place at the same time.
  const raced = /cannot lock ref|failed to update ref|reference already exists|incorrect old value/.test(
    words,
  );
  if (/^\[rejected\]/.test(words) || raced) return rejected(branch, told);
  return new LandingFailure('push_refused', `The repository refused the push: ${told}`);
}

function rejected(branch: string, words = 'non-fast-forward'): LandingFailure {
  return new LandingFailure('push_rejected', `The branch ${branch} would lose commits (${words}).`);
}

async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asFailure(error);
  }
}

function asFailure(error: unknown): unknown {
  if (error instanceof SourceError) {
    const passes = /name server|is not known/.test(error.message);
    return passes
      ? new LandingFailure('forge_unavailable', error.message, { cause: error, transient: true })
      : new LandingFailure('repository_refused', error.message, { cause: error });
  }
  if (!(error instanceof GitError)) return error;
  const { message } = error;
  // Not theirs: the mirror has no such commit.
  if (/src refspec|bad object|not a valid object/.test(message)) return error;
  const failure = (code: LandingFailure['code'], words: string, transient = false) =>
    new LandingFailure(code, `${words} (${message})`, { cause: error, transient });
  if (/No space left|ENOSPC/.test(message)) return failure('disk_full', 'A disk is full');
  if (/certificate/i.test(message)) {
    return failure(
      'forge_unavailable',
      "The server's certificate is not trusted; the operator can name its authority in SSL_CERT_FILE",
    );
  }
  if (isPassing(error)) return failure('forge_unavailable', 'The repository could not be reached', true);
  if (/redirect|returned error: 30\d/i.test(message))
    return failure('repository_refused', 'The repository has moved; use its new URL');
  return failure('push_refused', 'The repository did not let us in');
}
