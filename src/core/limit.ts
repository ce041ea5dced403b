import type { Database, Tx } from './db';
import { type Limits, readSettings } from './settings';
import type { QueuedVariation } from './variation';

/** Why a variation is kept from the queue: a limit that is reached, or company that it may not have. */
export type Held = 'all' | 'project' | 'agent' | 'provider' | 'suspect';

/** What a variation counts towards. */
export interface Contender {
  id: number;
  project_id: number;
  agent_id: number;
  provider: string;
  /** Workers lost under it since its model last answered. */
  losses: number;
}

/** Whoever counts running variations, or changes whether one runs by that count. */
const limitLock = 0x11117;
/** Of one project and agent, so many are looked at to be let in: those after them are not their betters. */
const lookAt = 64;
const lookAtAll = 5_000;
/** Let in by one call; the next second's goes on. */
const letInAtOnce = 200;
/** A worker is counted on when it was heard within so many seconds. */
const heardS = 15;

/**
 * Whether a variation may begin on a worker now; called inside the transaction that makes it run, which holds its row.
 * Where anything is limited, these transactions follow one another, so that a limit is never overstepped. What
 * has lost a worker (`losses`) never runs beside another such on one worker: should one of them kill it, the other
 * would be blamed with it.
 * @returns null when it may; else why not
 */
export async function admit(tx: Tx, row: Contender, worker: string): Promise<Held | null> {
  const { limits } = await readSettings({ sql: tx });
  if (row.losses === 0 && !anyLimit(limits)) return null;
  await tx`select pg_advisory_xact_lock(${limitLock})`;
  // Counted by a statement of its own: what was committed while it waited for the lock is seen.
  const [count] = await tx<
    { all: number; project: number; agent: number; provider: number; suspect: number }[]
  >`
    select count(*)::int as all,
      count(*) filter (where r.project_id = ${row.project_id})::int as project,
      count(*) filter (where v.agent_id = ${row.agent_id})::int as agent,
      count(*) filter (where a.provider = ${row.provider})::int as provider,
      count(*) filter (where v.worker = ${worker} and v.losses > 0)::int as suspect
    from variations v join runs r on r.id = v.run_id join agents a on a.id = v.agent_id
    where v.status = 'running' and v.id <> ${row.id}`;
  if (!count) throw new Error('a count returned no row');
  if (reached(limits.all, count.all)) return 'all';
  if (reached(limits.per_project, count.project)) return 'project';
  if (reached(limits.per_agent, count.agent)) return 'agent';
  if (reached(limits.per_provider, count.provider)) return 'provider';
  return row.losses > 0 && count.suspect > 0 ? 'suspect' : null;
}

/**
 * Gives held variations back to the queue, as many as there are places for and in the queue's own order, so that one
 * run's many do not keep another's out. Each needs a new job: under a new epoch, as after any return to the queue.
 * Call it after a variation has left `running`, and every second, for places that nobody told of.
 * @returns what must be handed to the queue; at most 200
 */
export async function letIn({ sql }: Pick<Database, 'sql'>): Promise<QueuedVariation[]> {
  const { limits } = await readSettings({ sql });
  // With limits, one that is being refused this very moment is waited for: it may want the place that was just left.
  if (!anyLimit(limits) && !(await anyHeld(sql))) return [];
  return sql.begin(async (tx): Promise<QueuedVariation[]> => {
    await tx`select pg_advisory_xact_lock(${limitLock})`;
    if (!(await anyHeld(tx))) return [];
    const places = new Places(limits, await listRunning(tx), await countWorkers(tx));
    const ids = (await listWaiting(tx))
      .filter((one) => places.take(one) && one.held)
      .map((one) => one.id)
      .slice(0, letInAtOnce);
    if (ids.length === 0) return [];
    // Never waits for a row: whoever holds one may wait for our lock.
    return await tx<QueuedVariation[]>`
      with free as (
        select id from variations where id in ${tx(ids)} and held is not null and status = 'queued'
        order by id for update skip locked
      )
      update variations v set held = null, epoch = v.epoch + 1, job_epoch = v.epoch + 1, updated_at = now()
      from free, runs r
      where v.id = free.id and r.id = v.run_id
      returning v.id, v.job_epoch, r.priority, v.position - 1 as rank, 0 as delay_ms`;
  });
}

function anyLimit(limits: Limits): boolean {
  return Object.values(limits).some((limit) => limit !== null);
}

function reached(limit: number | null, count: number): boolean {
  return limit !== null && count >= limit;
}

async function anyHeld(sql: Pick<Database, 'sql'>['sql'] | Tx): Promise<boolean> {
  const [row] = await sql<{ held: boolean }[]>`
    select exists (select from variations where held is not null) as held`;
  return row?.held ?? false;
}

type Running = Contender & { worker: string | null };
type Waiting = Contender & { held: boolean };

async function listRunning(tx: Tx): Promise<Running[]> {
  return tx<Running[]>`
    select v.id, r.project_id, v.agent_id, a.provider, v.losses, v.worker
    from variations v join runs r on r.id = v.run_id join agents a on a.id = v.agent_id
    where v.status = 'running'`;
}

/** All that could begin now, held or on its way already, in the queue's order. */
async function listWaiting(tx: Tx): Promise<Waiting[]> {
  return tx<Waiting[]>`
    select id, project_id, agent_id, provider, losses, held from (
      select v.id, r.project_id, v.agent_id, a.provider, v.losses, v.held is not null as held,
        r.priority, v.position,
        row_number() over (
          partition by r.project_id, v.agent_id, v.losses > 0 order by r.priority desc, v.position, v.id
        ) as place
      from variations v join runs r on r.id = v.run_id join agents a on a.id = v.agent_id
      where v.status = 'queued' and r.status <> 'pending' and coalesce(v.not_before <= now(), true)
    ) waiting
    where place <= ${lookAt} order by priority desc, position, id limit ${lookAtAll}`;
}

async function countWorkers(tx: Tx): Promise<number> {
  const [row] = await tx<{ n: number }[]>`
    select count(*)::int as n from workers where heard_at > now() - make_interval(secs => ${heardS})`;
  return row?.n ?? 0;
}

/** The places that are free, taken one by one. */
class Places {
  readonly #taken = new Map<string, number>();
  /** Workers that could take one that has lost a worker. */
  #quiet: number;

  constructor(
    private readonly limits: Limits,
    running: readonly Running[],
    workers: number,
  ) {
    for (const one of running) this.#count(one);
    this.#quiet = workers - new Set(running.filter((one) => one.losses > 0).map((one) => one.worker)).size;
  }

  /** Takes a place for one; false, and nothing taken, when it has none. */
  take(one: Contender): boolean {
    if (one.losses > 0 && this.#quiet <= 0) return false;
    if (this.#groups(one).some(([group, limit]) => reached(limit, this.#taken.get(group) ?? 0))) return false;
    this.#count(one);
    if (one.losses > 0) this.#quiet -= 1;
    return true;
  }

  #count(one: Contender): void {
    for (const [group] of this.#groups(one)) this.#taken.set(group, (this.#taken.get(group) ?? 0) + 1);
  }

  #groups(one: Contender): [string, number | null][] {
    const { all, per_project, per_agent, per_provider } = this.limits;
    return [
      ['all', all],
      [`project ${one.project_id}`, per_project],
      [`agent ${one.agent_id}`, per_agent],
      [`provider ${one.provider}`, per_provider],
    ];
  }
}
