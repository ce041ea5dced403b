import type { LandingRequest } from '../../drizzle/schema';
import type { Tx } from './db';
import { callForErrand } from './errand';
import { conflict } from './errors';

/**
 * Asks for a variation to be landed; a worker does it.
 * @returns the landing's id
 * @throws BakeoffError 409 when the run has a landing that has not failed and is not undone
 */
export async function insertLanding(
  tx: Tx,
  runId: number,
  position: number,
  request: LandingRequest,
): Promise<number> {
  const [made] = await tx<{ id: number }[]>`
    insert into landings (run_id, variation, request)
    values (${runId}, ${position}, ${tx.json({ ...request } as unknown as { [key: string]: string })})
    on conflict (run_id) where status not in ('failed', 'undone') do nothing returning id`;
  if (!made) throw conflict('already_landed', 'This run has landed, or is about to: undo that first');
  await callForErrand(tx);
  return made.id;
}

/** Whether a run has a landing that has not failed and is not undone. */
export async function hasLanding(tx: Tx, runId: number): Promise<boolean> {
  const [row] = await tx`
    select id from landings where run_id = ${runId} and status not in ('failed', 'undone')`;
  return row !== undefined;
}
