import { gunzipSync, gzipSync } from 'node:zlib';
import type { PatchStat, Stretch } from '../../drizzle/schema';
import type { Checkpoint as CheckpointObject } from './contract';
import type { Database, Sql, Tx } from './db';
import { notFound } from './errors';
import type { Claim } from './event';
import type { FactType, PlanStep } from './fact';

/** A cumulative patch as it comes from a workspace. */
export interface PatchContent {
  base_sha: string;
  bytes: Uint8Array;
  sha256: string;
  stat: PatchStat;
}

/** The hash of the patch that a variation has now, and the highest number that a checkpoint of it has had. */
export async function presentCheckpoint(
  { sql }: Pick<Database, 'sql'>,
  variationId: number,
): Promise<{ highest: number; sha256: string | null }> {
  const [row] = await sql<{ highest: number; sha256: string | null }[]>`
    select coalesce(max(c.number), 0) as highest, max(c.sha256) filter (where c.number = v.checkpoint) as sha256
    from variations v left join checkpoints c on c.variation_id = v.id where v.id = ${variationId}`;
  return row ?? { highest: 0, sha256: null };
}

/** Stores a checkpoint, which is the variation's present one then; right after its event, in a transaction that holds the claim. */
export async function insertCheckpoint(
  tx: Tx,
  claim: Claim,
  number: number,
  patch: PatchContent,
  step: number,
): Promise<void> {
  const stat = tx.json({ ...patch.stat });
  await tx`
    insert into checkpoints (variation_id, number, epoch, base_sha, patch, sha256, stat, step, seq, lineage, past_from)
    select v.id, ${number}, ${claim.epoch}, ${patch.base_sha}, ${gzipSync(patch.bytes)}, ${patch.sha256}, ${stat}, ${step},
      r.seq, v.lineage, v.past_from
    from variations v join runs r on r.id = v.run_id where v.id = ${claim.variationId}`;
  await tx`
    update variations v set patch = ${stat}, checkpoint = ${number}, saved_seq = r.seq, updated_at = now()
    from runs r where v.id = ${claim.variationId} and r.id = v.run_id`;
  // They were of another patch.
  await tx`delete from checks where variation_id = ${claim.variationId}`;
}

/** A variation's first checkpoint, that no agent has worked for; right after the event that tells of it. */
export async function insertFirstCheckpoint(tx: Tx, variationId: number, patch: PatchContent): Promise<void> {
  await tx`
    insert into checkpoints (variation_id, number, epoch, base_sha, patch, sha256, stat, step, seq, lineage, past_from)
    select v.id, 1, 0, ${patch.base_sha}, ${gzipSync(patch.bytes)}, ${patch.sha256}, ${tx.json({ ...patch.stat })}, 0,
      r.seq, v.lineage, v.past_from
    from variations v join runs r on r.id = v.run_id where v.id = ${variationId}`;
}

/** Notes that the workspace is still as the present checkpoint has it; in a transaction that holds the claim. */
export async function stillSaved(tx: Tx, claim: Claim): Promise<void> {
  await tx`
    update variations v set saved_seq = r.seq from runs r where v.id = ${claim.variationId} and r.id = v.run_id`;
}

export interface Checkpoint extends PatchContent {
  number: number;
  /** The step of the conversation after which it was taken. */
  step: number;
  /** The event that told of it. */
  seq: number;
}

/**
 * A variation's checkpoint, which holds its cumulative patch: the present one, or that of a number. Null when nothing
 * was changed yet.
 * @throws BakeoffError 404 for the variation, or for a number that is not (or no more) there
 */
export async function readCheckpoint(
  { sql }: { sql: Sql | Tx },
  runId: number,
  position: number,
  number?: number,
): Promise<Checkpoint | null> {
  const [row] = await sql<(Omit<Checkpoint, 'bytes' | 'seq'> & { patch: Uint8Array | null; seq: string })[]>`
    select c.number, c.step, c.seq, c.base_sha, c.sha256, c.stat, c.patch from variations v
    left join checkpoints c on c.variation_id = v.id and c.number = ${number === undefined ? sql`v.checkpoint` : number}
    where v.run_id = ${runId} and v.position = ${position}`;
  if (!row) throw notFound('variation', `${position} of run ${runId}`);
  const { patch, seq, ...rest } = row;
  if (patch !== null) return { ...rest, seq: Number(seq), bytes: gunzipSync(patch) };
  if (number) throw notFound('checkpoint', `${number} of variation ${position} of run ${runId}`);
  return null;
}

/**
 * A variation's checkpoints in order, without their patches.
 * @throws BakeoffError 404
 */
export async function listCheckpoints(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  position: number,
): Promise<CheckpointObject[]> {
  const [variation] = await sql<{ id: number; checkpoint: number }[]>`
    select id, checkpoint from variations where run_id = ${runId} and position = ${position}`;
  if (!variation) throw notFound('variation', `${position} of run ${runId}`);
  const rows = await sql<CheckpointRow[]>`
    select c.number, c.step, c.seq, c.stat, c.created_at, coalesce(e.variation, ${position}) as told_by
    from checkpoints c left join events e on e.run_id = ${runId} and e.seq = c.seq
    where c.variation_id = ${variation.id} order by c.number`;
  return rows.map(({ number, step, seq, told_by, stat, created_at }) => ({
    checkpoint: number,
    step,
    seq: Number(seq),
    told_by,
    patch: stat,
    current: number === variation.checkpoint,
    created_at: created_at.toISOString(),
  }));
}

interface CheckpointRow {
  number: number;
  step: number;
  seq: string;
  told_by: number;
  stat: PatchStat;
  created_at: Date;
}

/** Where a conversation goes on after a checkpoint: the stretches of events up to there. Number 0 is the start. */
export interface Turnback {
  number: number;
  lineage: Stretch[];
  /** The step after which it was taken. */
  step: number;
  stat: PatchStat | null;
  taken_at: Date | null;
  /** What the agent had planned then, and how far it had come. */
  plan: PlanStep[] | null;
  progress: number;
}

/**
 * What a variation of this position goes back to.
 * @throws BakeoffError 404 when there is no such checkpoint (any more)
 */
export async function turnback(
  tx: Tx,
  variation: { id: number; run_id: number; position: number },
  number: number,
): Promise<Turnback> {
  if (number === 0) {
    return { number, lineage: [], step: 0, stat: null, taken_at: null, plan: null, progress: 0 };
  }
  const [row] = await tx<
    { step: number; seq: string; lineage: Stretch[]; past_from: string; stat: PatchStat; created_at: Date }[]
  >`
    select step, seq, lineage, past_from, stat, created_at from checkpoints
    where variation_id = ${variation.id} and number = ${number}`;
  if (!row)
    throw notFound('checkpoint', `${number} of variation ${variation.position} of run ${variation.run_id}`);
  const own = { position: variation.position, from: Number(row.past_from), to: Number(row.seq) };
  const lineage = own.to > own.from ? [...row.lineage, own] : row.lineage;
  const said = { plan: null as PlanStep[] | null, progress: null as number | null };
  for (const stretch of lineage.toReversed()) {
    said.plan ??=
      (await lastSaid<PlanStep[]>(tx, variation.run_id, stretch, 'plan.generated', 'steps')) ?? null;
    said.progress ??=
      (await lastSaid<number>(tx, variation.run_id, stretch, 'variation.progress', 'percentage')) ?? null;
  }
  const { plan, progress } = said;
  return {
    number,
    lineage,
    step: row.step,
    stat: row.stat,
    taken_at: row.created_at,
    plan,
    progress: progress ?? 0,
  };
}

/** A field of the last event of a type within a stretch of the record. */
async function lastSaid<T>(
  tx: Tx,
  runId: number,
  { position, from, to }: Stretch,
  type: FactType,
  field: string,
): Promise<T | undefined> {
  const [row] = await tx<{ said: T }[]>`
    select payload->${field} as said from events
    where run_id = ${runId} and variation = ${position} and seq > ${from} and seq <= ${to} and type = ${type}
    order by seq desc limit 1`;
  return row?.said;
}
