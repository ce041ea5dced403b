import type { CheckOutcome, Directive, Run, Variation } from '../core/contract';

/** A check on a variation's final evidence. */
export interface ComparedCheck extends CheckOutcome {
  /** Its result changed when it was run again: it decides nothing. */
  flaky: boolean;
  counts: Counts | null;
  /** The same check with the base's own version of what judges, where the patch touches that. */
  on_base_tests: { result: CheckOutcome['result']; exit_code: number | null } | null;
}

/** What a runner, or a linter, said at its end. */
export type Counts =
  | { passed: number; failed: number; skipped: number; total: number }
  | { findings: number };

/** Some files, or hunks of them, that a graft is made of. */
export interface GraftedPart {
  variation: number;
  path: string;
  /** From 1; absent: the whole file. */
  hunks?: number[] | undefined;
}

export interface ComparedVariation extends Omit<Variation, 'checks'> {
  checks: ComparedCheck[];
  /** Files that judge it, and that it touched. */
  flags: { path: string; kind: string }[];
  kind: 'agent' | 'graft';
  graft: GraftedPart[] | null;
}

export interface Winner {
  position: number;
  by: 'person' | 'verdict';
  note: string | null;
  at: string;
}

/** The run as the compare page reads it. */
export interface ComparedRun
  extends Omit<Run, 'variations' | 'winner' | 'verdict' | 'base_checks' | 'landing'> {
  variations: ComparedVariation[];
  base_checks: (CheckOutcome & { counts?: Counts | null })[];
  winner: Winner | null;
}

/** One thing that the goal asks for, and whether each variation does it, as a model read them. */
export interface Criterion {
  text: string;
  /** By position; null: no answer was had. */
  answers: Record<number, CriterionAnswer | null>;
}

export interface CriterionAnswer {
  met: boolean;
  quotation: string;
  why: 'quoted' | 'denied' | 'quotation_missing' | 'quotation_trivial' | 'not_found' | 'not_answered';
  place: { path: string; line: number | null; side: 'base' | 'patch' } | null;
}

/** Where in the record the evidence is: numbers of events. */
export interface VerdictEvents {
  /** The verdict's own. */
  verdict: number;
  /** How many are behind it. */
  count: number;
  /** By position: what put it in its place. */
  places: Record<number, number>;
  /** By position, then by check's name. */
  checks: Record<number, Record<string, number>>;
}

/** A comment on a line, as it was sent. */
export type Comment = Pick<Directive, 'position' | 'text' | 'path' | 'line' | 'created_at' | 'delivered_at'>;
