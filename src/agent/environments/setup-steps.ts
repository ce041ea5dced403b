import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { VariationFailure } from '../../core/failure';
import { decode, type ExecResult } from '../environment';
import { type Checkout, failed } from './one-checkout';
import type { Mount } from './sandbox';
import { hideScript, keepScript, layScript, maxHidden, sealScript, touchedScript } from './setup-scripts';

const shortMs = 120_000;
/** Of gigabytes of small files. */
const longMs = 600_000;
/** Files are as large as set-up could make them. */
const anySize = { fileBytes: 2 ** 50 };

/** The paths (latin1) that the checkout's patch has changed; null when they are too many to look at. From here on our repository knows them. */
export async function touched(checkout: Checkout, signal?: AbortSignal): Promise<string[] | null> {
  const result = await checkout.run(touchedScript, {
    signal,
    timeoutMs: shortMs,
    maxOutputBytes: 32 * 2 ** 20,
  });
  if (result.exit_code !== 0) throw failed('The patch could not be looked at', result, 'setup_failed');
  return result.truncated ? null : Buffer.from(result.stdout).toString('latin1').split('\0').slice(0, -1);
}

/** Notes what is there before set-up. */
export async function seal(checkout: Checkout, signal: AbortSignal): Promise<void> {
  const result = await checkout.run(sealScript, { signal, timeoutMs: shortMs });
  if (result.exit_code !== 0)
    throw failed('The tree could not be noted before set-up', result, 'setup_failed');
}

/**
 * Puts what set-up changed back as it was when it was sealed, and keeps what it made in `folder`: the list of what is
 * to be hidden from snapshots, and, unless `maxBytes` is null, the files themselves.
 */
export async function keep(
  checkout: Checkout,
  folder: string,
  { maxBytes, signal }: { maxBytes: number | null; signal: AbortSignal },
): Promise<void> {
  const { sandbox, home } = checkout;
  const to: Mount = { host: folder, inside: '/setup', writable: true };
  const args = [sandbox.pathOf(to), sandbox.pathOf(home), maxBytes === null ? '' : 'whole'];
  const more = {
    mounts: [to, home],
    args,
    ...(maxBytes === null ? {} : { limits: { fileBytes: maxBytes } }),
  };
  const result = await checkout.run(keepScript, { signal, timeoutMs: longMs }, more);
  if (maxBytes !== null && (isTooLarge(result) || (await sizeOf(folder)) > maxBytes)) {
    throw new VariationFailure(
      'setup_failed',
      `What the project's set-up command made is larger than ${Math.floor(maxBytes / 2 ** 20)} MiB, and is not kept.`,
    );
  }
  if (result.exit_code === 9) {
    throw new VariationFailure(
      'setup_failed',
      `The project's set-up command made files in more than ${maxHidden} places that no .gitignore names: they could not be told from the agent's.`,
    );
  }
  if (result.exit_code !== 0)
    throw failed('What the set-up command made could not be kept', result, 'setup_failed');
}

/** Lays what is kept into a fresh checkout. False: something in the tree is in its way. */
export async function lay(checkout: Checkout, entry: string, signal: AbortSignal): Promise<boolean> {
  const { sandbox, tree, home } = checkout;
  const from: Mount = { host: entry, inside: '/setup' };
  const environment = sandbox.open({ workspace: tree, home: home.host, mounts: [from], limits: anySize });
  const args = [environment.root, sandbox.pathOf(home), sandbox.pathOf(from)];
  const result = await environment.exec(['sh', '-c', layScript, 'sh', ...args], {
    signal,
    timeoutMs: longMs,
  });
  if (result.exit_code === 0) return true;
  const failure = failed('What the set-up command made could not be laid out', result, 'setup_failed');
  if (failure.code !== 'setup_failed') throw failure;
  return false;
}

/** What is kept there is from now on no part of a snapshot. */
export async function hide(checkout: Checkout, entry: string, signal: AbortSignal): Promise<void> {
  const from: Mount = { host: entry, inside: '/setup' };
  const more = { mounts: [from], args: [checkout.sandbox.pathOf(from)] };
  const result = await checkout.run(hideScript, { signal, timeoutMs: shortMs }, more);
  if (result.exit_code !== 0)
    throw failed('What the set-up command made could not be hidden', result, 'setup_failed');
}

function isTooLarge(result: ExecResult): boolean {
  return result.signal === 'SIGXFSZ' || /File too large|File size limit/.test(decode(result.stderr));
}

async function sizeOf(folder: string): Promise<number> {
  const sizes = ['tree.tar', 'home.tar'].map((name) =>
    lstat(join(folder, name)).then(
      (found) => found.size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
