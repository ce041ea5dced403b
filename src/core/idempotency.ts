import type { Database, Tx } from './db';
import { conflict } from './errors';

/** What makes a creating call repeatable. */
export interface Idempotency {
  key: string;
  body_sha256: string;
}

/**
 * Does `make` once for each idempotency key: called again with the same key and body, it gives the resource made the
 * first time. Inside the creating transaction, so that key and resource are there together or not at all; of two at
 * the same time the second waits for the first.
 * @throws BakeoffError 409 when the key came with another body before.
 */
export async function remember(
  tx: Tx,
  scope: string,
  idempotency: Idempotency | undefined,
  make: () => Promise<number>,
): Promise<{ id: number; existed: boolean }> {
  if (!idempotency) return { id: await make(), existed: false };
  const { key, body_sha256 } = idempotency;
  await tx`select pg_advisory_xact_lock(hashtextextended(${`${scope}:${key}`}, 0))`;
  const before = await recall({ sql: tx }, scope, idempotency);
  if (before !== null) return { id: before, existed: true };
  const id = await make();
  await tx`
    insert into idempotency_keys (scope, key, body_sha256, resource_id) values (${scope}, ${key}, ${body_sha256}, ${id})`;
  return { id, existed: false };
}

/**
 * What a key made before, so that a repeated call is answered before anything else is looked at or made.
 * @throws BakeoffError 409 when the key came with another body before.
 */
export async function recall(
  { sql }: { sql: Tx | Database['sql'] },
  scope: string,
  idempotency: Idempotency | undefined,
): Promise<number | null> {
  if (!idempotency) return null;
  const [found] = await sql<{ resource_id: number; body_sha256: string }[]>`
    select resource_id, body_sha256 from idempotency_keys where scope = ${scope} and key = ${idempotency.key}`;
  if (found && found.body_sha256 !== idempotency.body_sha256) {
    throw conflict('idempotency_key_reused', 'This Idempotency-Key came with another body before');
  }
  return found?.resource_id ?? null;
}

/** Keys older than a day are forgotten. */
export async function forgetOldKeys({ sql }: Pick<Database, 'sql'>): Promise<void> {
  await sql`delete from idempotency_keys where created_at < now() - interval '1 day'`;
}

/** A removed run's keys go with it, and those of the whole flow that it was made in: repeated, that makes new ones. */
export async function forgetRun(tx: Tx, runId: number): Promise<void> {
  await tx`
    delete from idempotency_keys
    where scope = 'runs' and resource_id = ${runId} or scope like ${`% of run ${runId}`}
      or scope like 'flow %' and key in (
        select key from idempotency_keys where scope like 'flow %' and resource_id = ${runId})`;
}
