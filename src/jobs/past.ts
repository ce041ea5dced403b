import type { Stretch } from '../../drizzle/schema';
import { type Past, type PastFact, pastTypes, rebuild } from '../agent/history';
import { tools } from '../agent/tools';
import { type Checkpoint, readCheckpoint } from '../core/checkpoint';
import type { Database } from '../core/db';
import { type Claim, listEvents } from '../core/event';

const pageEvents = 500;
const changing = new Set(tools.filter((tool) => tool.changesFiles).map((tool) => tool.spec.name));

/** Where a variation goes on; `past.messages` is empty when no model has been asked yet. */
export interface Resumption {
  past: Past;
  checkpoint: Checkpoint | null;
}

/**
 * Reads where a claimed variation was when its work broke off, from nothing but the record (invariant 5): what it has
 * in common with the variation it was forked from, or with itself before it was turned back, then its own events.
 */
export async function readPast(
  database: Pick<Database, 'sql'>,
  claim: Claim,
  maxTokens: number,
): Promise<Resumption> {
  const [row] = await database.sql<
    { lineage: Stretch[]; past_from: string; saved_seq: string; step: number; tool: number }[]
  >`
    select v.lineage, v.past_from, v.saved_seq, coalesce(max(n.step), 0) as step, coalesce(max(n.tool), 0) as tool
    from variations v left join lateral (
      select (e.payload->>'step')::int as step, (e.payload->>'tool')::int as tool from events e
      where e.run_id = v.run_id and e.variation = v.position and e.seq <= v.past_from
        and e.type in ('step.started', 'tool.started')
    ) n on true
    where v.id = ${claim.variationId} group by v.id`;
  if (!row) throw new Error(`variation ${claim.variationId} is gone`);
  const own = { position: claim.position, from: Number(row.past_from), to: Number.MAX_SAFE_INTEGER };
  const facts: PastFact[] = [];
  for (const stretch of [...row.lineage, own]) {
    for await (const page of readStretch(database, claim.runId, stretch)) facts.push(...page);
  }
  const checkpoint = await readCheckpoint(database, claim.runId, claim.position);
  const savedSeq = Math.max(checkpoint?.seq ?? 0, Number(row.saved_seq));
  const past = rebuild(facts, savedSeq, (tool) => changing.has(tool), maxTokens);
  // Numbers of what was turned back from are not used a second time.
  return {
    past: { ...past, step: Math.max(past.step, row.step), tool: Math.max(past.tool, row.tool) },
    checkpoint,
  };
}

async function* readStretch(
  database: Pick<Database, 'sql'>,
  runId: number,
  { position, from, to }: Stretch,
): AsyncGenerator<PastFact[]> {
  for (let after = from; ; ) {
    const page = await listEvents(database, runId, {
      ...{ after, limit: pageEvents },
      ...{ variations: [position], types: pastTypes },
    });
    yield page.filter((event) => event.seq <= to);
    after = page.at(-1)?.seq ?? to;
    if (page.length < pageEvents || after >= to) return;
  }
}
