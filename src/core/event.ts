import type { Database, Sql, Tx } from './db';
import { Fenced } from './errors';
import type { Event, Fact } from './fact';
import { cleanJson } from './text';

/** Channel of `pg_notify` on which a run's id is said after each append. */
export const eventChannel = 'bakeoff_events';

/** A worker's claim on a variation: what it writes is refused once the epoch has moved on (invariant 3). */
export interface Claim {
  runId: number;
  variationId: number;
  position: number;
  epoch: number;
}

/**
 * Appends facts to a run in order, inside the transaction that changes the state they tell of. Numbers are taken
 * from the run's row, which stays locked until commit, so that commit order is number order (invariant 2).
 * Lock order everywhere: variations by id, then the run.
 */
export async function append(
  tx: Tx | Sql,
  runId: number,
  variation: number | null,
  facts: readonly Fact[],
): Promise<void> {
  if (facts.length === 0) return;
  await tx`
    with place as (
      update runs set seq = seq + ${facts.length}, updated_at = now() where id = ${runId} returning seq
    ), put as (
      insert into events (run_id, seq, variation, type, payload)
      select ${runId}, place.seq - ${facts.length} + fact.ord, ${variation}, fact.type, fact.payload
      from place, unnest(${types(facts)}::text[], ${payloads(facts)}::text[]::jsonb[])
        with ordinality as fact(type, payload, ord)
    )
    select pg_notify(${eventChannel}, ${String(runId)}) from place`;
}

/**
 * Appends a worker's facts in one round trip, if its claim still holds. Batches are numbered 1, 2, 3 … within an epoch:
 * one that is sent again, since the answer to it was lost, is known by its number, and nothing is written twice.
 * Without a number there is no such care.
 * @returns `already` when this batch was written before
 * @throws Fenced when another worker has the variation, or it does not run any more.
 */
export async function appendClaimed(
  tx: Tx | Sql,
  claim: Claim,
  facts: readonly Fact[],
  batch?: number,
): Promise<'written' | 'already'> {
  if (facts.length === 0 && batch === undefined) return 'written';
  const mine = tx`id = ${claim.variationId} and epoch = ${claim.epoch} and status = 'running'`;
  const fence =
    batch === undefined
      ? tx`select id from variations where ${mine} for share`
      : tx`update variations set batch = ${batch} where ${mine} and batch = ${batch - 1} returning id`;
  const done = await tx`
    with fence as (${fence}), place as (
      update runs set seq = seq + ${facts.length}, updated_at = now()
      where id = ${claim.runId} and exists (select from fence)
      returning seq
    ), put as (
      insert into events (run_id, seq, variation, type, payload)
      select ${claim.runId}, place.seq - ${facts.length} + fact.ord, ${claim.position}, fact.type, fact.payload
      from place, unnest(${types(facts)}::text[], ${payloads(facts)}::text[]::jsonb[])
        with ordinality as fact(type, payload, ord)
    )
    select pg_notify(${eventChannel}, ${String(claim.runId)}) from place`;
  if (done.length > 0) return 'written';
  // Asked by a statement of its own: what was committed while ours waited for the row is seen.
  const [row] = await tx<{ batch: number }[]>`
    select batch from variations where id = ${claim.variationId} and epoch = ${claim.epoch}`;
  if (batch !== undefined && row && row.batch >= batch) return 'already';
  throw new Fenced(claim.variationId, claim.epoch);
}

export interface EventFilter {
  /** Only events with a greater number. */
  after?: number;
  /** Only events with a smaller number; then the newest `limit` of them, still in order. */
  before?: number;
  limit?: number;
  /** Going on from `after` only: ends the page with the event that brings its payloads to this many bytes. */
  bytes?: number;
  /** Positions; events of the run itself are left out. */
  variations?: readonly number[];
  types?: readonly string[];
}

/** A run's events in order, at most `limit` (200). */
export async function listEvents(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  filter: EventFilter = {},
): Promise<Event[]> {
  const { after = 0, before, limit = 200, bytes, variations, types } = filter;
  const page = sql`
    select run_id, seq, variation, type, payload, created_at
      ${bytes === undefined ? sql`` : sql`, sum(octet_length(payload::text)) over (order by seq) - octet_length(payload::text) as so_far`}
    from events where run_id = ${runId} and seq > ${after}
      ${before === undefined ? sql`` : sql`and seq < ${before}`}
      ${variations?.length ? sql`and variation in ${sql(variations)}` : sql``}
      ${types?.length ? sql`and type in ${sql(types)}` : sql``}
    order by seq ${before === undefined ? sql`asc` : sql`desc`}
    limit ${limit}`;
  const rows =
    bytes === undefined
      ? await sql<EventRow[]>`${page}`
      : await sql<EventRow[]>`
          select run_id, seq, variation, type, payload, created_at from (${page}) page
          where so_far < ${bytes} order by seq`;
  const events = rows.map(toEvent);
  return before === undefined ? events : events.reverse();
}

interface EventRow {
  run_id: number;
  /** bigint comes as text. */
  seq: string;
  variation: number | null;
  type: string;
  payload: unknown;
  created_at: Date;
}

/** The record is written by `append` only, so a stored row is a fact. */
function toEvent(row: EventRow): Event {
  return { ...row, seq: Number(row.seq), created_at: row.created_at.toISOString() } as Event;
}

function types(facts: readonly Fact[]): string[] {
  return facts.map((fact) => fact.type);
}

function payloads(facts: readonly Fact[]): string[] {
  return facts.map((fact) => JSON.stringify(cleanJson(fact.payload)));
}
