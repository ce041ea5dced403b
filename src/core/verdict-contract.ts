import type { JudgedPair } from './opinion';

/** The verdict, exactly as the JSON API sends it. Positions are those of the run's variations; grafts have theirs. */

/**
 * The levels of the ranking, in order: the first that tells two apart decides between them. Applies, broken and fixed
 * are evidence; criteria and judged are opinions; size and cost are what is left.
 */
export type RankLevel = 'applies' | 'broken' | 'fixed' | 'criteria' | 'judged' | 'size' | 'cost';

/** What a level is decided by, for one candidate. */
export interface LevelValues {
  applies: {
    base: boolean;
    /** Against the target's present tip; `unknown` (it could not be looked at) is not held against anybody. */
    target: 'clean' | 'conflict' | 'unknown';
    /** Paths that conflict, the first 20. */
    conflicts: string[];
  };
  /** Required checks that passed on the base and fail now; flaky ones do not count. */
  broken: { broken: number };
  /** Of the checks that failed on the base, how many pass now. */
  fixed: { fixed: number; of: number };
  /** Null where nobody was asked or no answer was had. */
  criteria: { met: number | null; of: number | null };
  /** Null where it was not judged. `ties` includes those of which `disagreed` contradict themselves in the two orders. */
  judged: { wins: number | null; losses: number | null; ties: number | null; disagreed: number | null };
  /** Lines added and deleted. */
  size: { lines: number };
  cost: { cost_usd: number | null };
}

export interface Cell {
  /** Higher is better, within this level only. Null: not known, or not compared. */
  score: number | null;
  /**
   * `in`: level with the leader here. `out_here`: here it falls behind the leader. `out`: it did before.
   * `not_needed`: it leads, and was settled before this level.
   */
  standing: 'in' | 'out_here' | 'out' | 'not_needed';
  /** An opinion of a near-identical one, this position, counts for it too. */
  as: number | null;
}

/**
 * How a level was used, seen from the lead. `compared`: the candidates in the lead so far were compared. `not_needed`:
 * only one, or only near-identical ones where opinions are concerned, were left. `incomplete`: a value of one of them
 * is not known, so the level tells none apart. Criteria: `not_asked`. Judging: `no_judge` is configured; `too_many`
 * tie; `no_answer` at all could be had.
 */
export type LevelState =
  | 'compared'
  | 'not_needed'
  | 'incomplete'
  | 'not_asked'
  | 'no_judge'
  | 'too_many'
  | 'no_answer';

export type LevelResult = {
  [L in RankLevel]: {
    level: L;
    state: LevelState;
    /** It put the first before the next that is not near-identical. */
    decided: boolean;
    /** By position. */
    values: Record<number, Cell & LevelValues[L]>;
  };
}[RankLevel];

export interface Place {
  position: number;
  /** 1 is first; those who tie share a rank, and the next has the rank after all of them: 1, 1, 3. */
  rank: number;
  tied_with: number[];
  /** The level at which it fell behind the leader; null for those who lead. */
  fell_at: RankLevel | null;
  /** The level that put it behind those ranked right before it; null for rank 1. */
  parted_at: RankLevel | null;
}

export interface Verdict {
  /** By rank, then by position. */
  ranking: Place[];
  /** All seven, in order. */
  levels: LevelResult[];
  /** Those of rank 1, by position. Several that are near-identical are no tie: any of them is the same choice. */
  leaders: number[];
  /** The level that put the first before the next that is not near-identical; null in a tie, or when there is none. */
  decided_by: RankLevel | null;
  /** Two that are not near-identical share the first rank. */
  tie: boolean;
  /**
   * What was run decided: applies, broken or fixed put the first before the next (or there is no next), and the first
   * applies, had checks really executed, and passes all that are required. Only then `pick: "verdict"` chooses
   * by itself, and takes the first of `leaders`.
   */
  executed_decided: boolean;
  /** Near-identical ones of which the evidence says the same; each of two or more, by position. */
  groups: number[][];
  /** What came of each pair that was judged. */
  pairs: JudgedPair[];
  /** The same in plain sentences, without names. */
  summary: { headline: string; sentences: string[] };
}
