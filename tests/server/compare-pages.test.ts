import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Run } from '../../src/core/contract';
import { git } from '../support/repository';
import { type Served, serve } from '../support/served';
import { until } from '../support/wait';
import { readStream } from './sse-reader';

let served: Served;
/** Two variations that change the same line of `a.txt` to different words, and nothing else. */
let run: number;

const text = (word: string) =>
  `${Array.from({ length: 30 }, (_, i) => (i === 14 ? word : `line ${i + 1}`)).join('\n')}\n`;

beforeAll(async () => {
  served = await serve();
  const repository = join(dirname(served.sample), 'words');
  mkdirSync(repository);
  writeFileSync(join(repository, 'a.txt'), text('base'));
  for (const words of ['init -q', 'add -A', 'commit -q -m first']) git(repository, ...words.split(' '));
  for (const name of ['left', 'right']) {
    const write = { name: 'write_file', arguments: { path: 'a.txt', content: text(name) } };
    const turns = [
      { text: 'I write.', tool_calls: [write] },
      { text: 'Done.', tool_calls: [{ name: 'finish', arguments: { summary: 'Wrote.' } }] },
    ];
    const agent = { kind: 'builtin', provider: 'scripted', model: 'scripted-word', name };
    await served.api('/agents', { ...agent, scenario: { turns } });
  }
  const { id } = await served.api<{ id: number }>('/projects', { name: 'words', local_path: repository });
  const body = { project_id: id, goal: 'Change the word', agents: ['left', 'right'], variations: 2 };
  run = (await served.api<Run>('/runs', { ...body, options: { pick: 'verdict' } })).id;
  await until(async () => {
    const now = await served.api<Run>(`/runs/${run}`);
    return now.verdict !== null && !now.judging;
  }, 'the verdict');
}, 60_000);
afterAll(() => served?.stop(), 30_000);

const page = async (path: string) => (await served.get(path)).text();
const both = { on: '0', hunk: ['1:a.txt:1', '2:a.txt:1'] };

describe('parts that want different things of one place', () => {
  const search = 'on=0&hunk=1:a.txt:1&hunk=2:a.txt:1&to=1';

  test('are shown in the tray, which then makes nothing', async () => {
    const tray = await page(`/runs/${run}/graft?${search}`);
    expect(tray).toStartWith('<form class="tray" id="graft"');
    expect(tray).toContain('one conflict');
    expect(tray).toContain('title="Solve the conflicts first"');
    expect(await page(`/runs/${run}/compare?${search}`)).toContain('conflicts with hunk 1 of variation 2');
  });

  test('come back as they were when they are sent all the same', async () => {
    const answer = await served.post(`/runs/${run}/grafts`, both);
    const html = await answer.text();
    expect(answer.status).toBe(409);
    expect(html).toContain(`Could not make a variation for run #${run}.`);
    expect(html).toContain('value="1:a.txt:1" checked');
    expect((await served.api<Run>(`/runs/${run}`)).variations).toHaveLength(2);
  });
});

test('a graft that is sent twice is one', async () => {
  const fields = { on: '0', hunk: '1:a.txt:1', token: 'sent-twice' };
  const first = await served.post(`/runs/${run}/grafts`, fields);
  const again = await served.post(`/runs/${run}/grafts`, fields);
  expect(first.headers.get('location')).toBe(`/runs/${run}?v=3`);
  expect(again.headers.get('location')).toBe(`/runs/${run}?v=3`);
  const done = await until(async () => {
    const now = await served.api<Run>(`/runs/${run}`);
    return now.status === 'completed' && !now.judging && now;
  }, 'the graft');
  expect(done.variations).toHaveLength(3);
});

test('folded lines come in the place of what stood for them', async () => {
  const shown = await page(`/runs/${run}/compare/lines?to=1&path=a.txt&old=1&now=1&count=2`);
  expect(shown).toStartWith('<tbody><tr>');
  expect(shown).toContain('line 2');
  expect(shown).not.toContain('line 3');
  expect(await page(`/runs/${run}/compare/lines?to=1&path=../a&old=1&now=1&count=2`)).not.toContain('line');
  expect(await page(`/runs/${run}/compare/lines?to=1`)).toBe('');
});

test('a run whose verdict asks is on the first page until somebody has picked, and its compare page hears of that', async () => {
  expect(await page('/')).toContain(`id="pick-${run}"`);
  expect(await page('/')).toContain(`href="/runs/${run}/compare"`);
  const gone = new AbortController();
  const feed = readStream(await served.get(`/runs/${run}/feed?page=compare&to=1`, { signal: gone.signal }));
  await until(async () => feed.events.length > 0, 'the first message');
  expect(feed.events[0]?.data).toContain('hx-target="#matrix"');
  const heard = feed.events.length;
  const picked = await served.post(`/runs/${run}/winner`, { variation: '1', note: 'The first' });
  expect(picked.status).toBe(303);
  const said = () => feed.events.slice(heard).map((one) => one.data);
  await until(async () => said().join('').includes('“The first”'), 'the choice');
  expect(said().join('')).toContain('hx-target="#verdict"');
  gone.abort();
  await feed.ended;
  expect(await page('/')).not.toContain(`id="pick-${run}"`);
  expect((await served.post(`/runs/${run}/unpick`, {})).status).toBe(303);
  expect(await page('/')).toContain(`id="pick-${run}"`);
}, 20_000);

test('a run that has not begun, or has one variation only, is shown as such', async () => {
  const { project_id } = await served.api<Run>(`/runs/${run}`);
  const body = { project_id, goal: 'Change the word', agents: ['left'] };
  const scheduled_at = new Date(Date.now() + 86_400_000).toISOString();
  const later = await served.api<Run>('/runs', { ...body, scheduled_at });
  const pending = await page(`/runs/${later.id}/compare`);
  expect(pending).toContain('Nothing to compare yet');
  expect(pending).toContain('title="No variation is completed, so none can be picked"');
  expect(await page(`/runs/${later.id}`)).toContain('<section id="verdict" hidden>');
  const { id } = await served.api<Run>('/runs', body);
  await until(async () => (await served.api<Run>(`/runs/${id}`)).status === 'completed', 'the end');
  for (const address of [`/runs/${id}`, `/runs/${id}/compare`]) {
    const single = await page(address);
    expect(single).toContain('One result');
    expect(single).toContain('Pick 1');
  }
}, 20_000);

describe('what cannot be done', () => {
  test.each([
    ['/runs/999999/winner', { variation: '1' }, 404],
    ['/runs/1/winner', { variation: '9' }, 404],
    ['/runs/1/winner', { variation: 'x' }, 422],
    ['/runs/1/grafts', {}, 422],
    ['/runs/1/grafts', { on: '0', hunk: '1:a.txt:7' }, 422],
    ['/runs/1/grafts', { on: '0', file: '1:\0' }, 422],
    ['/runs/1/land', { mode: 'branch' }, 409],
    ['/runs/1/land', { mode: 'elsewhere' }, 422],
    ['/runs/1/land', { mode: 'pull_request' }, 422],
    ['/runs/1/unland', {}, 404],
    ['/runs/1/rebase', {}, 409],
    ['/runs/1/directives', { path: 'a.txt', line: '0', text: 'x', to: '1' }, 422],
    ['/runs/1/directives', { path: 'a.txt', line: '1', text: ' ', to: '1' }, 422],
    ['/runs/1/directives', { path: 'a.txt', line: '1', text: 'x', to: '12' }, 404],
  ] as const)('is said on the page that asked for it: %s %p', async (path, fields, status) => {
    const answer = await served.post(path, fields);
    const html = await answer.text();
    expect([answer.status, html.slice(0, 15)]).toEqual([status, '<!doctype html>']);
  });

  test('is a note that is too long', async () => {
    const answer = await served.post(`/runs/${run}/winner`, { variation: '1', note: 'x'.repeat(2001) });
    expect(answer.status).toBe(422);
  });

  test('keeps the note of a pick, and the words of a comment', async () => {
    const picked = await (
      await served.post(`/runs/${run}/winner`, { variation: '9', note: 'Be<cause' })
    ).text();
    expect(picked).toContain('value="Be&lt;cause"');
    const back = `/runs/${run}/compare?to=1`;
    const said = { path: 'a.txt', line: '15', text: 'Why<this', to: '77', back };
    const answer = await (await served.post(`/runs/${run}/directives`, said)).text();
    expect(answer).toContain('Why&lt;this</textarea>');
    expect(answer).toContain('value="15"');
  });

  test('addresses that make no sense show what there is', async () => {
    const odd = 'from=9&to=-1&show=x&hunk=%00&file=1&path=nowhere&view=none&after=zz&page=compare';
    expect((await served.get(`/runs/${run}/compare?${odd}`)).status).toBe(200);
    expect((await served.get('/runs/999999/compare')).status).toBe(404);
    expect((await served.get('/runs/999999/graft')).status).toBe(404);
    expect((await served.get('/runs/x/compare/lines')).status).toBe(404);
  });
});
