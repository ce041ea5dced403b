import { escapeHtml } from '@kitajs/html';
import type { Run } from '../core/contract';
import { BakeoffError } from '../core/errors';
import { getRun } from '../core/run';
import { Changes } from '../views/changes';
import { Ev } from '../views/events';
import { Filters, homeTitle, Week } from '../views/home';
import { favicon } from '../views/marks';
import { partial } from '../views/partial';
import { isFiltered, type ListQuery } from '../views/query';
import { RunHead } from '../views/runhead';
import { isOver, RunList, RunRow } from '../views/runlist';
import { Earlier, eventsContext, titleOf } from '../views/runpage';
import { Short } from '../views/short';
import { StatusBar } from '../views/status';
import { Tabs, Views } from '../views/tabs';
import { Timeline } from '../views/timeline';
import { lately, latelyMs } from './lately';
import { countRuns, listPage, newestRun, readWeek } from './list-view';
import { changedFiles, loadSteps, loadStream, shownItems } from './run-view';
import type { Services } from './services';
import type { ServerSentEvent } from './sse';

/** Between two messages of a feed, milliseconds: what happens meanwhile goes together. */
const paceMs = 250;
/** Between two pictures of the timeline. */
const timelineMs = 2000;

/** Events after which a variation's patch may be another one. */
const patchTypes = new Set<string>(['checkpoint.saved', 'patch.proposed', 'patch.applied', 'patch.rejected']);

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
 * `Last-Event-ID` goes on exactly there. The last message takes the connection out of the page.
 */
export async function* runFeed(
  services: Services,
  query: FeedQuery,
  signal: AbortSignal,
): AsyncGenerator<ServerSentEvent[]> {
  const { runId, position, tab, after } = query;
  const [{ stream }, steps] = await Promise.all([
    loadStream(services.database, runId, position, after + 1),
    loadSteps(services.database, runId, after + 1),
  ]);
  stream.changes();
  let files = await changedFiles(services.database, runId, position);
  let drawn = 0;
  let undrawn = true;
  let seq = after;

  // What the page showed may be older than the connection; this brings all but the stream up to date at once.
  yield await message(after, { everything: true });

  for await (const events of services.feed.follow(runId, { after, signal })) {
    let patched = false;
    for (const event of events) {
      seq = event.seq;
      if (event.variation === position) {
        stream.take(event);
        patched ||= patchTypes.has(event.type);
      }
      if (steps.take(event)) undrawn = true;
    }
    if (patched) files = await changedFiles(services.database, runId, position);
    yield await message(seq, { patched });
    await pause(paceMs, signal);
  }
  if (signal.aborted) return;
  undrawn = true;
  drawn = 0;
  files = await changedFiles(services.database, runId, position);
  yield await message(seq, { everything: true, last: true });

  async function message(
    id: number,
    what: { everything?: boolean; patched?: boolean; last?: boolean },
  ): Promise<ServerSentEvent[]> {
    const run = await getRun(services.database, runId);
    const now = new Date();
    const variation = run.variations.find((one) => one.position === position);
    if (!variation) return [];
    const parts = [
      `<title>${escapeHtml(`${titleOf(run)} · Bakeoff`)}</title>`,
      partial('#icon', 'outerMorph', `<link id="icon" rel="icon" href="${escapeHtml(favicon(run.status))}">`),
      partial('#run-head', 'outerMorph', await RunHead({ run, now })),
      partial('#tabs', 'outerMorph', await Tabs({ run, current: position, tab })),
      partial('#views', 'outerMorph', await Views({ run, variation, tab })),
      partial('#short', 'outerMorph', await Short({ run, variation, files, now })),
    ];
    if (tab === 'events') parts.push(await streamParts(run));
    else if (what.everything || what.patched) {
      parts.push(partial('#changes', 'outerMorph', await Changes({ run, variation, files })));
    }
    if ((undrawn || !isOver(run.status)) && Date.now() - drawn >= timelineMs) {
      parts.push(partial('#timeline', 'outerMorph', await Timeline({ run, steps, current: position, now })));
      drawn = Date.now();
      undrawn = false;
    }
    if (what.last) {
      parts.push(partial('#follow', 'delete', ''), partial('#stop', 'delete', ''));
      parts.push(partial('#feed', 'outerHTML', '<div id="feed-over" hidden></div>'));
    }
    return [{ id, data: parts.join('\n') }];
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

/** Between two counts of all runs, and two looks at the service's health. */
const figuresMs = 3000;

/**
 * The list's page, kept up to date: changed rows in their place, the whole first page when a run is added, and the
 * figures around it every few seconds. It never ends by itself, and each connection begins with all of it.
 */
export async function* listFeed(
  services: Services,
  query: ListQuery,
  signal: AbortSignal,
): AsyncGenerator<ServerSentEvent[]> {
  const { database } = services;
  let newest = 0;
  let counted = 0;
  let stale = false;
  /** When the last change was heard of. */
  let changed = Date.now();
  let health = '';
  yield [{ data: await wholeList() }];
  // Changes come from the record; the service's health has none, so the wait for changes is cut by a clock.
  const changes = services.feed.changes({ signal })[Symbol.asyncIterator]();
  let next = changes.next();
  try {
    while (!signal.aborted) {
      const clock = new AbortController();
      const won = await Promise.race([
        next,
        pause(figuresMs, AbortSignal.any([signal, clock.signal])).then(() => null),
      ]);
      clock.abort();
      const parts: string[] = [];
      if (won?.done) return;
      if (won) {
        changed = Date.now();
        next = changes.next();
        parts.push(await rows(won.value));
      }
      stale ||= won !== null;
      if (Date.now() - counted >= figuresMs) parts.push(await figures(stale));
      const text = parts.filter(Boolean).join('\n');
      if (text !== '') yield [{ data: text }];
    }
  } finally {
    // It may wait at its `yield`, where it hears no signal.
    void changes.return(undefined).catch(() => {});
  }

  async function rows(ids: readonly number[]): Promise<string> {
    if (ids.some((id) => id > newest)) return wholeList();
    const now = new Date();
    const found = await Promise.all(ids.map((id) => getRun(database, id).catch(goneRun)));
    const live = found.filter((run) => run !== null);
    const html = await Promise.all(live.map((run) => RunRow({ run, now })));
    return live.map((run, i) => partial(`#run-${run.id}`, 'outerMorph', String(html[i]))).join('\n');
  }

  async function wholeList(): Promise<string> {
    const [page, counts] = await Promise.all([listPage(database, query), countRuns(database, query)]);
    newest = Math.max(newest, ...page.items.map((run) => run.id), await newestRun(database));
    const list = await RunList({ page, query, now: new Date(), any: counts.all > 0 || isFiltered(query) });
    return [partial('#run-box', 'outerMorph', list), await figures(true)].join('\n');
  }

  async function figures(all: boolean): Promise<string> {
    counted = Date.now();
    const read = () => services.health.read();
    const bar = await StatusBar({ health: await lately(services.health, 'health', read) });
    const parts: string[] = [];
    if (bar !== health) parts.push(partial('#status', 'outerMorph', bar));
    health = bar;
    if (all) {
      // Figures from before the last change may be given again, and then have to be asked for once more.
      stale = Date.now() - changed < latelyMs;
      const [counts, stats] = await Promise.all([countRuns(database, query), readWeek(database)]);
      parts.push(`<title>${escapeHtml(`${homeTitle(counts)} · Bakeoff`)}</title>`);
      parts.push(partial('#filters', 'outerMorph', await Filters({ query, counts })));
      parts.push(partial('#week', 'outerMorph', await Week({ stats })));
    }
    return parts.join('\n');
  }
}

/** A run that was deleted meanwhile has no row any more. */
function goneRun(error: unknown): null {
  if (error instanceof BakeoffError && error.status === 404) return null;
  throw error;
}

/** Resolves after `ms`, or when the signal fires. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
