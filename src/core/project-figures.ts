import type { RunStatus } from '../../drizzle/schema';
import type { Database } from './db';

/** How a project's runs went over the last 90 days, and its newest one. */
export interface ProjectFigures {
  runs: number;
  /** Of those that ended, 0…1; null before any did. */
  success_rate: number | null;
  last: { id: number; status: RunStatus; created_at: string } | null;
}

/** Figures of some projects, by id; each is found by the index of its own runs. */
export async function readProjectFigures(
  { sql }: Pick<Database, 'sql'>,
  ids: readonly number[],
): Promise<Map<number, ProjectFigures>> {
  const rows = await sql<Row[]>`
    select project.id, lately.runs, lately.good, lately.ended, last.id as last_id, last.status, last.created_at
    from unnest(${[...ids]}::int[]) as project (id)
    cross join lateral (
      select count(*)::int as runs, count(*) filter (where status = 'completed')::int as good,
        count(*) filter (where status in ('completed', 'failed', 'needs_review', 'stopped'))::int as ended
      from runs where project_id = project.id and created_at >= now() - interval '90 days'
    ) lately
    left join lateral (
      select id, status, created_at from runs where project_id = project.id
      order by created_at desc, id desc limit 1
    ) last on true`;
  return new Map(
    rows.map(({ id, runs, good, ended, last_id, status, created_at }) => [
      id,
      {
        runs,
        success_rate: ended === 0 ? null : good / ended,
        last:
          last_id === null || status === null || created_at === null
            ? null
            : { id: last_id, status, created_at: created_at.toISOString() },
      },
    ]),
  );
}

interface Row {
  id: number;
  runs: number;
  good: number;
  ended: number;
  last_id: number | null;
  status: RunStatus | null;
  created_at: Date | null;
}
