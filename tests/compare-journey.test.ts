import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { Run } from '../src/core/contract';
import { launchChromium, openPage } from './support/browser';
import { git } from './support/repository';
import { type Served, serve } from './support/served';
import { until } from './support/wait';

/** Two half answers become a whole one, which is picked and lands: by keyboard, and without script. */

let served: Served;
let browser: Browser;
let project: number;
let repository: string;

const lines = (wrong: Record<number, string> = {}) =>
  `${Array.from({ length: 20 }, (_, i) => wrong[i + 1] ?? `line ${i + 1}`).join('\n')}\n`;
/** What is wrong with each file is in its third line; the agents also change the eighteenth, which nobody asked for. */
const broken = lines({ 3: 'wrong' });
const mended = lines({ 3: 'right', 18: 'and something else' });

beforeAll(async () => {
  [served, browser] = await Promise.all([serve(), launchChromium()]);
  repository = join(dirname(served.sample), 'halves');
  mkdirSync(join(repository, 'src'), { recursive: true });
  for (const name of ['one', 'two']) writeFileSync(join(repository, 'src', `${name}.txt`), broken);
  for (const words of ['init -q', 'add -A', 'commit -q -m first']) git(repository, ...words.split(' '));
  ({ id: project } = await served.api<{ id: number }>('/projects', {
    ...{ name: 'halves', local_path: repository },
    checks: [{ name: 'tests', command: 'grep -q right src/one.txt && grep -q right src/two.txt' }],
  }));
  for (const name of ['one', 'two']) {
    const write = { name: 'write_file', arguments: { path: `src/${name}.txt`, content: mended } };
    const turns = [
      { text: 'I mend one half.', tool_calls: [write] },
      { text: 'Done.', tool_calls: [{ name: 'finish', arguments: { summary: `Mended ${name}.` } }] },
    ];
    const agent = { kind: 'builtin', provider: 'scripted', model: 'scripted-half', name };
    await served.api('/agents', { ...agent, scenario: { turns } });
  }
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await served?.stop();
}, 30_000);

const at = (path: string) => served.service.url + path;
const readRun = (id: number) => served.api<Run>(`/runs/${id}`);
const branches = () => git(repository, 'branch', '--list', 'bakeoff/*', '--format=%(refname:short)');

/** A run whose two variations have each mended one half. */
async function startRun(): Promise<number> {
  const body = { project_id: project, goal: 'Mend both files', agents: ['one', 'two'], variations: 2 };
  return (await served.api<Run>('/runs', { ...body, options: { max_iterations: 1 } })).id;
}

async function judged(id: number): Promise<Run> {
  return until(async () => {
    const run = await readRun(id);
    return run.verdict !== null && !run.judging && run.status === 'completed' && run;
  }, `the verdict of run ${id}`);
}

/** Goes to a variation with the keys, and comes to rest there. */
async function show(page: Page, position: number): Promise<void> {
  const side = page.locator('#to');
  const all = await side
    .locator('option')
    .evaluateAll((options) => options.map((one) => one.getAttribute('value')));
  const by = all.indexOf(String(position)) - all.indexOf(await side.inputValue());
  if (by === 0) return;
  await page.keyboard.press(by < 0 ? 'h' : 'l');
  await page.waitForURL(new RegExp(`[?&]to=${position}(&|$)`));
}

test('halves of two variations are grafted by keyboard, checked, judged, picked, landed, and taken back', async () => {
  const { page, wrong } = await openPage(browser, served, 1280);
  const id = await startRun();
  await page.goto(at(`/runs/${id}`));
  await page.locator('#verdict h2', { hasText: 'tie' }).waitFor();
  await page.keyboard.press('c');
  await page.waitForURL(/\/compare$/);
  const row = page.locator('#matrix tr', { hasText: 'tests' }).locator('td');
  expect(await row.allTextContents()).toEqual(['still fails', 'still fails']);

  const tray = page.locator('#graft');
  await show(page, 1);
  await page.keyboard.press('J');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('f1');
  await page.keyboard.press('j');
  await page.keyboard.press(' ');
  await tray.getByText('1 hunk of variation 1 in 1 file', { exact: true }).waitFor();
  await tray.getByText('applies').waitFor();
  await show(page, 2);
  await page.keyboard.press('j');
  await page.keyboard.press(' ');
  await tray.getByText('1 hunk of variation 1 in 1 file, 1 hunk of variation 2 in 1 file').waitFor();
  await tray.getByText('applies').waitFor();
  await tray.getByText('Make variation 3').click();

  await page.waitForURL(/\/runs\/\d+\?v=3$/);
  await page.locator('#short .results span[data-s="fixed"]').waitFor();
  expect(await page.locator('#tabs a').nth(2).textContent()).toContain('3 Graft');
  await judged(id);
  await page.locator('#verdict h2', { hasText: '3 is' }).waitFor();
  await page.keyboard.press('c');
  await page.waitForURL(/\/compare$/);
  expect(await page.locator('#matrix thead th').first().textContent()).toContain('3 Graft');
  expect(await row.allTextContents()).toEqual(['fixed', 'still fails', 'still fails']);
  // Each claim leads to the event that it rests on.
  const claims = await page
    .locator('#matrix td > a, #matrix thead a, #verdict p > a')
    .evaluateAll((all) => all.map((one) => (one as HTMLAnchorElement).href));
  expect(claims).toHaveLength(7);
  const witness = await page.context().newPage();
  for (const claim of claims) {
    await witness.goto(claim);
    await witness.locator(new URL(claim).hash).waitFor({ state: 'attached' });
  }
  await witness.close();
  const { verdict: first } = await readRun(id);
  await page.locator('#judge button', { hasText: 'Judge again' }).click();
  await until(async () => {
    const { verdict, judging } = await readRun(id);
    return !judging && verdict?.id !== first?.id;
  }, 'another verdict');

  await page.locator('#judge button', { hasText: 'Judge again' }).waitFor();
  await page.keyboard.press('w');
  await page.locator('#verdict h2', { hasText: '3 is picked' }).waitFor();
  await page.locator('#verdict button', { hasText: 'Pick another' }).click();
  await page.locator('#pick label', { hasText: '3 Graft' }).click();
  await page.locator('#pick-note').fill('Both halves');
  await page.locator('#pick button', { hasText: 'Pick' }).last().click();
  await page.locator('#verdict', { hasText: '“Both halves”' }).waitFor();

  await page.locator('#verdict a', { hasText: 'Land…' }).click();
  const dialog = page.locator('dialog:modal');
  await dialog.getByText('It goes on top.').waitFor();
  await dialog.getByLabel('Title').fill('Mend both halves');
  await dialog.locator('button', { hasText: 'Land' }).last().click();
  await page.locator('#landing [data-s="completed"]', { hasText: 'landed' }).waitFor();
  const branch = branches();
  expect(branch).toStartWith('bakeoff/');
  expect(await page.locator('#landing').textContent()).toContain(branch);
  expect(git(repository, 'show', `${branch}:src/one.txt`)).toBe(lines({ 3: 'right' }).trim());
  expect(git(repository, 'log', '-1', '--format=%s', branch)).toBe('Mend both halves');
  await page.locator('#landing button', { hasText: 'Undo' }).click();
  await page.locator('#landing span[data-s="stopped"]', { hasText: 'undone' }).waitFor();
  expect(branches()).toBe('');

  await page.goto(at('/'));
  await page.locator(`#run-${id}`, { hasText: '3 picked' }).waitFor();
  expect(wrong).toEqual([]);
}, 90_000);

test('a comment on a line goes to its agent, and starts its next iteration', async () => {
  const { page, wrong } = await openPage(browser, served, 1280);
  const id = await startRun();
  await judged(id);
  await page.goto(at(`/runs/${id}/compare?to=1`));
  await page.keyboard.press('j');
  await page.keyboard.press('m');
  await page.locator('tr.note textarea').fill('Leave line 18 alone');
  await page.locator('tr.note button', { hasText: 'Send to 1' }).click();
  const note = page.locator('tr:has(> td:nth-child(2):text-is("3")) + tr.note .voice', {
    hasText: 'Leave line 18 alone',
  });
  await note.waitFor();
  // The page hears of it when it is read.
  await note.getByText('· read').waitFor();
  const told = await until(async () => {
    const run = await readRun(id);
    return run.status === 'completed' && run.variations[0]?.iteration === 2 && run;
  }, 'the next iteration');
  expect(told.variations[1]?.iteration).toBe(1);
  await page.goto(at(`/runs/${id}?v=1`));
  const voice = page.locator('#v1-stream .voice', { hasText: 'Leave line 18 alone' });
  await voice.waitFor();
  expect(await voice.textContent()).toContain('src/one.txt:3');
  expect(wrong).toEqual([]);
}, 90_000);

test('without script the same road is open, and what is refused says why', async () => {
  const { page, wrong } = await openPage(browser, served, 1280, { javaScriptEnabled: false });
  const id = await startRun();
  await judged(id);
  await page.goto(at(`/runs/${id}`));
  await page.locator('#run-head a', { hasText: 'Compare' }).click();
  await page.locator('#to').selectOption('1');
  await page.locator('#show').click();
  await page.getByLabel('Take hunk 1 of variation 1').check();
  await page.locator('#to').selectOption('2');
  await page.locator('#show').click();
  await page.getByLabel('Take the file').check();
  await page.locator('#graft button', { hasText: 'Make variation 3' }).click();
  await page.waitForURL(/\?v=3$/);
  const whole = await judged(id);
  expect(whole.variations[2]?.checks.map((check) => check.result)).toEqual(['fixed']);

  await page.goto(at(`/runs/${id}/compare`));
  await page.locator('#verdict button', { hasText: 'Pick 3' }).click();
  await page.locator('#verdict', { hasText: '3 is picked' }).waitFor();
  await page.locator('#verdict a', { hasText: 'Land…' }).click();
  const dialog = page.locator('dialog[open]');
  await dialog.getByText('It goes on top.').waitFor();
  await dialog.getByLabel('For the branch').fill('nowhere');
  await dialog.getByLabel('Title').fill('Mended');
  await dialog.locator('button', { hasText: 'Land' }).last().click();
  await page.locator('[role="alert"]', { hasText: `Could not land run #${id}` }).waitFor();
  expect(await dialog.getByLabel('For the branch').inputValue()).toBe('nowhere');
  expect(await dialog.getByLabel('Title').inputValue()).toBe('Mended');
  await dialog.getByLabel('For the branch').fill('main');
  await dialog.locator('button', { hasText: 'Land' }).last().click();
  await until(async () => (await readRun(id)).landing?.status === 'landed', 'the landing');
  await page.goto(at(`/runs/${id}`));
  await page.locator('#landing', { hasText: 'landed' }).waitFor();

  await page.goto(at(`/runs/${id}/compare?to=2`));
  await page.locator('.say-line summary').first().click();
  await page.getByLabel('Line').first().fill('3');
  await page.getByLabel('Comment', { exact: true }).first().fill('Why this word?');
  await page.locator('.say-line button', { hasText: 'Send to 2' }).first().click();
  await page.locator('#compare .voice', { hasText: 'Why this word?' }).waitFor();
  expect(wrong.filter((text) => !text.includes('422'))).toEqual([]);
}, 90_000);
