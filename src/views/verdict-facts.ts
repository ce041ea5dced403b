/** The verdict, as the JSON API sends it. Positions are those of the run's variations; grafts have theirs. */

export type RankLevel = 'applies' | 'broken' | 'fixed' | 'criteria' | 'judged' | 'size' | 'cost';

/** What a level is decided by, for one candidate. */
export interface LevelValues {
  applies: { base: boolean; target: 'clean' | 'conflict' | 'unknown'; conflicts: string[] };
  broken: { broken: number };
  fixed: { fixed: number; of: number };
  criteria: { met: number | null; of: number | null };
  judged: { wins: number | null; losses: number | null; ties: number | null; disagreed: number | null };
  size: { lines: number };
  cost: { cost_usd: number | null };
}

export interface Cell {
  score: number | null;
  standing: 'in' | 'out_here' | 'out' | 'not_needed';
  /** An opinion of a near-identical one, this position, counts for it too. */
  as: number | null;
}

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
    decided: boolean;
    /** By position. */
    values: Record<number, Cell & LevelValues[L]>;
  };
}[RankLevel];

export interface Place {
  position: number;
  /** Those who tie share a rank: 1, 1, 3. */
  rank: number;
  tied_with: number[];
  fell_at: RankLevel | null;
  parted_at: RankLevel | null;
}

export interface JudgedPair {
  /** Positions, the lower first. */
  pair: [number, number];
  winner: number | null;
  why: 'agreed' | 'even' | 'disagreed' | 'same' | 'no_answer';
}

export interface Verdict {
  /** By rank, then by position. */
  ranking: Place[];
  /** All seven, in order. */
  levels: LevelResult[];
  leaders: number[];
  decided_by: RankLevel | null;
  tie: boolean;
  executed_decided: boolean;
  /** Near-identical ones. */
  groups: number[][];
  pairs: JudgedPair[];
  summary: { headline: string; sentences: string[] };
}
