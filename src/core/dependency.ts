import type { Failure, RunStatus } from '../../drizzle/schema';
import type { Database, Sql, Tx } from './db';
import { invalid } from './errors';

/** Runs that one run may wait for. */
export const maxDependencies = 50;

/** What a new run waits for. */
export interface Dependencies {
  depends_on: number[];
  /** Whether one of them is not completed yet, or its base run has no winner among several results. */
  open: boolean;
  /** The commit of its base run, where that is known already. */
  base: string | null;
}

/**
 * Looks at what a new run is to depend on. Inside the transaction that makes it, none of it can be deleted meanwhile;
 * before, it tells early what is wrong. A base run is waited for, too, unless its result is known already.
 * @param run `project` is its id, or the URL or path of one that may not be there yet
 * @throws BakeoffError 422 naming the field
 */
export async function readDependencies(
  sql: Sql | Tx,
  run: { project: number | string; depends_on: readonly number[]; base_run: number | null },
): Promise<Dependencies> {
  const { base_run } = run;
  const ids = [...new Set([...run.depends_on, ...(base_run === null ? [] : [base_run])])];
  if (ids.length === 0) return { depends_on: [], open: false, base: null };
  const found = await sql<{ id: number; project_id: number; place: string; status: RunStatus }[]>`
    select r.id, r.project_id, coalesce(p.repo_url, p.local_path) as place, r.status
    from runs r join projects p on p.id = r.project_id where r.id in ${sql(ids)} order by r.id for key share of r`;
  const missing = ids.find((id) => !found.some((row) => row.id === id));
  if (missing !== undefined) {
    throw invalid(run.depends_on.includes(missing) ? 'depends_on' : 'base', `There is no run ${missing}`);
  }
  const wanted = found.filter((row) => run.depends_on.includes(row.id));
  let base: string | null = null;
  const source = found.find((row) => row.id === base_run);
  if (source) {
    if (source.project_id !== run.project && source.place !== run.project)
      throw invalid('base', `Run ${source.id} is of another project: its result is no base here`);
    if (source.status === 'completed') {
      const result = await resultOf(sql, source.id);
      if ('code' in result) throw invalid('base', result.message, result.code);
      if ('base' in result) base = result.base;
    }
    if (base === null && !wanted.includes(source)) wanted.push(source);
  }
  if (wanted.length > maxDependencies)
    throw invalid('depends_on', `A run may wait for ${maxDependencies} runs at most`);
  return {
    depends_on: wanted.map((row) => row.id),
    open: wanted.some((row) => row.status !== 'completed') || (source !== undefined && base === null),
    base,
  };
}

/** What a completed run hands on: a commit to start from; `undecided` while a winner of several is to be chosen. */
export type Result = { base: string } | { undecided: true };

/**
 * The commit that a completed run made: its winner's; without one that of its variations, where they made only one, or
 * its own base when they changed nothing. Else why there is none, with what can be done.
 */
export async function resultOf(sql: Sql | Tx, runId: number): Promise<Result | Failure> {
  const rows = await sql<{ won: boolean; commit_sha: string | null; base_sha: string | null }[]>`
    select v.position is not distinct from r.winner as won, v.commit_sha, r.base_sha
    from runs r join variations v on v.run_id = r.id
    where r.id = ${runId} and v.status = 'completed' order by v.position`;
  const winner = rows.find((row) => row.won);
  const commits = new Set(
    (winner ? [winner] : rows).map((row) => row.commit_sha).filter((one) => one !== null),
  );
  if (commits.size > 1) return { undecided: true };
  const [commit] = commits;
  const base = commit ?? rows[0]?.base_sha;
  if (base) return { base };
  const message = `Run ${runId} has no result to start from. Retry it, or start again with another \`base\``;
  return { code: 'base_not_found', message };
}

/** The same answer as SQL: whether a completed run has several results, and none of them is chosen. `id` is a column. */
export function isUndecided(sql: Sql | Tx, id: ReturnType<typeof sql>) {
  return sql`(
    (select winner from runs where id = ${id}) is null
    and (select count(distinct commit_sha) > 1 from variations where run_id = ${id} and status = 'completed'))`;
}

/** A run that is completed, and that others cannot start from before a person has chosen its winner. */
export interface AwaitedWinner {
  id: number;
  name: string;
  /** The runs that wait for it. */
  waiting: number[];
  since: string;
}

/** What pending runs wait for a person to choose, the oldest first; not while a verdict that may choose is being made. */
export async function listAwaitedWinners(
  { sql }: Pick<Database, 'sql'>,
  limit: number,
): Promise<AwaitedWinner[]> {
  const rows = await sql<(Omit<AwaitedWinner, 'since'> & { since: Date })[]>`
    select b.id, b.name, array_agg(r.id order by r.id) as waiting, coalesce(b.completed_at, b.updated_at) as since
    from runs r join runs b on b.id = r.base_run
    where r.status = 'pending' and r.base is null and b.status = 'completed' and ${isUndecided(sql, sql`b.id`)}
      and not (b.options->>'pick' = 'verdict' and exists (
        select from verdicts where run_id = b.id and status in ('wanted', 'judging')))
    group by b.id order by since, b.id limit ${limit}`;
  return rows.map((row) => ({ ...row, since: row.since.toISOString() }));
}

/**
 * What a run of a flow stands on, when an earlier one of the flow has made it: a last stage that changes nothing (a
 * review) still ends with that. Null for a run by itself, and for the first of a flow.
 */
export async function inheritedResult(sql: Sql | Tx, runId: number): Promise<string | null> {
  const [run] = await sql<{ base_sha: string }[]>`
    select r.base_sha from runs r where r.id = ${runId} and ${inherits(sql)}`;
  return run?.base_sha ?? null;
}

/** The same as SQL: whether the run `r` stands on such a result. */
export function inherits(sql: Sql | Tx) {
  return sql`(r.flow_place > 1 and exists (
    select from runs o join variations v on v.run_id = o.id
    where o.flow = r.flow and o.flow_place < r.flow_place and v.commit_sha = r.base_sha and o.base_sha <> r.base_sha))`;
}

/** The variation of a project that made a commit, and what the commit can be made of again. */
export interface Maker {
  run_id: number;
  position: number;
  base_sha: string;
  goal: string;
  created_at: Date;
  /** The agent's name when it was last started. */
  agent: string;
}

/** Asked only for a commit that a mirror lacks. */
export async function makerOf(
  { sql }: Pick<Database, 'sql'>,
  projectId: number,
  sha: string,
): Promise<Maker | null> {
  const [maker] = await sql<Maker[]>`
    select r.id as run_id, v.position, r.base_sha, r.goal, r.created_at, coalesce((
        select payload->>'agent' from events
        where run_id = r.id and variation = v.position and type = 'variation.started' order by seq desc limit 1
      ), '') as agent
    from runs r join variations v on v.run_id = r.id
    where r.project_id = ${projectId} and v.commit_sha = ${sha} and r.base_sha <> ${sha} order by v.id limit 1`;
  return maker ?? null;
}

/**
 * Makes a run that ended before it was ever released wait again for what it waited for: called by what starts it again,
 * with its variations locked and before they are queued. A run that was released once goes on at once, and is left alone.
 */
export async function waitAgain(tx: Tx, runId: number): Promise<void> {
  await tx`
    update runs r set status = 'pending', completed_at = null, error = null, result = null, updated_at = now()
    where r.id = ${runId} and r.started_at is null and r.status in ('failed', 'stopped') and (
      r.scheduled_at > now() or r.base_run is not null and r.base is null
      or exists (
        select from run_dependencies d join runs o on o.id = d.depends_on
        where d.run_id = r.id and o.status <> 'completed'))`;
}
