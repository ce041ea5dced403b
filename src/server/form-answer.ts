import { BakeoffError } from '../core/errors';
import { getRun } from '../core/run';
import { partial } from '../views/partial';
import { isOver } from '../views/runlist';
import { Toast } from '../views/toast';
import { verdictEvents } from './compare-matter';
import { enqueue } from './enqueue';
import { searchOf } from './form-fields';
import { home } from './home-page';
import { pageHeaders, seeOther, takesParts } from './page-shell';
import { chosen, runPage, tabOf } from './run-page';
import { loadMatter, runParts } from './run-parts';
import type { Services } from './services';

export interface Asked {
  id: number;
  /** What a person wanted: `Could not pause run 12`. */
  verb: string;
  /** Which variation and tab the page shows that it came from. */
  form: URLSearchParams;
  /** What was typed, to come back if it could not be sent. */
  typed?: { text: string; to: string };
  mended?: { position: number; text: string };
  /** More for a page that takes parts. */
  parts?: () => Promise<string>;
  headers?: Record<string, string>;
  /** The first page sent it. */
  atHome?: boolean;
}

/**
 * Does what a form asks and answers as its page needs it: where a script asked, with the places of the page that
 * changed, or a toast that says why not; else by leading back to the page, or with the page that says so.
 */
export async function answer(
  services: Services,
  request: Request,
  asked: Asked,
  act: () => Promise<unknown>,
): Promise<Response> {
  const { database } = services;
  const { id, form } = asked;
  const inParts = takesParts(request);
  const before = await getRun(database, id);
  try {
    await act();
  } catch (error) {
    if (!(error instanceof BakeoffError) || error.status >= 500) throw error;
    const problem = { strong: `Could not ${asked.verb} run #${id}.`, rest: error.message };
    if (inParts) return parts(partial('#toasts', 'beforeend', await Toast({ level: 'bad', ...problem })));
    const { typed, mended } = asked;
    const refused = {
      ...{ status: error.status, problem },
      ...(typed ? { typed } : {}),
      ...(mended ? { mended } : {}),
    };
    return asked.atHome
      ? home(services, request, { refused })
      : runPage(services, request, id, form, refused);
  }
  await enqueue(services, id);
  const address = asked.atHome ? '/' : addressOf(id, form);
  if (!inParts) return seeOther(address);
  // The page of a run that was over has no feed: it is made anew.
  if (isOver(before.status) && !asked.atHome) return parts('', { 'hx-redirect': address });
  const more = asked.parts ? await asked.parts() : '';
  return parts(asked.atHome ? more : `${await placesOf(services, id, form)}\n${more}`, asked.headers);
}

async function placesOf({ database }: Services, id: number, form: URLSearchParams): Promise<string> {
  const run = await getRun(database, id);
  const variation = chosen(run.variations, form.get('v'));
  const matter = await loadMatter(database, id, variation.position);
  const events = await verdictEvents(database, run);
  const places = await runParts(run, variation, tabOf(form), matter, new Date(), events);
  return places
    .map(([place, html]) => (place === 'title' ? html : partial(place, 'outerMorph', html)))
    .join('\n');
}

/** Which variation and tab the page shows that a button stands on. */
export function shownIn(request: Request): URLSearchParams {
  const from = request.headers.get('hx-current-url') ?? request.headers.get('referer') ?? '';
  const search = URL.canParse(from) ? searchOf(from) : new URLSearchParams();
  const kept = new URLSearchParams();
  for (const name of ['v', 'tab']) {
    const value = search.get(name);
    if (value !== null && /^\w{1,10}$/.test(value)) kept.set(name, value);
  }
  return kept;
}

function addressOf(id: number, form: URLSearchParams): string {
  const text = form.toString();
  return text === '' ? `/runs/${id}` : `/runs/${id}?${text}`;
}

export function parts(html: string, headers: Record<string, string> = {}): Response {
  return new Response(html, { headers: { ...pageHeaders, 'cache-control': 'no-store', ...headers } });
}
