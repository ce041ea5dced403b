import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { VariationFailure } from '../../core/failure';
import { decode, type Environment, type ExecOptions, type ExecResult } from '../environment';
import type { Patch, Workspace, WorkspaceRequest, WorkspaceSource } from '../workspace';
import { removeTree } from './remove';
import type { Mount, Sandbox } from './sandbox';
import { applyScript, openScript, snapshotScript } from './scripts';

/** A patch larger than this is no patch that a person could look at. */
export const maxPatchBytes = 64 * 2 ** 20;
const openMs = 600_000;
const snapshotMs = 120_000;

/**
 * Workspaces as checkouts that borrow the mirror's objects, made inside the sandbox: the host never runs git in one
 * (invariant 6). A folder of a workspace: `tree` is what commands see as their workspace; `git` is a repository of our
 * own beside it, shown only while we look at what changed, so that nothing the agent does to its `.git` counts.
 */
export class Checkouts implements WorkspaceSource {
  /** Folders that are open, or being opened or removed: a sweep leaves them alone. */
  private readonly busy = new Set<string>();
  /** Folders that a sweep is removing. */
  private readonly going = new Map<string, Promise<void>>();

  /**
   * @param dir where the workspaces lie; made if missing.
   * @param limit bytes of the largest patch.
   */
  constructor(
    private readonly dir: string,
    private readonly sandbox: Sandbox,
    private readonly limit = maxPatchBytes,
  ) {}

  /**
   * @throws VariationFailure `base_not_found`, `patch_rejected` (the request's patch does not apply), `disk_full`,
   * `sandbox_unavailable`, `timeout`; AbortError when `signal` fires. Nothing is left behind then.
   */
  async open(request: WorkspaceRequest): Promise<Workspace> {
    if (!/^[A-Za-z0-9-]{1,100}$/.test(request.id))
      throw new TypeError('a workspace id is letters, digits and dashes');
    if (!/^[0-9a-f]{40,64}$/.test(request.baseSha)) throw new TypeError('a base is a whole commit id');
    const folder = join(this.dir, request.id);
    await mkdir(this.dir, { recursive: true });
    await chmod(this.dir, 0o711);
    this.busy.add(request.id);
    await this.going.get(request.id);
    const closed = (): void => void this.busy.delete(request.id);
    try {
      await removeTree(folder);
      await mkdir(folder, { mode: 0o711 });
      await chmod(folder, 0o711);
      const workspace = new Checkout(this.sandbox, folder, request, this.limit, closed);
      await workspace.fill(request);
      return workspace;
    } catch (error) {
      await removeTree(folder).finally(closed);
      throw full(error);
    }
  }

  /** The folder is this process's alone, so whatever is not open has no owner. One that cannot be removed is left for the next time. */
  async sweep(): Promise<number> {
    let gone = 0;
    for (const name of await readdir(this.dir).catch(() => [])) {
      if (this.busy.has(name)) continue;
      const going = removeTree(join(this.dir, name)).then(
        () => {
          gone += 1;
        },
        () => {},
      );
      this.going.set(name, going);
      await going.finally(() => this.going.delete(name));
    }
    return gone;
  }
}

class Checkout implements Workspace {
  readonly environment: Environment;
  readonly baseSha: string;
  /** The same files, with our own repository beside them. */
  private readonly ours: Environment;
  private readonly git: Mount;
  private readonly tree: string;
  private readonly objects: Mount;
  /** One look at a time: two would meet in one index. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly sandbox: Sandbox,
    private readonly folder: string,
    request: WorkspaceRequest,
    private readonly limit: number,
    private readonly closed: () => void,
  ) {
    this.baseSha = request.baseSha;
    this.tree = join(folder, 'tree');
    this.git = { host: join(folder, 'git'), inside: '/snapshot', writable: true };
    this.objects = { host: join(request.mirror, 'objects'), inside: '/mirror/objects' };
    const { limits } = request;
    this.environment = sandbox.open({ workspace: this.tree, mounts: [this.objects], limits });
    this.ours = sandbox.open({ workspace: this.tree, mounts: [this.objects, this.git] });
  }

  async fill(request: WorkspaceRequest): Promise<void> {
    await this.sandbox.makeFolder(this.tree);
    await this.sandbox.makeFolder(this.git.host);
    const { signal } = request;
    const opened = await this.run(openScript, { signal, timeoutMs: openMs });
    if (opened.exit_code !== 0) throw failed('The workspace could not be made', opened, 'base_not_found');
    if (!request.patch || request.patch.length === 0) return;
    const applied = await this.run(applyScript, { stdin: request.patch, signal, timeoutMs: snapshotMs });
    if (applied.exit_code !== 0)
      throw failed('The patch does not apply to its base', applied, 'patch_rejected');
  }

  async snapshot(signal?: AbortSignal): Promise<Patch> {
    const mine = this.last.then(() => this.look(signal));
    this.last = mine.catch(() => {});
    return await mine;
  }

  async remove(): Promise<void> {
    await Promise.all([this.environment.destroy(), this.ours.destroy()]);
    await removeTree(this.folder).finally(this.closed);
  }

  private async look(signal: AbortSignal | undefined): Promise<Patch> {
    // Head and tail are kept by halves, and the numstat comes first: more than twice the limit is never whole.
    const maxOutputBytes = 2 * this.limit + 2 ** 20;
    const result = await this.run(snapshotScript, { signal, timeoutMs: snapshotMs, maxOutputBytes });
    if (result.exit_code !== 0) throw failed('The change could not be computed', result, 'patch_rejected');
    const { stat, patch } = parse(result.stdout);
    if (result.truncated || patch.length > this.limit) {
      throw new VariationFailure('patch_rejected', `The patch is larger than ${this.limit / 2 ** 20} MiB.`);
    }
    const sha256 = createHash('sha256').update(patch).digest('hex');
    return { base_sha: this.baseSha, bytes: patch, sha256, stat: { ...stat, bytes: patch.length } };
  }

  private async run(script: string, options: ExecOptions): Promise<ExecResult> {
    const { sandbox, ours } = this;
    const given = [sandbox.pathOf(this.git), ours.root, this.baseSha, sandbox.pathOf(this.objects)];
    return await ours.exec(['sh', '-c', script, 'sh', ...given], options);
  }
}

/** What the snapshot script prints: numstat with NULs, a NUL more, then the patch. */
function parse(output: Uint8Array): {
  stat: { files: number; additions: number; deletions: number };
  patch: Uint8Array;
} {
  const buffer = Buffer.from(output.buffer, output.byteOffset, output.byteLength);
  const end = buffer[0] === 0 ? 0 : buffer.indexOf('\0\0') + 1;
  const stat = { files: 0, additions: 0, deletions: 0 };
  for (const line of buffer.subarray(0, end).toString('latin1').split('\0')) {
    const numbers = line.match(/^(\d+|-)\t(\d+|-)\t/);
    if (!numbers) continue;
    stat.files += 1;
    // A dash: binary, which has no lines.
    stat.additions += Number(numbers[1]) || 0;
    stat.deletions += Number(numbers[2]) || 0;
  }
  return { stat, patch: Uint8Array.from(buffer.subarray(end + 1)) };
}

function failed(
  what: string,
  result: ExecResult,
  code: 'base_not_found' | 'patch_rejected',
): VariationFailure {
  const said = decode(result.stderr).trim().slice(-2000);
  // Of a file that it streams, git does not say why it could not be written.
  if (/No space left on device|Disk quota exceeded|nable to write (new index )?file/.test(said))
    return new VariationFailure('disk_full', `${what}: the disk is full.`);
  if (result.timed_out) return new VariationFailure('timeout', `${what} in time.`);
  const lines = said.split('\n').filter((line) => !line.startsWith('warning:'));
  return new VariationFailure(code, `${what}: ${lines.slice(-3).join('; ')}`);
}

function full(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')))
    return error;
  return new VariationFailure('disk_full', 'The disk is full: the workspace could not be made.', {
    cause: error,
  });
}
