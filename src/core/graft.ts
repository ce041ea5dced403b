import type { Graft } from '../../drizzle/schema';
import { insertFirstCheckpoint, type PatchContent } from './checkpoint';
import { type Database, jsonb } from './db';
import { conflict } from './errors';
import { append } from './event';
import { type Idempotency, remember } from './idempotency';
import { maxVariations } from './rewind';
import { deriveRun } from './run-status';
import { lock } from './variation';

/** A graft as it was composed, and of which results. */
export interface Composed {
  graft: Graft;
  patch: PatchContent;
  /** The commits that its parts, and what it starts from, were read from, by position. */
  sources: ReadonlyMap<number, string>;
}

/**
 * Makes a graft the run's next variation, queued: it goes through checks and verdict as any other, without an agent's
 * work. A directive wakes the agent of its first part.
 * @returns its position, and whether it was there already under the same idempotency key
 * @throws BakeoffError 404; 409 when a source has gone on since it was read, or the run has too many variations
 */
export async function createGraft(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  { graft, patch, sources }: Composed,
  idempotency?: Idempotency,
): Promise<{ position: number; existed: boolean }> {
  const { id: position, existed } = await sql.begin((tx) =>
    remember(tx, `grafts of run ${runId}`, idempotency, async () => {
      const rows = await lock(tx, runId);
      const commits = await tx<{ position: number; commit_sha: string | null }[]>`
        select position, commit_sha from variations where run_id = ${runId}`;
      for (const [at, commit] of sources) {
        if (commits.find((one) => one.position === at)?.commit_sha !== commit)
          throw conflict('changed_meanwhile', `Variation ${at} has gone on since: look at its changes again`);
      }
      const first = rows.find((row) => row.position === (graft.parts[0]?.variation ?? graft.on)) ?? rows[0];
      // The run's row keeps two from taking the same position.
      await tx`select id from runs where id = ${runId} for no key update`;
      const [made] = await tx<{ id: number; position: number }[]>`
        insert into variations (run_id, position, agent_id, status, kind, graft, checkpoint, patch, past_from)
        select ${runId}, max(v.position) + 1, ${first.agent_id}, 'queued', 'graft',
          ${jsonb(tx, graft)}, 1, ${tx.json({ ...patch.stat })}, max(r.seq)
        from variations v join runs r on r.id = v.run_id where v.run_id = ${runId} returning id, position`;
      if (!made) throw new Error('insert returned no row');
      if (made.position > maxVariations)
        throw conflict('too_many_variations', `A run has at most ${maxVariations} variations`);
      const { on, parts } = graft;
      await append(tx, runId, null, [
        { type: 'graft.created', payload: { variation: made.position, on, parts } },
      ]);
      const { agent, model } = first;
      await append(tx, runId, made.position, [
        { type: 'variation.queued', payload: { agent, model, why: 'graft' } },
      ]);
      await insertFirstCheckpoint(tx, made.id, patch);
      await deriveRun(tx, runId);
      return made.position;
    }),
  );
  return { position, existed };
}
