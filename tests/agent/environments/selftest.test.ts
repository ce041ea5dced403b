import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseSandbox } from '../../../src/agent/environments';
import { probeSandbox } from '../../../src/agent/environments/selftest';
import { scratch } from './support';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const { config, end } = scratch();
afterAll(end);

test('the sandbox proves itself, quickly, and leaves nothing behind', async () => {
  const began = performance.now();
  expect(await probeSandbox(config)).toMatchObject({ kind: 'bubblewrap' });
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(readdirSync(config.dataDir)).toEqual(['sandbox']);
  expect((await chooseSandbox(config)).kind).toBe('bubblewrap');
});

test('unsafe mode is plain, and says so', async () => {
  const sandbox = await chooseSandbox({ ...config, unsafeExec: true });
  expect(sandbox.kind).toBe('plain');
  expect(sandbox.detail).toContain('unsafe');
});

test('a data directory that commands cannot reach refuses agents, with the remedy', async () => {
  const closed = realpathSync(mkdtempSync(join(tmpdir(), 'bakeoff-closed-')));
  try {
    const dataDir = join(closed, 'data');
    if (process.getuid?.() === 0) {
      mkdirSync(dataDir);
      chmodSync(closed, 0o700);
    } else {
      writeFileSync(join(closed, 'data'), 'a file where the folder should be');
    }
    const probe = await probeSandbox({ dataDir }).catch((error: Error) => ({
      kind: 'none',
      remedy: error.message,
    }));
    expect(probe.kind).toBe('none');
    if (process.getuid?.() === 0) {
      expect(probe).toHaveProperty('remedy', expect.stringContaining('BAKEOFF_DATA'));
      await expect(chooseSandbox({ dataDir, unsafeExec: false })).rejects.toHaveProperty(
        'code',
        'sandbox_unavailable',
      );
    }
  } finally {
    rmSync(closed, { recursive: true });
  }
});
