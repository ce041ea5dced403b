import { randomUUID } from 'node:crypto';
import { Elysia } from 'elysia';
import { decide, listApprovals } from '../core/approval';
import { direct } from '../core/directive';
import { invalid } from '../core/errors';
import { fork, retry, rollback } from '../core/rewind';
import { changeRun, getRun } from '../core/run';
import { pause, resume, stop } from '../core/steer';
import { SayToken } from '../views/compose';
import { partial } from '../views/partial';
import { Waits } from '../views/waits';
import { agentFor } from './api/fork';
import { requireBytes } from './body';
import { commented } from './comment-form';
import { reprioritize } from './enqueue';
import { timeOf } from './entry';
import { type Asked, answer, shownIn } from './form-answer';
import { readForm, searchOf, textOf, whole } from './form-fields';
import { readWaits } from './list-view';
import { pageHeaders } from './page-shell';
import { readId } from './query';
import type { Services } from './services';
import { sheetOf } from './sheets';
import { idempotencyOf } from './start-run';

/** The pages' forms that steer a run. Each does what its call of the API does. */
export function steeringForms(services: Services) {
  const { database } = services;
  const routes = new Elysia({ name: 'steering-forms', detail: { hide: true } });
  for (const [verb, act] of Object.entries({ pause, resume, stop })) {
    routes.post(
      `/runs/:id/${verb}`,
      ({ params, request }) => {
        const id = readId(params.id);
        return answer(services, request, { id, verb, form: shownIn(request) }, () => act(database, id));
      },
      { parse: 'text' },
    );
    routes.post(
      `/runs/:id/variations/:position/${verb}`,
      ({ params, request }) => {
        const [id, position] = [readId(params.id), readId(params.position)];
        const form = shownIn(request);
        if (!form.has('v')) form.set('v', String(position));
        return answer(services, request, { id, verb, form }, () => act(database, id, position));
      },
      { parse: 'text' },
    );
  }
  return routes
    .get('/runs/:id/sheet', async ({ params, request }) => {
      const run = await getRun(database, readId(params.id));
      const sheet = await sheetOf(services, run, searchOf(request.url));
      return new Response(sheet === null ? '' : String(sheet), { headers: pageHeaders });
    })
    .post(
      '/runs/:id/retry',
      ({ params, request, body }) => retried(services, request, params.id, null, body),
      {
        parse: 'text',
      },
    )
    .post(
      '/runs/:id/variations/:position/retry',
      ({ params, request, body }) => retried(services, request, params.id, params.position, body),
      { parse: 'text' },
    )
    .post(
      '/runs/:id/variations/:position/rollback',
      ({ params, request, body }) => {
        const [id, position] = [readId(params.id), readId(params.position)];
        const form = new URLSearchParams({ v: String(position) });
        return answer(services, request, { id, verb: 'go back', form }, () =>
          rollback(database, id, position, whole(readForm(body).get('checkpoint'))),
        );
      },
      { parse: 'text' },
    )
    .post(
      '/runs/:id/variations/:position/fork',
      ({ params, request, body }) => {
        const [id, position] = [readId(params.id), readId(params.position)];
        const form = readForm(body);
        const agent = form.get('agent') ?? '';
        const directive = textOf(form, 'directive');
        const sent = new URLSearchParams({ v: String(position) });
        return answer(services, request, { id, verb: 'fork', form: sent }, async () => {
          requireBytes('directive', directive, 20_000);
          const made = await fork(database, id, position, {
            checkpoint: whole(form.get('checkpoint')),
            agent_id: agent === '' ? null : await agentFor(services, id, whole(agent)),
            directive: directive || null,
          });
          sent.set('v', String(made));
        });
      },
      { parse: 'text' },
    )
    .post(
      '/runs/:id/change',
      ({ params, request, body }) => {
        const id = readId(params.id);
        const form = readForm(body);
        return answer(services, request, { id, verb: 'change', form: new URLSearchParams() }, () =>
          change(services, id, form),
        );
      },
      { parse: 'text' },
    )
    .post(
      '/runs/:id/directives',
      ({ params, request, body }) => {
        const form = readForm(body);
        const say = form.has('path') ? commented : told;
        return say(services, request, readId(params.id), form);
      },
      {
        parse: 'text',
      },
    )
    .post(
      '/runs/:id/approvals/:approval',
      ({ params, request, body }) =>
        decided(services, request, readId(params.id), readId(params.approval), readForm(body)),
      { parse: 'text' },
    );
}

function retried(
  services: Services,
  request: Request,
  run: string,
  variation: string | null,
  body: unknown,
): Promise<Response> {
  const id = readId(run);
  const position = variation === null ? undefined : readId(variation);
  const from = readForm(body).get('from') === 'start' ? 'start' : 'checkpoint';
  const form = new URLSearchParams(position === undefined ? {} : { v: String(position) });
  return answer(services, request, { id, verb: 'retry', form }, () =>
    retry(services.database, id, position, from),
  );
}

/** A directive; the page gets a new token with the answer, and lets go of what was typed. */
function told(services: Services, request: Request, id: number, form: URLSearchParams): Promise<Response> {
  const text = textOf(form, 'text');
  const to = form.get('to') ?? '';
  const token = form.get('token') ?? '';
  const shown = new URLSearchParams({ v: form.get('v') ?? '1' });
  const asked: Asked = {
    ...{ id, verb: 'tell anything to', form: shown, typed: { text, to } },
    parts: async () => partial('#say-token', 'outerHTML', await SayToken({ token: randomUUID() })),
    headers: { 'hx-trigger': 'directive-sent' },
  };
  return answer(services, request, asked, async () => {
    if (text === '') throw invalid('text', 'Say what the agent is to hear.');
    requireBytes('text', text, 20_000);
    const directive = { text, variations: to === 'all' ? null : [whole(to)], path: null, line: null };
    await direct(services.database, id, directive, idempotencyOf(token === '' ? null : token, directive));
  });
}

/** An answer to a question: where it was asked, or from the first page. */
function decided(
  services: Services,
  request: Request,
  id: number,
  approval: number,
  form: URLSearchParams,
): Promise<Response> {
  const { database } = services;
  const decision = form.get('decision');
  const atHome = form.get('from') === 'home';
  const asked: Asked = {
    ...{ id, verb: 'answer', atHome, form: new URLSearchParams({ v: form.get('v') ?? '1' }) },
    parts: async () => (atHome ? waitsNow(services) : ''),
  };
  return answer(services, request, asked, async () => {
    if (decision !== 'approve' && decision !== 'deny') throw invalid('decision', 'Approve or deny.');
    const comment = textOf(form, 'comment');
    const plan = textOf(form, 'plan');
    requireBytes('comment', comment, 10_000);
    requireBytes('plan', plan, 50_000);
    const open = (await listApprovals(database, id)).find((one) => one.id === approval);
    const changed = plan !== '' && plan !== open?.question.plan?.trim();
    await decide(database, id, approval, {
      decision,
      comment: comment || null,
      plan: decision === 'approve' && open?.kind === 'plan' && changed ? plan : null,
    });
  });
}

async function waitsNow({ database }: Services): Promise<string> {
  const waits = await readWaits(database);
  return partial('#waits', 'outerMorph', await Waits({ ...waits, now: new Date() }));
}

async function change(services: Services, id: number, form: URLSearchParams): Promise<void> {
  const name = form.get('name')?.trim() ?? '';
  if (name === '' || name.length > 200) throw invalid('name', 'A name has 1 to 200 characters.');
  const priority = form.has('priority') ? whole(form.get('priority')) : null;
  if (priority !== null && (priority < 1 || priority > 10))
    throw invalid('priority', 'A priority is between 1 and 10.');
  const time = form.has('scheduled_at') ? timeOf(form.get('scheduled_at') ?? '') : undefined;
  if (time === 'unreadable') throw invalid('scheduled_at', 'A time, such as 2026-11-22 02:00, in UTC.');
  await changeRun(services.database, id, {
    name,
    ...(priority === null ? {} : { priority }),
    ...(time === undefined ? {} : { scheduled_at: time === null ? null : new Date(time) }),
  });
  if (priority !== null) await reprioritize(services, id);
}
