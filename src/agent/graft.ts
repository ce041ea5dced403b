import { createHash } from 'node:crypto';
import { VariationFailure } from '../core/failure';
import { diffBetween, type Entry, listChanges } from './compare';
import { GitError } from './git';
import { crossings, decide, type GraftConflict, type GraftFile } from './graft-file';
import { checkParts, GraftError, type GraftPart, gather } from './graft-parts';
import { graftedTree, readTexts, readTree } from './graft-tree';
import { screenTree } from './screen';
import type { Patch } from './workspace';

export type { GraftConflict, Origin } from './graft-file';
export { GraftError, type GraftPart } from './graft-parts';

export interface GraftRequest {
  mirror: string;
  /** The run's base commit, against which the result is told. */
  base: string;
  /** What the parts are laid on, and against what hunks are counted: the base, or a variation's result. */
  on: string;
  /** At most 2,000. */
  parts: readonly GraftPart[];
  signal?: AbortSignal;
}

export type Graft = { ok: true; patch: Patch } | { ok: false; conflicts: GraftConflict[] };

const maxPatchBytes = 64 * 2 ** 20;
const maxTextBytes = 64 * 2 ** 20;

/**
 * Composes a candidate of parts of several variations. All of them are read against the same start, so their order
 * does not matter; where two want different things of the same place it says so, and makes nothing. The patch is the
 * cumulative one against `base`, byte for byte, and `git apply` takes it there.
 * @throws GraftError for parts that are not there or cannot be taken so; VariationFailure `base_not_found` when the
 * mirror lacks a commit, `disk_full`; AbortError
 */
export async function graft(request: GraftRequest): Promise<Graft> {
  checkParts(request.parts);
  try {
    return await compose(request);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const cause = { cause: error };
    if (/No space left on device|ENOSPC/.test(error.message))
      throw new VariationFailure('disk_full', 'The disk is full: the graft could not be made.', cause);
    if (error instanceof GitError && /bad object|[Nn]ot a valid object name|not a tree/.test(error.message))
      throw new VariationFailure('base_not_found', `The mirror lacks a commit: ${error.message}`, cause);
    throw error;
  }
}

async function compose({ mirror, base, on, parts, signal }: GraftRequest): Promise<Graft> {
  const tree = await readTree(mirror, on, signal);
  const files = await gather(parts, { mirror, on, tree, signal });
  const texts = await startTexts(mirror, [...files.values()], signal);
  const conflicts: GraftConflict[] = [];
  const outcome = new Map<string, Entry | null>();
  const contents = new Map<string, string>();
  for (const [key, file] of files) {
    const decided = decide(file, texts.get(file.start?.blob ?? '') ?? '');
    if (!decided.ok) conflicts.push(...decided.conflicts);
    else outcome.set(key, decided.entry);
    if (decided.ok && decided.entry && decided.content !== null)
      contents.set(decided.entry.blob, decided.content);
  }
  conflicts.push(...crossings(tree, outcome, files));
  if (conflicts.length > 0) return { ok: false, conflicts: conflicts.sort(byPath) };
  const made = await graftedTree(mirror, on, outcome, contents, signal);
  const reasons = await screenTree(mirror, base, made, signal);
  if (reasons.length > 0) throw new GraftError('parts', reasons.slice(0, 20).join('\n'));
  return { ok: true, patch: await patchFor(mirror, base, made, signal) };
}

/** What hunks are laid on. */
async function startTexts(mirror: string, files: readonly GraftFile[], signal?: AbortSignal) {
  const starts = files.flatMap(({ start, pieces }) => (start && pieces.length > 0 ? [start.blob] : []));
  return await readTexts(mirror, starts, maxTextBytes, signal).catch((error) => {
    if (!(error instanceof GitError && error.saidTooMuch)) throw error;
    const most = `${maxTextBytes / 2 ** 20} MiB`;
    throw new GraftError('parts', `The files that hunks are taken of are larger than ${most} together.`);
  });
}

async function patchFor(mirror: string, base: string, tree: string, signal?: AbortSignal): Promise<Patch> {
  const bytes = await diffBetween(mirror, base, tree, { maxBytes: maxPatchBytes, signal });
  if (bytes === null)
    throw new GraftError('parts', `The graft would be larger than ${maxPatchBytes / 2 ** 20} MiB.`);
  const { changes } = await listChanges(mirror, base, tree, { limit: Number.POSITIVE_INFINITY, signal });
  const sum = (count: 'additions' | 'deletions') => changes.reduce((all, one) => all + one[count], 0);
  return {
    base_sha: base,
    bytes,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    stat: {
      files: changes.length,
      additions: sum('additions'),
      deletions: sum('deletions'),
      bytes: bytes.length,
    },
  };
}

/** So that it does not depend on the order of the parts. */
function byPath(a: GraftConflict, b: GraftConflict): number {
  const [x, y] = [JSON.stringify([a.path, a.parts, a.reason]), JSON.stringify([b.path, b.parts, b.reason])];
  return x < y ? -1 : x > y ? 1 : 0;
}
