import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { Value } from '@sinclair/typebox/value';
import type { Health, Run } from '../../src/core/contract';
import type { OpenApi } from '../../src/server/openapi';
import { patiently } from '../../src/server/patience';
import { healthSchema } from '../../src/server/schemas-service';
import { startRedis } from '../support/redis';
import { makeRepository } from '../support/repository';
import { scenario, startTestService, type TestService } from '../support/service';
import { until } from '../support/wait';
import { postgresPids } from './rows';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
}, 30_000);
// A pool that lost its Postgres takes up to 5 s to let go.
afterAll(() => service.remove(), 20_000);

const get = (path: string, init: RequestInit = {}, at: TestService = service) =>
  fetch(`${at.url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${at.apiKey}`, ...(init.headers as Record<string, string>) },
  });

/** A run from goal to patch. */
async function oneRun(at: TestService): Promise<Run> {
  const { path } = makeRepository({ 'a.txt': 'a\n' });
  await at.call('/agents', {
    name: 'writer',
    provider: 'scripted',
    scenario: scenario({ name: 'write_file', arguments: { path: 'b.txt', content: 'b\n' } }),
  });
  const { body } = await at.call<Run>('/runs', {
    local_path: path,
    goal: 'Write b',
    agents: ['writer'],
    variations: 2,
  });
  return at.ended(body.id);
}

const documented = async () => (await (await get('/openapi.json')).json()) as OpenApi;

describe('the OpenAPI document', () => {
  /** The calls of the contract that this service answers. */
  const calls = [
    ...[
      'get /health',
      'get /metrics',
      'post /runs',
      'get /runs',
      'get /runs/{id}',
      'post /runs/{id}/stop',
      'get /runs/{id}/events',
    ],
    ...[
      'get /runs/{id}/stream',
      'get /runs/{id}/transcript',
      'get /runs/{id}/variations',
      'get /runs/{id}/variations/{position}',
    ],
    ...[
      'post /runs/{id}/variations/{position}/stop',
      'get /runs/{id}/variations/{position}/diff',
      'get /tasks',
      'get /tasks/{id}',
    ],
    ...[
      'get /tasks/{id}/outputs',
      'get /tasks/{id}/variations/{position}/outputs',
      'post /projects',
      'get /projects',
    ],
    ...[
      'get /projects/{id}',
      'patch /projects/{id}',
      'delete /projects/{id}',
      'post /agents',
      'get /agents',
      'get /agents/{id}',
    ],
    ...[
      'patch /agents/{id}',
      'delete /agents/{id}',
      'post /agents/{id}/test',
      'get /worker/status',
      'post /worker/process',
    ],
    ...[
      'get /queue/stats',
      'get /stats',
      'get /settings',
      'patch /settings',
      'patch /runs/{id}',
      'delete /runs/{id}',
      'post /flows',
      'post /runs/{id}/resume',
      'post /runs/{id}/retry',
      'post /runs/{id}/directives',
      'get /runs/{id}/directives',
      'get /runs/{id}/approvals',
      'post /runs/{id}/approvals/{approval}',
      'get /runs/{id}/variations/{position}/checkpoints',
      'post /runs/{id}/variations/{position}/pause',
      'post /runs/{id}/variations/{position}/resume',
      'post /runs/{id}/variations/{position}/retry',
      'post /runs/{id}/variations/{position}/rollback',
      'post /runs/{id}/variations/{position}/fork',
      'post /runs/{id}/pause',
      'put /runs/{id}/winner',
    ],
  ];

  test('names every call of the contract, with its parameters, body and answers', async () => {
    const api = await documented();
    expect(api.openapi).toMatch(/^3\.1\./);
    for (const call of calls) {
      const [method = '', path = ''] = call.split(' ');
      const operation = api.paths[/^\/(health|metrics)/.test(path) ? path : `/api/v1${path}`]?.[method];
      expect({ call, there: operation !== undefined }).toEqual({ call, there: true });
    }
    for (const [path, methods] of Object.entries(api.paths)) {
      expect(path).not.toMatch(/\/$|:/);
      for (const [method, operation] of Object.entries(methods)) {
        const where = `${method} ${path}`;
        expect(operation.summary).toBeString();
        const inPath = operation.parameters?.filter((one) => one.in === 'path').map((one) => one.name);
        expect({ where, inPath }).toEqual({
          where,
          inPath: [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''),
        });
        const answers = Object.entries(operation.responses);
        expect(answers.every(([, answer]) => typeof answer.description === 'string')).toBe(true);
        const [status, answer] = answers[0] ?? [];
        if (status !== '204')
          expect({ where, told: Object.keys(answer?.content ?? {}).length }).toEqual({ where, told: 1 });
      }
    }
    for (const path of ['/api/v1/runs', '/api/v1/projects', '/api/v1/agents']) {
      const body = Object.values(api.paths[path]?.post?.requestBody?.content ?? {})[0]?.schema;
      expect(body?.examples).toBeArray();
    }
  });

  test('has examples that are taken as they are, as far as they go', async () => {
    const api = await documented();
    const schema = Object.values(api.paths['/api/v1/agents']?.post?.requestBody?.content ?? {})[0]?.schema;
    const [example] = (schema?.examples ?? []) as Record<string, unknown>[];
    expect((await service.call('/agents', example)).status).toBe(201);
  });

  test('is a page too, without script of its own, and with nothing from elsewhere', async () => {
    const answer = await get('/docs');
    const page = await answer.text();
    expect(answer.status).toBe(200);
    for (const [path, methods] of Object.entries((await documented()).paths))
      for (const method of Object.keys(methods)) expect(page).toContain(`${method.toUpperCase()} ${path}<`);
    for (const text of [
      'variations',
      '1 to 16',
      'metadata',
      'options.budget_usd',
      'at most 100000 characters',
      'output_type',
    ])
      expect(page).toContain(text);
    expect(page).not.toMatch(/<style|\sstyle=|\son[a-z]+="|<script>/);
    for (const [, address] of page.matchAll(/\s(?:src|href)="([^"]*)"/g))
      expect(address).toMatch(/^(\/(?!\/)|#|data:)/);
  });
});

describe('the queue dashboard', () => {
  test.each([['postgres'], ['redis']] as const)(
    'shows jobs and statistics, and asks nobody else for anything: %s',
    async (backend) => {
      const redis = backend === 'redis' ? await startRedis() : null;
      const at = redis ? await startTestService({ redisUrl: redis.url }) : service;
      try {
        expect((await at.call('/queue/stats')).body).toMatchObject({ backend });
        const run = await oneRun(at);
        expect(run.status).toBe('completed');
        for (const path of ['/queues', '/queues/', '/queues/queue/variations']) {
          const answer = await get(path, {}, at);
          const page = await answer.text();
          expect(answer.status).toBe(200);
          expect(page).toContain('<div id="root">');
          for (const [, address] of page.matchAll(/\s(?:src|href)="([^"]*)"/g))
            expect(address).not.toMatch(/^(https?:)?\/\//);
          for (const [, file] of page.matchAll(/(?:src|href)="(static\/[^"]+)"/g)) {
            const asset = await get(`/queues/${file}`, {}, at);
            expect(asset.status).toBe(200);
            if (file?.endsWith('.css'))
              expect(await asset.text()).not.toMatch(/url\(["']?(https?:)?\/\/|@import/);
            else await asset.body?.cancel();
          }
        }
        for (const path of [
          ...[
            'queues',
            'queues?status=latest&activeQueue=variations',
            'queues?status=completed&activeQueue=variations&page=1&jobsPerPage=10',
          ],
          ...(backend === 'redis' ? ['redis/stats'] : []),
        ]) {
          const answer = await get(`/queues/api/${path}`, {}, at);
          expect({ path, status: answer.status }).toEqual({ path, status: 200 });
          expect(await answer.json()).toBeObject();
        }
        const id = run.variations[0]?.id;
        const act = (headers: Record<string, string> = {}) =>
          get(`/queues/api/queues/variations/v${id}-0/clean`, { method: 'PUT', headers }, at);
        expect((await act({ origin: 'https://evil.example' })).status).toBe(403);
        expect((await act()).status).toBeLessThan(300);
        expect((await get('/queues/api/queues/none/pause', { method: 'PUT' }, at)).status).toBe(404);
      } finally {
        if (redis) {
          await at.remove();
          await redis.stop();
        }
      }
    },
    30_000,
  );
});

test('metrics are Prometheus’s text, with every sample declared', async () => {
  const answer = await get('/metrics');
  expect(answer.headers.get('content-type')).toStartWith('text/plain; version=0.0.4');
  const text = await answer.text();
  expect(text).toEndWith('\n');
  const types = new Map<string, string>();
  const seen = new Set<string>();
  for (const line of text.trimEnd().split('\n')) {
    const type = /^# TYPE ([a-z_:][a-z0-9_:]*) (counter|gauge|histogram|summary)$/.exec(line);
    if (type) {
      expect(types.has(type[1] ?? '')).toBe(false);
      types.set(type[1] ?? '', type[2] ?? '');
    } else if (!/^# HELP [a-z_:][a-z0-9_:]* \S.*$/.test(line)) {
      const sample = /^([a-z_:][a-z0-9_:]*)(\{[a-z_]+="[^"\\\n]*"(?:,[a-z_]+="[^"\\\n]*")*\})? (\S+)$/.exec(
        line,
      );
      expect({ line, sample: sample !== null }).toEqual({ line, sample: true });
      expect(types.has(sample?.[1] ?? '')).toBe(true);
      expect(Number.isFinite(Number(sample?.[3]))).toBe(true);
      const series = `${sample?.[1]}${sample?.[2] ?? ''}`;
      expect(seen.has(series)).toBe(false);
      seen.add(series);
      if (types.get(sample?.[1] ?? '') === 'counter') expect(sample?.[1]).toEndWith('_total');
    }
  }
  expect([...types.keys()]).toContain('bakeoff_runs');
});

describe('the database', () => {
  const health = async () => {
    const answer = await get('/health');
    const body = (await answer.json()) as Health;
    expect(Value.Check(healthSchema, body)).toBe(true);
    return { status: answer.status, body };
  };
  const runs = async () => {
    const { status, body } = await service.call<{ error?: { code: string } }>('/runs');
    return status === 200 ? 'fine' : `${status} ${body.error?.code}`;
  };

  test('killed: told within 3 s, refused meanwhile by the contract, and found again by itself', async () => {
    expect((await health()).status).toBe(200);
    process.kill(postgresPids(service)[0] ?? 0, 'SIGKILL');
    const said = new Set<string>();
    const started = performance.now();
    const bad = await until(
      async () => {
        said.add(await runs());
        const now = await health();
        return now.status === 503 && now;
      },
      'health that says it',
      3_000,
    );
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(bad.body.status).toBe('down');
    await until(async () => {
      said.add(await runs());
      return (await health()).status === 200;
    }, 'recovery');
    said.add(await runs());
    expect([...said].sort()).toEqual(['503 database_unavailable', 'fine']);
  }, 30_000);

  test('frozen: health says so within 3 s', async () => {
    const pids = postgresPids(service);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    try {
      const started = performance.now();
      const { status, body } = await health();
      expect(performance.now() - started).toBeLessThan(3_000);
      expect([status, body.parts.database.status]).toEqual([503, 'down']);
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    }
    await until(async () => (await health()).status === 200, 'recovery');
    expect(await runs()).toBe('fine');
  }, 30_000);

  test('that hangs is answered for; work that is only slow is left to itself', async () => {
    const hanging = { sql: () => new Promise(() => {}) } as never;
    const living = { sql: () => Promise.resolve([]) } as never;
    const patience = { waitMs: 10, lookMs: 20 };
    const instead = () => new Response('instead', { status: 503 });
    const never = new Promise<Response>(() => {});
    expect((await patiently(never, hanging, instead, patience)).status).toBe(503);
    const slow = Bun.sleep(60).then(() => new Response('in the end'));
    expect(await (await patiently(slow, living, instead, patience)).text()).toBe('in the end');
  });
});
