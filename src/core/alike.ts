import { readChanges } from './changed-lines';

export interface PatchBytes {
  position: number;
  bytes: Uint8Array;
}

/** Share of changed lines that two patches have in common, of all that either has, to be nearly the same. */
const threshold = 0.95;
/** Bytes of a patch that are read line by line; what is behind them counts only when it is the same, byte for byte. */
export const readBytes = 2 ** 20;

/**
 * Sets of patches that are nearly the same: they change the same lines but for one in twenty, up to white space within
 * and around lines, blank lines, the places of hunks and the order of lines. Binary files (by their blob ids), modes, and
 * which files are made, deleted, moved or copied must be the same. A patch of white space alone, or of nothing, is like no other.
 *
 * Each is compared with the first, by position, of each set so far, so that no chain of small differences joins what is
 * not alike. Sets of one are left out; all are by position. Memory and time grow with what is read: at most 1 MiB of each.
 */
export function groupAlike(patches: readonly PatchBytes[]): number[][] {
  const sets: { first: ReturnType<typeof readChanges>; positions: number[] }[] = [];
  for (const { position, bytes } of patches.toSorted((a, b) => a.position - b.position)) {
    const changes = readChanges(bytes, readBytes);
    const set = sets.find(({ first }) => alike(first, changes));
    if (set) set.positions.push(position);
    else sets.push({ first: changes, positions: [position] });
  }
  return sets.map((set) => set.positions).filter((positions) => positions.length > 1);
}

type Changes = ReturnType<typeof readChanges>;

function alike(a: Changes, b: Changes): boolean {
  if (a.exact !== b.exact) return false;
  if (a.lines.length === 0 && b.lines.length === 0) return a.exact !== '';
  // They cannot share more than the shorter has: most pairs are told apart by that alone.
  const [few, many] = [a.lines.length, b.lines.length].toSorted((one, other) => one - other);
  if ((few ?? 0) < threshold * (many ?? 0)) return false;
  const common = inCommon(a.lines, b.lines);
  return common >= threshold * (a.lines.length + b.lines.length - common);
}

/** Size of the intersection of two sorted multisets. */
function inCommon(a: BigUint64Array, b: BigUint64Array): number {
  let common = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [one, other] = [a[i] ?? 0n, b[j] ?? 0n];
    if (one === other) {
      common++;
      i++;
      j++;
    } else if (one < other) i++;
    else j++;
  }
  return common;
}
