import { escapeHtml } from '@kitajs/html';
import { BakeoffError } from '../core/errors';
import { getRun } from '../core/run';
import { Filters, homeStatus, homeTitle, Week } from '../views/home';
import { favicon } from '../views/marks';
import { partial } from '../views/partial';
import { isFiltered, type ListQuery } from '../views/query';
import { RunList, RunRow } from '../views/runlist';
import { StatusBar } from '../views/status';
import { Waits, waitCount } from '../views/waits';
import { lately, latelyMs } from './lately';
import { countRuns, listPage, newestRun, readWaits, readWeek } from './list-view';
import { pause } from './pause';
import type { Services } from './services';
import type { ServerSentEvent } from './sse';

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
  // Changes come from the record; the service's health has none, so the wait for changes is cut by a clock. They are
  // listened to before the list is read: what changes in between is told after it.
  const changes = services.feed.changes({ signal })[Symbol.asyncIterator]();
  let next = changes.next();
  try {
    yield [{ data: await wholeList() }];
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
    // Read before the list: a run that is added in between is in the list, or newer than what is known, and never neither.
    const known = await newestRun(database);
    const [page, counts] = await Promise.all([listPage(database, query), countRuns(database, query)]);
    newest = Math.max(newest, known, ...page.items.map((run) => run.id));
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
      const [counts, stats, waits] = await Promise.all([
        countRuns(database, query),
        readWeek(database),
        readWaits(database),
      ]);
      const title = homeTitle(counts, waitCount(waits));
      const icon = favicon(homeStatus(counts, waitCount(waits)));
      parts.push(`<title>${escapeHtml(`${title} · Bakeoff`)}</title>`);
      parts.push(partial('#icon', 'outerMorph', `<link id="icon" rel="icon" href="${escapeHtml(icon)}">`));
      parts.push(partial('#waits', 'outerMorph', await Waits({ ...waits, now: new Date() })));
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
