import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { removeTemp, tempDir } from './temp';

export interface TestRedis {
  url: string;
  stop(): Promise<void>;
}

/** A real Redis of the test's own, on a unix socket. */
export async function startRedis(): Promise<TestRedis> {
  const program = Bun.which('redis-server');
  if (program === null) throw new Error('redis-server is missing: apt-get install redis-server');
  const dir = tempDir('redis');
  const socket = join(dir, 'redis.sock');
  const child = Bun.spawn(
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
  const deadline = Date.now() + 10_000;
  while (!existsSync(socket)) {
    if (Date.now() > deadline) throw new Error('redis-server did not start within 10 s');
    await Bun.sleep(5);
  }
  return {
    url: `redis+unix://${socket}`,
    stop: async () => {
      child.kill('SIGKILL');
      await child.exited;
      removeTemp(dir);
    },
  };
}
