import type { Tx } from './db';
import { callForErrand } from './errand';

/**
 * Asks for a run's ranking, which a worker then makes; one that is asked for already is not asked for again.
 * @returns the verdict's id
 */
export async function wantVerdict(tx: Tx, runId: number, by: 'run' | 'person'): Promise<number> {
  const [made] = await tx<{ id: number }[]>`
    insert into verdicts (run_id, asked_by) values (${runId}, ${by})
    on conflict (run_id) where status in ('wanted', 'judging') do nothing returning id`;
  if (made) {
    await callForErrand(tx);
    return made.id;
  }
  const [open] = await tx<{ id: number }[]>`
    select id from verdicts where run_id = ${runId} and status in ('wanted', 'judging')`;
  return open?.id ?? 0;
}

/** Something of the run goes on: what is being judged is not what it will be. */
export async function dropVerdict(tx: Tx, runId: number): Promise<void> {
  await tx`
    update verdicts set status = 'dropped', epoch = epoch + 1, worker = null
    where run_id = ${runId} and status in ('wanted', 'judging')`;
}
