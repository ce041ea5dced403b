import { describe, expect, test } from 'bun:test';
import { ErrorPage } from '../../src/views/errorpage';
import { HomePage } from '../../src/views/home';
import { RunPage } from '../../src/views/runpage';
import { Timeline } from '../../src/views/timeline';
import { TimelineSteps } from '../../src/views/timeline-steps';
import { events, facts, health, now, run, shell, stats } from './fixtures';

const counts = { all: 1, live: 1, waiting: 0, completed: 0, review: 0, failed: 0, stopped: 0 };
const home = (change = {}) =>
  HomePage({
    shell: shell(),
    query: { show: 'all', sort: 'live' },
    page: { items: [run()], total: 1, next_cursor: null },
    stats,
    counts,
    waits: { waits: [], picks: [] },
    projects: [],
    ...change,
  });

function runPage(change = {}) {
  const one = run(change);
  const variation = one.variations[0];
  if (!variation) throw new Error('no variation');
  return RunPage({
    ...{ shell: shell(), run: one, variation, tab: 'events', items: [], earlier: null, seq: 7, files: [] },
    ...{ steps: new TimelineSteps(), checkpoints: [], token: 'a-token' },
  });
}

describe('pages', () => {
  test('say loudly that agents run without a sandbox', async () => {
    expect(await home({ shell: shell({ health: { ...health, unsafe: true } }) })).toContain('Unsafe mode');
    expect(await home()).not.toContain('Unsafe mode');
  });

  test('tell a newcomer how to get an agent', async () => {
    expect(await home({ shell: shell({ agents: [], defaultAgent: null }) })).toContain('OPENAI_API_KEY');
  });

  test('are empty in words', async () => {
    const none = { page: { items: [], total: 0, next_cursor: null }, counts: { ...counts, all: 0, live: 0 } };
    expect(await home(none)).toContain('No runs yet');
    const searched = { ...none, query: { show: 'all', sort: 'live', q: '<x>' } };
    expect(await home(searched)).toContain('No run matches “&lt;x&gt;”');
  });

  test('of a run connect once, where the page ends, also of one that is over: its verdict and landing come after', async () => {
    expect(await runPage()).toContain('hx-sse:connect="/runs/212/feed?v=1&tab=events&after=7"');
    expect((await runPage({ status: 'completed' })).match(/hx-sse:connect/g)).toHaveLength(1);
  });

  test('escape every text of a run', async () => {
    const evil = '"><script>x</script>';
    const poisoned = JSON.parse(JSON.stringify(run()), (key, value) =>
      typeof value === 'string' && !/_at$|status|code|result|type|^_/.test(key) ? `${evil}${value}` : value,
    );
    poisoned.error = { code: 'internal', message: evil };
    const pages = [
      await runPage(poisoned),
      await home({ page: { items: [poisoned], total: 1, next_cursor: 'x' } }),
    ];
    for (const page of pages) {
      expect(page).toContain('&lt;script');
      expect(page.replaceAll(/<script src="\/assets\/[^"]+" defer><\/script>/g, '')).not.toContain('<script');
    }
  });

  test('have no id twice, and a label for every field', async () => {
    for (const page of [await home(), await runPage()]) {
      const ids = [...page.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]);
      expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
      for (const [, id] of page.matchAll(/<(?:input(?! type="hidden")|select|textarea)[^>]* id="([^"]+)"/g)) {
        if (id !== 'keys-on') expect(page).toContain(`for="${id}"`);
      }
    }
  });

  test('tell a stranger nothing', async () => {
    const page = await ErrorPage({ shell: shell(), status: 401, message: 'the secret reason' });
    expect(page).not.toContain('secret');
    expect(page).not.toContain('ledgerline');
  });
});

test('the timeline stays within its width', async () => {
  const steps = new TimelineSteps();
  for (const event of events(facts)) steps.take(event);
  const svg = await Timeline({ run: run(), steps, current: 1, now });
  const sizes = [...svg.matchAll(/ (?:x|x1|x2|width)="([\d.]+)%"/g)].map((match) => Number(match[1]));
  expect(sizes.length).toBeGreaterThan(10);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(100);
});
