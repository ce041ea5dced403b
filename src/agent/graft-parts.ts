import { type Entry, patchOf, type RawChange, rawChanges } from './compare';
import { GitError } from './git';
import type { GraftFile } from './graft-file';
import { type FilePatch, splitPatch } from './hunks';

/** What is taken from one variation: a file as it has it (also: that it is gone), or some hunks of it. */
export interface GraftPart {
  /** Its position; only to be told. */
  variation: number;
  /** Its result, in the mirror. */
  commit: string;
  path: string;
  /** From 1, as `diffBetween(on, commit)` shows them. Absent: the whole file. */
  hunks?: readonly number[] | undefined;
}

/** A graft that cannot be asked for; `field` names what is wrong, from the request's `parts` on. */
export class GraftError extends Error {
  override name = 'GraftError';
  constructor(
    readonly field: string,
    message: string,
  ) {
    super(message);
  }
}

const maxParts = 2000;
const maxDiffBytes = 64 * 2 ** 20;
const maxArgumentBytes = 64 * 2 ** 10;

/** @throws GraftError for what can be seen of the parts alone to be wrong */
export function checkParts(parts: readonly GraftPart[]): void {
  if (parts.length === 0) throw new GraftError('parts', 'A graft is made of at least one part.');
  if (parts.length > maxParts) throw new GraftError('parts', `A graft has at most ${maxParts} parts.`);
  for (const [i, { hunks }] of parts.entries()) {
    if (hunks?.length === 0 || hunks?.some((hunk) => !Number.isSafeInteger(hunk) || hunk < 1))
      throw new GraftError(`parts.${i}.hunks`, 'Hunks are named by their numbers, from 1.');
  }
}

interface Sources {
  mirror: string;
  on: string;
  /** The files of `on`. */
  tree: ReadonlyMap<string, Entry>;
  signal?: AbortSignal | undefined;
}

/** Hunks of one file of one variation, each with the part that asked for it first. */
interface Asked {
  part: GraftPart;
  change: RawChange;
  hunks: Map<number, number>;
}

/**
 * What the parts want, file by file; keys are the bytes of the paths.
 * @throws GraftError for a part that is not there, or cannot be taken in hunks; GitError; AbortError
 */
export async function gather(parts: readonly GraftPart[], from: Sources): Promise<Map<string, GraftFile>> {
  const files = new Map<string, GraftFile>();
  const changes = new Map<string, Map<string, RawChange>>();
  const asked = new Map<string, Map<string, Asked>>();
  for (const [i, part] of parts.entries()) {
    const changed = changes.get(part.commit) ?? (await changesOf(part.commit, from));
    changes.set(part.commit, changed);
    const key = Buffer.from(part.path).toString('latin1');
    const change = changed.get(key);
    const start = from.tree.get(key) ?? null;
    checkFile(part, i, start, change);
    const file = files.get(key) ?? { path: part.path, start, wholes: [], pieces: [], mode: null };
    files.set(key, file);
    if (part.hunks === undefined || !change) {
      const entry = change ? change.to : start;
      file.wholes.push({ from: { variation: part.variation, hunk: null }, entry });
      continue;
    }
    const ofCommit = asked.get(part.commit) ?? new Map<string, Asked>();
    asked.set(part.commit, ofCommit);
    const known = ofCommit.get(key) ?? { part, change, hunks: new Map() };
    ofCommit.set(key, known);
    for (const hunk of part.hunks) if (!known.hunks.has(hunk)) known.hunks.set(hunk, i);
  }
  for (const [commit, ofCommit] of asked) {
    // Git tells of the files in this order, however they are named.
    const keys = [...(changes.get(commit)?.keys() ?? [])].filter((key) => ofCommit.has(key));
    const patches = await patchesOf(commit, keys, from);
    for (const [key, want] of ofCommit) {
      const [file, patch] = [files.get(key), patches.get(key)];
      if (file && patch) take(file, want, patch);
    }
  }
  return files;
}

async function changesOf(commit: string, { mirror, on, signal }: Sources): Promise<Map<string, RawChange>> {
  const changes = await rawChanges(mirror, on, commit, signal);
  return new Map(changes.map((change) => [change.path, change]));
}

function checkFile(part: GraftPart, i: number, start: Entry | null, change: RawChange | undefined): void {
  const { variation, path, hunks } = part;
  const name = JSON.stringify(path.slice(0, 200));
  if (!start && !change)
    throw new GraftError(`parts.${i}.path`, `Variation ${variation} has no file ${name}.`);
  const modes = [start?.mode, change?.to?.mode].filter((mode) => mode !== undefined);
  if (modes.includes('160000'))
    throw new GraftError(`parts.${i}.path`, `${name} is a submodule, which a graft leaves as it is.`);
  if (hunks === undefined) return;
  if (!change) throw new GraftError(`parts.${i}.hunks`, `Variation ${variation} changes nothing in ${name}.`);
  const kinds = new Set(modes.map((mode) => mode.slice(0, 2)));
  if (kinds.size > 1) {
    throw new GraftError(
      `parts.${i}.hunks`,
      `Variation ${variation} makes ${name} a file of another kind: take it whole.`,
    );
  }
}

/** Adds what was asked of one file of one variation to what is wanted of it. */
function take(file: GraftFile, { part, change, hunks }: Asked, patch: FilePatch): void {
  const { variation, path } = part;
  const name = JSON.stringify(path.slice(0, 200));
  for (const [hunk, i] of hunks) {
    const refuse = (why: string) => new GraftError(`parts.${i}.hunks`, why);
    if (patch.binary) throw refuse(`${name} is binary in variation ${variation}: take it whole.`);
    if (patch.hunks.length === 0)
      throw refuse(`What variation ${variation} changes of ${name} has no hunks: take it whole.`);
    if (hunk > patch.hunks.length) {
      const last = patch.hunks.length === 1 ? 'is hunk 1' : `are hunks 1 to ${patch.hunks.length}`;
      throw refuse(`There is no hunk ${hunk} in ${name}: what variation ${variation} changes there ${last}.`);
    }
  }
  const all = hunks.size === patch.hunks.length;
  const [[first, i] = [1, 0]] = hunks;
  if (!change.from || !change.to) {
    const how = change.to ? 'new' : 'gone';
    if (!all)
      throw new GraftError(`parts.${i}.hunks`, `${name} is ${how} in variation ${variation}: take it whole.`);
    file.wholes.push({ from: { variation, hunk: first }, entry: change.to });
    return;
  }
  for (const hunk of hunks.keys()) {
    const blocks = patch.hunks[hunk - 1]?.blocks ?? [];
    file.pieces.push(...blocks.map((block) => ({ ...block, owner: { variation, hunk } })));
  }
  if (all && change.to.mode !== change.from.mode) file.mode = change.to.mode;
}

/** The patches of files that differ, none of them in its kind: each has one part of the patch. */
async function patchesOf(
  commit: string,
  keys: readonly string[],
  { mirror, on, signal }: Sources,
): Promise<Map<string, FilePatch>> {
  const patches = new Map<string, FilePatch>();
  let left = maxDiffBytes;
  for (const some of inPieces(keys)) {
    const paths = some.map((key) => Buffer.from(key, 'latin1').toString('utf8'));
    const bytes = await patchOf(mirror, on, commit, paths, left, signal, false).catch((error) => {
      if (!(error instanceof GitError && error.saidTooMuch)) throw error;
      throw new GraftError(
        'parts',
        `The hunks are of changes larger than ${maxDiffBytes / 2 ** 20} MiB: take the files whole.`,
      );
    });
    left -= bytes.length;
    const parts = splitPatch(bytes);
    if (parts.length !== some.length) throw new Error('git told of other files than it was asked for');
    for (const [i, key] of some.entries()) {
      const patch = parts[i];
      if (patch) patches.set(key, patch);
    }
  }
  return patches;
}

/** As many at once as fit in a command line. */
function inPieces(keys: readonly string[]): string[][] {
  const pieces: string[][] = [];
  let room = 0;
  for (const key of keys) {
    if (room < key.length + 1) {
      pieces.push([]);
      room = maxArgumentBytes;
    }
    pieces.at(-1)?.push(key);
    room -= key.length + 1;
  }
  return pieces;
}
