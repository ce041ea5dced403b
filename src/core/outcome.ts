import { compare, type End, judgeBase, type PatchResult } from './check';

/** The ends that a check came to on the same files, put together. */
export interface Settled {
  /** The latest. */
  end: End;
  /** Run again, it came to another result. */
  flaky: boolean;
}

export interface Outcome {
  result: PatchResult;
  /** Its result changes by itself: it decides nothing. */
  flaky: boolean;
  /** With the patch's own tests and configuration. */
  own: PatchResult;
  /** With the base's version of what judges it; null where that was not run: the patch leaves it alone. */
  judged: PatchResult | null;
}

/** Puts the ends of a check on the same files together. Two exit codes of failure are one result, the shell's own too. */
export function settle(ends: readonly End[]): Settled {
  return { end: ends.at(-1), flaky: new Set(ends.map((end) => end === 0)).size > 1 };
}

/** Whether the base, having come to these ends, is to be run again: a failure may be one of chance. */
export function baseAgain(ends: readonly End[]): boolean {
  return ends.length === 1 && judgeBase(ends[0]) === 'failed';
}

/**
 * Whether base and patch, with or without the base's judges, is to be run again: that it differs from the base is what
 * decides, and may be chance.
 */
export function patchAgain(base: Settled, ends: readonly End[]): boolean {
  return ends.length === 1 && !base.flaky && judgeBase(ends[0]) !== judgeBase(base.end);
}

/**
 * Whether the base, having passed, is to be run again since base and patch, with or without the base's judges, came to
 * these ends: where the patch fails each time, that the base did not may have been chance.
 */
export function baseInDoubt(base: Settled, ends: readonly End[]): boolean {
  const failed = (end: End) => compare(base.end, end) === 'broken';
  return !base.flaky && ends.length > 1 && ends.every(failed);
}

/**
 * What a check says of a patch, when it was run on the base, on base and patch, and, where the patch touches what judges
 * it, on base and patch with the base's version of that. The worse of the two counts: a patch that changes its judges may
 * neither hide what it broke, nor say of itself that it fixed something. A side that wavers says nothing; where the other
 * is steady and as bad as it can be, the check has decided all the same: making a test waver is no way out.
 */
export function outcome(base: Settled, patch: Settled, judges: Settled | null = null): Outcome {
  const own = compare(base.end, patch.end);
  const judged = judges && compare(base.end, judges.end);
  const result = worst(own, judged);
  const bad = (side: PatchResult | null) => side === 'broken' || side === 'still_fails';
  const decided = (bad(own) && !patch.flaky) || (bad(judged) && judges?.flaky === false);
  const wavers = patch.flaky || judges?.flaky === true;
  return { result, flaky: base.flaky || (wavers && !decided), own, judged };
}

/** Worst first. */
const order: readonly PatchResult[] = ['broken', 'still_fails', 'could_not_run', 'passes', 'fixed'];

/** The worse of two results of one check; null where there is only one. */
export function worst(one: PatchResult, other: PatchResult | null): PatchResult {
  return order.find((result) => result === one || result === other) ?? one;
}
