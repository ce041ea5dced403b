import { Database } from 'bun:sqlite';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explainFileError, StartError } from './start-error';

/** The data directory, held by this process alone until `release`. */
export interface DataDir {
  path: string;
  release(): void;
}

/**
 * Makes the data directory if it is missing and takes it. The lock is SQLite's on a file in it, that is, the
 * kernel's: it ends with the process, however that ends.
 * @throws StartError when another service has it, or it cannot be written.
 */
export function takeDataDir(path: string): DataDir {
  let lock: Database | null = null;
  try {
    mkdirSync(path, { recursive: true });
    // Other uids (Postgres, the sandbox) must reach their own folders in it, not list it.
    if (process.getuid?.() === 0) chmodSync(path, 0o711);
    const file = join(path, 'lock');
    lock = new Database(file, { create: true });
    chmodSync(file, 0o600);
    lock.run('PRAGMA locking_mode = EXCLUSIVE');
    lock.run('BEGIN EXCLUSIVE');
    writeFileSync(join(path, 'lock.pid'), `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    lock?.close();
    const code = (error as { code?: string }).code ?? '';
    if (code.startsWith('SQLITE_BUSY')) {
      throw new StartError(
        `Another Bakeoff works in ${path}${holderOf(path)}; stop it, or set BAKEOFF_DATA to another folder`,
      );
    }
    if (code.startsWith('SQLITE_FULL'))
      throw new StartError(`The disk that holds ${path} is full; free some space`);
    if (code.startsWith('SQLITE')) {
      throw new StartError(`No permission to write ${path}; choose another folder with BAKEOFF_DATA`);
    }
    explainFileError(error, path);
  }
  const held = lock;
  return {
    path,
    release: () => {
      held.run('ROLLBACK');
      held.close();
    },
  };
}

/**
 * Reads a secret of the data directory, made at the first time: 32 random bytes as hex, mode 0600, written beside
 * and renamed so that a crash leaves no half of it.
 */
export function secretFile(dir: string, name: string): string {
  const path = join(dir, name);
  try {
    const present = readFileSync(path, 'utf8').trim();
    // A machine that lost power may leave an empty file, which must not pass for a secret.
    if (present !== '') return present;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') explainFileError(error, path);
  }
  const secret = randomBytes(32).toString('hex');
  try {
    writeFileSync(`${path}.new`, `${secret}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch (error) {
    explainFileError(error, path);
  }
  return secret;
}

function holderOf(path: string): string {
  try {
    return ` (process ${readFileSync(join(path, 'lock.pid'), 'utf8').trim()})`;
  } catch {
    return '';
  }
}
