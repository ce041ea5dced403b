import type { Emit, Flush, Payloads, PlanStep } from '../core/fact';
import type { Directive } from './steering';
import type { Patch } from './workspace';

/**
 * All that the agent's side knows of the record. Everything is fenced: once another worker has the variation, the
 * next call rejects with `Fenced`, and nothing is written.
 */
export interface Journal {
  /** For what may be written a little later, in batches: streams, starts, ends. Keeps order with the calls below. */
  emit: Emit;
  flush: Flush;
  /** A person's instructions that have not been taken up, in order. */
  directives(): Promise<Directive[]>;
  /** What checks have against its work, and it has not been told yet. */
  feedback(): Promise<string | null>;
  /**
   * Commits that the model is asked, before it is: what the call may cost at most is reserved from the run's budget,
   * and the directives and the feedback among what it is told are taken up, each exactly once, in the same transaction.
   * @param prompt tokens that the prompt may have, rather too many than too few
   * @throws VariationFailure `budget_exceeded` (after its event) when what is left is too little for it.
   */
  requested(
    payload: Payloads['model.requested'],
    cost: { directives: readonly number[]; feedback: boolean; prompt: number },
  ): Promise<void>;
  /** Commits an answer, and its usage on variation and run, in one transaction; call it before the answer's tools run. */
  answered(payload: Payloads['model.responded']): Promise<void>;
  /** Commits the variation's plan with its event; progress follows from the plan's steps. */
  planned(steps: PlanStep[]): Promise<void>;
  /** Commits progress (0…100) and the words for what is being done now. */
  progress(percentage: number, step: string | null): Promise<void>;
  /** Commits a checkpoint, unless the present one holds the same patch. */
  checkpoint(patch: Patch, step: number): Promise<void>;
}
