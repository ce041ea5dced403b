import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { Served } from './served';

/** Real Chromium, found on this machine. */
export function launchChromium(): Promise<Browser> {
  const executablePath =
    process.env.CHROMIUM ??
    Bun.which('chromium') ??
    Bun.which('chromium-browser') ??
    Bun.which('google-chrome');
  if (!executablePath)
    throw new Error('The journey needs Chromium: apt-get install chromium, or name one in CHROMIUM');
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
}

/** A page of a new browser that is signed in, and everything that must not happen on it. */
export async function openPage(
  browser: Browser,
  { service }: Pick<Served, 'service'>,
  width: number,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; wrong: string[] }> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const wrong: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') wrong.push(message.text());
  });
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol !== 'data:' && origin !== service.url) wrong.push(`asked ${request.url()}`);
  });
  await page.goto(service.loginUrl);
  return { page, wrong };
}
