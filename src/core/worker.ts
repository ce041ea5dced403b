import type { WorkerStatus } from './contract';
import type { Database, Sql, Tx } from './db';

/** A worker not heard for this long is not counted on. */
export const silentAfterS = 15;
/** A worker whose connection is gone, too: it may be making another one. */
const cutOffAfterS = 4;

/** Whoever takes others to be gone must have been in contact himself for this long: time for each of them to be heard. */
export const witnessS = cutOffAfterS + 2;

export interface WorkerIdentity {
  id: string;
  host: string;
  pid: number;
  concurrency: number;
  version: string;
  sandbox: string;
  sandbox_detail: string | null;
}

/**
 * Says that a worker lives, and which of the database's processes it is connected to: that one ends with the worker,
 * long before anybody could be sure from silence. Called every second or two, always through the same connection.
 * @returns seconds since the database was started
 */
export async function heartbeat(
  { sql }: Pick<Database, 'sql'>,
  worker: WorkerIdentity | null,
): Promise<number> {
  const upS = sql`extract(epoch from now() - pg_postmaster_start_time())::float8 as up_s`;
  const [row] = worker
    ? await sql<{ up_s: number }[]>`
        insert into workers (id, host, pid, concurrency, version, sandbox, sandbox_detail, backend_pid, backend_start)
        select ${worker.id}, ${worker.host}, ${worker.pid}, ${worker.concurrency}, ${worker.version},
          ${worker.sandbox}, ${worker.sandbox_detail}, pid, backend_start
        from pg_stat_activity where pid = pg_backend_pid()
        on conflict (id) do update set heard_at = now(), sandbox = excluded.sandbox,
          sandbox_detail = excluded.sandbox_detail, backend_pid = excluded.backend_pid,
          backend_start = excluded.backend_start
        returning ${upS}`
    : await sql<{ up_s: number }[]>`select ${upS}`;
  return row?.up_s ?? 0;
}

/**
 * A condition for a `where`: the worker of this id is gone. It was not heard for 15 s; or for 4 s, and the database's
 * process that it was connected to has ended; or it is on no list at all.
 *
 * Only for a process that has been in contact with the database for `witnessS` itself (`Pulse.contactS`): after a freeze
 * or a restart of the database every worker looks gone for a moment.
 * @param worker an expression, such as a column
 */
export function gone(sql: Sql | Tx, worker: ReturnType<Sql>) {
  return sql`not exists (
    select from workers alive where alive.id = ${worker} and (
      alive.heard_at > now() - make_interval(secs => ${cutOffAfterS})
      or alive.heard_at > now() - make_interval(secs => ${silentAfterS}) and (
        alive.backend_pid is null
        or exists (
          select from pg_stat_activity backend
          where backend.pid = alive.backend_pid and backend.backend_start = alive.backend_start))))`;
}

/** Takes a worker off the list, at its orderly end. */
export async function retire({ sql }: Pick<Database, 'sql'>, id: string): Promise<void> {
  await sql`delete from workers where id = ${id}`;
}

/**
 * Takes everybody off the list. For a process that is the only one on its database, at its start: whoever is listed
 * died with the process before it.
 */
export async function retireAll({ sql }: Pick<Database, 'sql'>): Promise<void> {
  await sql`delete from workers`;
}

/** Forgets workers silent for a day. */
export async function forgetDead({ sql }: Pick<Database, 'sql'>): Promise<void> {
  await sql`delete from workers where heard_at < now() - interval '1 day'`;
}

/** All workers heard within a day, the living first, with what each works on. */
export async function listWorkers({ sql }: Pick<Database, 'sql'>): Promise<WorkerStatus[]> {
  const rows = await sql<WorkerRow[]>`
    select w.id, w.host, w.pid, w.concurrency, w.version, w.sandbox, w.sandbox_detail, w.started_at, w.heard_at,
      not ${gone(sql, sql`w.id`)} as alive,
      coalesce((
        select jsonb_agg(jsonb_build_object('run_id', v.run_id, 'position', v.position) order by v.id)
        from variations v where v.worker = w.id and v.status = 'running'
      ), '[]') as busy
    from workers w order by alive desc, started_at limit 200`;
  return rows.map((row) => ({
    ...row,
    started_at: row.started_at.toISOString(),
    heard_at: row.heard_at.toISOString(),
  }));
}

interface WorkerRow extends Omit<WorkerStatus, 'started_at' | 'heard_at'> {
  started_at: Date;
  heard_at: Date;
}
