import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made = new Set<string>();

// Whatever a test forgot, or could not remove since it failed.
process.on('exit', () => {
  for (const path of made) rmSync(path, { recursive: true, force: true });
});

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
