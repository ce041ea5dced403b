import { randomUUID } from 'node:crypto';
import { chmod, lstat, mkdir, rename, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { VariationFailure } from '../../core/failure';
import type { ExecResult } from '../environment';
import { defaultSetupBytes, defaultSetupMs, type SetupFact, type SetupRequest } from '../setup';
import { Shared } from '../shared';
import { asShown } from '../tools/text';
import type { WorkspaceRequest } from '../workspace';
import type { Checkout, CheckoutRequest } from './one-checkout';
import { removeTree } from './remove';
import type { Sandbox } from './sandbox';
import { setupKey } from './setup-key';
import { hide, keep, lay, seal } from './setup-steps';
import { isErrno } from './spawn';

export interface PreparedRequest extends WorkspaceRequest {
  setup: SetupRequest;
}

/**
 * Set-up, once for all workspaces that want the same of it: the command is run in a workspace of its own, what it made is
 * kept, and laid into every workspace that is opened with the same key, the first one included.
 */
export class Setups {
  private readonly underWay = new Shared<string>();

  /** @param scratch makes a workspace of our own, whose temporary files lie on the disk */
  constructor(
    private readonly sandbox: Sandbox,
    private readonly scratch: (request: Omit<CheckoutRequest, 'id'>) => Promise<Checkout>,
  ) {}

  /**
   * Brings a fresh checkout to where set-up leaves it.
   * @param alone what other trees have made did not fit here: only its own will do
   * @returns false when what was made does not fit
   * @throws VariationFailure `setup_failed`, `disk_full`, `timeout`; AbortError
   */
  async prepare(checkout: Checkout, request: PreparedRequest, alone: boolean): Promise<boolean> {
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, ...(request.signal ? [request.signal] : [])]);
    let listening = true;
    const { onDenied } = request;
    const tell = (fact: SetupFact): void => {
      if (!listening || stop.signal.aborted) return;
      try {
        request.setup.onFact?.(fact);
      } catch (error) {
        // It was maybe told in the middle of work that others wait for: theirs goes on.
        stop.abort(error);
      }
    };
    const own: Going = {
      ...request,
      signal,
      ...(onDenied ? { onDenied: (denied) => void (listening && onDenied(denied)) } : {}),
    };
    try {
      // Where commands see the paths of the host, what is installed for one workspace's path is of no use in another.
      if (this.sandbox.kind === 'plain') return await this.inPlace(checkout, own, tell);
      const fits = await this.fromCache(checkout, own, alone, tell);
      signal.throwIfAborted();
      return fits;
    } catch (error) {
      if (stop.signal.aborted) throw stop.signal.reason;
      if (request.signal?.aborted) throw new DOMException('The set-up is no longer waited for', 'AbortError');
      throw error;
    } finally {
      listening = false;
    }
  }

  private async fromCache(checkout: Checkout, request: Going, alone: boolean, tell: Tell): Promise<boolean> {
    const began = performance.now();
    const { setup, signal } = request;
    const { key, patched } = await setupKey(checkout, request, alone);
    const entry = join(setup.cacheDir, key);
    let [first, made] = [false, false];
    if (!(await use(entry))) {
      const done = this.underWay.once(entry, signal, async (shared) => {
        first = true;
        const from = { ...request, patch: patched ? request.patch : undefined, signal: shared };
        made = await this.make(entry, from, tell);
      });
      if (!first) tell({ type: 'started', waits: true });
      await done;
    }
    if (!(await lay(checkout, entry, signal))) return false;
    await hide(checkout, entry, signal);
    const duration_ms = Math.round(performance.now() - began);
    if (!made) tell({ type: 'finished', cached: true, exit_code: 0, duration_ms });
    return true;
  }

  /** Half-made under another name, so that an entry is whole or not there. False: it was there by now. */
  private async make(entry: string, request: Going, tell: Tell): Promise<boolean> {
    if (await use(entry)) return false;
    const { setup, signal, ...rest } = request;
    const { maxBytes = defaultSetupBytes } = setup;
    await this.makeCache(setup.cacheDir);
    const half = join(setup.cacheDir, `half-${randomUUID()}`);
    const scratch = await this.scratch({ ...rest, signal });
    try {
      await seal(scratch, signal);
      await runSetup(scratch, setup, signal, tell);
      await this.sandbox.makeFolder(half);
      await keep(scratch, half, { maxBytes, signal });
      await rename(half, entry).catch((error) => {
        // Somebody else made it meanwhile.
        if (!isErrno(error, 'ENOTEMPTY') && !isErrno(error, 'EEXIST')) throw error;
      });
      return true;
    } finally {
      await Promise.all([scratch.remove(), removeTree(half)]);
    }
  }

  private async inPlace(checkout: Checkout, { setup, signal }: Going, tell: Tell): Promise<boolean> {
    const made = join(dirname(checkout.tree), 'setup');
    await this.sandbox.makeFolder(made);
    await seal(checkout, signal);
    await runSetup(checkout, setup, signal, tell);
    await keep(checkout, made, { maxBytes: null, signal });
    await lay(checkout, made, signal);
    await hide(checkout, made, signal);
    return true;
  }

  private async makeCache(dir: string): Promise<void> {
    const first = await mkdir(dir, { recursive: true });
    // Commands come through here as another user, whatever the service's umask.
    for (let made = dirname(dir); first !== undefined && made.length >= first.length; made = dirname(made))
      await chmod(made, 0o711);
    await this.sandbox.makeReadable(dir);
  }
}

type Going = PreparedRequest & { signal: AbortSignal };
type Tell = (fact: SetupFact) => void;

/** Whether it is there; noted as used now. */
async function use(entry: string): Promise<boolean> {
  const now = new Date();
  try {
    await utimes(entry, now, now);
    return (await lstat(join(entry, 'exclude'))).isFile();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

/** @throws VariationFailure with the last lines that the command said. */
async function runSetup(
  checkout: Checkout,
  setup: SetupRequest,
  signal: AbortSignal,
  tell: Tell,
): Promise<void> {
  const { command, timeoutMs = defaultSetupMs } = setup;
  let tail = '';
  tell({ type: 'started', waits: false });
  const result = await checkout.environment.exec(['sh', '-c', command], {
    timeoutMs,
    signal,
    maxOutputBytes: 4096,
    onOutput: (stream, text) => {
      tail = (tail + text).slice(-16_384);
      tell({ type: 'output', stream, text });
    },
  });
  const { exit_code, duration_ms } = result;
  tell({ type: 'finished', cached: false, exit_code, duration_ms });
  if (exit_code !== 0) throw why(result, timeoutMs, tail);
}

function why(result: ExecResult, timeoutMs: number, tail: string): VariationFailure {
  // Its temporary files lie on the disk as well, so nothing smaller can be full.
  if (/No space left on device|ENOSPC|Disk quota exceeded/.test(tail))
    return new VariationFailure('disk_full', "The disk is full: the project's set-up command could not end.");
  const lines = asShown(tail).trimEnd().split('\n').slice(-20).join('\n').slice(-2000);
  const how = result.timed_out
    ? `did not end within ${Math.round(timeoutMs / 1000)} s`
    : `failed (${result.signal ?? `exit code ${result.exit_code}`})`;
  const said = lines === '' ? '.' : `:\n${lines}`;
  return new VariationFailure('setup_failed', `The project's set-up command ${how}${said}`, {
    transient: result.timed_out,
  });
}
