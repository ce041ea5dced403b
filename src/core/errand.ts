import type { Database, Sql, Tx } from './db';
import { gone } from './worker';

/** Channel of `pg_notify` on which it is said that a row wants something done. */
export const errandChannel = 'bakeoff_errands';

/**
 * What is done for a row outside of any variation's work: judging, landing. The row says what it wants by its status;
 * whoever claims it first does it, under an epoch that shuts out whoever had it before. Lock order: variations by id,
 * then the run, then the errand's row.
 */
export type ErrandTable = keyof typeof begins;

/** The statuses that want something, and what each becomes while somebody is at it. */
const begins = {
  verdicts: { wanted: 'judging' },
  landings: { wanted: 'landing', undo_wanted: 'undoing' },
} as const;

/** Tries that end with their worker, or in a mistake of ours: no errand has more of them. */
const mostLost = 8;

/**
 * What an errand's tries may count together. One that ends in what may pass counts for one, or for each five minutes of
 * its pause: with pauses that grow to that long, a landing is tried for a day.
 */
export const mostTries: Record<ErrandTable, number> = { verdicts: mostLost, landings: mostLost * 37 };

/** What a try counts for that ended with its worker, or in a mistake of ours. */
export function countOfLost(table: ErrandTable): number {
  return mostTries[table] / mostLost;
}

export interface Errand {
  id: number;
  run_id: number;
  epoch: number;
  /** As it is while somebody is at it. */
  status: string;
  /** What its tries count together that failed for what may pass, or ended with their worker; see `mostTries`. */
  tries: number;
}

/** Takes the oldest row of a table that wants something done, for a worker; null when none does. */
export async function claimErrand(
  { sql }: Pick<Database, 'sql'>,
  table: ErrandTable,
  worker: string,
): Promise<Errand | null> {
  const [row] = await sql<Errand[]>`
    update ${sql(table)} set worker = ${worker}, epoch = epoch + 1, not_before = null, status = ${turned(sql, table, 'begin')}
    where id = (
      select id from ${sql(table)}
      where status in ${sql(Object.keys(begins[table]))} and (not_before is null or not_before <= now())
      order by id limit 1 for update skip locked)
    returning id, run_id, epoch, status, tries`;
  return row ?? null;
}

/**
 * Gives a claimed row back, to be done again after `delayMs`; `counts` is what the try counts for. Without effect when
 * somebody else has it by now, or it is done.
 */
export async function putBack(
  { sql }: Pick<Database, 'sql'>,
  table: ErrandTable,
  { id, epoch }: Pick<Errand, 'id' | 'epoch'>,
  { delayMs, counts }: { delayMs: number; counts: number },
): Promise<void> {
  await sql`
    update ${sql(table)} set worker = null, status = ${turned(sql, table, 'end')}, tries = tries + ${counts}::int,
      not_before = now() + make_interval(secs => ${delayMs / 1000})
    where id = ${id} and epoch = ${epoch} and status in ${sql(Object.values(begins[table]))}`;
}

/**
 * Gives back what workers have that are gone; see `gone` for who may say so. What the dead had written last is shut
 * out by the next claim's epoch. It counts as a try that failed: what takes a process with it does not take all.
 * @returns how many
 */
export async function takeBackErrands({ sql }: Pick<Database, 'sql'>): Promise<number> {
  let taken = 0;
  for (const table of Object.keys(begins) as ErrandTable[]) {
    const rows = await sql`
      update ${sql(table)} t set worker = null, tries = tries + ${countOfLost(table)}::int, status = ${turned(sql, table, 'end')}
      where status in ${sql(Object.values(begins[table]))} and ${gone(sql, sql`t.worker`)} returning id`;
    taken += rows.length;
  }
  return taken;
}

/** Wakes whoever does errands; it is heard when the transaction commits. */
export async function callForErrand(tx: Tx): Promise<void> {
  await tx`select pg_notify(${errandChannel}, '')`;
}

/** The row of a claim, locked and still its own; false when somebody else has it, or nobody wants it any more. */
export async function holdsErrand(
  tx: Tx,
  table: ErrandTable,
  { id, epoch }: Pick<Errand, 'id' | 'epoch'>,
): Promise<boolean> {
  const rows = await tx`
    select id from ${tx(table)}
    where id = ${id} and epoch = ${epoch} and status in ${tx(Object.values(begins[table]))} for update`;
  return rows.length > 0;
}

function turned(sql: Sql, table: ErrandTable, way: 'begin' | 'end') {
  const pairs = Object.entries(begins[table]).map(([wanted, begun]) =>
    way === 'begin' ? [wanted, begun] : [begun, wanted],
  );
  return pairs.reduce(
    (rest, [from = '', to = '']) => sql`case when status = ${from} then ${to} else ${rest} end`,
    sql`status`,
  );
}
