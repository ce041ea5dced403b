import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { Checkpoint, Page, Run } from '../../src/core/contract';
import { type Served, serve } from '../support/served';
import { until } from '../support/wait';

const bad = 'Here:\n```diff\n--- a/seed.txt\n+++ b/seed.txt\n@@ -1 +1 @@\n-nothing <like> it\n+tree\n```\n';
const good = '*** Begin Patch\n*** Add File: tree.txt\n+a tree\n*** End Patch\n';

let served: Served;
let id: number;
beforeAll(async () => {
  served = await serve();
  await served.api('/agents', {
    ...{ name: 'sloppy', kind: 'builtin', provider: 'scripted', model: 'script' },
    scenario: { turns: [{ text: bad }] },
  });
  const form = { project: served.sample, goal: 'A tree', variations: '1', agents: 'sloppy', mode: 'patch' };
  const made = await served.post('/runs', form);
  expect(made.status).toBe(303);
  id = Number(/\/runs\/(\d+)$/.exec(made.headers.get('location') ?? '')?.[1]);
  await ended();
}, 60_000);
afterAll(() => served?.stop(), 30_000);

const ended = () =>
  until(async () => {
    const run = await served.api<Run>(`/runs/${id}`);
    return run.completed_at !== null && run;
  }, 'the end of the run');

/** Hands a patch in as a browser does, with the line breaks of forms. */
function handIn(patch: string): Promise<Response> {
  const body = new FormData();
  body.set('patch', patch.replaceAll('\n', '\r\n'));
  return served.get(`/runs/${id}/variations/1/mend`, {
    method: 'POST',
    body,
    headers: { origin: served.service.url },
  });
}

test('an answer that cannot be applied is mended on the page, and checked', async () => {
  const run = await ended();
  expect([run.options.mode, run.status, run.error?.code]).toEqual([
    'patch',
    'needs_review',
    'patch_rejected',
  ]);
  const page = await (await served.get(`/runs/${id}`)).text();
  expect(page).toContain('Its patch could not be applied');
  expect(page).toContain('-nothing &lt;like&gt; it\n+tree');

  const empty = await handIn(' \n');
  expect(empty.status).toBe(422);
  expect(await empty.text()).toContain('the box is empty');
  // Line breaks take two bytes in a form, and do not count.
  const long = await handIn(`typed <here>${'\n'.repeat(3_000_000)}${'x'.repeat(1_000_001)}`);
  expect(long.status).toBe(422);
  expect(await long.text()).toContain('typed &lt;here&gt;');
  expect((await handIn('x'.repeat(8_400_000))).status).toBe(413);
  const unreadable = await served.post(`/runs/${id}/variations/1/mend`, {});
  expect(unreadable.status).toBe(422);

  const taken = await handIn(good);
  expect([taken.status, taken.headers.get('location')]).toEqual([303, `/runs/${id}?v=1`]);
  const mended = await ended();
  expect(mended.status).toBe('completed');
  expect(await (await served.get(`/runs/${id}`)).text()).toContain('<section id="mend" hidden>');

  const late = await handIn('typed too late');
  expect(late.status).toBe(409);
  const said = await late.text();
  expect(said).toContain(`Could not mend run #${id}.`);
  expect(said).toContain('typed too late');
}, 60_000);

test('a checkpoint names the variation that told of it', async () => {
  await served.post(`/runs/${id}/variations/1/fork`, { checkpoint: '1', agent: '', directive: '' });
  const told = async (position: number) => {
    const { items } = await served.api<Page<Checkpoint>>(`/runs/${id}/variations/${position}/checkpoints`);
    return items[0]?.told_by;
  };
  expect([await told(1), await told(2)]).toEqual([1, 1]);
});

test('a mode that does not exist, or does not go with what is asked, is told at its field', async () => {
  const form = { project: served.sample, goal: 'x', variations: '1', agents: 'sloppy' };
  const unknown = await served.post('/runs', { ...form, mode: 'guess' });
  expect(unknown.status).toBe(422);
  expect(await unknown.text()).toContain('aria-describedby="s-mode-e"');
  const asked = await served.post('/runs', { ...form, mode: 'patch', approval: 'plan' });
  expect(asked.status).toBe(422);
  expect(await asked.text()).toContain('mode patch has no plan');
});

test('workers and statistics have pages, which the others lead to', async () => {
  const workers = await (await served.get('/workers')).text();
  expect(workers).toContain('1 alive');
  expect(workers).toContain(`process ${process.pid}`);
  expect(await (await served.get('/workers/list')).text()).toStartWith('<section class="panel" id="workers"');
  const home = await (await served.get('/')).text();
  for (const path of ['/workers', '/stats']) expect(home).toContain(`<a href="${path}"`);
  for (const path of ['/stats', '/stats?d=7', '/stats?d=x']) {
    const answer = await served.get(path);
    expect(answer.status).toBe(200);
    // The person's patch is an edit, too: new files fit exactly.
    expect(await answer.text()).toContain('1 of 2');
  }
});
