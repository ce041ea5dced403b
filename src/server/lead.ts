import { BakeoffError } from '../core/errors';
import { getRun } from '../core/run';
import { comparePage } from './compare-page';
import { enqueue } from './enqueue';
import { searchOf } from './form-fields';
import { seeOther } from './page-shell';
import type { Refused } from './refused';
import { runPage } from './run-page';
import type { Services } from './services';

/** Where a form of a run stands: on its compare page, or on its own. */
export interface Place {
  page: 'compare' | 'run';
  search: URLSearchParams;
}

export interface Led {
  id: number;
  /** What a person wanted: `Could not pick a winner of run 12`. */
  verb: string;
  /** The page that it comes back to with what is wrong. */
  place: Place;
  /** What was typed, to come back if it could not be done. */
  typed?: Pick<Refused, 'picked' | 'landing' | 'commented'>;
}

/**
 * Does what a plain form asks and leads on: to where the act says, else back to the page that it stood on. Refused, that
 * page comes back, and says why.
 */
export async function lead(
  services: Services,
  request: Request,
  { id, verb, place, typed }: Led,
  act: () => Promise<string | undefined>,
): Promise<Response> {
  await getRun(services.database, id);
  let next: string | undefined;
  try {
    next = await act();
  } catch (error) {
    // What is away may be back in a while: that is said here as well, and nothing typed is lost.
    if (!(error instanceof BakeoffError) || (error.status >= 500 && error.status !== 503)) throw error;
    const problem = { strong: `Could not ${verb} run #${id}.`, rest: error.message };
    const page = place.page === 'compare' ? comparePage : runPage;
    return page(services, request, id, place.search, { status: error.status, problem, ...typed });
  }
  await enqueue(services, id);
  return seeOther(next ?? addressOf(id, place));
}

/** The page that a form stood on, without the dialog that it stood in; the compare page where that is not told. */
export function placeOf(request: Request, id: number): Place {
  const from = request.headers.get('referer') ?? '';
  if (!URL.canParse(from)) return { page: 'compare', search: new URLSearchParams() };
  const { pathname } = new URL(from);
  const search = searchOf(from);
  search.delete('sheet');
  if (pathname === `/runs/${id}`) return { page: 'run', search };
  const same = pathname === `/runs/${id}/compare`;
  return { page: 'compare', search: same ? search : new URLSearchParams() };
}

export function addressOf(id: number, { page, search }: Place): string {
  const text = search.toString();
  return `/runs/${id}${page === 'compare' ? '/compare' : ''}${text === '' ? '' : `?${text}`}`;
}
