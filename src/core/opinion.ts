import type { Provider, Usage } from '../../drizzle/schema';

/** What models say of variations: opinions, not evidence. Types only: the agent's side asks, this side records and counts. */

/** What a judging model is asked. */
export type JudgeQuestion = 'criteria' | 'answers' | 'pair' | 'goal';

/** Why no opinion was had: what came could not be read, also when asked again; or the model gave no answer. */
export interface NoOpinion {
  code: 'unreadable' | 'model_unavailable' | 'model_refused' | 'context_exceeded';
  message: string;
}

/** One call of a judging model: recorded before it is used, so that nothing paid for is asked twice. */
export interface JudgeAnswer {
  /** Made of the question, its texts and the model: the same question has the same key, in any run of it. */
  key: string;
  question: JudgeQuestion;
  provider: Provider;
  model: string;
  /** What the model said, at most 20,000 characters; null when it did not answer. */
  text: string | null;
  usage: Omit<Usage, 'model_calls' | 'cost_usd'>;
  cost_usd: number | null;
  latency_ms: number;
  failure: NoOpinion | null;
}

/** Whether a variation meets one criterion, as a model read it; a yes without a quotation that is really there is a no. */
export interface CriterionAnswer {
  met: boolean;
  /** The model's words for it, at most 1,000 characters; empty when it gave none. */
  quotation: string;
  /**
   * `quoted`: a yes that stands. `denied`: the model says no. The others are a yes, or silence, that counts as a no:
   * nothing quoted, too little to be evidence, not found word for word, this criterion not answered.
   */
  why: 'quoted' | 'denied' | 'quotation_missing' | 'quotation_trivial' | 'not_found' | 'not_answered';
  /** Where the quotation begins: the file and, where the diff tells it, the line, of the base for a removed one. */
  place: { path: string; line: number | null; side: 'base' | 'patch' } | null;
}

/** What came of two variations judged blind, in both orders. */
export interface JudgedPair {
  /** Positions, the lower first. */
  pair: [number, number];
  /** The position preferred in both orders; null is a tie. */
  winner: number | null;
  /**
   * `agreed`: preferred in both orders. `even`: neither, in both. `disagreed`: the orders contradict each other, which
   * is a tie. `same`: their texts are the same, so nobody was asked. `no_answer`: no opinion was had in one order at least.
   */
  why: 'agreed' | 'even' | 'disagreed' | 'same' | 'no_answer';
}
