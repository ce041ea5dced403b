import type { Run } from '../core/contract';
import type { Event } from '../core/fact';
import { getRun } from '../core/run';
import { Changes } from '../views/changes';
import type { VerdictEvents } from '../views/compare-facts';
import { ComposeTo } from '../views/compose';
import { Ev } from '../views/events';
import { partial } from '../views/partial';
import { isOver } from '../views/runlist';
import { Earlier, eventsContext } from '../views/runpage';
import { Timeline } from '../views/timeline';
import { verdictEvents } from './compare-matter';
import { pause } from './pause';
import { loadMatter, runParts } from './run-parts';
import { changedAt, loadSteps, loadStream, shownItems } from './run-view';
import type { Services } from './services';
import type { ServerSentEvent } from './sse';

/** Between two messages of a feed, milliseconds: what happens meanwhile goes together. */
const paceMs = 250;
/** Between two pictures of the timeline. */
const timelineMs = 2000;
/** Some of what the page says has no event: a wish, a place under a limit. It is looked at this often. */
const lookMs = 2000;

/** Events after which a variation's patch or its checkpoints may be others. */
const patchTypes = new Set<string>([
  'checkpoint.saved',
  'checkpoint.restored',
  'patch.proposed',
  'patch.applied',
  'patch.rejected',
  'variation.queued',
]);

export interface FeedQuery {
  runId: number;
  /** The variation whose stream or changes are shown. */
  position: number;
  tab: 'events' | 'changes';
  /** The last event that the page knows. */
  after: number;
}

/**
 * A run's page, kept up to date: messages of partials, each with the number of the last event it includes, so that
 * `Last-Event-ID` goes on exactly there. It stays open when the run is over: a verdict, a landing, a retry come after.
 */
export async function* runFeed(
  services: Services,
  query: FeedQuery,
  signal: AbortSignal,
): AsyncGenerator<ServerSentEvent[]> {
  const { runId, position, tab, after } = query;
  const { database } = services;
  const [{ stream }, steps] = await Promise.all([
    loadStream(database, runId, position, after + 1),
    loadSteps(database, runId, after + 1),
  ]);
  stream.changes();
  let matter = await loadMatter(database, runId, position);
  let drawn = 0;
  let undrawn = true;
  let seq = after;
  let judged: Run['verdict'] = null;
  let evidence: VerdictEvents | null = null;
  /** What each place was last sent: what is still so is not sent again. */
  const sent = new Map<string, string>();

  // What the page showed may be older than the connection; this brings all but the stream up to date at once.
  yield await message({ everything: true });

  let changed = await changedAt(database, runId);
  for await (const events of looking(
    services.feed.follow(runId, { after, signal, stayOpen: true }),
    signal,
  )) {
    if (events.length === 0) {
      const at = await changedAt(database, runId);
      if (at === changed) continue;
      changed = at;
    }
    let patched = false;
    for (const event of events) {
      seq = event.seq;
      if (event.variation === position) {
        stream.take(event);
        patched ||= patchTypes.has(event.type);
      }
      if (steps.take(event)) undrawn = true;
      // A change of state is drawn with the rest of the page, not up to two seconds after it.
      if (/^(variation|approval)\.(?!progress)/.test(event.type)) drawn = 0;
    }
    if (patched) matter = await loadMatter(database, runId, position);
    const next = await message({ patched });
    // Without events, only what changed is worth a message.
    if (events.length > 0 || next[0]?.data !== '') yield next;
    await pause(paceMs, signal);
  }

  async function message(what: { everything?: boolean; patched?: boolean }): Promise<ServerSentEvent[]> {
    const run = await getRun(database, runId);
    const now = new Date();
    const variation = run.variations.find((one) => one.position === position);
    if (!variation) return [];
    const places = await runParts(run, variation, tab, matter, now, await eventsOf(run));
    places.push(['#compose-to', await ComposeTo({ run, variation })]);
    const parts: string[] = [];
    for (const [place, html] of places) {
      if (sent.get(place) === html && !what.everything) continue;
      sent.set(place, html);
      parts.push(place === 'title' ? html : partial(place, 'outerMorph', html));
    }
    if (tab === 'events') parts.push(await streamParts(run));
    else if (what.everything || what.patched) {
      const { files } = matter;
      parts.push(partial('#changes', 'outerMorph', await Changes({ run, variation, files })));
    }
    if ((undrawn || !isOver(run.status)) && Date.now() - drawn >= timelineMs) {
      parts.push(partial('#timeline', 'outerMorph', await Timeline({ run, steps, current: position, now })));
      drawn = Date.now();
      undrawn = false;
    }
    return [{ id: seq, data: parts.filter(Boolean).join('\n') }];
  }

  /** Where the verdict's evidence is: asked for anew only with another verdict. */
  async function eventsOf(run: Run): Promise<VerdictEvents | null> {
    if (run.verdict?.id !== judged?.id) evidence = await verdictEvents(database, run);
    judged = run.verdict;
    return evidence;
  }

  /** New items at the end, changed ones in their place, and the oldest off the page when there are too many. */
  async function streamParts(run: Run): Promise<string> {
    const context = eventsContext(run, position);
    const { fresh, changed } = stream.changes();
    const gone = stream.trim(shownItems);
    const parts: string[] = [];
    for (const item of changed) {
      if (!gone.includes(item))
        parts.push(partial(`#${item.key}`, 'outerMorph', await Ev({ item, context })));
    }
    const rows = await Promise.all(
      fresh.filter((item) => !gone.includes(item)).map((item) => Ev({ item, context })),
    );
    if (rows.length > 0) parts.push(partial(`#v${position}-stream`, 'beforeend', rows.join('\n')));
    for (const item of gone) parts.push(partial(`#${item.key}`, 'delete', ''));
    const first = stream.items[0];
    if (gone.length > 0 && first) {
      parts.push(
        partial(`#v${position}-earlier`, 'outerHTML', await Earlier({ run, position, before: first.seq })),
      );
    }
    return parts.join('\n');
  }
}

/** The items before `before`, put in front of those on the page. */
export async function earlierItems(
  services: Services,
  runId: number,
  position: number,
  before: number,
): Promise<string> {
  const run = await getRun(services.database, runId);
  const { stream, earlier } = await loadStream(services.database, runId, position, before);
  const context = eventsContext(run, position);
  const rows = await Promise.all(stream.items.map((item) => Ev({ item, context })));
  return [
    partial(`#v${position}-stream`, 'afterbegin', rows.join('\n')),
    partial(`#v${position}-earlier`, 'outerHTML', await Earlier({ run, position, before: earlier })),
  ].join('\n');
}

/** The batches of events, and between them an empty one whenever it is time to look at what has no events. */
export async function* looking(
  batches: AsyncGenerator<Event[]>,
  signal: AbortSignal,
): AsyncGenerator<Event[]> {
  let next = batches.next();
  try {
    while (!signal.aborted) {
      const clock = new AbortController();
      const won = await Promise.race([
        next,
        pause(lookMs, AbortSignal.any([signal, clock.signal])).then(() => null),
      ]);
      clock.abort();
      if (won?.done) return;
      if (won) next = batches.next();
      yield won?.value ?? [];
    }
  } finally {
    // It may wait at its `yield`, where it hears no signal.
    next.catch(() => {});
    void batches.return(undefined).catch(() => {});
  }
}
