import type { Failure } from '../../drizzle/schema';
import { type Turnback, turnback } from './checkpoint';
import type { Database, Tx } from './db';
import { waitAgain } from './dependency';
import { instruct } from './directive';
import { conflict } from './errors';
import { append } from './event';
import { type Idempotency, remember } from './idempotency';
import { deriveRun } from './run-status';
import { refusePending } from './steer';
import { highest, isOver, type Locked, lock, requeue } from './variation';

/** Variations that a run may have, forks included. */
export const maxVariations = 64;

/**
 * Tries ended variations again, as the next attempt: from their last checkpoint and conversation, or from the start.
 * Without `position`, all of the run that ended without being completed.
 * @throws BakeoffError 404; 409 when there is nothing to retry
 */
export async function retry(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  position: number | undefined,
  from: 'checkpoint' | 'start',
): Promise<void> {
  await sql.begin(async (tx) => {
    const rows = await lock(tx, runId, position);
    const failed = rows.filter((row) => isOver(row.status) && row.status !== 'completed');
    const [first] = rows;
    if (failed.length === 0)
      throw conflict(
        'nothing_to_retry',
        `Only what failed, was stopped or needs review is retried: it is ${first.status}`,
      );
    for (const row of failed) {
      if (from === 'start') await turn(tx, row, await turnback(tx, row, 0));
      else await tellWhy(tx, row);
      await requeue(tx, row, {
        ...{ why: 'retry', retry: true, fresh: true },
        checkpoint: from === 'start' ? 0 : row.checkpoint,
      });
    }
  });
}

/**
 * Turns a variation back to a checkpoint (0: the start): its files, and its conversation. What came after stays in the
 * record, and its checkpoints can still be gone to. A paused one stays paused; any other goes on from there.
 * @throws BakeoffError 404; 409 while it runs
 */
export async function rollback(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  position: number,
  checkpoint: number,
): Promise<void> {
  await sql.begin(async (tx) => {
    const [row] = await lock(tx, runId, position);
    await refusePending(tx, runId, 'turned back');
    if (row.status === 'running') throw conflict('running', 'It is being worked on: pause or stop it first');
    const to = await turnback(tx, row, checkpoint);
    await turn(tx, row, to);
    if (row.status === 'paused') {
      await tx`
        update variations set tries = 0, losses = 0, worked_ms = 0 where id = ${row.id}`;
      const restored = { checkpoint, step: to.step, ...(to.stat ?? nothing) };
      await append(tx, runId, position, [{ type: 'checkpoint.restored', payload: restored }]);
    } else {
      await requeue(tx, row, { why: 'rollback', checkpoint, fresh: true });
    }
  });
}

const nothing = { files: 0, additions: 0, deletions: 0, bytes: 0 };

/**
 * Makes a new variation that goes on from another's checkpoint (0: the start), with its conversation up to there.
 * @returns the new variation's position
 * @throws BakeoffError 404; 409 when the run has not begun, or has very many variations
 */
export async function fork(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  position: number,
  how: { checkpoint: number; agent_id: number | null; directive: string | null },
  idempotency?: Idempotency,
): Promise<number> {
  const { id } = await sql.begin(async (tx) =>
    remember(tx, `forks of variation ${position} of run ${runId}`, idempotency, async () => {
      const [source] = await lock(tx, runId, position);
      await refusePending(tx, runId, 'forked');
      // Of a run that was stopped before it was ever released, the fork waits for the same as before.
      await waitAgain(tx, runId);
      const from = await turnback(tx, source, how.checkpoint);
      const at = await insertFork(tx, source, from, how.agent_id ?? source.agent_id);
      // Nobody else can see it yet, so that taking its lock after the run's cannot end in a circle.
      const [made] = await lock(tx, runId, at);
      const { agent, model } = made;
      const payload = { agent, model, why: 'fork', checkpoint: from.number, forked_from: position } as const;
      await append(tx, runId, made.position, [{ type: 'variation.queued', payload }]);
      if (how.directive !== null) await instruct(tx, made, { text: how.directive, path: null, line: null });
      await deriveRun(tx, runId);
      return made.position;
    }),
  );
  return id;
}

async function insertFork(tx: Tx, source: Locked, from: Turnback, agentId: number): Promise<number> {
  // The run's row keeps two forks from taking the same position.
  await tx`select id from runs where id = ${source.run_id} for no key update`;
  const [made] = await tx<{ id: number; position: number }[]>`
    insert into variations (run_id, position, agent_id, status, lineage, past_from, checkpoint, patch, steps_before,
      plan, progress_percentage)
    select ${source.run_id}, max(v.position) + 1, ${agentId}, 'queued', ${tx.json(asJson(from))}, max(r.seq),
      ${from.number === 0 ? 0 : 1}, ${from.stat === null ? null : tx.json({ ...from.stat })}, ${from.step},
      ${planOf(tx, from)}, ${from.progress}
    from variations v join runs r on r.id = v.run_id where v.run_id = ${source.run_id} returning id, position`;
  if (!made) throw new Error('insert returned no row');
  if (made.position > maxVariations)
    throw conflict('too_many_variations', `A run has at most ${maxVariations} variations`);
  await tx`
    insert into checkpoints (variation_id, number, epoch, base_sha, patch, sha256, stat, step, seq, lineage, past_from)
    select ${made.id}, 1, 0, base_sha, patch, sha256, stat, step, seq, ${tx.json(asJson(from))}, ${0}
    from checkpoints where variation_id = ${source.id} and number = ${from.number}`;
  // What was approved up to there stands for the fork, too; a commit is asked about anew.
  const told = await decidedIn(tx, source.run_id, from);
  if (told.length > 0) {
    await tx`
      insert into approvals (run_id, variation_id, kind, key, question, decision, comment, plan, created_at, decided_at)
      select run_id, ${made.id}, kind, key, question, decision, comment, plan, created_at, decided_at from approvals
      where id in ${tx(told)} and kind <> 'commit'`;
  }
  return made.position;
}

/** Changes what a locked variation goes on from; queueing it is the caller's. */
async function turn(tx: Tx, row: Locked, to: Turnback): Promise<void> {
  await tx`update approvals set withdrawn_at = now() where variation_id = ${row.id} and withdrawn_at is null`;
  // What the conversation up to there holds as decided, stands again; a fork has copies of what its source was told.
  const told = await decidedIn(tx, row.run_id, to);
  if (told.length > 0) {
    await tx`
      update approvals a set withdrawn_at = null where a.id in (
        select distinct on (own.kind, own.key) own.id from approvals own join approvals told
          on told.id in ${tx(told)} and own.kind = told.kind and own.key = told.key and own.decision = told.decision
        where own.variation_id = ${row.id} order by own.kind, own.key, own.id = told.id desc, own.id desc)`;
  }
  await tx`
    update variations set lineage = ${tx.json(asJson(to))}, past_from = (select seq from runs where id = ${row.run_id}),
      checkpoint = ${to.number}, patch = ${to.stat === null ? null : tx.json({ ...to.stat })}, saved_seq = 0,
      mended = null, plan = ${planOf(tx, to)}, progress_percentage = ${to.progress}, current_step = null, result = null,
      commit_sha = null, branch = null, updated_at = now(),
      steps_before = greatest(${highest(tx, row, 'step.started', 'step')}, ${to.step}::int)
    where id = ${row.id}`;
  await tx`delete from checks where variation_id = ${row.id}`;
}

/** Questions that were decided within the conversation up to a checkpoint, whichever variation's they were. */
async function decidedIn(tx: Tx, runId: number, { lineage }: Turnback): Promise<number[]> {
  const ids: number[] = [];
  for (const { position, from, to } of lineage) {
    const rows = await tx<{ id: number }[]>`
      select (payload->>'approval')::int as id from events
      where run_id = ${runId} and variation = ${position} and seq > ${from} and seq <= ${to}
        and type = 'approval.decided'`;
    ids.push(...rows.map((one) => one.id));
  }
  return ids;
}

/** Where the conversation has come to its own end, there is nothing to go on with unless the agent hears why. */
async function tellWhy(tx: Tx, row: Locked): Promise<void> {
  const told: Failure['code'][] = ['no_changes', 'patch_rejected', 'step_limit'];
  if (!row.error || !told.includes(row.error.code)) return;
  const text = `A person wants you to try again. What came of it so far: ${row.error.message}`;
  // As if it lived: it is queued right after.
  await instruct(tx, { ...row, status: 'queued' }, { text, path: null, line: null });
}

function asJson({ lineage }: Turnback): { [key: string]: number }[] {
  return lineage.map((one) => ({ ...one }));
}

function planOf(tx: Tx, { plan }: Turnback) {
  return plan === null ? null : tx.json(plan.map((step) => ({ ...step })));
}
