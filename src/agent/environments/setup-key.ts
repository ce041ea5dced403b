import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { GitError, git, gitText } from '../git';
import { parseTree, setupInputs } from '../setup-inputs';
import type { Checkout } from './one-checkout';
import { touched } from './setup-steps';
import type { PreparedRequest } from './setups';

/** Raised when what is kept, or how, changes. */
const version = 1;

/**
 * The name of what set-up makes of this tree, and whether it is made of the patched tree or of the base.
 *
 * A base goes by what decides set-up: the command, the allowed hosts, the system's programs, the lock files and their
 * kin. By its commit as well where these do not decide (no lock file), and where it is no commit of the source's own
 * branches and tags: what an agent has written is not to decide what others find. A patch that touches what decides, or
 * any patch where nothing does, is set up by itself, and what comes of it is found under this base and patch alone.
 */
export async function setupKey(
  checkout: Checkout,
  request: PreparedRequest,
  alone: boolean,
): Promise<{ key: string; patched: boolean }> {
  const { mirror, baseSha, setup, network = [], patch, signal } = request;
  const listed = await git(mirror, ['ls-tree', '-r', '-z', '--full-tree', baseSha], {
    signal,
    maxOutputBytes: 256 * 2 ** 20,
  });
  const inputs = setupInputs(setup.command, parseTree(listed));
  const isPatched = patch !== undefined && patch.length > 0;
  const names = isPatched ? await touched(checkout, signal) : [];
  const shared = inputs.decide && !alone && (await isPublished(mirror, baseSha, signal));
  const base = hash([
    version,
    setup.command,
    [...new Set(network)].sort(),
    await programs(),
    inputs.files.map(({ path, mode, id }) => [path, mode, id]),
    shared ? null : baseSha,
  ]);
  const patched = isPatched && (alone || !inputs.decide || names === null || names.some(inputs.has));
  if (!patched) return { key: base, patched };
  const sha256 = createHash('sha256').update(patch).digest('hex');
  return { key: hash([base, baseSha, sha256]), patched };
}

function hash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

/** Whether the source itself has it on a branch or under a tag; what runs made lies under `refs/bakeoff/`. */
async function isPublished(mirror: string, sha: string, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    const args = ['for-each-ref', '--count=1', `--contains=${sha}`, 'refs/heads', 'refs/tags'];
    return (await gitText(mirror, args, { signal, timeoutMs: 20_000 })) !== '';
  } catch (error) {
    // Not known means not shared.
    if (error instanceof GitError) return false;
    throw error;
  }
}

const tools = 'node python3 ruby php perl java go cargo rustc gcc bun deno'.split(' ');

/** An update of the system's own programs may make useless what was built for the ones before. */
async function programs(): Promise<unknown[]> {
  const found = tools.flatMap((name) => [`/usr/local/bin/${name}`, `/usr/bin/${name}`]);
  const looks = found.map(async (path) => {
    try {
      const real = await realpath(path);
      const { size, mtimeMs } = await stat(real);
      return [[real, size, mtimeMs]];
    } catch {
      // Not there.
      return [];
    }
  });
  return (await Promise.all(looks)).flat();
}
