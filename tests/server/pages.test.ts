import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { drizzle } from 'drizzle-orm/postgres-js';
import * as schema from '../../drizzle/schema';
import { finish } from '../../src/core/claim';
import type { Run } from '../../src/core/contract';
import { openSql } from '../../src/core/db';
import { stop } from '../../src/core/steer';
import { countRuns, newestRun } from '../../src/server/list-view';
import { readQuery, type Show } from '../../src/views/query';
import { claimOne, makeRun } from '../core/scene';
import { freshDatabase } from '../support/database';
import { type Served, serve } from '../support/served';

/** A goal that would be a script, a tag that ends a field, and a message to htmx, were it not escaped. */
const hostile = '<img src=x onerror=alert(1)>"\'</textarea><hx-partial hx-target="body">';

let served: Served;
/** One run of two variations, whose feed was read past its end. */
let id: number;
let feed: string;
beforeAll(async () => {
  served = await serve();
  ({ id, feed } = await finished());
}, 60_000);
afterAll(() => served?.stop(), 30_000);

const form = (change: Record<string, string | string[]> = {}) => ({
  project: served.sample,
  goal: hostile,
  variations: '2',
  agents: ['careful', 'hasty'],
  task_type: 'coding',
  timeout: '5',
  budget_usd: '',
  base: '',
  ...change,
});

/** Reads a run's feed until it has told of the run's end; it stays open, for what comes after. */
async function readFeed(id: number, lastEventId?: string): Promise<string> {
  const gone = new AbortController();
  const until = AbortSignal.timeout(20_000);
  const answer = await served.get(`/runs/${id}/feed?v=1&after=0`, {
    signal: AbortSignal.any([gone.signal, until]),
    ...(lastEventId === undefined ? {} : { headers: { 'last-event-id': lastEventId } }),
  });
  expect(answer.headers.get('content-type')).toStartWith('text/event-stream');
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = '';
  let end: number | null = null;
  for (;;) {
    const { value } = await reader.read();
    text += decoder.decode(value, { stream: true });
    end ??= await endOf(id);
    const told = Math.max(...[...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1])));
    if (end !== null && told >= end && text.endsWith('\n\n')) break;
  }
  gone.abort();
  return text;
}

/** The number of the event that ended a run; null before. */
async function endOf(id: number): Promise<number | null> {
  const { items } = await served.api<{ items: { seq: number }[] }>(
    `/runs/${id}/events?type=run.completed&type=run.failed&limit=200`,
  );
  return items.at(-1)?.seq ?? null;
}

/** Starts a run from the form, and follows the page's feed past its end. */
async function finished(): Promise<{ id: number; feed: string }> {
  const made = await served.post('/runs', form());
  expect(made.status).toBe(303);
  const id = Number(/\/runs\/(\d+)$/.exec(made.headers.get('location') ?? '')?.[1]);
  return { id, feed: await readFeed(id) };
}

describe('the list', () => {
  test('is a whole page under a policy that lets nothing inline or foreign in', async () => {
    const response = await served.get('/');
    const page = await response.text();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(response.headers.get('content-security-policy')).not.toContain('unsafe');
    expect(page).toStartWith('<!doctype html>');
    expect(page).not.toMatch(/<style|\sstyle=|\son[a-z]+="|<script>|https?:\/\/(?!www\.w3\.org)[a-z]/);
  });

  test('serves its files by their content, to be kept', async () => {
    const page = await (await served.get('/')).text();
    for (const [, path] of page.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)) {
      const file = await fetch(new URL(path ?? '', served.service.url));
      expect(file.status).toBe(200);
      expect(file.headers.get('cache-control')).toContain('immutable');
      expect((await file.text()).length).toBeGreaterThan(500);
    }
    expect((await served.get('/assets/..%2fpages.ts')).status).toBe(404);
  });

  test('keeps the theme in a cookie, and goes back only to a path of its own', async () => {
    const response = await served.post('/theme', { theme: 'dark', back: '//elsewhere.example' });
    expect(response.headers.get('location')).toBe('/');
    const cookie = response.headers.get('set-cookie') ?? '';
    expect(cookie).toStartWith('theme=dark');
    const own = (await served.post('/theme', { theme: 'light', back: '/?show=live' })).headers.get(
      'location',
    );
    expect(own).toBe('/?show=live');
  });

  test('takes nonsense in its address as nothing', async () => {
    for (const path of [
      '/?show=x&sort=y&project_id=-1&cursor=%00',
      '/?project_id=99999999999',
      '/?q=%25%5C%27',
    ]) {
      expect((await served.get(path)).status).toBe(200);
    }
  });
});

describe('the form', () => {
  test('starts a run and leads to its page', async () => {
    const run = await served.api<Run>(`/runs/${id}`);
    expect(run.variations.map((one) => one.agent.name)).toEqual(['careful', 'hasty']);
    expect(run.options.timeout_s).toBe(300);
    const page = await (await served.get(`/runs/${id}`)).text();
    expect(page).toContain('sh tests/run.sh');
  });

  test.each([
    [{ goal: ' ' }, 'goal', 'Say what'],
    [{ project: '/nowhere/at/all' }, 'project', ''],
    [{ variations: '17' }, null, 'Between 1 and 16'],
    [{ base: 'no-such-branch' }, 'base', ''],
    [{ timeout: 'soon' }, 'timeout', 'minutes'],
    [{ budget_usd: '-3' }, 'budget_usd', 'dollars'],
    [{ agents: ['nobody'] }, 'agents', 'nobody'],
  ] as const)('comes back as it was, with what is wrong: %p', async (change, field, says) => {
    const response = await served.post(
      '/runs',
      form({ goal: 'Keep <this> & that', ...change } as Record<string, string>),
    );
    const page = await response.text();
    expect(response.status).toBe(422);
    expect(page).toContain(says);
    if (field !== 'goal') expect(page).toContain('Keep &lt;this&gt; &amp; that');
    if (field !== null)
      expect(page).toMatch(new RegExp(`aria-invalid="true"[^>]*aria-describedby="s-${field}-e"`));
  });

  test('refuses a page of another site', async () => {
    const response = await served.get('/runs', {
      method: 'POST',
      body: 'goal=x',
      headers: { origin: 'https://evil.example' },
    });
    expect(response.status).toBe(403);
  });
});

describe('a run', () => {
  test('has a feed that stays open, and can be resumed exactly', async () => {
    const ids = [...feed.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    const fresh = (text: string) =>
      [...text.matchAll(/<li class="ev[^"]*" id="([^"]+)"/g)].map((match) => match[1]);
    const middle = ids[Math.floor(ids.length / 2)] ?? 0;
    const rest = await readFeed(id, String(middle));
    // All the items: those sent up to the middle, and those that come after it.
    const upTo = feed.slice(0, feed.indexOf(`\nid: ${middle}\n`) + 1);
    const sent = upTo + feed.slice(upTo.length).split('\n\n')[0];
    expect(new Set([...fresh(sent), ...fresh(rest)])).toEqual(new Set(fresh(feed)));
    expect(rest).not.toContain('Workspace ready');
  });

  test('shows what it did and what it changed', async () => {
    const stream = await (await served.get(`/runs/${id}?v=1`)).text();
    expect(stream).toContain('Workspace ready');
    expect(stream).toContain('exit 1');
    expect(stream).toContain('hx-sse:connect'); // A verdict, a landing, a retry come after the end.
    const changes = await (await served.get(`/runs/${id}?v=1&tab=changes`)).text();
    expect(changes).toContain('<tr class="add">');
    expect(changes).toContain('<ins>');
    const raw = /href="([^"]+\/diff)"/.exec(changes)?.[1] ?? '';
    expect(await (await served.get(raw)).text()).toStartWith('diff --git');
  });

  test('is escaped wherever it is shown', async () => {
    for (const text of [
      feed,
      await (await served.get(`/runs/${id}`)).text(),
      await (await served.get('/')).text(),
    ]) {
      expect(text).toContain('&lt;img src=x');
      expect(text).not.toContain('<img');
      expect(text).not.toContain('hx-target="body"');
    }
  });

  test('is found under its other name', async () => {
    expect((await served.get('/tasks/1')).headers.get('location')).toBe('/runs/1');
    expect((await served.get('/task/1')).headers.get('location')).toBe('/runs/1');
  });

  test('that is not there is a page that says so', async () => {
    for (const path of ['/runs/999999', '/runs/x', '/runs/999999/feed', '/no/such/page']) {
      const response = await served.get(path);
      expect(response.status).toBe(404);
      expect(await response.text()).toContain('There is nothing here');
    }
  });
});

/** Every page and fragment that is read, with all that any address of ours may say. */
const read = () => [
  ...['/', '/feed', '/stats', '/projects', '/projects/1', '/settings', '/workers', '/workers/list', '/docs'],
  ...['', '/feed', '/earlier', '/compare', '/compare/lines', '/graft', '/sheet'].map(
    (part) => `/runs/${id}${part}`,
  ),
];
const names =
  'q show sort project_id cursor d v tab page before after from to view path hunk file on gap sheet checkpoint approval start end';

test('no page makes a mistake of an address that is nonsense', async () => {
  const values = [
    '%00',
    'a%00b',
    '-1',
    '0',
    '1e400',
    '9'.repeat(20),
    '%ff%fe',
    '%F0%9F',
    '%ED%A0%80',
    "';--",
    '%25',
    'x'.repeat(300),
  ];
  const wrong: string[] = [];
  for (const path of read())
    for (const value of values) {
      const search = names
        .split(' ')
        .map((name) => `${name}=${value}`)
        .join('&');
      const gone = new AbortController();
      const { status } = await served.get(`${path}?${search}`, {
        headers: { accept: 'text/html' },
        signal: gone.signal,
      });
      gone.abort();
      if (status >= 400) wrong.push(`${path}?${search} ${status}`);
    }
  expect(wrong).toEqual([]);
});

test('a form that names with a NUL what is not there is told so', async () => {
  const started = await served.post('/runs', { ...form({ goal: 'x' }), project: 'a\0b' });
  const judged = await served.post('/settings', { execution: 'on', judges: 'a\0b' });
  expect([started.status, judged.status]).toEqual([422, 422]);
});

test('who is not signed in is told what to open, and nothing else', async () => {
  const response = await fetch(served.service.url, { headers: { accept: 'text/html' } });
  const page = await response.text();
  expect(response.status).toBe(401);
  expect(page).toContain('Open the link');
  expect(page).not.toContain('Postgres');
});

test('the list is kept up to date with the runs that are added', async () => {
  const gone = new AbortController();
  const feed = await served.get('/feed', { signal: gone.signal });
  const reader = (feed.body as ReadableStream<Uint8Array>).getReader();
  const made = await served.post('/runs', form({ variations: '1', agents: ['hasty'] }));
  const newest = /\d+$/.exec(made.headers.get('location') ?? '')?.[0];
  const row = `hx-target="#run-${newest}"`;
  const until = AbortSignal.timeout(15_000);
  let text = '';
  while (!text.slice(text.lastIndexOf(row)).includes('data-s="completed"') || !text.includes(row)) {
    if (until.aborted) throw new Error(`run ${newest} did not show as completed`);
    const { value } = await reader.read();
    text += new TextDecoder().decode(value);
  }
  gone.abort();
  expect(text.slice(0, text.indexOf(row))).toContain(`<li class="run" id="run-${newest}">`);
}, 20_000);

test('the numbers on the filters are one count, shared by all viewers, and a stopped run is not a failed one', async () => {
  const database = await freshDatabase();
  const client = openSql(database.address, { max: 1 });
  try {
    const queries: string[] = [];
    const db = drizzle(client, { schema, logger: { logQuery: (query) => queries.push(query) } });
    const counted = { db, sql: database.sql };
    expect(await newestRun(counted)).toBe(0);
    const ids = [await makeRun(database), await makeRun(database), await makeRun(database)] as const;
    await stop(database, ids[0]);
    const error = { code: 'internal', message: 'x' } as const;
    await finish(database.sql, await claimOne(database, ids[1]), { status: 'failed', error });
    const all = readQuery(new URLSearchParams());
    const viewers = await Promise.all(
      (['all', 'live', 'failed'] as Show[]).map((show) => countRuns(counted, { ...all, show })),
    );
    for (const counts of viewers)
      expect(counts).toEqual({ all: 3, live: 1, waiting: 0, completed: 0, review: 0, failed: 1, stopped: 1 });
    expect(queries).toHaveLength(1);
    expect(await countRuns(counted, { ...all, q: 'nothing like it' })).toMatchObject({ all: 0, stopped: 0 });
    expect(await newestRun(counted)).toBe(ids[2]);
    expect(queries).toHaveLength(2);
  } finally {
    await client.end();
    await database.drop();
  }
});
