import { randomUUID } from 'node:crypto';
import { readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from './environments/remove';
import { git, gitText } from './git';
import { unlocked } from './git-locks';
import { sourceIn } from './mirror-source';

/** Who of these is still there; asked after the folder was read, so that what has just been made is not missed. */
export interface Owners {
  projects(ids: readonly number[]): Promise<ReadonlySet<number>>;
  runs(ids: readonly number[]): Promise<ReadonlySet<number>>;
}

export interface Tidied {
  mirrors: number;
  refs: number;
  repacked: number;
}

/** Refs looked at in one mirror at a time; those after them have their turn when these are gone. */
const maxRefs = 20_000;
const repackMs = 600_000;
const tidyMs = 10_000;
const maxPacks = 50;
/** Loose objects are spread evenly over 256 folders; git itself packs at about so many in one (gc.auto, 6,700). */
const maxLooseInOne = 27;
/** A mirror is repacked at most so often, whether it went well or not. */
const repackPauseMs = 60 * 60_000;

/**
 * Takes away from the mirrors what has no owner any more: mirrors of projects that are gone, results of runs that are
 * gone, half-made and broken mirrors and what killed git processes have left. And packs a mirror that
 * has become a heap of small packs. One tidier to a folder, which is this process's alone.
 */
export class Tidier {
  private readonly repackedAt = new Map<string, number>();

  /** @param staleMs age at which nobody is at work on a file any more: beyond the longest fetch */
  constructor(
    private readonly dir: string,
    private readonly staleMs: number,
  ) {}

  /**
   * Goes through all mirrors, as far as it comes in about ten seconds; begins anywhere, so that each has its turn.
   * @throws AbortError when `signal` fires
   */
  async tidy(owners: Owners, signal?: AbortSignal): Promise<Tidied> {
    const until = performance.now() + tidyMs;
    const tidied: Tidied = { mirrors: 0, refs: 0, repacked: 0 };
    const names = await readdir(this.dir).catch(() => []);
    for (const name of names.filter((one) => /^(half-|gone-)|\.git\.broken-\d+$/.test(one)))
      await removeStale(join(this.dir, name), name.startsWith('gone-') ? 0 : this.staleMs);
    const ids = names.flatMap((name) => /^(\d+)\.git$/.exec(name)?.[1] ?? []).map(Number);
    const living = ids.length === 0 ? new Set<number>() : await owners.projects(ids);
    for (const id of from(Math.floor(Math.random() * ids.length), ids)) {
      if (performance.now() > until) break;
      signal?.throwIfAborted();
      const mirror = join(this.dir, `${id}.git`);
      if (!living.has(id)) {
        // Under another name at once: half a mirror is never taken for a whole one.
        const gone = join(this.dir, `gone-${id}-${randomUUID()}`);
        await rename(mirror, gone);
        await removeTree(gone);
        tidied.mirrors += 1;
        continue;
      }
      tidied.refs += await dropResults(mirror, owners);
      for (const repository of [mirror, sourceIn(mirror)]) {
        await removeLeft(repository, this.staleMs);
        if (tidied.repacked === 0 && (await this.repack(repository, signal))) tidied.repacked += 1;
      }
    }
    return tidied;
  }

  /**
   * One pack of many. Safe beside fetches, workspaces and commits, since no object is ever lost: `--keep-unreachable`
   * takes along what no ref reaches (the base of a workspace whose branch was rewritten), the new pack is whole before
   * those it was made of are removed, those that came meanwhile are left alone, and a git that misses the
   * pack it has read looks into the folder again. What is borrowed is not taken over. What no ref reaches is therefore kept as long as the mirror is.
   */
  private async repack(mirror: string, signal?: AbortSignal): Promise<boolean> {
    if (Date.now() - (this.repackedAt.get(mirror) ?? 0) < repackPauseMs || !(await isHeap(mirror)))
      return false;
    this.repackedAt.set(mirror, Date.now());
    const limits = [
      '-c',
      'pack.threads=1',
      '-c',
      'pack.windowMemory=256m',
      '-c',
      'repack.writeBitmaps=false',
    ];
    await git(mirror, [...limits, 'repack', '-a', '-d', '-l', '-q', '--keep-unreachable'], {
      signal,
      timeoutMs: repackMs,
    });
    return true;
  }
}

/** Deletes the refs of runs that are gone. Returns how many. */
async function dropResults(mirror: string, owners: Owners): Promise<number> {
  const format = ['--format=%(refname)', `--count=${maxRefs}`];
  const refs = (await gitText(mirror, ['for-each-ref', ...format, 'refs/bakeoff/'])).split('\n');
  const runOf = (ref: string): number => Number(/^refs\/bakeoff\/(\d+)\//.exec(ref)?.[1] ?? Number.NaN);
  const runs = [...new Set(refs.map(runOf).filter((run) => !Number.isNaN(run)))];
  if (runs.length === 0) return 0;
  const living = await owners.runs(runs);
  const gone = refs.filter((ref) => !Number.isNaN(runOf(ref)) && !living.has(runOf(ref)));
  if (gone.length === 0) return 0;
  const stdin = new TextEncoder().encode(gone.map((ref) => `delete ${ref}\n`).join(''));
  await unlocked(mirror, () => git(mirror, ['update-ref', '--no-deref', '--stdin'], { stdin }));
  return gone.length;
}

/** Locks, indexes and half-written objects of git processes that were killed. */
async function removeLeft(mirror: string, staleMs: number): Promise<void> {
  const objects = join(mirror, 'objects');
  const look: [string, RegExp][] = [
    [mirror, /\.lock$|^bakeoff-index-/],
    [objects, /^tmp_/],
    [join(objects, 'pack'), /^tmp_|^\.tmp-/],
  ];
  for (const [folder, left] of look) {
    for (const name of await readdir(folder).catch(() => []))
      if (left.test(name)) await removeStale(join(folder, name), staleMs);
  }
}

async function isHeap(mirror: string): Promise<boolean> {
  const packs = await readdir(join(mirror, 'objects', 'pack')).catch(() => []);
  if (packs.filter((name) => name.endsWith('.pack')).length > maxPacks) return true;
  return (await readdir(join(mirror, 'objects', '17')).catch(() => [])).length > maxLooseInOne;
}

async function removeStale(path: string, ms: number): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found && Date.now() - found.mtimeMs > ms) await removeTree(path);
}

function from<T>(start: number, all: readonly T[]): T[] {
  return [...all.slice(start), ...all.slice(0, start)];
}
