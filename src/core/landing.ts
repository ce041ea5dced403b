import { desc, eq } from 'drizzle-orm';
import {
  type LandingRequest,
  type LandingStatus,
  landings,
  type VariationStatus,
} from '../../drizzle/schema';
import type { Landing } from './contract';
import { type Database, jsonb, type Tx } from './db';
import { inheritedResult } from './dependency';
import { callForErrand } from './errand';
import { conflict, notFound } from './errors';
import { append } from './event';
import { type Idempotency, remember } from './idempotency';
import { toLanding } from './run-object';

/**
 * Asks for a run's winner to be landed; a worker does it.
 * @returns the landing, and whether the same idempotency key had asked for it before
 * @throws BakeoffError 404; 409 `no_winner`, `nothing_to_land`, `already_landed`
 */
export async function landRun(
  database: Database,
  runId: number,
  request: LandingRequest,
  idempotency?: Idempotency,
): Promise<{ landing: Landing; existed: boolean }> {
  const { id, existed } = await database.sql.begin((tx) =>
    remember(tx, `landings of run ${runId}`, idempotency, async () =>
      insertLanding(tx, runId, await lockWinner(tx, runId), request),
    ),
  );
  const landing = await getLanding(database, runId, id);
  return { landing, existed };
}

/**
 * Takes back what has landed: a worker closes the pull request and deletes the branch, or reverts what was merged. What
 * has not gone out yet never does. Asked for again meanwhile, nothing more happens.
 * @throws BakeoffError 404; 409 `not_landed`, `landing_under_way`, `already_merged`
 */
export async function undoLanding({ sql }: Pick<Database, 'sql'>, runId: number): Promise<void> {
  await sql.begin(async (tx) => {
    const [run] = await tx`select id from runs where id = ${runId} for no key update`;
    if (!run) throw notFound('run', runId);
    const [row] = await tx<
      { id: number; status: LandingStatus; branch: string | null; pull: string | null }[]
    >`
      select id, status, branch, pull_request->>'state' as pull from landings
      where run_id = ${runId} order by id desc limit 1 for update`;
    if (!row) throw notFound('landing', `of run ${runId}`);
    if (row.status === 'undo_wanted' || row.status === 'undoing') return;
    if (row.status === 'landing')
      throw conflict('landing_under_way', 'It is landing at this moment: undo it when it has');
    if (row.pull === 'merged')
      throw conflict('already_merged', 'Its pull request has been merged: revert it where it was merged');
    const out = row.branch !== null;
    if (row.status === 'undone' || (row.status === 'failed' && !out))
      throw conflict(
        'not_landed',
        `There is nothing to undo: it ${row.status === 'undone' ? 'is' : 'has'} ${row.status}`,
      );
    await tx`
      update landings set status = ${out ? 'undo_wanted' : 'undone'}, epoch = epoch + 1, worker = null, tries = 0,
        not_before = null, error = null, updated_at = now()
      where id = ${row.id}`;
    if (out) await callForErrand(tx);
    else
      await append(tx, runId, null, [
        { type: 'landing.undone', payload: { landing: row.id, how: 'nothing' } },
      ]);
  });
}

/**
 * A run's newest landing, or one of them.
 * @throws BakeoffError 404 for the run or the landing
 */
export async function getLanding({ db, sql }: Database, runId: number, id?: number): Promise<Landing> {
  const [row] = await db
    .select()
    .from(landings)
    .where(id === undefined ? eq(landings.run_id, runId) : eq(landings.id, id))
    .orderBy(desc(landings.id))
    .limit(1);
  if (row) return toLanding(row);
  const [run] = await sql`select id from runs where id = ${runId}`;
  throw run ? notFound('landing', `of run ${runId}`) : notFound('run', runId);
}

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
    values (${runId}, ${position}, ${jsonb(tx, request)})
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

/** Whether a worker is to do something of a run's landing, or does: without its row nobody would know what went out. */
export async function isLanding(tx: Tx, runId: number): Promise<boolean> {
  const [row] = await tx`
    select id from landings
    where run_id = ${runId} and status in ('wanted', 'landing', 'undo_wanted', 'undoing') limit 1`;
  return row !== undefined;
}

/**
 * The position of a run's winner, which stays so, with its patch, until the transaction ends.
 * @throws BakeoffError 404; 409 `no_winner`, `nothing_to_land`
 */
async function lockWinner(tx: Tx, runId: number): Promise<number> {
  const rows = await tx<{ position: number; status: VariationStatus; commit_sha: string | null }[]>`
    select position, status, commit_sha from variations where run_id = ${runId} order by id for share`;
  const [run] = await tx<{ winner: number | null; base_sha: string | null }[]>`
    select winner, base_sha from runs where id = ${runId} for no key update`;
  if (!run) throw notFound('run', runId);
  const winner = rows.find((row) => row.position === run.winner);
  if (!winner) throw conflict('no_winner', 'This run has no winner to land: choose one first');
  if (winner.status !== 'completed')
    throw conflict('nothing_to_land', `The winner is ${winner.status.replace('_', ' ')}, not completed`);
  const changed = winner.commit_sha !== null && winner.commit_sha !== run.base_sha;
  if (!changed && (await inheritedResult(tx, runId)) === null)
    throw conflict('nothing_to_land', 'The winner changed no file: there is nothing to land');
  return winner.position;
}
