import { gunzipSync, gzipSync } from 'node:zlib';
import type { PatchStat } from '../../drizzle/schema';
import type { Database, Tx } from './db';
import { notFound } from './errors';
import type { Claim } from './event';

/** A cumulative patch as it comes from a workspace. */
export interface PatchContent {
  base_sha: string;
  bytes: Uint8Array;
  sha256: string;
  stat: PatchStat;
}

/** The newest checkpoint's hash and number, to tell whether anything changed since. */
export async function newestCheckpoint(
  { sql }: Pick<Database, 'sql'>,
  variationId: number,
): Promise<{ number: number; sha256: string } | null> {
  const [row] = await sql<{ number: number; sha256: string }[]>`
    select number, sha256 from checkpoints where variation_id = ${variationId} order by number desc limit 1`;
  return row ?? null;
}

/** Stores a checkpoint; the caller's transaction holds the claim. */
export async function insertCheckpoint(
  tx: Tx,
  claim: Claim,
  number: number,
  patch: PatchContent,
  step: number,
): Promise<void> {
  await tx`
    insert into checkpoints (variation_id, number, epoch, base_sha, patch, sha256, stat, step)
    values (${claim.variationId}, ${number}, ${claim.epoch}, ${patch.base_sha}, ${gzipSync(patch.bytes)},
      ${patch.sha256}, ${tx.json({ ...patch.stat })}, ${step})`;
  await tx`
    update variations set patch = ${tx.json({ ...patch.stat })}, updated_at = now() where id = ${claim.variationId}`;
}

export interface Checkpoint extends PatchContent {
  number: number;
  /** The step of the conversation after which it was taken. */
  step: number;
}

/**
 * A variation's newest checkpoint, which holds its patch; null when nothing was changed yet.
 * @throws BakeoffError 404
 */
export async function readCheckpoint(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  position: number,
): Promise<Checkpoint | null> {
  const [row] = await sql<(Omit<Checkpoint, 'bytes'> & { patch: Uint8Array | null })[]>`
    select c.number, c.step, c.base_sha, c.sha256, c.stat, c.patch from variations v
    left join lateral (
      select * from checkpoints where variation_id = v.id order by number desc limit 1
    ) c on true
    where v.run_id = ${runId} and v.position = ${position}`;
  if (!row) throw notFound('variation', `${position} of run ${runId}`);
  const { patch, ...rest } = row;
  return patch === null ? null : { ...rest, bytes: gunzipSync(patch) };
}
