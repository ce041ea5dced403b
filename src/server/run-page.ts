import { randomUUID } from 'node:crypto';
import type { Variation } from '../core/contract';
import { notFound } from '../core/errors';
import { listEvents } from '../core/event';
import { getRun } from '../core/run';
import { RunPage } from '../views/runpage';
import { verdictEvents } from './compare-matter';
import { pageHeaders, shellOf } from './page-shell';
import type { Refused } from './refused';
import { landedOf, loadMatter } from './run-parts';
import { loadSteps, loadStream } from './run-view';
import type { Services } from './services';
import { sheetOf } from './sheets';

/** A run's page, as its address asks for it. */
export async function runPage(
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
  const seq = newest?.seq ?? 0;
  const variation = chosen(run.variations, search.get('v'));
  const past = seqOf(search.get('before'));
  const [shell, { stream, earlier }, steps, matter, sheet, events] = await Promise.all([
    shellOf(services, request),
    loadStream(database, id, variation.position, past ?? seq + 1),
    loadSteps(database, id, seq + 1),
    loadMatter(database, id, variation.position),
    sheetOf(services, run, search, refused),
    verdictEvents(database, run),
  ]);
  const markup = await RunPage({
    shell,
    run,
    variation,
    tab: tabOf(search),
    items: stream.items,
    earlier,
    seq,
    ...matter,
    steps,
    events,
    landing: landedOf(run, shell.now),
    past: past !== null,
    token: randomUUID(),
    problem: refused?.problem,
    picked: refused?.picked,
    typed: refused?.typed,
    mended: refused?.mended?.position === variation.position ? refused.mended.text : undefined,
    sheet: sheet ?? undefined,
  });
  return new Response(markup, { status: refused?.status ?? 200, headers: pageHeaders });
}

/** The variation that the address names, else the first. */
export function chosen(variations: readonly Variation[], asked: string | null): Variation {
  const found = variations.find((one) => String(one.position) === asked) ?? variations[0];
  if (!found) throw notFound('variation', asked ?? 1);
  return found;
}

export function tabOf(search: URLSearchParams): 'events' | 'changes' {
  return search.get('tab') === 'changes' ? 'changes' : 'events';
}

export function seqOf(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
