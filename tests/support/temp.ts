import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made = new Set<string>();

/** A fresh folder that others may pass through, since Postgres and the sandbox have uids of their own; gone at the end. */
export function tempDir(name = 'test'): string {
  const path = mkdtempSync(join(tmpdir(), `bakeoff-${name}-`));
  chmodSync(path, 0o755);
  made.add(path);
  return path;
}

export function removeTemp(path: string): void {
  rmSync(path, { recursive: true, force: true });
  made.delete(path);
}

/** Whatever a test forgot, or could not remove since it failed. */
export function removeAllTemps(): void {
  for (const path of made) removeTemp(path);
}
