import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { VariationFailure } from '../../core/failure';
import { GitError } from '../git';
import { lend } from '../mirror-source';
import type { Workspace, WorkspaceRequest, WorkspaceSource } from '../workspace';
import { Checkout, type CheckoutRequest } from './one-checkout';
import { removeTree } from './remove';
import type { Sandbox } from './sandbox';
import { Setups } from './setups';

/** A patch larger than this is no patch that a person could look at. */
export const maxPatchBytes = 64 * 2 ** 20;

/**
 * Workspaces as checkouts that borrow the mirror's objects (those of its source), made inside the sandbox: the host never runs git in one
 * (invariant 6), and nothing that the agent does to its `.git` counts for the snapshot.
 */
export class Checkouts implements WorkspaceSource {
  /** Folders that are open, or being opened or removed: a sweep leaves them alone. */
  private readonly busy = new Set<string>();
  /** Folders that a sweep is removing. */
  private readonly going = new Map<string, Promise<void>>();
  private readonly setups: Setups;

  /**
   * @param dir where the workspaces lie; made if missing.
   * @param limit bytes of the largest patch.
   */
  constructor(
    private readonly dir: string,
    private readonly sandbox: Sandbox,
    private readonly limit = maxPatchBytes,
  ) {
    this.setups = new Setups(sandbox, (request) =>
      this.make({ ...request, id: `setup-${randomUUID()}`, tmpOnDisk: true }),
    );
  }

  /**
   * With `setup`, the workspace is ready when this resolves: what set-up made is in it, from the cache or made now.
   * @throws VariationFailure `base_not_found`, `patch_rejected` (the request's patch does not apply), `setup_failed`,
   * `disk_full`, `sandbox_unavailable`, `timeout`; AbortError when `signal` fires. Nothing is left behind then.
   */
  async open(request: WorkspaceRequest): Promise<Workspace> {
    const { setup } = request;
    if (!setup) return await this.make(request);
    return await this.make(request, (checkout, again) =>
      this.setups.prepare(checkout, { ...request, setup }, again),
    );
  }

  /**
   * @param prepare what is done before it is handed out. False: it cannot be done here as it is, and is tried a second
   * time, `again`, on a workspace made anew.
   */
  private async make(
    request: CheckoutRequest,
    prepare: (checkout: Checkout, again: boolean) => Promise<boolean> = async () => true,
  ): Promise<Checkout> {
    if (!/^[A-Za-z0-9-]{1,100}$/.test(request.id))
      throw new TypeError('a workspace id is letters, digits and dashes');
    if (!/^[0-9a-f]{40,64}$/.test(request.baseSha)) throw new TypeError('a base is a whole commit id');
    const folder = join(this.dir, request.id);
    await mkdir(this.dir, { recursive: true });
    await chmod(this.dir, 0o711);
    this.busy.add(request.id);
    await this.going.get(request.id);
    const closed = (): void => void this.busy.delete(request.id);
    let checkout: Checkout | null = null;
    try {
      for (const again of [false, true]) {
        await removeTree(folder);
        await lend(request.mirror, request.baseSha, request.signal);
        checkout = new Checkout(this.sandbox, folder, request, this.limit, closed);
        await checkout.fill();
        if (await prepare(checkout, again)) return checkout;
        await checkout.clear();
      }
      throw new VariationFailure('setup_failed', 'What set-up made cannot be laid into its own tree.');
    } catch (error) {
      await Promise.resolve(checkout?.clear()).finally(closed);
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

function full(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = 'code' in error ? error.code : '';
  const said = error instanceof GitError && /No space left on device|Disk quota exceeded/.test(error.message);
  if (!said && code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new VariationFailure('disk_full', 'The disk is full: the workspace could not be made.', {
    cause: error,
  });
}
