import type { Emit, Flush, Payloads, PlanStep } from '../core/fact';
import type { Patch } from './workspace';

/**
 * All that the agent's side knows of the record. Everything is fenced: once another worker has the variation, the
 * next call rejects with `Fenced`, and nothing is written.
 */
export interface Journal {
  /** For what may be written a little later, in batches: streams, starts, ends. Keeps order with the calls below. */
  emit: Emit;
  flush: Flush;
  /**
   * Commits an answer, and its usage on variation and run, in one transaction; call it before the answer's tools run.
   * @throws VariationFailure `budget_exceeded` (after the commit) when the run's budget is used up.
   */
  answered(payload: Payloads['model.responded']): Promise<void>;
  /** Commits the variation's plan with its event; progress follows from the plan's steps. */
  planned(steps: PlanStep[]): Promise<void>;
  /** Commits progress (0…100) and the words for what is being done now. */
  progress(percentage: number, step: string | null): Promise<void>;
  /** Commits a checkpoint, unless the newest one holds the same patch. */
  checkpoint(patch: Patch, step: number): Promise<void>;
}
