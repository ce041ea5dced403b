import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cli, readUntil, spawnCli } from './cli';

setDefaultTimeout(30_000);

const dataDir = mkdtempSync(join(tmpdir(), 'bakeoff-demo-'));
chmodSync(dataDir, 0o711);
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

test('the demo really works: two fixed, one still failing, nothing left behind', async () => {
  const { code, out, err } = await cli(['demo', '--exit'], { BAKEOFF_DATA: dataDir, PORT: '0' });
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain('The model is scripted');
  expect(out).toContain('On the base: tests failed (exit 1)');
  expect(out.match(/tests fixed \(exit 1 → 0\)/g)).toHaveLength(2);
  expect(out.match(/tests still fails \(exit 1 → 1\)/g)).toHaveLength(1);
  expect(out).toContain('1 file  +1 −1');
  expect(out).toContain('2 files');
  expect(out).toMatch(/Timing: {2}service ready \d/);
  expect(out).toContain('OPENAI_API_KEY');
  expect(readdirSync(join(dataDir, 'demo'))).toEqual([]);
});

test('without --exit the pages stay up until Ctrl-C, which is a good end', async () => {
  const child = spawnCli(['demo'], { BAKEOFF_DATA: dataDir, PORT: '0' });
  try {
    const link = /until Ctrl-C:\s+(http:\/\/\S+)\s/;
    const login = link.exec(await readUntil(child.stdout, link))?.[1];
    expect(login).toBeString();
    const page = await fetch(login!, { redirect: 'manual', signal: AbortSignal.timeout(5000) });
    expect(page.status).toBeLessThan(400);
  } finally {
    child.kill('SIGINT');
  }
  expect(await child.exited).toBe(0);
  expect(readdirSync(join(dataDir, 'demo'))).toEqual([]);
  expect(existsSync(join(dataDir, 'api-key'))).toBe(false);
});
