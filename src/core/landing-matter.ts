import { gunzipSync } from 'node:zlib';
import type { Database, Sql } from './db';
import type { Rebase } from './fact';

/** A checkpoint that is to become a commit of its own. */
export interface LandingStep {
  /** Cumulative, against the base. */
  patch: Uint8Array;
  /** What the agent said as it went that step; null when it said nothing. */
  said: string | null;
  /** What it did then, in the words of its tools. */
  did: string | null;
  date: Date;
}

/** Commits that a landing has at most: of more checkpoints, the newest; what came before is in the first of them. */
const maxSteps = 100;
/** Characters of what was said that are of use in a commit's message. */
const maxSaid = 4_000;

/** The checkpoints that led to a variation's present patch, in order; what was turned back from is left out. */
export async function landingSteps(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  position: number,
): Promise<LandingStep[]> {
  const rows = await sql<(Omit<LandingStep, 'date'> & { created_at: Date })[]>`
    with ${conversation(sql, runId, position)}
    select c.patch, c.created_at, said.text as said, did.title as did
    from present p join checkpoints c on c.variation_id = p.id
    left join lateral (
      select variation from events where run_id = ${runId} and seq = c.seq
    ) teller on true
    left join lateral (
      select left(payload->'message'->>'text', ${maxSaid}) as text from events
      where run_id = ${runId} and variation = teller.variation and seq < c.seq and type = 'model.responded'
      order by seq desc limit 1
    ) said on true
    left join lateral (
      select left(payload->>'title', 200) as title from events
      where run_id = ${runId} and variation = teller.variation and seq < c.seq and type = 'tool.started'
      order by seq desc limit 1
    ) did on true
    where c.number = p.number or exists (select from stretches s where c.seq > s."from" and c.seq <= s."to")
    order by c.number desc limit ${maxSteps}`;
  return rows
    .reverse()
    .map(({ created_at, patch, ...rest }) => ({ ...rest, patch: gunzipSync(patch), date: created_at }));
}

/**
 * What a variation's present patch was put on top of, when it was asked to rebase and has changed something since it
 * heard that; null when not, or when that was turned back from.
 */
export async function rebasedOn(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  position: number,
): Promise<Rebase | null> {
  const [row] = await sql<{ rebase: Rebase }[]>`
    with ${conversation(sql, runId, position)}
    select told.payload->'rebase' as rebase
    from stretches s
      join events heard on heard.run_id = ${runId} and heard.variation = s.position and heard.type = 'directive.delivered'
        and heard.seq > s."from" and heard.seq <= s."to"
      join events told on told.run_id = ${runId} and told.variation = s.position and told.type = 'directive.received'
        and told.payload->'directive' = heard.payload->'directive' and told.payload ? 'rebase'
    order by heard.seq desc limit 1`;
  return row?.rebase ?? null;
}

/** The newest verdict in a line; null when none was given. */
export async function verdictHeadline({ sql }: Pick<Database, 'sql'>, runId: number): Promise<string | null> {
  const [row] = await sql<{ headline: string | null }[]>`
    select verdict->'summary'->>'headline' as headline from verdicts
    where run_id = ${runId} and status = 'given' order by id desc limit 1`;
  return row?.headline ?? null;
}

/** The present checkpoint, and the stretches of events that are its conversation: after turning back, not all there are. */
function conversation(sql: Sql, runId: number, position: number) {
  return sql`
    present as (
      select v.id, v.position, c.number, c.seq, c.lineage, c.past_from
      from variations v join checkpoints c on c.variation_id = v.id and c.number = v.checkpoint
      where v.run_id = ${runId} and v.position = ${position}
    ), stretches as (
      select s.position, s."from", s."to"
      from present p cross join jsonb_to_recordset(p.lineage) as s(position int, "from" bigint, "to" bigint)
      union all select position, past_from, seq from present
    )`;
}
