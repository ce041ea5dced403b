import type { RunStatus } from '../../drizzle/schema';
import type { Database, Tx } from './db';
import { callForErrand } from './errand';
import { conflict, notFound } from './errors';

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

/**
 * Asks for a run to be judged again, by a person.
 * @throws BakeoffError 404; 409 while it has not ended, or when nothing of it is completed
 */
export async function judgeAgain({ sql }: Pick<Database, 'sql'>, runId: number): Promise<void> {
  await sql.begin(async (tx) => {
    const [run] = await tx<{ status: RunStatus }[]>`
      select status from runs where id = ${runId} for no key update`;
    if (!run) throw notFound('run', runId);
    if (run.status !== 'completed') {
      const over: RunStatus[] = ['failed', 'stopped', 'needs_review'];
      throw over.includes(run.status)
        ? conflict('nothing_completed', 'No variation is completed: there is nothing to rank')
        : conflict('not_ended', `Its variations have not ended: it is ${run.status.replace('_', ' ')}`);
    }
    await wantVerdict(tx, runId, 'person');
    await tx`update runs set updated_at = now() where id = ${runId}`;
  });
}

/** Something of the run goes on: what is being judged is not what it will be. */
export async function dropVerdict(tx: Tx, runId: number): Promise<void> {
  await tx`
    update verdicts set status = 'dropped', epoch = epoch + 1, worker = null
    where run_id = ${runId} and status in ('wanted', 'judging')`;
}
