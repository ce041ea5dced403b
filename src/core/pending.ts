import type { ContextText, Failure, RunStatus, RunType, TaskType } from '../../drizzle/schema';
import type { Database, Sql, Tx } from './db';
import { isUndecided, resultOf } from './dependency';
import { append } from './event';
import { handedOn } from './hand-on';
import { cleanJson } from './text';
import { end, isOver, type Locked, type QueuedVariation, queuedOf, selectToLock } from './variation';

/** Runs looked at in one round; those after them are the next round's. */
const atOnce = 100;
/** Rounds of one call: each reaches one link further down a chain of runs that fail for each other. */
const rounds = 100;

/**
 * Lets pending runs go whose time has come and whose dependencies are all completed, and fails those that have lost a
 * dependency, each in a transaction of its own. A base run with several results is waited for until its winner is chosen.
 * Called every second; cheap when nothing is pending. Any number of processes may call it at once: what one has in hand,
 * the others leave alone.
 * @returns what must be handed to the queue
 */
export async function releaseDue(database: Pick<Database, 'sql'>): Promise<QueuedVariation[]> {
  const released: QueuedVariation[] = [];
  for (let round = 0; round < rounds; round += 1) {
    let moved = false;
    for (const { id } of await listDue(database.sql)) {
      const outcome = await database.sql.begin((tx) => settle(tx, id));
      moved ||= outcome !== 'left';
      if (outcome === 'released') released.push(...(await queuedOf(database, id)));
    }
    if (!moved) break;
  }
  return released;
}

interface DueRun {
  id: number;
  run_type: RunType;
  task_type: TaskType;
  flow: number | null;
  base: string | null;
  base_run: number | null;
  /** The first of its dependencies that ended without completing. */
  lost: number | null;
  variations: number;
}

async function listDue(sql: Sql): Promise<{ id: number }[]> {
  return sql<DueRun[]>`${selectDue(sql)} order by r.priority desc, r.id limit ${atOnce}`;
}

/** Pending runs that something is to be done with. */
function selectDue(sql: Sql | Tx) {
  return sql`
    select r.id, r.run_type, r.task_type, r.flow, r.base, r.base_run, waits.lost,
      (select count(*)::int from variations where run_id = r.id) as variations
    from runs r cross join lateral (
      select count(*) filter (where o.status <> 'completed') as open,
        min(o.id) filter (where o.status in ('failed', 'stopped', 'needs_review')) as lost
      from run_dependencies d join runs o on o.id = d.depends_on where d.run_id = r.id
    ) waits
    where r.status = 'pending' and (
      waits.open = 0 and (r.scheduled_at is null or r.scheduled_at <= now())
        and not (r.base_run is not null and r.base is null and ${isUndecided(sql, sql`r.base_run`)})
      or waits.lost is not null and r.on_dependency_failure = 'fail')`;
}

/** What is due is looked at once more under the locks: variations by id, then the run. */
async function settle(tx: Tx, id: number): Promise<'released' | 'failed' | 'left'> {
  const rows = await tx<Locked[]>`
    ${selectToLock(tx)} where v.run_id = ${id} order by v.id for update of v skip locked`;
  const [run] = await tx<DueRun[]>`
    ${selectDue(tx)} and r.id = ${id} for no key update of r skip locked`;
  if (!run || rows.length < run.variations) return 'left';
  if (run.lost !== null) return fail(tx, rows, await lossOf(tx, run.lost));
  const start = await startOf(tx, run);
  if ('code' in start) return fail(tx, rows, start);
  if ('undecided' in start) return 'left';
  await tx`
    update runs set status = 'queued', base = ${start.base}, context = context || ${asContext(tx, start.context)},
      updated_at = now()
    where id = ${id}`;
  await append(tx, id, null, [
    { type: 'run.released', payload: {} },
    { type: 'run.queued', payload: {} },
  ]);
  for (const { position, status, agent, model } of rows) {
    if (status !== 'queued') continue;
    await append(tx, id, position, [{ type: 'variation.queued', payload: { agent, model } }]);
  }
  return 'released';
}

/** What a run starts from: of another's result also what that one hands on, once. */
async function startOf(
  tx: Tx,
  run: DueRun,
): Promise<{ base: string | null; context: ContextText[] } | { undecided: true } | Failure> {
  if (run.base_run === null || run.base !== null) return { base: run.base, context: [] };
  const result = await resultOf(tx, run.base_run);
  if (!('base' in result)) return result;
  const context = run.run_type === 'pipeline' ? await handedOn(tx, run, run.base_run, result.base) : [];
  return { ...result, context };
}

function asContext(tx: Tx, texts: readonly ContextText[]) {
  return tx.json(cleanJson(texts) as { [key: string]: string }[]);
}

/** Ends all that have not ended; the run follows with the last of them. */
async function fail(tx: Tx, rows: readonly Locked[], error: Failure): Promise<'failed'> {
  for (const row of rows) if (!isOver(row.status)) await end(tx, row, 'failed', { error });
  return 'failed';
}

async function lossOf(tx: Tx, id: number): Promise<Failure> {
  const [run] = await tx<{ status: RunStatus }[]>`select status from runs where id = ${id}`;
  const what =
    run?.status === 'needs_review' ? 'needs review' : run?.status === 'failed' ? 'failed' : 'was stopped';
  const message = `Run ${id}, which it depends on, ${what}. Retry that one, then this one`;
  return { code: 'dependency_failed', message };
}
