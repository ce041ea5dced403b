import type { Database } from './db';
import { inherits } from './dependency';

/** A completed run whose verdict was to pick its winner, and asks a person instead. */
export interface AskedWinner {
  id: number;
  name: string;
  /** What the verdict says of it. */
  says: string;
  since: string;
}

/**
 * Runs that wait for a person's choice because what was executed did not decide, the oldest first. One that made nothing
 * to choose, or whose result others have begun to build on, waits for nobody: unless what is chosen is to land.
 */
export async function listAskedWinners(
  { sql }: Pick<Database, 'sql'>,
  limit: number,
): Promise<AskedWinner[]> {
  const rows = await sql<(Omit<AskedWinner, 'since'> & { since: Date })[]>`
    select r.id, r.name, j.verdict->'summary'->>'headline' as says, j.given_at as since
    from runs r join lateral (
        select verdict, given_at, seq, status from verdicts where run_id = r.id and status <> 'dropped'
        order by id desc limit 1
      ) j on j.status = 'given'
      join events e on e.run_id = r.id and e.seq = j.seq
    where r.status = 'completed' and r.winner is null and r.options->>'pick' = 'verdict'
      and e.payload->>'asks' = 'true'
      and (
        exists (
          select from variations
          where run_id = r.id and status = 'completed' and commit_sha is not null and commit_sha <> r.base_sha)
        or r.options->>'land' is not null and ${inherits(sql)})
      and not (r.options->>'land' is null and exists (
        select from runs n
        where n.base_run = r.id and (n.base is not null or n.flow = r.flow and n.status <> 'pending')))
    order by j.given_at, r.id limit ${limit}`;
  return rows.map((row) => ({ ...row, since: row.since.toISOString() }));
}
