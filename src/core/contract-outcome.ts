import type { Counts, LandingMode, LandingStatus, Picker, PullRequest, Usage } from '../../drizzle/schema';
import type { CheckResult } from './fact';
import type { CriterionAnswer } from './opinion';
import type { Verdict } from './verdict-contract';

/** What came of a run's variations, as the JSON API tells it: a part of `contract.ts`, which exports it on. */

export interface CheckOutcome {
  name: string;
  command: string;
  required: boolean;
  result: CheckResult;
  exit_code: number | null;
  duration_ms: number;
  /** Its result changed on being run again: it decides nothing. */
  flaky: boolean;
  counts: Counts | null;
  /** With the base's version of the files that judge the patch, where the patch touches any. */
  on_base_tests: { result: CheckResult; exit_code: number | null } | null;
  /** The event that told of it; 0 for those of before events were noted. */
  seq: number;
}

/** The ranking of a run's variations, with what it was made of. */
export interface RunVerdict extends Verdict {
  id: number;
  /** Who asked for it: the run, by its end, or a person. */
  asked_by: 'run' | 'person';
  /** The event that told of it; those of the judge's answers name the verdict's id. */
  seq: number;
  given_at: string;
  /** What the judge made of the goal; empty when nobody was asked, or no answer was had. */
  criteria: string[];
  /** By position, one for each criterion. */
  answers: Record<number, CriterionAnswer[]>;
  /** `same_family`: no judge was to be had that is not related to an author. */
  judge: { agent: string; model: string; same_family: boolean } | null;
  /** What judging has cost. */
  usage: Usage;
}

export interface Winner {
  position: number;
  by: Picker;
  note: string | null;
  at: string;
}

/** The winner on its way out. */
export interface Landing {
  id: number;
  status: LandingStatus;
  mode: LandingMode;
  variation: number;
  branch: string | null;
  target: string | null;
  commit: string | null;
  pull_request: PullRequest | null;
  error: { code: string; message: string; paths?: string[] } | null;
  /** When it is tried again after a failure that may pass. */
  retry_at: string | null;
  created_at: string;
  landed_at: string | null;
}

/** Whether the winner goes on top of a branch as it is now. */
export interface Preflight {
  variation: number;
  target: string;
  target_sha: string;
  /** Null when it cannot be known beforehand; `reason` says why. */
  clean: boolean | null;
  /** Paths on which both have changed the same places, at most 100. */
  conflicts: string[];
  /** How many there are; 0 while `clean` is false when the two share no history. */
  conflict_count: number;
  reason: string | null;
}
