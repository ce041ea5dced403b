import { describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dir, '..', '..');
const read = (name: string) => readFileSync(join(root, name), 'utf8');

interface Part {
  image?: string;
  build?: string;
  ports?: string[];
  environment?: Record<string, string>;
  command?: string[];
  security_opt?: string[];
  volumes?: string[];
  privileged?: boolean;
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
}

describe('docker-compose.yml', () => {
  const compose = Bun.YAML.parse(read('docker-compose.yml')) as {
    services: Record<'bakeoff' | 'postgres' | 'redis', Part>;
    volumes: Record<string, unknown>;
  };
  const { bakeoff, postgres, redis } = compose.services;

  test('publishes the service on loopback, and nothing else at all', () => {
    expect(bakeoff.ports).toEqual(['127.0.0.1:3001:3001']);
    expect(bakeoff.environment?.HOST).toBe('0.0.0.0');
    expect([postgres.ports, redis.ports]).toEqual([undefined, undefined]);
  });

  test('lets bubblewrap make its namespaces, without a privileged container', () => {
    expect(bakeoff.security_opt).toEqual([
      'seccomp=unconfined',
      'apparmor=unconfined',
      'systempaths=unconfined',
    ]);
    expect(bakeoff.privileged).toBeUndefined();
  });

  test('has Postgres 18 and a Redis that loses nothing, each waited for', () => {
    expect(postgres.image).toBe('postgres:18');
    expect(redis.image).toBe('redis:7');
    expect(redis.command?.join(' ')).toContain('--appendonly yes --maxmemory-policy noeviction');
    expect(bakeoff.depends_on).toEqual({
      postgres: { condition: 'service_healthy' },
      redis: { condition: 'service_healthy' },
    });
    for (const part of [bakeoff, postgres, redis]) expect(part.healthcheck?.test[0]).toBe('CMD');
    expect(bakeoff.healthcheck?.test.join(' ')).toContain('/health');
  });

  test('keeps every folder of data in a named volume', () => {
    const used = [bakeoff, postgres, redis].flatMap((part) =>
      (part.volumes ?? []).map((one) => one.split(':')[0]!),
    );
    expect(used.sort()).toEqual(Object.keys(compose.volumes).sort());
  });

  test('holds no secret, and refuses to start without those of .env', () => {
    for (const name of ['BAKEOFF_API_KEY', 'BAKEOFF_SECRET', 'POSTGRES_PASSWORD']) {
      expect(read('docker-compose.yml')).toContain(`\${${name}:?`);
    }
  });

  test('sets only what the service knows', async () => {
    const { readConfig } = await import('../../src/config');
    const env = Object.fromEntries(
      Object.entries(bakeoff.environment ?? {}).map(([name, value]) => [
        name,
        value.replace(/\$\{\w+:\?[^}]*\}/g, 'x'.repeat(32)).replace(/\$\{\w+:-\}/g, ''),
      ]),
    );
    const config = readConfig(env);
    expect([config.host, config.port, config.dataDir]).toEqual(['0.0.0.0', 3001, '/data']);
    expect(config.redisUrl).toBe('redis://redis:6379');
  });
});

describe('Dockerfile', () => {
  const file = read('Dockerfile');

  test('brings the pinned Bun and the programs of the sandbox, and runs as an ordinary user', () => {
    const pinned = /"packageManager": "bun@([^"]+)"/.exec(read('package.json'))?.[1];
    expect(file).toContain(`oven/bun:${pinned}-slim`);
    for (const program of ['bubblewrap', 'git', 'ripgrep']) expect(file).toContain(program);
    expect(file.lastIndexOf('USER bakeoff')).toBeGreaterThan(file.lastIndexOf('RUN '));
  });

  test('copies what exists, and what .dockerignore lets through', () => {
    const through = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = [...file.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((line) => line[1]!.split(' '));
    const names = copied.map((name) => name.replace(/^\.\//, ''));
    expect(names.sort()).toEqual(through.sort());
    expect(names.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  });
});

describe('README', () => {
  test('lists every setting, and none that is not there', () => {
    const known = new Set(
      read('src/config.ts').match(/\b(BAKEOFF_[A-Z_]+|[A-Z]+_(URL|HOST|KEY|BASE_URL)|LOG_LEVEL)\b/g),
    );
    for (const old of ['BAKEOFF_', 'OPENAI', 'ANTHROPIC']) known.delete(old);
    const table = read('README.md')
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    const listed = new Set(table.flatMap((line) => line.split('|')[1]!.match(/[A-Z][A-Z_]+/g) ?? []));
    expect([...known].filter((name) => !listed.has(name))).toEqual([]);
    expect(
      [...listed].filter((name) => !read('src/config.ts').includes(`'${name}'`) && !known.has(name)),
    ).toEqual([]);
  });

  test('.ci/run does what README says, and nothing else', () => {
    expect(read('README.md')).toContain('./bakeoff test');
    expect(read('.ci/run').trim().split('\n').at(-1)).toBe('exec ./bakeoff test');
  });
});
