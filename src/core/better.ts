import type { Failure } from '../../drizzle/schema';
import type { Sql, Tx } from './db';
import type { QueuedWhy } from './fact';

export const stoppedByPerson: Failure = { code: 'stopped', message: 'A person stopped it' };

/** What a person started with these words after another had passed goes on: it was asked for in full knowledge. */
const byPerson: QueuedWhy[] = ['directive', 'retry', 'rollback', 'fork', 'graft', 'mended'];

/** A variation that has not ended, and the first of its run that passed everything required. */
export interface Loser {
  id: number;
  run_id: number;
  best: number;
}

/**
 * Variations that have not ended, of runs that stop losers, beside one that passed everything required: each required
 * check of the project was run on it, at least one, and none was flaky or anything but `passes` or `fixed`. Without
 * those that a worker has been told of already.
 * @param runId of this run only
 */
export async function listLosers(sql: Sql | Tx, runId?: number): Promise<Loser[]> {
  return sql<Loser[]>`
    ${losers(sql)} and l.wanted is distinct from 'stop' and ${runId === undefined ? sql`true` : sql`r.id = ${runId}`}
    order by l.id limit 1000`;
}

/** Why a variation is stopped, its row locked, that a stop is wanted of: for a better sibling, or by a person. */
export async function whyStopped(tx: Tx, { id }: { id: number }): Promise<Failure> {
  const [loser] = await tx<Loser[]>`${losers(tx)} and l.id = ${id}`;
  return loser ? stoppedFor(loser.best) : stoppedByPerson;
}

export function stoppedFor(best: number): Failure {
  return {
    code: 'stopped',
    message: `Variation ${best} passed everything required: this one was stopped for it`,
  };
}

/** The beginning of a query; conditions may follow. */
function losers(sql: Sql | Tx) {
  return sql`
    select l.id, l.run_id, passed.best
    from runs r join variations l on l.run_id = r.id join lateral (${passing(sql, sql`r.id`)}) passed on true
    where r.status in ('queued', 'running', 'paused', 'awaiting_approval') and (r.options->>'stop_losers')::boolean
      and l.status in ('queued', 'running', 'paused', 'awaiting_approval')
      and passed.best is not null and not exists (
        select from events e
        where e.run_id = r.id and e.variation = l.position and e.seq > passed.seq and e.type = 'variation.queued'
          and e.payload->>'why' in ${sql(byPerson)})`;
}

/** The first variation of a run that passed everything required, and the last event of those that did; null of none. */
function passing(sql: Sql | Tx, run: ReturnType<typeof sql>) {
  return sql`
    select (array_agg(v.position order by v.completed_at, v.id))[1] as best, max((
        select max(e.seq) from events e
        where e.run_id = v.run_id and e.variation = v.position and e.type = 'variation.completed')) as seq
    from variations v
    where v.run_id = ${run} and v.status = 'completed'
      and exists (select from checks c where c.variation_id = v.id and c.required)
      and not exists (
        select from checks c left join checks b on b.run_id = v.run_id and b.variation_id is null and b.name = c.name
        where c.variation_id = v.id and c.required
          and (c.flaky or coalesce(b.flaky, false) or c.result not in ('passes', 'fixed')))
      and not exists (
        select from runs own join projects p on p.id = own.project_id, jsonb_array_elements(p.checks) as needed(item)
        where own.id = v.run_id and (item->>'required')::boolean
          and not exists (select from checks c where c.variation_id = v.id and c.name = item->>'name'))`;
}
