import { readCheckpoint } from '../core/checkpoint';
import type { Database } from '../core/db';
import { listEvents } from '../core/event';
import { type FileChange, parseDiff } from '../views/diff';
import { continues } from '../views/items';
import { Stream } from '../views/stream';
import { TimelineSteps, timelineTypes } from '../views/timeline-steps';

/** Items that a page's stream holds at once; older ones are fetched when asked for. */
export const shownItems = 400;
/** Events read at a time. */
const windowEvents = 400;
/** Reads until a page can begin where something begins: one long output may be thousands of events. */
const maxReads = 8;

/**
 * A variation's stream up to, without, the event `before`: the newest of it, beginning where something begins.
 * `earlier` is the first event read, when there are more before it.
 */
export async function loadStream(
  database: Pick<Database, 'sql'>,
  runId: number,
  position: number,
  before: number,
): Promise<{ stream: Stream; earlier: number | null }> {
  let events = await listEvents(database, runId, { before, limit: windowEvents, variations: [position] });
  let more = events.length === windowEvents;
  let start = events.findIndex((event) => !continues(event));
  for (let reads = 1; more && start < 0 && reads < maxReads; reads++) {
    const older = await listEvents(database, runId, {
      before: events[0]?.seq ?? before,
      limit: windowEvents,
      variations: [position],
    });
    more = older.length === windowEvents;
    events = [...older, ...events];
    start = events.findIndex((event) => !continues(event));
  }
  const shown = more && start > 0 ? events.slice(start) : events;
  const stream = new Stream(position);
  for (const event of shown) stream.take(event);
  return { stream, earlier: more ? (shown[0]?.seq ?? null) : null };
}

/** The timeline's steps of all variations, the newest 2000 before an event. */
export async function loadSteps(
  database: Pick<Database, 'sql'>,
  runId: number,
  before: number,
): Promise<TimelineSteps> {
  const steps = new TimelineSteps();
  for (const event of await listEvents(database, runId, { before, limit: 2000, types: timelineTypes }))
    steps.take(event);
  return steps;
}

/** When a run or a variation of it was last changed, with or without an event; to be compared, not to be read. */
export async function changedAt({ sql }: Pick<Database, 'sql'>, runId: number): Promise<string> {
  const [row] = await sql<{ at: string }[]>`
    select (greatest(r.updated_at, (select max(v.updated_at) from variations v where v.run_id = r.id)))::text as at
    from runs r where r.id = ${runId}`;
  return row?.at ?? '';
}

/** Patches beyond this are read to here only; the raw diff has all of it. */
const maxPatchBytes = 2_000_000;

/** The files that a variation's newest patch changes. */
export async function changedFiles(
  database: Pick<Database, 'sql'>,
  runId: number,
  position: number,
): Promise<FileChange[]> {
  const patch = await readCheckpoint(database, runId, position);
  if (patch === null) return [];
  return parseDiff(new TextDecoder().decode(patch.bytes.subarray(0, maxPatchBytes)));
}
