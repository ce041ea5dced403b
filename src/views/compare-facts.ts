import type { Directive } from '../core/contract';
import type { CriterionAnswer } from '../core/opinion';

/** One thing that the goal asks for, and whether each variation does it, as a model read them. */
export interface Criterion {
  text: string;
  /** By position; null: no answer was had. */
  answers: Record<number, CriterionAnswer | null>;
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
export type Comment = Pick<
  Directive,
  'id' | 'position' | 'text' | 'path' | 'line' | 'created_at' | 'delivered_at'
>;
