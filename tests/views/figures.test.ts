import { describe, expect, test } from 'bun:test';
import type { WeekWins, Wins, WorkerStatus } from '../../src/core/contract';
import { Checkpoints } from '../../src/views/checkpoints';
import { emptyEntry, StartForm } from '../../src/views/form';
import { Mend } from '../../src/views/mend';
import { StatisticsPage } from '../../src/views/statistics';
import { WorkersPage } from '../../src/views/workers';
import { now, run, shell, stats, variation } from './fixtures';

const evil = '"><script>x</script>';

describe('the workers', () => {
  const worker = (change: Partial<WorkerStatus> = {}): WorkerStatus => ({
    ...{ id: 'here-1-a', host: 'here', pid: 71, concurrency: 2, version: '0.1.0', sandbox: 'bubblewrap' },
    ...{ sandbox_detail: null, started_at: '2026-11-21T18:41:21Z', heard_at: '2026-11-21T20:41:20Z' },
    ...{ alive: true, busy: [] },
    ...change,
  });
  const page = (workers: WorkerStatus[]) => WorkersPage({ shell: shell({ path: '/workers' }), workers });

  test('are nobody, with what to do about it', async () => {
    const none = await page([]);
    expect(none).toContain('No worker is running');
    expect(none).toContain('./bakeoff worker');
    expect(none).not.toContain('<table');
  });

  test('are listed with what each does, and since when it was heard', async () => {
    const text = await page([
      worker({ busy: [{ run_id: 212, position: 2 }] }),
      worker({ id: 'there', host: 'there', alive: false, heard_at: '2026-11-21T20:38:21Z' }),
    ]);
    expect(text).toContain('1 alive, 1 of 2 places taken, 1 gone');
    expect(text).toContain('<a href="/runs/212?v=2">#212, variation 2</a>');
    for (const said of ['process 71', '2 h ago', 'just now', '3 min ago', 'alive</span>', 'gone</span>'])
      expect(text).toContain(said);
  });

  test('are as many as there are, and hostile in none of their names', async () => {
    const text = await page(
      Array.from({ length: 200 }, (_, i) =>
        worker({ id: `${evil}${i}`, host: evil, version: evil, sandbox: evil, sandbox_detail: evil }),
      ),
    );
    expect(text.match(/<th scope="row">/g)).toHaveLength(200);
    expect(text).not.toContain('<script>');
  });
});

describe('the statistics', () => {
  test('give every rate with what it was counted of', async () => {
    const page = await StatisticsPage({ shell: shell({ path: '/stats' }), stats, range: 30 });
    expect(page).toContain('198 of 200');
    expect(page).toContain('<b>99 %</b>');
    expect(page).toContain('35 of 39');
    expect(page).toContain('trailing space');
    expect(page).toMatch(/aria-label="99 %, likely between 96\.4 % and 99\.7 %"/);
    expect(page).toMatch(/<a href="\/stats" aria-current="page">/);
  });

  test('invent nothing where there was nothing', async () => {
    const none = {
      ...{ ...stats, runs: 0, by_status: {}, success_rate: null, patch_apply_rate: null, cost_usd: 0 },
      ...{ patches: { applied: 0, rejected: 0 }, median_duration_s: null },
      edits: { applied: 0, rejected: 0, rate: null, tiers: {} },
      days: [{ day: '2026-11-21', completed: 0, failed: 0 }],
    };
    const page = await StatisticsPage({ shell: shell(), stats: none, range: 7 });
    expect(page).toContain('nothing to count yet');
    expect(page).not.toMatch(/NaN|Infinity|null/);
  });

  test('escape the names of tiers', async () => {
    const edits = { applied: 1, rejected: 0, rate: 1, tiers: { [evil]: 1 } };
    const page = await StatisticsPage({ shell: shell(), stats: { ...stats, edits }, range: 7 });
    expect(page).not.toContain('<script>');
  });
});

describe('who wins', () => {
  const agent = (name: string, change: Partial<Wins> = {}): Wins => ({
    ...{ agent: name, model: `${name}-model`, task_type: 'coding', runs: 40, wins: 30, rate: 0.75 },
    ...{ low: 0.6, high: 0.86, cost_usd: 12 },
    ...change,
  });
  const page = (wins: Wins[], wins_by_week: WeekWins[] = []) =>
    StatisticsPage({ shell: shell(), stats: { ...stats, wins, wins_by_week }, range: 30 });
  const row = (text: string, name: string) =>
    new RegExp(`<th scope="row">${name}[^]*?</tr>`)
      .exec(text)?.[0]
      .replace(/<[^>]+>/g, ' ')
      .replace(/\s+/g, ' ') ?? '';

  test('is nobody before there was a contest, and that is said', async () => {
    const none = await page([]);
    expect(none).toContain('No contest yet');
    expect(none).not.toMatch(/NaN|Wins a week|Win rate by task/);
  });

  test('is told over all kinds of task, with n, the likely range and what a win costs', async () => {
    const text = await page([
      agent('anna'),
      agent('anna', { task_type: 'review', runs: 10, wins: 2, rate: 0.2, cost_usd: 4 }),
      agent('ben', { runs: 50, wins: 12, rate: 0.24, cost_usd: null }),
      agent('cleo', { runs: 3, wins: 0, rate: 0, cost_usd: 1 }),
    ]);
    expect(row(text, 'anna')).toContain('32 of 50 64 % $0.50');
    expect(text).toContain('aria-label="64 %, likely between 50 % and 76 %"');
    expect(row(text, 'ben')).toContain('12 of 50 24 % unknown');
    expect(row(text, 'cleo')).toContain('0 of 3 0 % –');
    const names = [...text.matchAll(/<th scope="row">(anna|ben|cleo) /g)].map((match) => match[1]);
    expect(names).toEqual(['anna', 'ben', 'cleo']);
    // By task: the hotter the more often, and nothing where too few were counted.
    expect(text).toMatch(/<td class="n q3" title="30 of 40">75 %</);
    expect(text).toMatch(/<td class="n q1" title="2 of 10">20 %</);
    expect(text).toMatch(/<td class="n" title="0 of 3"><small>too few</);
  });

  test('is told by week, in words too', async () => {
    const week = (monday: string, runs: number, wins: number): WeekWins => ({
      ...{ week: monday, agent: 'anna', model: 'm', runs, wins },
    });
    const text = await page(
      [agent('anna')],
      [week('2026-11-16', 4, 3), week('2026-08-24', 2, 1), week('2026-01-05', 9, 9)],
    );
    expect(text).toContain(
      'aria-label="anna won 1 of 2 in the week of 24 Aug, 3 of 4 in the week of 16 Nov"',
    );
    expect(text).toContain('16 Nov: 3 of 4 won');
    expect(text.match(/<title>\d+ \w+: \d of \d won/g)).toHaveLength(2);
  });

  test('has no hostile name, and as many columns as there is room for', async () => {
    const many = Array.from({ length: 30 }, (_, i) => agent(`${evil}${i}`, { model: evil }));
    const text = await page(many, [{ week: '2026-11-16', agent: `${evil}1`, model: evil, runs: 4, wins: 3 }]);
    expect(text).not.toContain('<script>');
    expect(text.match(/class="week"/g)).toHaveLength(6);
  });
});

describe('what needs review', () => {
  const needs = (change: object = {}) =>
    variation(2, {
      status: 'needs_review',
      error: { code: 'patch_rejected', message: 'a.txt, hunk 1 of 1: <line> 3 differs' },
      result: '\nDo </textarea><b>this</b>\r\n',
      ...change,
    });

  test('shows the reasons, the answer, and the answer again to be mended', async () => {
    const text = await Mend({ run: run(), variation: needs() });
    expect(text).toContain('&lt;line&gt; 3 differs');
    expect(text).toContain('What could not be applied');
    expect(text).toContain('action="/runs/212/variations/2/mend"');
    // A browser drops the first line break of a box.
    expect(text).toContain('>\n\nDo &lt;/textarea');
    expect(text.match(/<\/textarea>/g)).toHaveLength(1);
    expect(text).not.toContain('\r');
  });

  test('of another kind has the form folded, and nothing else in it', async () => {
    const error = { code: 'no_changes', message: 'nothing was changed' } as const;
    const text = await Mend({ run: run(), variation: needs({ error, result: 'I looked.' }) });
    expect(text).toContain('<details class="more">');
    expect(text).not.toContain('I looked.');
  });

  test('is nothing else; but what was typed too late is kept', async () => {
    const done = needs({ status: 'completed', error: null });
    expect(await Mend({ run: run(), variation: done })).toBe('<section id="mend" hidden></section>');
    expect(await Mend({ run: run(), variation: done, typed: 'my patch' })).toContain('my patch');
  });
});

test('the form that starts a run offers one answer instead of tools, and says so folded', async () => {
  const entry = { ...emptyEntry(shell()), mode: 'patch' };
  const form = await StartForm({ shell: shell(), prefix: 's', entry });
  expect(form).toMatch(/name="mode" value="patch" checked/);
  expect(form).toContain('· one answer, a patch');
  expect(await StartForm({ shell: shell(), prefix: 's' })).toMatch(/name="mode" value="tools" checked/);
});

test('a fork’s first checkpoint leads to the stream that tells of it, its own ones stay on the page', async () => {
  const patch = { files: 1, additions: 1, deletions: 0, bytes: 10 };
  const point = (checkpoint: number, told_by: number) => ({
    ...{ checkpoint, step: 1, seq: checkpoint * 10, told_by, patch, current: false },
    created_at: now.toISOString(),
  });
  const checkpoints = [point(1, 2), point(2, 4)];
  const list = await Checkpoints({ run: 212, position: 4, checkpoints, now });
  expect(list).toContain('href="/runs/212?v=2#e10"');
  expect(list).toContain('href="#e20"');
});
