import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { Browser, Locator, Page } from 'playwright-core';
import type { Approval, Run } from '../src/core/contract';
import { launchChromium, openPage } from './support/browser';
import { type Served, serve } from './support/served';
import { until } from './support/wait';

/** A person steers runs from the pages, in real Chromium. */

let served: Served;
let browser: Browser;
let project: number;

const notes = 6;

beforeAll(async () => {
  [served, browser] = await Promise.all([serve(), launchChromium()]);
  const checks = [{ name: 'tests', command: 'sh tests/run.sh' }];
  ({ id: project } = await served.api<{ id: number }>('/projects', {
    ...{ name: 'howlong', local_path: served.sample, checks },
  }));
  const write = (n: number) => ({
    name: 'write_file',
    arguments: { path: `notes/${n}.txt`, content: `note ${n}\n` },
  });
  const turns = [
    ...Array.from({ length: notes }, (_, i) => ({
      text: `Note ${i + 1}.`,
      tool_calls: [write(i + 1)],
      delay_ms: 400,
    })),
    { text: 'Done.', tool_calls: [{ name: 'finish', arguments: { summary: 'Wrote notes.' } }] },
  ];
  const writer = { kind: 'builtin', provider: 'scripted', model: 'scripted-notes' };
  await served.api('/agents', { ...writer, name: 'writer', scenario: { turns } });
  const command = [
    { text: 'I look.', tool_calls: [{ name: 'run_command', arguments: { command: 'ls src' } }] },
    { text: 'Done.', tool_calls: [{ name: 'finish', arguments: { summary: 'Looked.' } }] },
  ];
  await served.api('/agents', { ...writer, name: 'looker', scenario: { turns: command } });
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await served?.stop();
}, 30_000);

async function startRun(change: object = {}): Promise<number> {
  const body = { project_id: project, goal: 'Write notes', agents: ['writer'], ...change };
  return (await served.api<Run>('/runs', body)).id;
}

/** A run that waits for a word on its command. */
async function startAsking(): Promise<{ id: number; approval: number }> {
  const options = { approval: 'commands' };
  const id = await startRun({ agents: ['looker'], task_type: 'analysis', options });
  const open = async () => (await served.api<{ items: Approval[] }>(`/runs/${id}/approvals`)).items[0];
  return { id, approval: (await until(async () => (await open()) ?? false, 'a question')).id };
}

const at = (path: string) => served.service.url + path;
const head = (page: Page, status: string): Locator => page.locator(`#run-head [data-s="${status}"]`).first();
const checkpoint = (page: Page, n: number) => page.locator('.points').getByText(String(n), { exact: true });

test('a run is paused, told something, resumed, and takes it up; nothing typed is lost, nothing is loaded again', async () => {
  const { page, wrong } = await openPage(browser, served, 1280);
  const id = await startRun({ variations: 2 });
  await page.goto(at(`/runs/${id}`));
  let loads = 0;
  page.on('load', () => {
    loads += 1;
  });
  await page.locator('#say').pressSequentially('Leave the ');
  await checkpoint(page, 1).waitFor();
  await page.locator('h1').click();
  await page.keyboard.press('p');
  await head(page, 'paused').waitFor();
  await page.locator('#v1-stream').getByText('Paused', { exact: true }).waitFor();

  // What was typed before stands through all that the feed brought.
  expect(await page.locator('#say').inputValue()).toBe('Leave the ');
  await page.locator('#say').focus();
  await page.keyboard.press('End');
  await page.keyboard.type('tests alone');
  await page.locator('.compose label', { hasText: 'All' }).click();
  await page.locator('.compose button').click();
  const sent = page.locator('#v1-stream .voice.waits', { hasText: 'Leave the tests alone' });
  await sent.waitFor();
  await page.waitForFunction(() => document.querySelector<HTMLTextAreaElement>('#say')?.value === '');
  const { items } = await served.api<{ items: unknown[] }>(`/runs/${id}/directives`);
  expect(items).toHaveLength(2);

  await page.locator('#run-head button', { hasText: 'Resume' }).click();
  await page.locator('#v1-stream .voice', { hasText: 'taken up here' }).waitFor();
  await head(page, 'completed').waitFor();
  await page.locator('#v1-stream').getByText(`notes/${notes}.txt`).first().waitFor();
  expect(await sent.count()).toBe(0);
  // The timeline is drawn anew at most every few moments: the run's state may be there before it.
  await page.locator('.lane .t-flag').nth(1).waitFor();
  expect(await page.locator('.lane .t-flag').count()).toBe(2);
  expect(await page.locator('.t-wait').count()).toBeGreaterThan(1);
  expect(loads).toBe(0);
  expect(wrong).toEqual([]);
}, 90_000);

test('a command is approved where it is asked, and another one from the first page; denied, the agent hears why', async () => {
  const { page, wrong } = await openPage(browser, served, 1280);
  const [first, second, third] = [await startAsking(), await startAsking(), await startAsking()];
  await page.goto(at('/'));
  const wait = (asked: { approval: number }) => page.locator(`#wait-${asked.approval}`);
  await wait(third).waitFor();
  expect(await page.title()).toContain('3 wait for you');
  await wait(second).locator('button', { hasText: 'Approve' }).click();
  await wait(second).waitFor({ state: 'detached' });
  expect(await wait(first).count()).toBe(1);
  await wait(third).locator('a', { hasText: 'Deny' }).click();
  await page.locator('dialog:modal #deny-say').fill('Read it with `read_file`');
  await page.locator('dialog:modal button', { hasText: 'Deny' }).click();
  await wait(third).waitFor({ state: 'detached' });

  await wait(first).locator('.name').click();
  const gate = page.locator('#v1-stream .gate');
  expect(await gate.locator('.ask').textContent()).toBe('ls src');
  await gate.locator('[name="comment"]').fill('This once');
  await page.locator('h1').click();
  await page.keyboard.press('a');
  await page.locator('.asked', { hasText: 'Approved: a command' }).waitFor();
  await head(page, 'completed').waitFor();
  expect(await page.locator('.asked .voice').textContent()).toContain('This once');

  await page.goto(at(`/runs/${third.id}`));
  await page.locator('.asked', { hasText: 'Denied: a command' }).waitFor();
  await page.goto(at('/'));
  await page.locator('#waits').waitFor({ state: 'hidden' });
  expect(wrong).toEqual([]);
}, 90_000);

test('a variation goes back to a checkpoint, and another is forked from one', async () => {
  const { page, wrong } = await openPage(browser, served, 1280);
  const id = await startRun();
  await page.goto(at(`/runs/${id}`));
  await head(page, 'completed').waitFor();

  await page.getByLabel('Fork from checkpoint 2…').click();
  await page.locator('dialog:modal #fork-say').fill('Number them differently');
  await page.locator('dialog:modal button', { hasText: 'Fork' }).click();
  await page.waitForURL(/v=2/);
  const stream = page.locator('#v2-stream');
  await stream.getByText('Forked from variation 1').waitFor();
  await stream.locator('.voice', { hasText: 'taken up here' }).waitFor();
  await head(page, 'completed').waitFor();
  await stream.getByText(`notes/${notes}.txt`).first().waitFor();
  expect(await stream.getByText('notes/2.txt').count()).toBe(0);

  await page.goto(at(`/runs/${id}?v=1`));
  await page.getByLabel('Go back to checkpoint 3…').click();
  const dialog = page.locator('dialog:modal');
  expect(await dialog.textContent()).toContain('3 files');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.locator('#v1-stream li', { hasText: 'Checkpoint 3' }).getByText('Go back to it').click();
  await dialog.locator('button', { hasText: 'Go back' }).click();
  await page.locator('#v1-stream').getByText('Gone back by a person').waitFor();
  await head(page, 'completed').waitFor();
  expect(await page.locator('#v1-stream').getByText('Checkpoint 3 restored').count()).toBe(1);
  const ids = await page.evaluate(() => [...document.querySelectorAll('[id]')].map((one) => one.id));
  expect(ids.filter((one, i) => ids.indexOf(one) !== i)).toEqual([]);
  expect(wrong).toEqual([]);
}, 90_000);

test('what cannot be done is said on the page that asked for it', async () => {
  const { page } = await openPage(browser, served, 1280);
  // A page that hears nothing any more.
  await page.route('**/feed?**', (route) => route.abort());
  const id = await startRun();
  await page.goto(at(`/runs/${id}`));
  await served.api(`/runs/${id}/stop`, {});
  await until(async () => (await served.api<Run>(`/runs/${id}`)).completed_at !== null, 'the end of the run');
  await page.locator('#run-head button', { hasText: 'Pause' }).click();
  const toast = page.locator('.toast', { hasText: `Could not pause run #${id}` });
  await toast.waitFor();
  await toast.getByLabel('Dismiss').click();
  await toast.waitFor({ state: 'detached' });
  await page.route('**/pause', (route) => route.abort());
  await page.locator('#run-head button', { hasText: 'Pause' }).click();
  await page.locator('#unsent').waitFor();
}, 90_000);

test('without script the same road is open', async () => {
  const { page, wrong } = await openPage(browser, served, 1280, { javaScriptEnabled: false });
  const id = await startRun({ variations: 2 });
  const shows = (status: string) =>
    until(
      async () => {
        await page.goto(at(`/runs/${id}?v=2`));
        return (await head(page, status).count()) > 0;
        // A busy machine is slow, not wrong.
      },
      `run ${id} to be ${status}`,
      45_000,
    );
  await until(async () => {
    await page.goto(at(`/runs/${id}?v=2`));
    return (await checkpoint(page, 1).count()) > 0;
  }, 'a checkpoint');
  await page.locator('#run-head button', { hasText: 'Pause' }).click();
  await shows('paused');
  await page.locator('#say').fill('Stop at three');
  await page.locator('.compose button').click();
  await page.locator('#v2-stream .voice.waits', { hasText: 'Stop at three' }).waitFor();
  await page.getByLabel('Fork from checkpoint 1…').click();
  await page.locator('dialog').getByLabel('Directive').fill('Go on alone');
  await page.locator('dialog button', { hasText: 'Fork' }).click();
  await page.waitForURL(/v=3/);
  await page.locator('#v3-stream').getByText('Forked from variation 2').waitFor();
  await page.locator('#run-head button', { hasText: 'Resume' }).click();
  await shows('completed');
  await page.locator('#v2-stream .voice', { hasText: 'taken up here' }).waitFor();

  const { id: asking } = await startAsking();
  await page.goto(at(`/runs/${asking}`));
  await page.locator('.gate button', { hasText: 'Approve' }).click();
  await page.waitForURL(/v=1/);
  expect(await page.locator('.gate').count()).toBe(0);
  await page.locator('.asked', { hasText: 'Approved: a command' }).waitFor();
  expect(wrong).toEqual([]);
}, 90_000);
