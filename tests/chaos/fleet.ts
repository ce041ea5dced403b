import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openSql, type Sql } from '../../src/core/db';
import { makeRepository } from '../support/repository';
import { removeTemp, tempDir } from '../support/temp';
import { until } from '../support/wait';
import { files, type ModelServer, startModel, token } from './model';
import { openPostgres, openRedis, processesWith, signal } from './outside';

const root = resolve(import.meta.dir, '../..');
const main = join(root, 'src/cli/main.ts');
const key = 'the-api-key-of-the-chaos';

/** Ends a process with this one, also when this one is killed. Linux only. */
const withUs = Bun.which('setpriv') === null ? [] : ['setpriv', '--pdeathsig', 'KILL', '--'];

/** A process of Bakeoff, kept running as a supervisor would: what ends is started again. */
export interface Member {
  name: string;
  kind: 'up' | 'worker';
  dir: string;
  pid: number;
  state: 'starting' | 'ready' | 'frozen' | 'dead';
  /** The service's. */
  url: string;
}

/** All that an installation is made of, each part a process of its own that can be killed. */
export interface Fleet {
  folder: string;
  repository: string;
  members: Member[];
  postgres: Awaited<ReturnType<typeof openPostgres>>;
  /** Null: the queue is in Postgres. */
  redis: Awaited<ReturnType<typeof openRedis>> | null;
  model: ModelServer;
  /** Looks at the record; writes nothing. */
  sql: Sql;
  /** Ends of processes that nobody had asked for, with what they said last. */
  faults: string[];
  /** A call of the API; asks again while the service is away. Creating is safe, since each call has a key. */
  call<T>(path: string, body?: unknown): Promise<T>;
  text(path: string): Promise<string>;
  /** SIGKILL, and a new start at once. */
  kill(member: Member): Promise<void>;
  freeze(member: Member): void;
  thaw(member: Member): void;
  ready(): Promise<void>;
  logOf(member: Member): string;
  /** What the members have called errors: evidence, when something is wrong. */
  errors(): string[];
  /** SIGTERM to all members; the exit code and milliseconds of each. */
  shutDown(): Promise<{ name: string; code: number | null; ms: number }[]>;
  /** Ends whatever still runs, and takes the folder away. */
  close(): Promise<void>;
}

export interface Shape {
  workers: number;
  /** Variations at a time, of each process. */
  concurrency: number;
  redis: boolean;
  streamMs: number;
}

export async function openFleet(shape: Shape): Promise<Fleet> {
  const folder = tempDir('chaos');
  const at = (name: string) => {
    mkdirSync(join(folder, name), { recursive: true, mode: 0o755 });
    return join(folder, name);
  };
  const [postgres, redis] = await Promise.all([
    openPostgres(at('pg')),
    shape.redis ? openRedis(at('redis')) : null,
  ]);
  const repository = makeRepository(files);
  const model = startModel(shape.streamMs);
  const sql = openSql(postgres.url, { max: 3 });
  const children = new Map<Member, Bun.Subprocess>();
  const faults: string[] = [];
  let closing = false;
  let requests = 0;

  const environment = (member: Member) => ({
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: process.env.HOME ?? '/nonexistent',
    ...{ DATABASE_URL: postgres.url, PORT: '0', LOG_LEVEL: 'info' },
    ...(redis ? { REDIS_URL: redis.url } : {}),
    ...{ BAKEOFF_SECRET: 'one secret for the whole of the fleet', BAKEOFF_API_KEY: key },
    ...{ BAKEOFF_CONCURRENCY: String(shape.concurrency), BAKEOFF_DATA: member.dir },
    BAKEOFF_LOCAL_ROOTS: repository.path,
    ...(process.env.BAKEOFF_UNSAFE_EXEC ? { BAKEOFF_UNSAFE_EXEC: process.env.BAKEOFF_UNSAFE_EXEC } : {}),
  });

  const logOf = (member: Member) => readFileSync(`${member.dir}.log`, 'utf8');
  const start = (member: Member): void => {
    const log = openSync(`${member.dir}.log`, 'a');
    const from = logOf(member).length;
    const argv = [process.execPath, '--env-file=/dev/null', main, member.kind];
    const child = Bun.spawn([...withUs, ...argv], {
      ...{ env: environment(member), cwd: root, stdin: 'ignore', stdout: log, stderr: log },
    });
    Object.assign(member, { pid: child.pid, state: 'starting', url: '' });
    children.set(member, child);
    const mine = () => children.get(member) === child;
    const said = () => logOf(member).slice(from);
    const ready = member.kind === 'up' ? /(http:\/\/[\d.:]+)\S*token=/ : /(Working the queue)/;
    void until(
      () => !mine() || child.exitCode !== null || ready.exec(said()),
      `${member.name} to start`,
      60_000,
    )
      .then((found) => {
        if (!mine() || !Array.isArray(found)) return;
        Object.assign(member, { state: 'ready', url: member.kind === 'up' ? found[1] : '' });
      })
      .catch((error) => faults.push(`${error.message}: ${said().slice(-500)}`));
    void child.exited.then((code) => {
      if (!mine() || closing) return;
      // A start while a server is away may end with a line that says so; a working process may not.
      if (member.state !== 'starting' || code !== 2)
        faults.push(
          `${member.name} ended by itself, code ${code ?? child.signalCode}: ${said().slice(-1500)}`,
        );
      member.state = 'dead';
      setTimeout(() => mine() && !closing && start(member), 300);
    });
  };

  const members: Member[] = Array.from({ length: shape.workers + 1 }, (_, i) => {
    const name = i === 0 ? 'service' : `worker-${i}`;
    return { name, kind: i === 0 ? 'up' : 'worker', dir: join(folder, name), pid: 0, state: 'dead', url: '' };
  });
  for (const member of members) start(member);

  const ask = async (path: string, body?: unknown): Promise<Response> => {
    requests += 1;
    const request = `chaos-${process.pid}-${requests}`;
    let last = '';
    return until(
      async () => {
        const service = members[0]!;
        if (service.state !== 'ready') return null;
        try {
          const answer = await fetch(`${service.url}/api/v1${path}`, {
            method: body === undefined ? 'GET' : 'POST',
            headers: {
              ...{ authorization: `Bearer ${key}`, 'content-type': 'application/json' },
              ...(body === undefined ? {} : { 'idempotency-key': request }),
            },
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
            signal: AbortSignal.timeout(5_000),
          });
          if (answer.ok) return answer;
          last = `${answer.status} ${await answer.text()}`;
          if (answer.status < 500) throw new Error(`${path}: ${last}`);
        } catch (error) {
          if ((error as Error).message.startsWith(path)) throw error;
          last = String(error);
        }
        await Bun.sleep(100);
        return null;
      },
      `an answer of ${path}`,
      60_000,
    ).catch((error) => {
      throw new Error(`${(error as Error).message}: ${last}`);
    });
  };

  const fleet: Fleet = {
    ...{ folder, repository: repository.path, members, postgres, redis, model, sql, faults, logOf },
    call: async (path, body) => (await ask(path, body)).json() as never,
    text: async (path) => (await ask(path)).text(),
    async kill(member) {
      const child = children.get(member);
      children.delete(member);
      member.state = 'dead';
      child?.kill('SIGKILL');
      await child?.exited;
      if (!closing) start(member);
    },
    freeze(member) {
      member.state = 'frozen';
      signal(member.pid, 'SIGSTOP');
    },
    thaw(member) {
      member.state = 'ready';
      signal(member.pid, 'SIGCONT');
    },
    errors: () =>
      members.flatMap((member) =>
        logOf(member)
          .split('\n')
          .filter((line) => line.includes('"level":"error"'))
          .map((line) => `${member.name}: ${line.slice(0, 1500)}`),
      ),
    ready: async () => {
      await until(
        () => members.every((one) => one.state === 'ready') || faults.length > 20,
        'all to run',
        60_000,
      );
    },
    async shutDown() {
      await fleet.ready();
      closing = true;
      return Promise.all(
        members.map(async (member) => {
          const child = children.get(member);
          const began = performance.now();
          child?.kill('SIGTERM');
          const late = setTimeout(() => child?.kill('SIGKILL'), 20_000);
          const code = (await child?.exited) ?? null;
          clearTimeout(late);
          children.delete(member);
          return { name: member.name, code, ms: Math.round(performance.now() - began) };
        }),
      );
    },
    async close() {
      closing = true;
      for (const child of children.values()) child.kill('SIGKILL');
      await Promise.all([...children.values()].map((child) => child.exited));
      await sql.end({ timeout: 1 }).catch(() => {}); // It may be away.
      await model.stop();
      await Promise.all([postgres.stop(), redis?.stop()]);
      const rest = () => processesWith(folder, token);
      await until(() => rest().length === 0, 'the end of all processes').catch(() => {
        for (const { pid } of rest()) signal(pid, 'SIGKILL');
      });
      removeTemp(folder);
      removeTemp(repository.path);
    },
  };
  try {
    await fleet.ready();
    return fleet;
  } catch (error) {
    await fleet.close();
    throw new Error(`${(error as Error).message}\n${faults.join('\n')}`);
  }
}
