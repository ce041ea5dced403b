import { afterAll, beforeAll, expect, test } from 'bun:test';
import { dirname, join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { makeSample } from '../src/cli/demo/sample';
import type { Run } from '../src/core/contract';
import { launchChromium, openPage } from './support/browser';
import { type Served, serve } from './support/served';
import { until } from './support/wait';

let served: Served;
let browser: Browser;

beforeAll(async () => {
  [served, browser] = await Promise.all([serve(), launchChromium()]);
  const checks = [{ name: 'tests', command: 'sh tests/run.sh' }];
  await served.api('/projects', { name: 'howlong', local_path: served.sample, checks });
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await served?.stop();
}, 30_000);

const open = (width: number, options = {}) => openPage(browser, served, width, options);

async function fill(page: Page): Promise<void> {
  await page.locator('#s-goal').fill('Make `sh tests/run.sh` pass');
  await page.locator('#s-form summary').click();
  for (const name of ['careful', 'hasty'])
    await page.locator(`#s-form input[value="${name}"]`).setChecked(true);
  await page.locator('#s-form label:has(input[name="variations"][value="2"])').click();
}

test('a run is started from the form and watched to its end without a reload', async () => {
  const { page, wrong } = await open(1280);
  const list = await page.context().newPage();
  await list.goto(served.service.url);
  await page.bringToFront();
  await fill(page);
  await page.locator('#s-form button[type="submit"]').click();
  await page.waitForURL(/\/runs\/\d+$/);
  let loads = 0;
  page.on('load', () => {
    loads += 1;
  });

  await page.locator('#run-head [data-s="completed"]').first().waitFor();
  await page.locator('#verdict a', { hasText: 'behind this' }).waitFor();
  // A state may be there before the events that led to it.
  await page.locator('#v1-stream .ev [data-s="completed"]').first().waitFor();
  expect(await page.title()).toStartWith('Completed');
  const stream = page.locator('#v1-stream');
  expect(await stream.getByText('Workspace ready').count()).toBe(1);
  expect(await stream.locator('.cmd', { hasText: 'sh tests/run.sh' }).count()).toBeGreaterThan(1);
  expect(await stream.locator('.results [data-s="fixed"]').count()).toBeGreaterThan(0);
  expect(await page.locator('#tabs a').count()).toBe(2);
  expect(await page.locator('#run-head button', { hasText: 'Stop' }).count()).toBe(0);

  // What the feed made is what the page would have been.
  const shown = () =>
    page.locator('#v1').evaluate((element) => element.textContent?.replace(/\s+|\d+ new/g, ''));
  const live = await shown();
  await page.reload();
  expect(await shown()).toBe(live);
  expect(loads).toBe(1);

  // The list in the other tab has the run too, and was never loaded again.
  await list.bringToFront();
  await list.locator('.run [data-s="completed"]').first().waitFor();

  await page.bringToFront();
  await page.keyboard.press('t');
  await page.waitForURL(/tab=changes/);
  expect(await page.locator('#changes tr.add').count()).toBeGreaterThan(0);
  await page.keyboard.press('2');
  await page.waitForURL(/v=2/);
  await page.keyboard.press('?');
  expect(await page.locator('#keys').evaluate((dialog) => (dialog as HTMLDialogElement).open)).toBe(true);
  expect(wrong).toEqual([]);
}, 60_000);

test('without script the same road is open', async () => {
  const { page, wrong } = await open(1280, { javaScriptEnabled: false });
  await fill(page);
  await page.locator('#s-form button[type="submit"]').click();
  await page.waitForURL(/\/runs\/\d+$/);
  expect(await page.locator('h1').textContent()).toContain('sh tests/run.sh');
  await page.locator('#tabs a').nth(1).click();
  await page.waitForURL(/v=2/);
  expect(wrong).toEqual([]);
}, 60_000);

/** An ended run of a project and of agents whose names leave no room. */
async function longRun(): Promise<number> {
  const long = (what: string) =>
    `${what}_with_a_name_that_is_as_long_as_people_make_them_in_earnest`.slice(0, 56);
  const local_path = join(dirname(served.sample), long('repository'));
  await makeSample(local_path);
  const { id: project_id } = await served.api<{ id: number }>('/projects', {
    ...{ name: long('project'), local_path },
    checks: [{ name: long('check'), command: `sh ${long('tests')}.sh` }],
  });
  const turns = [{ text: 'Hi' }];
  const agents = [long('first'), long('other')];
  for (const name of agents)
    await served.api('/agents', {
      ...{ name, provider: 'scripted', model: long('model') },
      scenario: { turns },
    });
  const { id } = await served.api<{ id: number }>('/runs', {
    ...{ project_id, goal: `Mend ${long('everything')}`, variations: 2, agents },
  });
  await until(async () => (await served.api<Run>(`/runs/${id}`)).completed_at, 'the end of a run');
  return id;
}

test('no page scrolls sideways, on a phone or narrower', async () => {
  const { page, wrong } = await open(390);
  const { items } = await served.api<{ items: { id: number }[] }>('/projects');
  const long = await longRun();
  const all: string[] = [];
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 800 });
    for (const path of [
      '/',
      '/runs/1',
      '/runs/1?v=1&tab=changes',
      '/runs/1?v=1&sheet=fork',
      '/runs/1/compare',
      '/runs/1/compare?view=split',
      '/settings',
      '/projects',
      '/projects/1',
      '/stats',
      '/workers',
      ...[`/runs/${long}`, `/runs/${long}?tab=changes`, `/runs/${long}/compare`, `/projects/${items[0]?.id}`],
      `/?project_id=${items[0]?.id}`,
      '/runs/999',
    ]) {
      await page.goto(served.service.url + path);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (over > 0) all.push(`${path} at ${width}: ${over}`);
    }
  }
  expect(all).toEqual([]);
  expect(wrong.filter((text) => !text.includes('404'))).toEqual([]);
}, 60_000);
