import { Elysia } from 'elysia';
import { landingModes } from '../../drizzle/schema';
import { direct } from '../core/directive';
import { invalid } from '../core/errors';
import { landRun, undoLanding } from '../core/landing';
import { fit } from './body';
import { readForm } from './form-fields';
import { branchOf, landingAsked } from './landing-asked';
import { landingBody } from './landing-body';
import { bodyOf, typedOf } from './landing-typed';
import { lead, placeOf } from './lead';
import { readId } from './query';
import type { Services } from './services';
import { idempotencyOf } from './start-run';

/** The pages' forms that let a winner out, and take it back. */
export function landingForms(services: Services) {
  const { database, agentSide } = services;
  return new Elysia({ name: 'landing-forms', detail: { hide: true } })
    .post(
      '/runs/:id/land',
      ({ request, params, body }) => landed(services, request, readId(params.id), readForm(body)),
      { parse: 'text' },
    )
    .post(
      '/runs/:id/unland',
      ({ request, params }) => {
        const id = readId(params.id);
        const asked = { id, verb: 'undo the landing of', place: placeOf(request, id) };
        return lead(services, request, asked, async () => {
          await undoLanding(database, id);
          return undefined;
        });
      },
      { parse: 'text' },
    )
    .post(
      '/runs/:id/rebase',
      ({ request, params, body }) => {
        const id = readId(params.id);
        const form = readForm(body);
        const typed = { landing: typedOf(form) };
        const asked = { id, verb: 'ask for a rebase in', place: inDialog(), typed };
        return lead(services, request, asked, async () => {
          const target = await branchOf(services, id, form.get('target') ?? undefined);
          const told = await agentSide.rebaseDirective(id, target);
          await direct(database, id, told);
          return `/runs/${id}?v=${told.variations?.[0] ?? 1}`;
        });
      },
      { parse: 'text' },
    );
}

/** A landing as the dialog asks for it; refused, the dialog comes back with what was chosen in it. */
function landed(services: Services, request: Request, id: number, form: URLSearchParams): Promise<Response> {
  const typed = typedOf(form);
  const asked = { id, verb: 'land', place: inDialog(), typed: { landing: typed } };
  return lead(services, request, asked, async () => {
    const mode = landingModes.find((one) => one === typed.mode);
    if (mode === undefined) throw invalid('mode', 'Choose how it is to land.');
    const body = fit(landingBody, bodyOf(mode, typed));
    const key = idempotencyOf(form.get('token') || null, body);
    const { database } = services;
    await landRun(database, id, await landingAsked(services, id, body), key);
    return `/runs/${id}`;
  });
}

function inDialog() {
  return { page: 'run', search: new URLSearchParams({ sheet: 'land' }) } as const;
}
