import { eq } from 'drizzle-orm';
import { agents, projects, runs, variations } from '../../drizzle/schema';
import type { Database } from './db';
import { Fenced } from './errors';
import type { Claim } from './event';

/** Everything a worker must know to work on a claimed variation, except its agent's secret. */
export async function readAssignment({ db }: Pick<Database, 'db'>, claim: Claim) {
  const [row] = await db
    .select({
      run: runs,
      project: projects,
      agent_id: agents.id,
      agent_name: agents.name,
      tries: variations.tries,
      worked_ms: variations.worked_ms,
      steps_before: variations.steps_before,
      mended: variations.mended,
      kind: variations.kind,
      iteration: variations.iteration,
      iterations_before: variations.iterations_before,
    })
    .from(variations)
    .innerJoin(runs, eq(runs.id, variations.run_id))
    .innerJoin(projects, eq(projects.id, runs.project_id))
    .innerJoin(agents, eq(agents.id, variations.agent_id))
    .where(eq(variations.id, claim.variationId));
  if (!row) throw new Error(`variation ${claim.variationId} is gone`);
  return row;
}

export type Assignment = Awaited<ReturnType<typeof readAssignment>>;

/**
 * Settles which commit the run's `base` means: the first worker's answer holds for all variations.
 * @throws Fenced when it is not settled, and this claim holds no more
 */
export async function settleBase(
  { sql }: Pick<Database, 'sql'>,
  { runId, variationId, epoch }: Claim,
  sha: string,
): Promise<string> {
  await sql`
    update runs set base_sha = ${sha}, updated_at = now() where id = ${runId} and base_sha is null and exists (
      select from variations where id = ${variationId} and epoch = ${epoch} and status = 'running')`;
  const [row] = await sql<{ base_sha: string | null }[]>`select base_sha from runs where id = ${runId}`;
  if (!row?.base_sha) throw new Fenced(variationId, epoch);
  return row.base_sha;
}
