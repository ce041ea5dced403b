import type { Picker, RunOptions, VariationStatus } from '../../drizzle/schema';
import type { Database, Tx } from './db';
import { conflict, notFound } from './errors';
import { append } from './event';
import { hasLanding, insertLanding } from './landing';
import { cleanText } from './text';

export interface Choice {
  position: number;
  by: Picker;
  note: string | null;
}

/**
 * Makes a variation its run's winner, in place of another; where the run says what is to become of the winner, that is
 * asked for in the same transaction. Nothing is stopped by it. Chosen again, only the words about it change: what was
 * undone is not landed again for them.
 * @throws BakeoffError 404; 409 when it is not completed, or another one has landed
 */
export async function chooseWinner(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  choice: Choice,
): Promise<void> {
  await sql.begin((tx) => choose(tx, runId, choice));
}

/** The same inside a transaction of the caller's. */
export async function choose(tx: Tx, runId: number, choice: Choice): Promise<void> {
  const { position, by } = choice;
  const note = choice.note === null ? null : cleanText(choice.note.trim()) || null;
  const [variation] = await tx<{ status: VariationStatus }[]>`
    select status from variations where run_id = ${runId} and position = ${position} for share`;
  const [run] = await tx<{ winner: number | null; winner_note: string | null; options: RunOptions }[]>`
    select winner, winner_note, options from runs where id = ${runId} for no key update`;
  if (!run) throw notFound('run', runId);
  if (!variation) throw notFound('variation', `${position} of run ${runId}`);
  if (variation.status !== 'completed')
    throw conflict(
      'not_completed',
      `Only what is completed can win: variation ${position} is ${variation.status.replace('_', ' ')}`,
    );
  if (run.winner === position && run.winner_note === note) return;
  const landed = await hasLanding(tx, runId);
  if (landed && run.winner !== position)
    throw conflict('already_landed', 'Another winner has landed, or is about to: undo that first');
  await tx`
    update runs set winner = ${position}, winner_by = ${by}, winner_note = ${note}, winner_at = now(), updated_at = now()
    where id = ${runId}`;
  await append(tx, runId, null, [{ type: 'winner.chosen', payload: { variation: position, by, note } }]);
  if (run.options.land && !landed && run.winner !== position)
    await insertLanding(tx, runId, position, run.options.land);
}

/**
 * Takes the choice back; without one nothing happens.
 * @throws BakeoffError 404; 409 while the winner has landed
 */
export async function clearWinner({ sql }: Pick<Database, 'sql'>, runId: number): Promise<void> {
  await sql.begin(async (tx) => {
    const [run] = await tx<{ winner: number | null }[]>`
      select winner from runs where id = ${runId} for no key update`;
    if (!run) throw notFound('run', runId);
    if (run.winner === null) return;
    if (await hasLanding(tx, runId))
      throw conflict('already_landed', 'The winner has landed, or is about to: undo that first');
    await clear(tx, runId, run.winner, 'person');
  });
}

/** What goes on is not what was chosen: inside the transaction that starts a variation again, its row locked. */
export async function reopened(tx: Tx, runId: number, position: number): Promise<void> {
  const [run] = await tx`select id from runs where id = ${runId} and winner = ${position} for no key update`;
  if (run) await clear(tx, runId, position, 'reopened');
}

async function clear(tx: Tx, runId: number, position: number, why: 'person' | 'reopened'): Promise<void> {
  await tx`
    update runs set winner = null, winner_by = null, winner_note = null, winner_at = null, updated_at = now()
    where id = ${runId}`;
  await append(tx, runId, null, [{ type: 'winner.cleared', payload: { variation: position, why } }]);
}
