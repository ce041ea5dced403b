import { randomUUID } from 'node:crypto';
import type { Run } from '../core/contract';
import { listDirectives } from '../core/directive';
import { listEvents } from '../core/event';
import { getRun } from '../core/run';
import { type CompareQuery, readCompareQuery } from '../views/compare-address';
import { boxesOf, shownFiles } from '../views/compared-files';
import { ComparePage } from '../views/comparepage';
import { GapLines, readGap } from '../views/gap';
import { Tray } from '../views/tray';
import { criteriaOf, loadBehind, loadComposed, loadSides, verdictEvents } from './compare-matter';
import { pageHeaders, shellOf } from './page-shell';
import type { Refused } from './refused';
import { landedOf } from './run-parts';
import type { Services } from './services';
import { sheetOf } from './sheets';

/** A run's variations side by side, as the address asks for them. */
export async function comparePage(
  services: Services,
  request: Request,
  id: number,
  search: URLSearchParams,
  refused?: Refused,
): Promise<Response> {
  const { database } = services;
  // The newest event first: the feed goes on after it, and what is read later can only be newer.
  const [newest] = await listEvents(database, id, { before: Number.MAX_SAFE_INTEGER, limit: 1 });
  const run = await getRun(database, id);
  const query = queryOf(run, search);
  const [shell, sides, composed, events, behind, directives, sheet] = await Promise.all([
    shellOf(services, request),
    loadSides(services, run, query),
    loadComposed(services, run, query),
    verdictEvents(database, run),
    loadBehind(database, run),
    listDirectives(database, id),
    sheetOf(services, run, search, refused),
  ]);
  const markup = await ComparePage({
    ...{ shell, run, verdict: run.verdict, criteria: criteriaOf(run), events, query, ...sides, composed },
    comments: directives.filter((one) => one.path !== null),
    token: randomUUID(),
    behind,
    seq: newest?.seq ?? 0,
    landing: landedOf(run, shell.now),
    problem: refused?.problem,
    picked: refused?.picked,
    commented: refused?.commented,
    sheet: sheet ?? undefined,
  });
  return new Response(markup, { status: refused?.status ?? 200, headers: pageHeaders });
}

/** What was taken so far, looked at: what a page's form asks for whenever a box was ticked. */
export async function tray(services: Services, id: number, search: URLSearchParams): Promise<Response> {
  const run = await getRun(services.database, id);
  const query = queryOf(run, search);
  const [sides, composed] = await Promise.all([
    loadSides(services, run, query, { texts: false }),
    loadComposed(services, run, query),
  ]);
  const here = boxesOf(shownFiles(sides.files ?? [], query), query);
  const html = await Tray({ run: id, query, composed, next: nextOf(run), here, token: randomUUID() });
  return new Response(html, { headers: { ...pageHeaders, 'cache-control': 'no-store' } });
}

/** Lines around a change, in the place of what stood for them. */
export async function gapLines(services: Services, id: number, search: URLSearchParams): Promise<Response> {
  const run = await getRun(services.database, id);
  const query = queryOf(run, search);
  const gap = readGap(search);
  if (gap === null) return new Response('', { headers: pageHeaders });
  const { path, now, count } = gap;
  const wanted = { runId: id, of: query.to, path, from: now, to: now + count - 1 };
  const lines = (await services.results.lines(wanted))?.lines ?? [];
  return new Response(await GapLines({ run: id, query, gap, lines }), { headers: pageHeaders });
}

/** An address of a run's compare page; where it names none, the variation that is picked, leads, or is done is shown. */
export function queryOf(run: Run, search: URLSearchParams): CompareQuery {
  const { winner, verdict, variations } = run;
  const done = variations.find((one) => one.status === 'completed');
  const first = winner?.position ?? verdict?.leaders[0] ?? done?.position ?? 1;
  return readCompareQuery(
    search,
    variations.map((one) => one.position),
    first,
  );
}

/** The position that the next variation will have. */
export function nextOf({ variations }: Run): number {
  return variations.reduce((most, one) => Math.max(most, one.position), 0) + 1;
}
