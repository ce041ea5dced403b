import { describe, expect, test } from 'bun:test';
import { emptyEntry, StartForm } from '../../src/views/form';
import { RunHead } from '../../src/views/runhead';
import { Waits } from '../../src/views/waits';
import { now, run, shell } from './fixtures';

describe('what waits for a winner', () => {
  test('is on the first page: the run to pick from, and those that wait', async () => {
    const pick = { id: 12, name: 'Round <refunds>', since: '2026-11-21T20:40:21.000Z', says: null };
    const one = await Waits({ waits: [], picks: [{ ...pick, waiting: [13] }], now });
    expect(one).toContain('Pick a winner');
    expect(one).toContain('Round &lt;refunds&gt;');
    expect(one).toMatch(/Run <a href="\/runs\/13">#13<\/a> waits for its winner/);
    expect(one).toContain('waits 60 s');
    expect(one).toContain('>1</span>');
    const many = Array.from({ length: 12 }, (_, i) => 20 + i);
    const all = await Waits({ waits: [], picks: [{ ...pick, waiting: many }], now });
    expect(all).toContain('#29</a> and 2 more wait for its winner');
    expect(await Waits({ waits: [], picks: Array(50).fill({ ...pick, waiting: [13] }), now })).toContain(
      '>50+</span>',
    );
  });

  test('is said by the run that waits, with the way to the other', async () => {
    const pending = {
      status: 'pending' as const,
      started_at: null,
      depends_on: [12],
      waits_for_winner_of: 12,
    };
    const page = String(await RunHead({ run: run(pending), now }));
    expect(page).toContain('Waits for the winner of <a href="/runs/12">#12</a>');
    expect(page).not.toContain('to complete');
    const more = String(await RunHead({ run: run({ ...pending, depends_on: [9, 12] }), now }));
    expect(more).toMatch(/one has to be picked\. Waits for <a href="\/runs\/9">#9<\/a> to complete/);
  });
});

test('a run of a flow leads to the others, and one by itself to none', async () => {
  const page = String(
    await RunHead({ run: run({ run_type: 'pipeline', flow: { place: 2, runs: [211, 212, 213] } }), now }),
  );
  expect(page).toContain('Part 2 of 3 of a pipeline');
  expect(page).toContain('<a href="/runs/211">#211</a> → <b>#212</b> → <a href="/runs/213">#213</a>');
  expect(String(await RunHead({ run: run(), now }))).not.toContain('Part ');
});

test('the base of a run is said in words, with its commit once, short', async () => {
  const sha = '0123456789abcdef0123456789abcdef01234567';
  const base = async (change: Parameters<typeof run>[0]) =>
    /<dt>Base<\/dt>\s*<dd>(.*?)<\/dd>/s
      .exec(String(await RunHead({ run: run(change), now })))?.[1]
      ?.replace(/\s+/g, ' ')
      .trim();
  const short = '<small><code>0123456</code></small>';
  const flow = (place: number) => ({ flow: { place, runs: [211, 212, 213] }, base: sha, base_sha: sha });
  expect(await base(flow(2))).toBe(`the result of <a href="/runs/211">run 211</a> ${short}`);
  expect(await base({ ...flow(3), base: null, base_sha: null })).toBe(
    'the result of <a href="/runs/212">run 212</a>',
  );
  expect(await base({ ...flow(1), base: 'main' })).toBe(`main ${short}`);
  expect(await base({ base: sha, base_sha: sha })).toBe(`a commit ${short}`);
  expect(await base({ base: sha, base_sha: null })).toBe(`a commit ${short}`);
  expect(await base({ base: '<b>', base_sha: null })).toBe('&lt;b&gt;');
});

test('the form asks who picks, how often, how it lands, and whether losers are stopped', async () => {
  const form = async (change = {}) =>
    String(await StartForm({ shell: shell(), prefix: 's', entry: { ...emptyEntry(shell()), ...change } }));
  const usual = await form();
  for (const name of ['pick', 'max_iterations', 'land', 'stop_losers'])
    expect(usual).toContain(`name="${name}"`);
  expect(usual).toMatch(/<option value="person" selected/);
  expect(usual).not.toMatch(/name="stop_losers"[^>]* checked/);
  const other = await form({ pick: 'verdict', max_iterations: '5', land: 'pull_request', stop_losers: 'on' });
  expect(other).toMatch(/<option value="verdict" selected/);
  expect(other).toMatch(/<option value="pull_request" selected/);
  expect(other).toMatch(/name="stop_losers"[^>]* checked/);
  expect(other).toContain('the verdict picks · 5 iterations · lands as pull request · stops the others');
});
