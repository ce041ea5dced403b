import { expect, test } from 'bun:test';
import { join } from 'node:path';
import type { Run } from '../../src/core/contract';
import { freshDatabase } from '../support/database';
import { startRedis } from '../support/redis';
import { makeRepository } from '../support/repository';
import { scenario } from '../support/service';
import { openPort } from '../support/tcp';
import { removeTemp, tempDir } from '../support/temp';
import { until } from '../support/wait';
import { readUntil, spawnCli } from './cli';

test('a service and a worker beside it share one outside Postgres and Redis, and both end well', async () => {
  const database = await freshDatabase();
  const { host, port: number, user, password, database: name } = database.address;
  const tcp = await openPort(join(host, `.s.PGSQL.${number}`));
  const redis = await startRedis();
  const folder = tempDir('fleet');
  const repository = makeRepository({ 'a.txt': 'one\n' });
  const env = (dir: string) => ({
    DATABASE_URL: `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${tcp.port}/${name}`,
    REDIS_URL: redis.url,
    BAKEOFF_SECRET: 'one secret for the whole of the fleet',
    BAKEOFF_API_KEY: 'one-key-for-the-whole-of-it',
    BAKEOFF_CONCURRENCY: '2',
    BAKEOFF_DATA: join(folder, dir),
    BAKEOFF_LOCAL_ROOTS: repository.path,
    PORT: '0',
    LOG_LEVEL: 'error',
  });
  const children: ReturnType<typeof spawnCli>[] = [];
  try {
    const service = spawnCli(['up'], env('service'), 60_000);
    children.push(service);
    const url = /http:\/\/\S+/.exec(await readUntil(service.stdout, /token=\w+\s/))?.[0] ?? '';
    const worker = spawnCli(['worker'], env('worker'), 60_000);
    children.push(worker);
    expect(await readUntil(worker.stdout, /2 variations at a time/)).toContain('Working the queue');

    async function call<T>(path: string, body?: object): Promise<T> {
      const answer = await fetch(`${url}/api/v1${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { authorization: `Bearer ${env('').BAKEOFF_API_KEY}`, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      if (!answer.ok) throw new Error(await answer.text());
      return answer.json() as Promise<T>;
    }
    const turns = scenario(
      { name: 'run_command', arguments: { command: 'sleep 0.5' } },
      { name: 'edit_file', arguments: { path: 'a.txt', search: 'one', replace: 'two' } },
    );
    await call('/agents', { name: 'slow', provider: 'scripted', scenario: turns });
    const { id } = await call<Run>('/runs', {
      ...{ local_path: repository.path, goal: 'Two', agents: ['slow'], variations: 6 },
    });
    const run = await until(
      async () => {
        const seen = await call<Run>(`/runs/${id}`);
        return seen.completed_at !== null && seen;
      },
      'the end of the run',
      30_000,
    );
    expect(run.variations.map((one) => [one.status, one.attempt, one.patch?.files])).toEqual(
      Array.from({ length: 6 }, () => ['completed', 1, 1]),
    );
    expect(new Set(run.variations.map((one) => one.worker)).size).toBe(2);
    expect(await call<object>('/queue/stats')).toMatchObject({ backend: 'redis' });

    for (const child of children) child.kill('SIGTERM');
    const errors = await Promise.all(children.map((child) => new Response(child.stderr).text()));
    expect(await Promise.all(children.map((child) => child.exited))).toEqual([0, 0]);
    expect(errors).toEqual(['', '']);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map((child) => child.exited));
    await redis.stop();
    tcp.close();
    await database.drop();
    removeTemp(folder);
    removeTemp(repository.path);
  }
}, 60_000);
