import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { removeTemp, tempDir } from './temp';

export interface TestRedis {
  url: string;
  /** Does nothing any more (SIGSTOP), though its socket stands. */
  freeze(): void;
  thaw(): void;
  /** SIGKILL; what it had written stays for the next start. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A real Redis of the test's own, on a unix socket. */
export async function startRedis(): Promise<TestRedis> {
  const program = Bun.which('redis-server');
  if (program === null) throw new Error('redis-server is missing: apt-get install redis-server');
  const dir = tempDir('redis');
  const socket = join(dir, 'redis.sock');
  const open = () =>
    Bun.spawn(
      [
        program,
        '--port',
        '0',
        '--unixsocket',
        socket,
        '--dir',
        dir,
        '--appendonly',
        'yes',
        '--save',
        '',
      ].concat(['--maxmemory-policy', 'noeviction', '--daemonize', 'no']),
      { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' },
    );
  let child = open();
  const ready = async (): Promise<void> => {
    const deadline = Date.now() + 10_000;
    while (!existsSync(socket)) {
      if (Date.now() > deadline) throw new Error('redis-server did not start within 10 s');
      await Bun.sleep(5);
    }
  };
  await ready();
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await child.exited;
    rmSync(socket, { force: true });
  };
  return {
    url: `redis+unix://${socket}`,
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
    kill,
    start: async () => {
      child = open();
      await ready();
    },
    stop: async () => {
      await kill();
      removeTemp(dir);
    },
  };
}
