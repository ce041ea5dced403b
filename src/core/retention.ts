import type { PendingQuery, Row } from 'postgres';
import type { Database, Tx } from './db';
import { BakeoffError } from './errors';
import { deleteRun } from './run';
import { isOver, lock } from './variation';

/** How long what is kept of ended runs; days, null is for ever. */
export interface Ages {
  /** Then streamed pieces, long outputs, whole prompts and old checkpoints go. */
  retention_days: number | null;
  /** Then the run itself goes. */
  remove_after_days: number | null;
}

export interface Freed {
  bytes: number;
  /** Events made smaller, or removed with their run. */
  events: number;
  /** Runs thinned or removed. */
  runs: number;
}

/** Rows that one transaction changes: it holds no lock for longer than some tens of milliseconds. */
const batchRows = 500;
/** One process of the cluster at a time, for as long as a batch takes; whoever finds it taken leaves it to the other. */
const retentionLock = 0x7e7a17;
/** Characters of an output that stay: its beginning and its end. */
const kept = { over: 2048, head: 1200, tail: 600 };

/**
 * Frees what has grown old, batch by batch, for about `forMs` milliseconds or until `signal` fires: a later call goes on, and so does another
 * process's after a kill at any point. The record keeps all its events, numbers and types; answers of models, verdicts
 * and every variation's present patch stay as they are. Nobody waits for it but a person who starts a run again that
 * is being worked on here, for one batch.
 * @returns what this call has freed
 */
export async function retain(
  database: Pick<Database, 'sql'>,
  ages: Ages,
  { forMs = 2_000, signal }: { forMs?: number; signal?: AbortSignal } = {},
): Promise<Freed> {
  const until = performance.now() + forMs;
  const all: Freed = { bytes: 0, events: 0, runs: 0 };
  for (const step of [removeOne, thinBatch]) {
    while (performance.now() < until && !signal?.aborted) {
      const begun = performance.now();
      const freed = await step(database, ages);
      if (freed === null) break;
      for (const key of ['bytes', 'events', 'runs'] as const) all[key] += freed[key];
      // Half of the time is others'.
      await Bun.sleep(Math.min(performance.now() - begun, 500));
    }
  }
  return all;
}

/** What retention has freed since the installation was made. */
export async function readFreed({ sql }: Pick<Database, 'sql'>): Promise<Freed & { last_at: string | null }> {
  const [row] = await sql<{ value: Freed & { last_at: string } }[]>`
    select value from settings where key = 'freed'`;
  return row?.value ?? { bytes: 0, events: 0, runs: 0, last_at: null };
}

/** One step of the work in one transaction, counted; null when nothing is left, or another process is at it. */
type Step = (database: Pick<Database, 'sql'>, ages: Ages) => Promise<Freed | null>;

const thinBatch: Step = async ({ sql }, { retention_days }) => {
  if (retention_days === null) return null;
  return sql.begin(async (tx) => {
    if (!(await mine(tx))) return null;
    const [run] = await tx<{ id: number }[]>`
      select id from runs where thinned_at is null and ${endedBefore(tx, retention_days)}
      order by completed_at limit 1`;
    if (!run) return null;
    const freed =
      (await thinEvents(tx, run.id)) ??
      (await thinChecks(tx, run.id)) ??
      (await thinCheckpoints(tx, run.id, retention_days));
    if (freed) await count(tx, freed);
    return freed;
  });
};

/** Whole: whoever looks at it finds all of it or nothing. */
const removeOne: Step = async (database, { remove_after_days }) => {
  if (remove_after_days === null) return null;
  const { sql } = database;
  const found = await sql.begin(async (tx) => {
    if (!(await mine(tx))) return null;
    const [run] = await tx<{ id: number; bytes: number; events: number }[]>`
      select r.id, r.seq::int as events, (
          select coalesce(sum(pg_column_size(e.payload)), 0) from events e where e.run_id = r.id
        )::float8 + (
          select coalesce(sum(pg_column_size(c.patch)), 0) from checkpoints c
          join variations v on v.id = c.variation_id where v.run_id = r.id
        )::float8 as bytes
      from runs r
      where ${endedBefore(tx, remove_after_days)}
        and not exists (
          select from run_dependencies d join runs o on o.id = d.run_id
          where d.depends_on = r.id and o.completed_at is null)
        and not exists (select from runs o where o.base_run = r.id and o.completed_at is null)
      order by r.completed_at limit 1`;
    return run ?? null;
  });
  if (!found) return null;
  try {
    await deleteRun(database, found.id);
  } catch (error) {
    // A person was faster, or wants it again this very moment.
    if (error instanceof BakeoffError) return null;
    throw error;
  }
  const freed = { bytes: found.bytes, events: found.events, runs: 1 };
  await sql.begin((tx) => count(tx, freed));
  return freed;
};

async function mine(tx: Tx): Promise<boolean> {
  const [lock] = await tx<{ mine: boolean }[]>`select pg_try_advisory_xact_lock(${retentionLock}) as mine`;
  return lock?.mine ?? false;
}

function endedBefore(tx: Tx, days: number) {
  return tx`completed_at < now() - make_interval(days => ${days})`;
}

/** Empties pieces of streams, cuts long outputs, drops whole prompts; null when the run has none left. */
async function thinEvents(tx: Tx, runId: number): Promise<Freed | null> {
  const output = tx`payload->>'output'`;
  // Where the last batch ended: a run of a million events is gone through once, not once for each batch.
  const place = { run: runId, after: await placeIn(tx, runId) };
  const [done] = await tx<{ events: number; bytes: number; last: number | null }[]>`
    with page as (
      select seq, type, payload from events
      where run_id = ${runId} and seq > ${place.after} and not payload ? 'thinned' and (
        type in ('agent.thinking', 'agent.message', 'tool.output')
        or type in ('tool.finished', 'check.finished', 'setup.finished') and length(${output}) > ${kept.over}
        or type = 'model.requested' and payload ? 'prompt')
      order by seq limit ${batchRows}
    ), thin as (
      select seq, pg_column_size(payload) as before, '{"thinned": true}'::jsonb || case
        when type = 'model.requested' then payload - 'prompt'
        when type in ('tool.finished', 'check.finished', 'setup.finished')
          then payload || jsonb_build_object('output', ${shortened(tx, output)})
        else payload || '{"text": ""}'
      end as payload
      from page
    ), put as (
      update events e set payload = thin.payload from thin
      where e.run_id = ${runId} and e.seq = thin.seq
      returning e.seq, thin.before - pg_column_size(thin.payload) as freed
    )
    select count(*)::int as events, greatest(0, sum(freed))::float8 as bytes, max(seq)::float8 as last from put`;
  if (!done || done.last === null) return null;
  const { events, bytes } = done;
  const next = JSON.stringify({ ...place, after: done.last });
  await tx`
    insert into settings (key, value) values ('retention_place', ${next}::text::jsonb)
    on conflict (key) do update set value = excluded.value, updated_at = now()`;
  return { events, bytes, runs: 0 };
}

async function placeIn(tx: Tx, runId: number): Promise<number> {
  const [row] = await tx<{ value: { run: number; after: number } }[]>`
    select value from settings where key = 'retention_place'`;
  return row?.value.run === runId ? row.value.after : 0;
}

async function thinChecks(tx: Tx, runId: number): Promise<Freed | null> {
  const output = tx`output`;
  const [done] = await tx<{ rows: number; bytes: number }[]>`
    with long as (
      select id, pg_column_size(output) as before, ${shortened(tx, output)} as output
      from checks where run_id = ${runId} and length(output) > ${kept.over} order by id limit ${batchRows}
    ), put as (
      update checks c set output = long.output from long where c.id = long.id
      returning long.before - pg_column_size(long.output) as freed
    )
    select count(*)::int as rows, greatest(0, sum(freed))::float8 as bytes from put`;
  return done && done.rows > 0 ? { bytes: done.bytes, events: 0, runs: 0 } : null;
}

/** The checkpoints that no patch stands on any more; once there are none, the run is done with. */
async function thinCheckpoints(tx: Tx, runId: number, days: number): Promise<Freed | null> {
  const nothing = { bytes: 0, events: 0, runs: 0 };
  // Whoever turns a variation back, forks it or starts it again has this lock.
  const variations = await lock(tx, runId);
  const [old] = await tx`
    select from runs where id = ${runId} and ${endedBefore(tx, days)} for no key update`;
  if (!old || !variations.every((one) => isOver(one.status))) return null;
  const [done] = await tx<{ rows: number; bytes: number }[]>`
    with gone as (
      delete from checkpoints where id in (
        select c.id from checkpoints c join variations v on v.id = c.variation_id
        where v.run_id = ${runId} and c.number <> v.checkpoint order by c.id limit ${batchRows})
      returning pg_column_size(patch) as freed
    )
    select count(*)::int as rows, coalesce(sum(freed), 0)::float8 as bytes from gone`;
  if (done && done.rows === batchRows) return { ...nothing, bytes: done.bytes };
  await tx`update runs set thinned_at = now() where id = ${runId}`;
  return { ...nothing, bytes: done?.bytes ?? 0, runs: 1 };
}

/** An output's beginning and end, and between them what is missing. */
function shortened(tx: Tx, output: PendingQuery<Row[]>) {
  return tx`left(${output}, ${kept.head}::int)
    || format(E'\n[… %s characters were removed when the run had grown old …]\n',
      length(${output}) - ${kept.head + kept.tail}::int)
    || right(${output}, ${kept.tail}::int)`;
}

async function count(tx: Tx, freed: Freed): Promise<void> {
  const first = JSON.stringify({ ...freed, last_at: new Date().toISOString() });
  await tx`
    insert into settings (key, value) values ('freed', ${first}::text::jsonb)
    on conflict (key) do update set updated_at = now(), value = jsonb_build_object(
      'bytes', (settings.value->>'bytes')::numeric + (excluded.value->>'bytes')::numeric,
      'events', (settings.value->>'events')::numeric + (excluded.value->>'events')::numeric,
      'runs', (settings.value->>'runs')::numeric + (excluded.value->>'runs')::numeric,
      'last_at', excluded.value->'last_at')`;
}
