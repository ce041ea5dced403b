import type { WorkerStatus } from './contract';
import type { Database } from './db';

/** A worker not heard for this long is not counted on. */
export const silentAfterS = 15;

export interface WorkerIdentity {
  id: string;
  host: string;
  pid: number;
  concurrency: number;
  version: string;
  sandbox: string;
  sandbox_detail: string | null;
}

/** Says that a worker lives; called every few seconds. */
export async function heartbeat({ sql }: Pick<Database, 'sql'>, worker: WorkerIdentity): Promise<void> {
  await sql`
    insert into workers ${sql({ ...worker })}
    on conflict (id) do update set heard_at = now(), sandbox = excluded.sandbox, sandbox_detail = excluded.sandbox_detail`;
}

/** Takes a worker off the list, at its orderly end. */
export async function retire({ sql }: Pick<Database, 'sql'>, id: string): Promise<void> {
  await sql`delete from workers where id = ${id}`;
}

/** Forgets workers silent for a day. */
export async function forgetDead({ sql }: Pick<Database, 'sql'>): Promise<void> {
  await sql`delete from workers where heard_at < now() - interval '1 day'`;
}

/** All workers heard within a day, the living first, with what each works on. */
export async function listWorkers({ sql }: Pick<Database, 'sql'>): Promise<WorkerStatus[]> {
  const rows = await sql<WorkerRow[]>`
    select w.*, w.heard_at > now() - make_interval(secs => ${silentAfterS}) as alive,
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
