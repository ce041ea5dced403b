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

/** The newest checkpoint's hash and number under this claim, to tell whether anything changed since. */
export async function newestCheckpoint(
  { sql }: Pick<Database, 'sql'>,
  claim: Claim,
): Promise<{ number: number; sha256: string } | null> {
  const [row] = await sql<{ number: number; sha256: string; epoch: number }[]>`
    select number, sha256, epoch from checkpoints where variation_id = ${claim.variationId} order by number desc limit 1`;
  return row ? { number: row.number, sha256: row.epoch === claim.epoch ? row.sha256 : '' } : null;
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

export interface StoredPatch {
  base_sha: string;
  sha256: string;
  stat: PatchStat;
  bytes: Uint8Array;
}

/**
 * A variation's patch as its newest checkpoint of the present attempt has it; null when nothing was changed yet.
 * @throws BakeoffError 404
 */
export async function readPatch(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  position: number,
): Promise<StoredPatch | null> {
  const [row] = await sql<{ base_sha: string | null; sha256: string; stat: PatchStat; patch: Uint8Array }[]>`
    select c.base_sha, c.sha256, c.stat, c.patch from variations v
    left join lateral (
      select * from checkpoints where variation_id = v.id and epoch = v.epoch order by number desc limit 1
    ) c on true
    where v.run_id = ${runId} and v.position = ${position}`;
  if (!row) throw notFound('variation', `${position} of run ${runId}`);
  if (row.base_sha === null) return null;
  return { base_sha: row.base_sha, sha256: row.sha256, stat: row.stat, bytes: gunzipSync(row.patch) };
}
