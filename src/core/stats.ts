import type { RunStatus } from '../../drizzle/schema';
import type { DayStat, EditStats, Figures, Stats } from './contract';
import type { Database } from './db';
import { readFreed } from './retention';
import { readWins } from './wins';

/** Figures over the last `days` days, today included (UTC); those of edits over the last 30, of wins over the last 90. */
export async function readStats(database: Pick<Database, 'sql'>, days = 7): Promise<Stats> {
  const [figures, edits, wins] = await Promise.all([
    readFigures(database, days),
    readEdits(database),
    readWins(database),
  ]);
  return { ...figures, edits, ...wins };
}

/** Those that are not read from the record: cheap enough to be asked for again and again. */
export async function readFigures({ sql }: Pick<Database, 'sql'>, days = 7): Promise<Figures> {
  const since = sql`date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - make_interval(days => ${days - 1})`;
  const [statuses, sums, patches, perDay, { bytes, runs, last_at }] = await Promise.all([
    sql<{ status: RunStatus; n: number }[]>`
      select status, count(*)::int as n from runs where created_at >= ${since} group by status`,
    sql<{ cost: number | null; median: number | null }[]>`
      select sum((usage->>'cost_usd')::float8) as cost,
        percentile_cont(0.5) within group (order by extract(epoch from completed_at - started_at))
          filter (where completed_at is not null and started_at is not null) as median
      from runs where created_at >= ${since}`,
    // A patch that was proposed became a commit, or was refused.
    sql<{ applied: number; refused: number }[]>`
      select count(*) filter (where v.commit_sha is not null)::int as applied,
        count(*) filter (where v.commit_sha is null and v.error->>'code' = 'patch_rejected')::int as refused
      from runs r join variations v on v.run_id = r.id where r.created_at >= ${since}`,
    sql<DayStat[]>`
      select to_char(day, 'YYYY-MM-DD') as day,
        count(r.id) filter (where r.status = 'completed')::int as completed,
        count(r.id) filter (where r.status in ('failed', 'needs_review'))::int as failed
      from generate_series(${since}, now(), interval '1 day') as day
      left join runs r on r.created_at >= day and r.created_at < day + interval '1 day'
      group by day order by day`,
    readFreed({ sql }),
  ]);
  const by_status = Object.fromEntries(statuses.map((row) => [row.status, row.n])) as Stats['by_status'];
  const good = by_status.completed ?? 0;
  const ended = good + (by_status.failed ?? 0) + (by_status.needs_review ?? 0) + (by_status.stopped ?? 0);
  const applied = patches[0]?.applied ?? 0;
  const rejected = patches[0]?.refused ?? 0;
  const proposed = applied + rejected;
  return {
    runs: statuses.reduce((all, row) => all + row.n, 0),
    by_status,
    success_rate: ended === 0 ? null : good / ended,
    cost_usd: sums[0]?.cost ?? 0,
    median_duration_s: sums[0]?.median ?? null,
    patch_apply_rate: proposed === 0 ? null : applied / proposed,
    patches: { applied, rejected },
    days: perDay,
    freed: { bytes, runs, last_at },
  };
}

/**
 * How agents' edits fared in the last 30 days: what their tools applied, and what they refused. A variation's whole
 * patch is none of them.
 */
export async function readEdits({ sql }: Pick<Database, 'sql'>): Promise<EditStats> {
  // The types are written out, not parameters, so that the index of just these events is used.
  const rows = await sql<{ tier: string | null; n: number }[]>`
    select payload->>'tier' as tier, count(*)::int as n from events
    where type in ('patch.applied', 'patch.rejected') and created_at >= now() - interval '30 days'
      and (case type when 'patch.applied' then payload ? 'tier' else payload @> '{"edit": true}' end)
    group by 1 order by n desc, tier`;
  const fitted = rows.filter((row): row is { tier: string; n: number } => row.tier !== null);
  const applied = fitted.reduce((sum, row) => sum + row.n, 0);
  const rejected = rows.find((row) => row.tier === null)?.n ?? 0;
  const all = applied + rejected;
  return {
    applied,
    rejected,
    rate: all === 0 ? null : applied / all,
    tiers: Object.fromEntries(fitted.map((row) => [row.tier, row.n])),
  };
}
