import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DatabaseAddress, migrateDatabase } from '../../src/core/db';
import { type PrivatePostgres, startPrivatePostgres } from '../../src/core/private-postgres';
import { removeTemp, tempDir } from './temp';

/** A Postgres of the test's own, which may be frozen and killed. */
export interface MortalPostgres {
  address: DatabaseAddress;
  /** No process of it does anything (SIGSTOP), though its sockets stand. */
  freeze(): void;
  thaw(): void;
  /** Ends it: orderly, or with SIGKILL for every process of it. */
  stop(how?: 'orderly' | 'killed'): Promise<void>;
  /** Starts it again, at the same address. */
  start(): Promise<void>;
  remove(): Promise<void>;
}

export async function mortalPostgres(): Promise<MortalPostgres> {
  const dir = tempDir('mortal');
  let postgres: PrivatePostgres | null = null;
  const start = async (): Promise<PrivatePostgres> => {
    // Durable: what was committed must stand after a kill.
    postgres = await startPrivatePostgres(dir);
    return postgres;
  };
  const { address } = await start();
  await migrateDatabase(address);
  const all = (name: NodeJS.Signals): void => {
    const server = Number(
      readFileSync(join(dir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0],
    );
    // The server first: it forks, and hears of the end of each.
    for (const pid of [server, ...childrenOf(server)]) signal(pid, name);
  };
  const stop: MortalPostgres['stop'] = async (how = 'orderly') => {
    if (how === 'killed' && postgres) all('SIGKILL');
    await postgres?.stop();
    postgres = null;
  };
  return {
    address,
    freeze: () => all('SIGSTOP'),
    thaw: () => all('SIGCONT'),
    stop,
    start: async () => {
      await start();
    },
    remove: async () => {
      if (postgres) all('SIGCONT');
      await stop();
      removeTemp(dir);
    },
  };
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      } catch {
        return false; // It ended meanwhile.
      }
    })
    .map(Number);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
