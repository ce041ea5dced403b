import type { RunStatus, TaskType } from '../../drizzle/schema';

/** What the service counts of its runs, as the JSON API tells it: a part of `contract.ts`, which exports it on. */

export interface DayStat {
  /** `YYYY-MM-DD`, UTC. */
  day: string;
  completed: number;
  failed: number;
}

/** How an agent's edits fared, each for itself, over the last 30 days. */
export interface EditStats {
  applied: number;
  rejected: number;
  /** 0…1; null before there was an edit. */
  rate: number | null;
  /** Of those applied, how exactly they had to fit. */
  tiers: Record<string, number>;
}

/**
 * How often an agent won the contests that it took part in, over the last 90 days: runs by at least two agents with a
 * winner that is one of theirs.
 */
export interface Wins {
  agent: string;
  model: string;
  task_type: TaskType;
  runs: number;
  wins: number;
  rate: number;
  /** The range that the true rate likely lies in (95 %). */
  low: number;
  high: number;
  /** Of all its variations in these runs; null when a price is not known. */
  cost_usd: number | null;
}

export interface WeekWins {
  /** Its Monday, `YYYY-MM-DD`, UTC. */
  week: string;
  agent: string;
  model: string;
  runs: number;
  wins: number;
}

/** What is not read from the record, and so at hand at any time. */
export type Figures = Omit<Stats, 'edits' | 'wins' | 'wins_by_week'>;

/** Figures of runs over some days. */
export interface Stats {
  runs: number;
  by_status: Partial<Record<RunStatus, number>>;
  /** Of ended runs, 0…1; null before any ended. */
  success_rate: number | null;
  cost_usd: number;
  median_duration_s: number | null;
  /** Of variations that proposed a patch, the share whose patch applied. */
  patch_apply_rate: number | null;
  /** What that rate is made of. */
  patches: { applied: number; rejected: number };
  edits: EditStats;
  wins: Wins[];
  wins_by_week: WeekWins[];
  days: DayStat[];
  /** What retention has freed, since the beginning; `runs` were thinned or removed. */
  freed: { bytes: number; runs: number; last_at: string | null };
}
