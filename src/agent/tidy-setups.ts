import { randomUUID } from 'node:crypto';
import { lstat, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from './environments/remove';
import type { Owners } from './tidy';

export interface TidySetups {
  /** Bytes that all entries together may have; default 32 GiB. */
  maxBytes?: number;
  /** Which of these projects are still there; without it, all are. */
  projects?: Owners['projects'];
  signal?: AbortSignal;
}

export interface TidiedSetups {
  /** Entries that went. */
  setups: number;
  /** Bytes that are left, of whole entries. */
  bytes: number;
}

const defaultBytes = 32 * 2 ** 30;
/** One that was asked for is laid out within 10 minutes; until then it is not taken away. */
const usedMs = 1_800_000;
/** What is being written is whole, or given up, by then. */
const staleMs = 3_600_000;

/**
 * Takes from the caches of set-up what has no owner any more, what was half made when a process died, and, of all
 * projects together, the longest unused until the rest fits; what was used in the last half hour stays. A folder for each
 * project, named by its id, lies in `dir`, which is this process's alone; what is called otherwise is left alone.
 * @throws AbortError when `signal` fires
 */
export async function tidySetups(dir: string, options: TidySetups = {}): Promise<TidiedSetups> {
  const { maxBytes = defaultBytes, projects, signal } = options;
  const ids = (await list(dir)).filter((name) => /^\d+$/.test(name)).map(Number);
  const living = projects && ids.length > 0 ? await projects(ids) : new Set(ids);
  const kept: Entry[] = [];
  let setups = 0;
  for (const name of await list(dir)) if (name.startsWith('gone-')) await removeTree(join(dir, name));
  for (const id of ids) {
    signal?.throwIfAborted();
    const folder = join(dir, String(id));
    const found = await entriesOf(folder);
    if (living.has(id)) kept.push(...found);
    else {
      setups += found.length;
      await drop(folder, dir);
    }
  }
  let bytes = kept.reduce((sum, entry) => sum + entry.bytes, 0);
  for (const entry of kept.sort((one, other) => one.usedAt - other.usedAt)) {
    signal?.throwIfAborted();
    // Looked at again: it may have been asked for meanwhile.
    if (bytes <= maxBytes || Date.now() - (await usedAt(entry.path)) < usedMs) continue;
    await drop(entry.path, dir);
    bytes -= entry.bytes;
    setups += 1;
  }
  return { setups, bytes };
}

interface Entry {
  path: string;
  bytes: number;
  /** Milliseconds since 1970. */
  usedAt: number;
}

async function entriesOf(folder: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const name of await list(folder)) {
    const path = join(folder, name);
    if (/^half-/.test(name) && Date.now() - (await usedAt(path)) > staleMs) await removeTree(path);
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    const sizes = await Promise.all((await list(path)).map((one) => sizeOf(join(path, one))));
    entries.push({ path, bytes: sizes.reduce((sum, size) => sum + size, 0), usedAt: await usedAt(path) });
  }
  return entries;
}

/** Under another name at once: half an entry is never taken for a whole one. */
async function drop(path: string, dir: string): Promise<void> {
  const gone = join(dir, `gone-${randomUUID()}`);
  await rename(path, gone);
  await removeTree(gone);
}

async function list(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}

async function sizeOf(path: string): Promise<number> {
  return await lstat(path).then(
    (found) => found.size,
    () => 0,
  );
}

/** One that is gone was used for ever. */
async function usedAt(path: string): Promise<number> {
  return await lstat(path).then(
    (found) => found.mtimeMs,
    () => Number.POSITIVE_INFINITY,
  );
}
