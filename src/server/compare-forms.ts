import { Elysia } from 'elysia';
import { invalid } from '../core/errors';
import { createGraft } from '../core/graft';
import { recall } from '../core/idempotency';
import { getRun } from '../core/run';
import { stop } from '../core/steer';
import { judgeAgain } from '../core/verdict';
import { chooseWinner, clearWinner } from '../core/winner';
import { partsOf } from '../views/compare-address';
import { isOver } from '../views/runlist';
import { requireBytes } from './body';
import { comparePage, gapLines, queryOf, tray } from './compare-page';
import { readForm, searchOf, textOf, whole } from './form-fields';
import { lead, placeOf } from './lead';
import { readId } from './query';
import type { Services } from './services';
import { idempotencyOf } from './start-run';

/** The compare page, and what is decided on it: what a graft is made of, who wins, that it is judged again. */
export function comparePages(services: Services) {
  const { database } = services;
  return new Elysia({ name: 'compare-pages', detail: { hide: true } })
    .get('/runs/:id/compare', ({ request, params }) =>
      comparePage(services, request, readId(params.id), searchOf(request.url)),
    )
    .get('/runs/:id/compare/lines', ({ request, params }) =>
      gapLines(services, readId(params.id), searchOf(request.url)),
    )
    .get('/runs/:id/graft', ({ request, params }) => tray(services, readId(params.id), searchOf(request.url)))
    .post(
      '/runs/:id/grafts',
      ({ request, params, body }) => grafted(services, request, readId(params.id), readForm(body)),
      { parse: 'text' },
    )
    .post(
      '/runs/:id/winner',
      ({ request, params, body }) => picked(services, request, readId(params.id), readForm(body)),
      { parse: 'text' },
    )
    .post(
      '/runs/:id/unpick',
      ({ request, params }) => {
        const id = readId(params.id);
        const asked = { id, verb: 'take back the choice for', place: placeOf(request, id) };
        return lead(services, request, asked, () => clearWinner(database, id).then(nowhere));
      },
      { parse: 'text' },
    )
    .post(
      '/runs/:id/verdict',
      ({ request, params }) => {
        const id = readId(params.id);
        const asked = { id, verb: 'judge', place: placeOf(request, id) };
        return lead(services, request, asked, () => judgeAgain(database, id).then(nowhere));
      },
      { parse: 'text' },
    );
}

/** A new variation of what was taken; its own page shows how it is checked. */
function grafted(services: Services, request: Request, id: number, form: URLSearchParams): Promise<Response> {
  const { database } = services;
  const asked = { id, verb: 'make a variation for', place: { page: 'compare', search: form } } as const;
  return lead(services, request, asked, async () => {
    const query = queryOf(await getRun(database, id), form);
    const on = form.get('on') ?? '0';
    const graft = { on: on === '0' ? null : whole(on), parts: partsOf(query.taken) };
    if (query.dropped)
      throw invalid(
        'on',
        'What was taken was for another start, where hunks have other numbers: take it again.',
      );
    if (graft.parts.length === 0) throw invalid('parts', 'Take a hunk or a file first.');
    const key = idempotencyOf(form.get('token') || null, graft);
    const before = await recall(database, `grafts of run ${id}`, key);
    if (before !== null) return `/runs/${id}?v=${before}`;
    const composed = await services.results.compose(id, graft);
    const { position } = await createGraft(database, id, composed, key);
    return `/runs/${id}?v=${position}`;
  });
}

/** A person's choice. It stops nothing, unless asked. */
function picked(services: Services, request: Request, id: number, form: URLSearchParams): Promise<Response> {
  const { database } = services;
  const note = textOf(form, 'note');
  const stopOthers = form.has('stop_others');
  // A button that picks one at once has nothing typed in it.
  const typed = form.has('note') ? { picked: { variation: form.get('variation'), note, stopOthers } } : {};
  const asked = { id, verb: 'pick a winner of', place: placeOf(request, id), typed };
  return lead(services, request, asked, async () => {
    const position = whole(form.get('variation'));
    if (note.length > 2000) throw invalid('note', 'A note has 2,000 characters at most.');
    requireBytes('note', note, 10_000);
    await chooseWinner(database, id, { position, by: 'person', note: note || null });
    if (!stopOthers) return undefined;
    const { variations } = await getRun(database, id);
    for (const one of variations)
      if (one.position !== position && !isOver(one.status)) await stop(database, id, one.position);
    return undefined;
  });
}

function nowhere(): undefined {
  return undefined;
}
