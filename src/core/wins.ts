import type { TaskType } from '../../drizzle/schema';
import type { Stats, WeekWins, Wins } from './contract';
import type { Database } from './db';
import { likely } from './likely';

/** How far back contests are counted, in days, today included (UTC). */
export const winDays = 90;
/** Agents that are told of: those with the most contests. */
const mostAgents = 50;

/**
 * Which agents win. A contest is a run of at least two agents with a winner that is one of theirs: the one that was
 * chosen, else the sole first place of its newest verdict. Each agent takes part once, with however many variations, and
 * wins with any of them; what a graft wins is nobody's.
 */
export async function readWins({
  sql,
}: Pick<Database, 'sql'>): Promise<Pick<Stats, 'wins' | 'wins_by_week'>> {
  const since = sql`date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - make_interval(days => ${winDays - 1})`;
  // By lateral joins, each an index's look-up for one run: a join over whole tables would grow with the installation.
  const rows = await sql<Row[]>`
    with contests as (
      select run.id, run.task_type, date_trunc('week', run.created_at at time zone 'UTC') as week,
        coalesce(run.winner, judged.winner) as winner
      from runs run left join lateral (
        select case when jsonb_array_length(jsonb_path_query_array(verdict, '$.ranking[*] ? (@.rank == 1)')) = 1
          then (jsonb_path_query_first(verdict, '$.ranking[*] ? (@.rank == 1).position ? (@.type() == "number")'))::int end as winner
        from verdicts where run_id = run.id and status = 'given' and run.winner is null
        order by id desc limit 1
      ) judged on true
      where run.created_at >= ${since}
    )
    select agent.id, agent.name as agent, agent.model, entry.*
    from (
      select agent_id, task_type, to_char(week, 'YYYY-MM-DD') as week, count(*)::int as runs,
        count(*) filter (where won)::int as wins, case when bool_and(cost is not null) then sum(cost) end as cost_usd
      from contests cross join lateral (
        select agent_id, bool_or(position = winner) as won, count(*) over () as rivals,
          bool_or(bool_or(position = winner)) over () as decided,
          case when bool_and(usage->>'cost_usd' is not null) then sum((usage->>'cost_usd')::float8) end as cost
        from variations where run_id = contests.id and kind = 'agent' group by agent_id
      ) own
      where winner is not null and rivals >= 2 and decided
      group by grouping sets ((agent_id, task_type), (agent_id, week))
    ) entry join agents agent on agent.id = entry.agent_id
    order by agent.name, task_type, week`;
  const told = mostFought(rows);
  return {
    wins: told.flatMap((row) => (row.task_type === null ? [] : [toWins(row, row.task_type)])),
    wins_by_week: told
      .flatMap(({ week, agent, model, runs, wins }) =>
        week === null ? [] : [{ week, agent, model, runs, wins }],
      )
      .sort((a, b) => (a.week < b.week ? -1 : a.week > b.week ? 1 : 0)),
  };
}

/** Of a task type, or of a week. */
interface Row extends Omit<WeekWins, 'week'> {
  id: number;
  cost_usd: number | null;
  task_type: TaskType | null;
  week: string | null;
}

function toWins({ agent, model, runs, wins, cost_usd }: Row, task_type: TaskType): Wins {
  const [low, high] = likely(wins, runs);
  return { agent, model, task_type, runs, wins, rate: wins / runs, low, high, cost_usd };
}

function mostFought(rows: readonly Row[]): Row[] {
  const runs = new Map<number, number>();
  for (const row of rows) if (row.task_type !== null) runs.set(row.id, (runs.get(row.id) ?? 0) + row.runs);
  const most = [...runs].sort(([, a], [, b]) => b - a).slice(0, mostAgents);
  const told = new Set(most.map(([id]) => id));
  return rows.filter((row) => told.has(row.id));
}
