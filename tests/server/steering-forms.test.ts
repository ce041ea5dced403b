import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Run } from '../../src/core/contract';
import type { Settings } from '../../src/core/settings';
import { type Served, serve } from '../support/served';
import { until } from '../support/wait';

let served: Served;
/** A run that has ended. */
let ended: number;
beforeAll(async () => {
  served = await serve();
  ended = await start();
  await until(async () => (await read(ended)).completed_at !== null, 'the end of the run');
}, 60_000);
afterAll(() => served?.stop(), 30_000);

const read = (id: number) => served.api<Run>(`/runs/${id}`);
const form = { project: '', goal: 'Correct it', variations: '1', agents: 'hasty', task_type: 'coding' };

/** Starts a run by the page's form. */
async function start(change: Record<string, string> = {}): Promise<number> {
  const made = await served.post('/runs', { ...form, project: served.sample, ...change });
  expect(made.status).toBe(303);
  return Number(/\/runs\/(\d+)$/.exec(made.headers.get('location') ?? '')?.[1]);
}

/** A time as `datetime-local` has it. */
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 16);

/** The same as a script of the page sends it. */
function postInParts(path: string, fields: Record<string, string>): Promise<Response> {
  return served.get(path, {
    method: 'POST',
    body: new URLSearchParams(fields).toString(),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      origin: served.service.url,
      'hx-request': 'true',
    },
  });
}

describe('a form that cannot be done', () => {
  test.each(['pause', 'resume', 'stop'])('comes back as its page, with the reason: %s', async (verb) => {
    const answer = await served.post(`/runs/${ended}/${verb}`, {});
    const page = await answer.text();
    expect(answer.status).toBe(409);
    expect(page).toStartWith('<!doctype html>');
    expect(page).toContain(`Could not ${verb} run #${ended}.`);
  });

  test('keeps what was typed', async () => {
    const answer = await served.post(`/runs/${ended}/directives`, { text: 'Do <this>', to: 'all', v: '1' });
    expect(answer.status).toBe(409);
    expect(await answer.text()).toMatch(/<textarea[^>]* id="say"[^>]*>\nDo &lt;this&gt;<\/textarea>/);
  });

  test('is a toast for a page that takes parts', async () => {
    const answer = await postInParts(`/runs/${ended}/variations/1/pause`, {});
    const text = await answer.text();
    expect(answer.status).toBe(200);
    expect(text).toStartWith('<hx-partial hx-target="#toasts"');
    expect(text).toContain('nothing to pause');
  });

  test.each([
    ['/runs/999999/pause', {}, 404],
    ['/runs/x/variations/1/retry', {}, 404],
    ['/runs/1/variations/9/fork', { checkpoint: '0' }, 404],
    ['/runs/1/variations/1/rollback', { checkpoint: '-1' }, 422],
    ['/runs/1/approvals/77', { decision: 'approve' }, 404],
    ['/runs/1/approvals/77', { decision: 'perhaps' }, 422],
    ['/runs/1/change', { name: ' ' }, 422],
    ['/runs/1/change', { name: 'x', priority: '11' }, 422],
    ['/runs/1/directives', { text: ' ', to: '1' }, 422],
    ['/runs/1/directives', { text: 'x', to: 'everybody' }, 422],
  ] as const)('is never a blank page or JSON: %s %p', async (path, fields, status) => {
    const answer = await served.post(path, fields);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toStartWith('<!doctype html>');
  });

  test('changes nothing when another site sent it', async () => {
    const answer = await served.get(`/runs/${ended}/retry`, {
      method: 'POST',
      headers: { origin: 'https://evil.example' },
    });
    expect(answer.status).toBe(403);
  });
});

describe('the form that starts a run', () => {
  test('takes approval, priority, time, dependencies and retries', async () => {
    const [soon, later] = [inDays(50), inDays(90)];
    const change = { approval: 'plan', priority: '8', scheduled_at: later, max_retries: '1' };
    const run = await read(await start({ ...change, depends_on: `#${ended}` }));
    expect(run).toMatchObject({
      status: 'pending',
      priority: 8,
      scheduled_at: `${later}:00.000Z`,
      depends_on: [ended],
      options: { approval: 'plan', max_retries: 1 },
    });
    const page = await (await served.get(`/runs/${run.id}`)).text();
    expect(page).toMatch(/Waits until [^<]+ UTC, and for/);

    const changed = await served.post(`/runs/${run.id}/change`, {
      ...{ name: 'Another name', priority: '2', scheduled_at: soon },
    });
    expect(changed.status).toBe(303);
    expect(await read(run.id)).toMatchObject({
      ...{ name: 'Another name', priority: 2, scheduled_at: `${soon}:00.000Z` },
    });
    await served.post(`/runs/${run.id}/stop`, {});
  });

  test('takes who picks, how often it goes on, how it lands, and whether losers are stopped', async () => {
    const change = { pick: 'verdict', max_iterations: '5', land: 'branch', stop_losers: 'on' };
    const { options, id } = await read(await start({ ...change, scheduled_at: inDays(50) }));
    expect(options).toMatchObject({ pick: 'verdict', max_iterations: 5, stop_losers: true });
    expect(options.land).toMatchObject({ mode: 'branch', target: null, squash: true });
    await served.post(`/runs/${id}/stop`, {});
  });

  test.each([
    [{ max_iterations: '21' }, 'max_iterations'],
    [{ pick: 'dice' }, 'pick'],
    [{ land: 'by post' }, 'land'],
    [{ land: 'pull_request' }, 'land'],
    [{ priority: '11' }, 'priority'],
    [{ scheduled_at: 'soon' }, 'scheduled_at'],
    [{ depends_on: 'the last' }, 'depends_on'],
    [{ depends_on: '99999' }, 'depends_on'],
    [{ max_retries: '-1' }, 'max_retries'],
  ] as const)('says what is wrong where it is wrong: %p', async (change, field) => {
    const answer = await served.post('/runs', { ...form, project: served.sample, ...change });
    const page = await answer.text();
    expect(answer.status).toBe(422);
    expect(page).toMatch(new RegExp(`aria-invalid="true"[^>]*aria-describedby="s-${field}-e"`));
  });
});

test('the settings are a form, which says what is no number', async () => {
  const none = { per_agent: '', per_provider: '', retention_days: '30', remove_after_days: '' };
  const saved = await served.post('/settings', { execution: 'off', all: '8', per_project: '4', ...none });
  expect(saved.headers.get('location')).toBe('/settings?saved');
  expect(await served.api<Settings>('/settings')).toEqual({
    execution: false,
    limits: { all: 8, per_project: 4, per_agent: null, per_provider: null },
    retention_days: 30,
    remove_after_days: null,
    judges: [],
  });
  const wrong = await served.post('/settings', { execution: 'on', all: 'many', per_project: '', ...none });
  expect(wrong.status).toBe(422);
  expect(await wrong.text()).toContain('aria-describedby="set-all-e"');
  expect((await served.api<Settings>('/settings')).limits.all).toBe(8);
  await served.post('/settings', { execution: 'on', all: '', per_project: '', ...none, retention_days: '' });
});

test('judges are chosen in their order, and one that is chosen twice comes back as it was', async () => {
  const numbers = ['all', 'per_project', 'per_agent', 'per_provider', 'retention_days', 'remove_after_days'];
  const rest = { execution: 'on', ...Object.fromEntries(numbers.map((name) => [name, ''])) };
  const judges = async () => (await served.api<Settings>('/settings')).judges;
  const chosen = (page: string) =>
    [...page.matchAll(/<option value="([^"]+)" selected>/g)].map((match) => match[1]);
  await served.post('/settings', { ...rest, judges: ['hasty', '', 'careful'] });
  expect(await judges()).toEqual(['hasty', 'careful']);
  expect(chosen(await (await served.get('/settings')).text()).slice(0, 2)).toEqual(['hasty', 'careful']);
  for (const wrong of [
    ['careful', 'careful'],
    ['careful', '<b>nobody'],
  ]) {
    const refused = await served.post('/settings', { ...rest, judges: wrong });
    expect(refused.status).toBe(422);
    const page = await refused.text();
    expect(page).toContain('aria-describedby="set-judges-e"');
    expect(chosen(page).slice(0, 2)).toEqual(wrong.map((name) => name.replace('<b>', '&lt;b&gt;')));
  }
  // A form that has no such field changes nothing of it.
  await served.post('/settings', rest);
  expect(await judges()).toEqual(['hasty', 'careful']);
  await served.post('/settings', { ...rest, judges: ['', ''] });
  expect(await judges()).toEqual([]);
});

test('a dialog has an address, as a part and as a page', async () => {
  const part = await (await served.get(`/runs/${ended}/sheet?sheet=fork&v=1&checkpoint=0`)).text();
  expect(part).toStartWith('<dialog');
  const page = await (await served.get(`/runs/${ended}?sheet=fork&v=1&checkpoint=0`)).text();
  expect(page).toContain(part.slice(0, 60));
  expect(await (await served.get(`/runs/${ended}/sheet?sheet=nonsense`)).text()).toBe('');
});

test('a page of a run that is over is made anew when the run goes on, and one that lives gets its parts', async () => {
  const told = { text: 'Once more', to: '1', v: '1', token: 'one-and-the-same' };
  const answer = await postInParts(`/runs/${ended}/directives`, told);
  expect(answer.headers.get('hx-redirect')).toBe(`/runs/${ended}?v=1`);
  await served.post(`/runs/${ended}/directives`, told);
  const { items } = await served.api<{ items: unknown[] }>(`/runs/${ended}/directives`);
  expect(items).toHaveLength(1);

  const id = await start({ agents: 'careful' });
  const parts = await (await postInParts(`/runs/${id}/pause`, {})).text();
  for (const place of ['#run-head', '#tabs', '#short']) expect(parts).toContain(`hx-target="${place}"`);
  await until(async () => (await read(id)).status === 'paused', 'the pause');
  const sent = await postInParts(`/runs/${id}/directives`, { ...told, token: 'another' });
  expect(sent.headers.get('hx-trigger')).toBe('directive-sent');
  expect(await sent.text()).toContain('hx-target="#say-token"');
  await served.post(`/runs/${id}/stop`, {});
}, 30_000);
