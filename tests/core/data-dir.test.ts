import { afterAll, beforeEach, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { secretFile, takeDataDir } from '../../src/core/data-dir';
import { StartError } from '../../src/core/start-error';
import { removeTemp, tempDir } from '../support/temp';

let dir: string;
const made: string[] = [];
beforeEach(() => {
  dir = tempDir('datadir');
  made.push(dir);
});
afterAll(() => made.forEach(removeTemp));

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(StartError);
    const { message } = error as Error;
    expect(message).not.toContain('\n');
    return message;
  }
  throw new Error('it was allowed');
}

test('is made if missing, and taken by one at a time', () => {
  const path = join(dir, 'a', 'b');
  const taken = takeDataDir(path);
  expect(refusal(() => takeDataDir(path))).toContain(
    `Another Bakeoff works in ${path} (process ${process.pid})`,
  );
  taken.release();
  takeDataDir(path).release();
  expect(statSync(join(path, 'lock')).mode & 0o777).toBe(0o600);
});

test('is free again when its holder was killed with -9', async () => {
  const source = resolve(import.meta.dir, '../../src/core/data-dir.ts');
  const script = `const { takeDataDir } = await import(${JSON.stringify(source)});
    globalThis.held = takeDataDir(${JSON.stringify(dir)}); console.log('held'); setInterval(() => {}, 1000);`;
  const holder = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', stderr: 'inherit' });
  try {
    const reader = holder.stdout.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toContain('held');
    expect(refusal(() => takeDataDir(dir))).toContain(`(process ${holder.pid})`);
  } finally {
    holder.kill('SIGKILL');
    await holder.exited;
  }
  takeDataDir(dir).release();
});

test('that cannot be written is refused in one line that names it and the remedy', () => {
  const file = join(dir, 'file');
  writeFileSync(file, '');
  // A file in its place, a file on the way to it, and a file system where nobody may make folders.
  for (const path of [file, join(file, 'sub'), '/sys/kernel/bakeoff-test']) {
    const message = refusal(() => takeDataDir(path));
    expect(message).toContain(path);
    expect(message).toContain('BAKEOFF_DATA');
  }
  mkdirSync(join(dir, 'odd', 'lock'), { recursive: true });
  expect(refusal(() => takeDataDir(join(dir, 'odd')))).toContain(join(dir, 'odd'));
});

test('its secrets are made once, for its owner’s eyes only; an empty one does not count', () => {
  const secret = secretFile(dir, 'secret');
  expect(secret).toMatch(/^[0-9a-f]{64}$/);
  expect(secretFile(dir, 'secret')).toBe(secret);
  expect(secretFile(dir, 'other')).not.toBe(secret);
  expect(statSync(join(dir, 'secret')).mode & 0o777).toBe(0o600);
  writeFileSync(join(dir, 'empty'), '\n');
  expect(secretFile(dir, 'empty')).toMatch(/^[0-9a-f]{64}$/);
  expect(readdirSync(dir).filter((name) => name.endsWith('.new'))).toEqual([]);
  expect(refusal(() => secretFile(join(dir, 'secret'), 'below'))).toContain(dir);
  expect(existsSync(join(dir, 'below'))).toBe(false);
});
