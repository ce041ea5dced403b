import type { Failure, RunStatus } from '../../drizzle/schema';
import type { Database, Sql, Tx } from './db';
import { invalid } from './errors';

/** Runs that one run may wait for. */
export const maxDependencies = 50;

/** What a new run waits for. */
export interface Dependencies {
  depends_on: number[];
  /** Whether one of them is not completed yet. */
  open: boolean;
  /** The commit of its base run, where that is completed already. */
  base: string | null;
}

/**
 * Looks at what a new run is to depend on. Inside the transaction that makes it, none of it can be deleted meanwhile;
 * before, it tells early what is wrong. A base run is waited for, too, unless it is completed already.
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
      base = result.base;
    } else if (!wanted.includes(source)) wanted.push(source);
  }
  if (wanted.length > maxDependencies)
    throw invalid('depends_on', `A run may wait for ${maxDependencies} runs at most`);
  return {
    depends_on: wanted.map((row) => row.id),
    open: wanted.some((row) => row.status !== 'completed'),
    base,
  };
}

/**
 * The commit that a completed run made: that of its only variation with changes, or its own base when it was completed
 * without any. Else why there is none, with what can be done.
 */
export async function resultOf(sql: Sql | Tx, runId: number): Promise<{ base: string } | Failure> {
  const rows = await sql<{ position: number; commit_sha: string | null; base_sha: string | null }[]>`
    select v.position, v.commit_sha, r.base_sha from runs r join variations v on v.run_id = r.id
    where r.id = ${runId} and v.status = 'completed' order by v.position`;
  const results = rows.filter((row) => row.commit_sha !== null);
  const commits = [...new Set(results.map((row) => row.commit_sha))];
  const base = commits.length === 0 ? rows[0]?.base_sha : commits[0];
  if (commits.length > 1) {
    const which = results.map((row) => `variation ${row.position}: ${row.commit_sha}`).join(', ');
    return baseNotFound(
      `Run ${runId} has ${results.length} results and no winner. Start again with the commit of one as \`base\` (${which})`,
    );
  }
  if (base) return { base };
  return baseNotFound(
    `Run ${runId} has no result to start from. Retry it, or start again with another \`base\``,
  );
}

function baseNotFound(message: string): Failure {
  return { code: 'base_not_found', message };
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
