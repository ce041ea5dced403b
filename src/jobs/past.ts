import { type Past, pastTypes, rebuild } from '../agent/history';
import { tools } from '../agent/tools';
import { type Checkpoint, readCheckpoint } from '../core/checkpoint';
import type { Database } from '../core/db';
import { type Claim, listEvents } from '../core/event';
import type { Event } from '../core/fact';

const pageEvents = 500;
const changing = new Set(tools.filter((tool) => tool.changesFiles).map((tool) => tool.spec.name));

/** Where a variation goes on; `past.step` is 0 when no model has answered yet. */
export interface Resumption {
  past: Past;
  checkpoint: Checkpoint | null;
}

/** Reads where a claimed variation was when its work broke off, from nothing but the record (invariant 5). */
export async function readPast(
  database: Pick<Database, 'sql'>,
  claim: Claim,
  maxTokens: number,
): Promise<Resumption> {
  const facts: Event[] = [];
  for (let after = 0; ; ) {
    const page = await listEvents(database, claim.runId, {
      after,
      limit: pageEvents,
      variations: [claim.position],
      types: pastTypes,
    });
    facts.push(...page);
    if (page.length < pageEvents) break;
    after = page.at(-1)?.seq ?? after;
  }
  const checkpoint = await readCheckpoint(database, claim.runId, claim.position);
  const past = rebuild(facts, checkpoint?.step ?? 0, (tool) => changing.has(tool), maxTokens);
  return { past, checkpoint };
}
