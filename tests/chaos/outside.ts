import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { DatabaseAddress } from '../../src/core/db';
import { asAccount, findBinaries, serverAccount } from '../../src/core/postgres-program';
import { startPrivatePostgres } from '../../src/core/private-postgres';
import { until } from '../support/wait';

/** A server that is not ours, as an operator has it: killed with -9, it is started again on what it left. */
export interface Outside {
  url: string;
  /** SIGKILL to every process of it; resolves when all are gone. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Postgres on a port of its own, which stays the same over kills. What it said was committed survives its own death. */
export async function openPostgres(folder: string): Promise<Outside & { address: DatabaseAddress }> {
  const first = await startPrivatePostgres(folder, { durable: false });
  await first.stop();
  const account = process.getuid?.() === 0 ? serverAccount() : null;
  const program = join(await findBinaries(folder, account), 'postgres');
  const address = { ...first.address, host: '127.0.0.1', port: freePort() };
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '600',
    fsync: 'off',
    full_page_writes: 'off',
    log_min_messages: 'fatal',
  };
  const argv = [
    ...asAccount(account),
    program,
    ...['-D', join(folder, 'postgres', 'cluster'), '-p', String(address.port)],
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  let child: Bun.Subprocess | null = null;
  const outside = {
    address,
    url: `postgres://${address.user}:${encodeURIComponent(address.password)}@127.0.0.1:${address.port}/${address.database}`,
    async start() {
      child = Bun.spawn(argv, {
        ...{ stdin: 'ignore', stdout: 'ignore', stderr: 'ignore', cwd: '/' },
        env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      });
      await until(() => accepts(address.port), 'Postgres to listen', 20_000);
    },
    async kill() {
      if (child === null) return;
      const all = [child.pid, ...childrenOf(child.pid)];
      for (const pid of all) signal(pid, 'SIGKILL');
      await child.exited;
      await until(() => !all.some(alive), 'the end of all of Postgres');
    },
    async stop() {
      child?.kill('SIGINT');
      await child?.exited;
      child = null;
    },
  };
  await outside.start();
  return outside;
}

/** Redis on a unix socket, with its log of changes on disk. */
export async function openRedis(
  folder: string,
): Promise<Outside & { flush(): Promise<void>; forget(): void; clients(): Promise<number> }> {
  const program = Bun.which('redis-server');
  if (program === null) throw new Error('redis-server is missing: apt-get install redis-server');
  const socket = join(folder, 'redis.sock');
  const settings = {
    ...{ port: '0', unixsocket: socket, dir: folder, appendonly: 'yes', save: '' },
    ...{ 'maxmemory-policy': 'noeviction', daemonize: 'no' },
  };
  const argv = [program, ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])];
  let child: Bun.Subprocess | null = null;
  const ask = async <T>(question: (redis: Redis) => Promise<T>): Promise<T> => {
    const redis = new Redis({ path: socket });
    redis.on('error', () => {}); // What could not be asked rejects below.
    try {
      return await question(redis);
    } finally {
      redis.disconnect();
    }
  };
  const outside = {
    url: `redis+unix://${socket}`,
    async start() {
      child = Bun.spawn(argv, { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' });
      await until(() => existsSync(socket) && ask((redis) => redis.ping()), 'Redis to answer');
    },
    async kill() {
      child?.kill('SIGKILL');
      await child?.exited;
      rmSync(socket, { force: true });
    },
    async stop() {
      child?.kill('SIGKILL');
      await child?.exited;
      child = null;
    },
    flush: () => ask(async (redis) => void (await redis.flushall())),
    /** Takes away what the next start would find. */
    forget: () => rmSync(join(folder, 'appendonlydir'), { recursive: true, force: true }),
    clients: () =>
      ask(
        async (redis) =>
          String(await redis.client('LIST'))
            .trim()
            .split('\n').length - 1,
      ),
  };
  await outside.start();
  return outside;
}

/** Processes of this machine whose command line, or folder, holds one of these words; this one is left out. */
export function processesWith(...words: string[]): { pid: number; line: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((name) => ({ pid: Number(name), line: describe(name) }))
    .filter(({ line }) => words.some((word) => line.includes(word)));
}

function describe(pid: string): string {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return `${command} (in ${readlinkSync(`/proc/${pid}/cwd`)})`;
  } catch {
    return ''; // It ended meanwhile.
  }
}

/** Direct children; a process that ended has none. */
export function childrenOf(pid: number): number[] {
  try {
    return (readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').match(/\d+/g) ?? []).map(Number);
  } catch {
    return [];
  }
}

/** Gone already is fine. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export function alive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function freePort(): number {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  server.stop(true);
  return server.port;
}

async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}
