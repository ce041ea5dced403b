import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { SentComment } from '../../src/views/comment';
import { readPicks } from '../../src/views/compare-address';
import { boxesOf, shownFiles } from '../../src/views/compared-files';
import { GapLines, readGap } from '../../src/views/gap';
import { Tray } from '../../src/views/tray';
import { launchChromium } from '../support/browser';
import { comment, compared, comparedRun, comparePage, files, query, verdictOf } from './compare-fixtures';
import { now } from './fixtures';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

const root = join(import.meta.dir, '../..');
const assets: Record<string, [type: string, path: string]> = {
  '/assets/bakeoff.css': ['text/css', 'src/views/static/bakeoff.css'],
  '/assets/keys.js': ['text/javascript', 'src/views/static/keys.js'],
  '/assets/htmx.js': ['text/javascript', 'node_modules/htmx.org/dist/htmx.min.js'],
  '/assets/hx-sse.js': ['text/javascript', 'node_modules/htmx.org/dist/ext/hx-sse.min.js'],
};
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'";

/** The page in a real browser, answered by the views alone; what it posts is kept. */
async function open(options: BrowserContextOptions = {}, make = comparePage) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const wrong: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') wrong.push(message.text());
  });
  page.on('pageerror', (error) => wrong.push(error.message));
  const posted: { path: string; form: URLSearchParams }[] = [];
  await page.route('http://localhost/**', async (route) => {
    const request = route.request();
    const { pathname, search } = new URL(request.url());
    const asset = assets[pathname];
    if (asset)
      return await route.fulfill({ contentType: asset[0], body: readFileSync(join(root, asset[1])) });
    const html = (body: string, headers = {}) =>
      route.fulfill({
        contentType: 'text/html; charset=utf-8',
        body,
        headers: { 'content-security-policy': policy, ...headers },
      });
    const shown = query(search.slice(1));
    if (request.method() === 'POST') {
      posted.push({ path: pathname, form: new URLSearchParams(request.postData() ?? '') });
      if (!request.headers()['hx-request']) return await html('<title>posted</title>');
      const sent = SentComment({
        comment: { ...comment, text: 'Sent' },
        id: 'f1',
        token: 'next',
        now,
      }) as string;
      return await html(sent, { 'hx-trigger': 'directive-sent' });
    }
    if (pathname === '/runs/208/graft') {
      return await html(
        Tray({
          run: 208,
          query: shown,
          composed: { ok: true },
          next: 5,
          token: 't',
          here: boxesOf(shownFiles(files, shown), shown),
        }) as string,
      );
    }
    if (pathname === '/runs/208/compare/lines') {
      const gap = readGap(new URLSearchParams(search))!;
      const lines = Array.from({ length: gap.count }, (_, i) => `unfolded ${gap.now + i}`);
      return await html(GapLines({ run: 208, query: shown, gap, lines }) as string);
    }
    return await html(make({ query: shown, comments: [] }));
  });
  await page.goto('http://localhost/runs/208/compare?from=3&to=1');
  return { page, wrong, posted, end: () => context.close() };
}

const ticked = (page: Page) =>
  page
    .locator('#compare .changes input:checked')
    .evaluateAll((all) => all.map((one) => (one as HTMLInputElement).value));
const focused = (page: Page) => page.evaluate(() => document.activeElement?.id);
const at = (page: Page) => new URL(page.url());

describe('the compare page in a browser', () => {
  test('is gone through by keys: hunks, files, taking, views, variations, picking', async () => {
    const { page, wrong, posted, end } = await open();
    await page.keyboard.press('j');
    expect(await focused(page)).toBe('f1-h1');
    await page.keyboard.press('j');
    await page.keyboard.press('Space');
    await page.keyboard.press('Shift+J');
    expect(await focused(page)).toBe('f2');
    await page.keyboard.press('Shift+J');
    await page.keyboard.press('Space');
    await page.keyboard.press('Shift+K');
    expect(await focused(page)).toBe('f2');
    expect(await ticked(page)).toEqual(['1:src/export/csv.ts:2', '1:test/csv.test.ts']);
    await page.getByText('1 hunk of variation 1 in 1 file, 1 file of variation 1').waitFor();
    // What is taken goes along.
    await page.keyboard.press('u');
    await page.locator('table.split').first().waitFor();
    expect(at(page).searchParams.get('view')).toBe('split');
    expect(await ticked(page)).toEqual(['1:src/export/csv.ts:2', '1:test/csv.test.ts']);
    await page.keyboard.press('l');
    await page.waitForURL((url) => url.searchParams.get('to') === '2');
    await page.locator('table.split').first().waitFor();
    expect(readPicks(at(page).searchParams)).toHaveLength(2);
    await page.getByText('2 of it taken elsewhere').waitFor();
    await page.keyboard.press('h');
    await page.waitForURL((url) => url.searchParams.get('to') === '1');
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByText('take the hunk').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('w');
    await page.waitForFunction(() => document.title === 'posted');
    expect(posted.map(({ path, form }) => [path, form.get('variation')])).toEqual([
      ['/runs/208/winner', '3'],
    ]);
    expect(wrong).toEqual([]);
    await end();
  });

  test('hears keys after a box was ticked with the mouse, where Space stays the box’s', async () => {
    const { page, wrong, end } = await open();
    const box = page.locator('#f1-h2 input[name="hunk"]');
    await box.click();
    expect(await ticked(page)).toEqual(['1:src/export/csv.ts:2']);
    await page.keyboard.press('Space');
    expect(await ticked(page)).toEqual([]);
    await page.keyboard.press('j');
    expect(await focused(page)).toBe('f1-h3');
    await box.click();
    await page.keyboard.press('l');
    await page.waitForURL((url) => url.searchParams.get('to') === '2');
    expect(readPicks(at(page).searchParams)).toHaveLength(1);
    await page.locator('#compare').getByText('Comment on a line').first().click();
    await page.locator('#f1-text').pressSequentially('hl');
    expect(at(page).searchParams.get('to')).toBe('2');
    expect(wrong).toEqual([]);
    await end();
  });

  test('makes a graft of what is taken', async () => {
    const { page, posted, wrong, end } = await open();
    await page.getByLabel('Take hunk 1 of variation 1').first().check();
    await page.getByText('1 hunk of variation 1 in 1 file').waitFor();
    // A whole file is more than its hunks.
    await page.locator('#f1').getByLabel('Take the file').check();
    expect(await ticked(page)).toEqual(['1:src/export/csv.ts']);
    await page.getByText('1 file of variation 1').waitFor();
    await page.locator('#f1').getByLabel('Take hunk 3 of variation 1').check();
    expect(await ticked(page)).toEqual(['1:src/export/csv.ts:3']);
    await page.getByText('1 hunk of variation 1 in 1 file').waitFor();
    await page.getByRole('button', { name: 'Make variation 5' }).click();
    await page.waitForFunction(() => document.title === 'posted');
    expect(posted[0]?.path).toBe('/runs/208/grafts');
    expect(posted[0]?.form.get('on')).toBe('3');
    expect(readPicks(posted[0]!.form)).toEqual([{ variation: 1, path: 'src/export/csv.ts', hunk: 3 }]);
    expect(wrong).toEqual([]);
    await end();
  });

  test('takes a comment to its line, and sends it to whose line it is', async () => {
    const { page, posted, wrong, end } = await open();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('m');
    const box = page.locator('#f1 tr.note textarea');
    await box.fill('Why this?');
    expect(await box.getAttribute('placeholder')).toBe('Add a comment on line 10');
    expect(await page.locator('#f1 tr.note button:visible').allTextContents()).toEqual(['Send to 3']);
    await page.keyboard.press('Escape');
    expect(await page.locator('tr.note').count()).toBe(0);
    expect(await focused(page)).toBe('f1-h2');
    // A click on a number means its line; what was typed is still there.
    await page.locator('#f1 tr.add td').getByText('12', { exact: true }).click();
    expect(await box.inputValue()).toBe('Why this?');
    await page.getByRole('button', { name: 'Send to 1' }).click();
    // Below its line at once, where it will be when the page is made anew.
    await page.locator('#f1 tr:has(> td:nth-child(2):text-is("9")) + tr.note').getByText('Sent').waitFor();
    expect(Object.fromEntries(posted[0]!.form)).toMatchObject({
      ...{ text: 'Why this?', path: 'src/export/csv.ts', line: '12', to: '1', token: 'a-token-f1' },
    });
    await page.waitForFunction(() => document.querySelector('tr.note form') === null);
    expect(await page.locator('#f1-notes').textContent()).toBe('');
    expect(await page.locator('#f1-token').getAttribute('value')).toBe('next');
    expect(await page.locator('#f1-text').inputValue()).toBe('');
    expect(wrong).toEqual([]);
    await end();
  });

  test('unfolds lines in their place', async () => {
    const { page, wrong, end } = await open();
    await page.getByText('Show 4 lines').click();
    await page.getByText('unfolded 7').waitFor();
    expect(await page.getByText('Show 4 lines').count()).toBe(0);
    expect(at(page).searchParams.get('path')).toBeNull();
    expect(wrong).toEqual([]);
    await end();
  });

  test('works without script: another side keeps what is taken, a comment has its line, a fold its page', async () => {
    const { page, posted, end } = await open({ javaScriptEnabled: false });
    await page.getByLabel('Take hunk 2 of variation 1').first().check();
    await page.getByLabel('to', { exact: true }).selectOption('2');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    expect(at(page).searchParams.get('to')).toBe('2');
    expect(readPicks(at(page).searchParams)).toEqual([{ variation: 1, path: 'src/export/csv.ts', hunk: 2 }]);
    await page.getByRole('link', { name: 'Split' }).click();
    expect(readPicks(at(page).searchParams)).toHaveLength(1);
    await page.getByText('Show 4 lines').click();
    expect(at(page).searchParams.get('path')).toBe('src/export/csv.ts');
    await page.locator('#f1').getByText('Comment on a line').click();
    await page.locator('#f1-line').fill('3');
    await page.locator('#f1-text').fill('Hm');
    await page.getByRole('button', { name: 'Send to 2' }).first().click();
    expect(Object.fromEntries(posted[0]!.form)).toMatchObject({
      line: '3',
      text: 'Hm',
      to: '2',
      path: 'src/export/csv.ts',
    });
    await page.waitForURL('**/directives');
    await page.goBack();
    await page.getByRole('button', { name: 'Pick another…' }).click();
    await page.getByRole('dialog').getByLabel('4 Qwen local').check();
    await page.getByRole('dialog').getByLabel(/Note/).fill('Mine');
    await page.getByRole('dialog').getByRole('button', { name: 'Pick', exact: true }).click();
    expect(Object.fromEntries(posted[1]!.form)).toEqual({ variation: '4', note: 'Mine' });
    await end();
  });

  test.each([1440, 768, 390, 320])('fits into %d px, also with sixteen variations', async (width) => {
    const variations = Array.from({ length: 16 }, (_, i) => compared(i + 1));
    const positions = variations.map((one) => one.position);
    const fell = Object.fromEntries(positions.slice(1).map((one) => [one, one % 7]));
    const sixteen: typeof comparePage = (change) =>
      comparePage({ ...change, run: comparedRun({ variations }), verdict: verdictOf(positions, fell) });
    for (const make of [comparePage, sixteen]) {
      const { page, end } = await open({ viewport: { width, height: 900 } }, make);
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(beyond).toBeLessThanOrEqual(0);
      await end();
    }
  });
});
