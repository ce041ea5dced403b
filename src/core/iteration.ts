import type { Database, Tx } from './db';
import type { Fact } from './fact';

/** The next round of a variation's work, and what its agent is told of the last one. */
export interface NextIteration {
  iteration: number;
  feedback: string;
  /** Names of the required checks that sent it back, or the opinion that did. */
  failed?: string[];
  opinion?: string;
}

/** What tells of a new round; `startIteration` goes with it. */
export function iterationFact({ iteration, failed, opinion }: NextIteration): Fact {
  const why = { ...(failed ? { failed } : {}), ...(opinion === undefined ? {} : { opinion }) };
  return { type: 'iteration.started', payload: { iteration, ...why } };
}

/** Starts a claimed variation's next round, in the transaction of its event: what its agent has to hear waits for it. */
export async function startIteration(
  tx: Tx,
  variationId: number,
  { iteration, feedback }: NextIteration,
): Promise<void> {
  await tx`
    update variations set iteration = ${iteration}, feedback = ${feedback}, current_step = null, updated_at = now()
    where id = ${variationId}`;
}

/** What a variation's agent has not heard yet of its last round. */
export async function waitingFeedback(
  { sql }: Pick<Database, 'sql'>,
  variationId: number,
): Promise<string | null> {
  const [row] = await sql<{ feedback: string | null }[]>`
    select feedback from variations where id = ${variationId}`;
  return row?.feedback ?? null;
}

/** Marks it as heard; inside the transaction that records the request which carries it. */
export async function takeFeedback(tx: Tx, variationId: number): Promise<void> {
  await tx`update variations set feedback = null where id = ${variationId}`;
}
