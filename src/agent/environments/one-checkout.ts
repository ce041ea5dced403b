import { createHash } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { VariationFailure } from '../../core/failure';
import { decode, type Environment, type ExecOptions, type ExecResult, type Limits } from '../environment';
import { sourceIn } from '../mirror-source';
import type { Patch, Workspace, WorkspaceRequest } from '../workspace';
import { removeTree } from './remove';
import type { Mount, Sandbox } from './sandbox';
import { applyScript, openScript, snapshotScript } from './scripts';
import { homePath } from './walls';

const openMs = 600_000;
const snapshotMs = 120_000;

/** What a checkout is made for. */
export interface CheckoutRequest extends WorkspaceRequest {
  /** Temporary files lie on the disk: for set-up, which unpacks and builds more than memory should hold. */
  tmpOnDisk?: boolean;
}

/** Something to run beside our repository. */
interface More {
  mounts?: readonly Mount[];
  /** Its arguments from $5 on. */
  args?: readonly string[];
  limits?: Partial<Limits>;
}

/**
 * A folder of a workspace: `tree` is what commands see as their workspace; `git` is a repository of our own beside it,
 * shown only while we look at what changed; `home`, where set-up or a network want one that lasts; `net` is the proxy's.
 */
export class Checkout implements Workspace {
  readonly environment: Environment;
  readonly baseSha: string;
  readonly tree: string;
  readonly home: Mount;
  /** The same files, with our own repository beside them. */
  private readonly ours: Environment;
  private readonly git: Mount;
  private readonly objects: Mount;
  private readonly tmp: Mount;
  private readonly hasHome: boolean;
  /** One look at a time: two would meet in one index. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    readonly sandbox: Sandbox,
    private readonly folder: string,
    private readonly request: CheckoutRequest,
    private readonly limit: number,
    private readonly closed: () => void,
  ) {
    const { limits, network = [], onDenied, setup, tmpOnDisk } = request;
    this.baseSha = request.baseSha;
    this.tree = join(folder, 'tree');
    this.git = { host: join(folder, 'git'), inside: '/snapshot', writable: true };
    this.objects = { host: join(sourceIn(request.mirror), 'objects'), inside: '/mirror/objects' };
    this.home = { host: join(folder, 'home'), inside: homePath, writable: true };
    this.tmp = { host: join(folder, 'tmp'), inside: '/tmp', writable: true };
    this.hasHome = setup !== undefined || network.length > 0 || tmpOnDisk === true;
    this.environment = sandbox.open({
      workspace: this.tree,
      mounts: [this.objects, ...(tmpOnDisk ? [this.tmp] : [])],
      limits,
      ...(this.hasHome ? { home: this.home.host } : {}),
      network: { hosts: network, folder: join(folder, 'net'), ...(onDenied ? { onDenied } : {}) },
    });
    this.ours = sandbox.open({ workspace: this.tree, mounts: [this.objects, this.git] });
  }

  /** Makes the files: the base, and the patch over it. */
  async fill(): Promise<void> {
    const { signal, patch, tmpOnDisk } = this.request;
    await mkdir(this.folder, { mode: 0o711 });
    await chmod(this.folder, 0o711);
    const folders = [this.tree, this.git.host, ...(this.hasHome ? [this.home.host] : [])];
    for (const path of tmpOnDisk ? [...folders, this.tmp.host] : folders) await this.sandbox.makeFolder(path);
    const opened = await this.run(openScript, { signal, timeoutMs: openMs });
    if (opened.exit_code !== 0) throw failed('The workspace could not be made', opened, 'base_not_found');
    if (!patch || patch.length === 0) return;
    const applied = await this.run(applyScript, { stdin: patch, signal, timeoutMs: snapshotMs });
    if (applied.exit_code !== 0)
      throw failed('The patch does not apply to its base', applied, 'patch_rejected');
  }

  async snapshot(signal?: AbortSignal): Promise<Patch> {
    const mine = this.last.then(() => this.look(signal));
    this.last = mine.catch(() => {});
    return await mine;
  }

  async remove(): Promise<void> {
    await this.clear().finally(this.closed);
  }

  /** Ends what runs and removes the files; the name stays taken. */
  async clear(): Promise<void> {
    await Promise.all([this.environment.destroy(), this.ours.destroy()]);
    await removeTree(this.folder);
  }

  /**
   * Runs a script of ours with our repository in sight.
   * @param more what it sees besides
   */
  async run(script: string, options: ExecOptions, more: More = {}): Promise<ExecResult> {
    const { sandbox, tree, objects, git } = this;
    const { mounts = [], args = [], limits } = more;
    const environment =
      mounts.length > 0
        ? sandbox.open({ workspace: tree, mounts: [objects, git, ...mounts], limits })
        : this.ours;
    const given = [sandbox.pathOf(git), environment.root, this.baseSha, sandbox.pathOf(objects), ...args];
    return await environment.exec(['sh', '-c', script, 'sh', ...given], options);
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

/** The failure that a script of ours ended with: `code`, unless the disk is full or the time was up. */
export function failed(
  what: string,
  result: ExecResult,
  code: 'base_not_found' | 'patch_rejected' | 'setup_failed',
): VariationFailure {
  const said = decode(result.stderr).trim().slice(-2000);
  // Of a file that it streams, git does not say why it could not be written.
  if (
    /No space left on device|Disk quota exceeded|nable to write (new index )?file|Wrote only \d+ of \d+ bytes/.test(
      said,
    )
  )
    return new VariationFailure('disk_full', `${what}: the disk is full.`);
  if (result.timed_out) return new VariationFailure('timeout', `${what} in time.`);
  const lines = said.split('\n').filter((line) => !line.startsWith('warning:'));
  return new VariationFailure(code, `${what}: ${lines.slice(-3).join('; ')}`);
}
