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
  expect(out).toContain('Verdict: 1 is ahead');
  expect(out).toContain('1 file  +1 −1');
  expect(out).toContain('2 files');
  expect(out).toMatch(/Timing: {2}service ready \d/);
  expect(out).toContain('OPENAI_API_KEY');
  // It is all removed: there is no way back to it.
  for (const way of ['BAKEOFF_DATA=', './bakeoff diff', 'Page:']) expect(out).not.toContain(way);
  expect(readdirSync(join(dataDir, 'demo'))).toEqual([]);
});

test('without --exit the pages stay up until Ctrl-C, which is a good end', async () => {
  const theirs = {
    BAKEOFF_API_KEY: 'a-key-of-their-own-service',
    BAKEOFF_SECRET: 'a secret of their own service, long enough',
    BAKEOFF_PUBLIC_URL: 'https://bakeoff.example.org',
    BAKEOFF_ALLOWED_HOSTS: 'bakeoff.lan',
  };
  const child = spawnCli(['demo'], { BAKEOFF_DATA: dataDir, PORT: '0', ...theirs });
  try {
    const link = /until Ctrl-C:\s+(http:\/\/\S+)\s/;
    const said = await readUntil(child.stdout, link);
    const login = link.exec(said)?.[1];
    expect(said).toMatch(/BAKEOFF_DATA=\S+ \.\/bakeoff diff 1/);
    expect(login).toBeString();
    const page = await fetch(login!, { redirect: 'manual', signal: AbortSignal.timeout(5000) });
    expect(page.status).toBeLessThan(400);
    expect(page.headers.get('set-cookie')).not.toContain('Secure');
    // Nothing of the person's own service is known to it.
    const authorization = `Bearer ${theirs.BAKEOFF_API_KEY}`;
    const runs = new URL('/api/v1/runs', login);
    expect((await fetch(runs, { headers: { authorization } })).status).toBe(401);
    for (const host of ['bakeoff.lan', 'bakeoff.example.org'])
      expect((await fetch(new URL('/health', login), { headers: { host } })).status).toBe(403);
    const place = join(dataDir, 'demo', readdirSync(join(dataDir, 'demo'))[0]!);
    expect(existsSync(join(place, 'data', 'secret'))).toBe(true);
  } finally {
    child.kill('SIGINT');
  }
  expect(await child.exited).toBe(0);
  expect(readdirSync(join(dataDir, 'demo'))).toEqual([]);
  expect(existsSync(join(dataDir, 'api-key'))).toBe(false);
});
