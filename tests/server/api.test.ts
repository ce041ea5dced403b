import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { Agent, Page, Project, Run } from '../../src/core/contract';
import {
  agentSchema,
  agentTestSchema,
  approvalSchema,
  checkpointSchema,
  directiveSchema,
  eventSchema,
  outputSchema,
  pageOf,
  projectSchema,
  readingOf,
  runSchema,
  variationSchema,
} from '../../src/server/schemas';
import {
  processedSchema,
  queueSchema,
  settingsSchema,
  statsSchema,
  workerSchema,
} from '../../src/server/schemas-service';
import { makeRepository } from '../support/repository';
import { scenario, startTestService, type TestService } from '../support/service';
import { openRows } from './rows';

let service: TestService;
let repository: string;
/** A run that has ended, with a patch, a plan and a check. */
let done: Run;

beforeAll(async () => {
  repository = makeRepository({ 'a.txt': 'a\n' }).path;
  service = await startTestService();
  await service.call('/agents', {
    name: 'writer',
    provider: 'scripted',
    scenario: scenario(
      { name: 'write_plan', arguments: { steps: [{ text: 'write', status: 'active' }] } },
      { name: 'write_file', arguments: { path: 'b.txt', content: 'b\n' } },
      { name: 'run_command', arguments: { command: 'echo out; echo err >&2' } },
    ),
  });
  await service.call('/agents', {
    name: 'idle',
    provider: 'scripted',
    scenario: { turns: [{ text: 'hi' }] },
  });
  const { body } = await service.call<Project>('/projects', {
    name: 'sample',
    local_path: repository,
    checks: [{ name: 'there', command: 'test -e b.txt' }],
  });
  const made = await service.call<Run>('/runs', { project_id: body.id, goal: 'Write b', agents: ['writer'] });
  done = await service.ended(made.body.id);
  expect(done.status).toBe('completed');
  // What is made from here on stays as it was made.
  await service.call('/settings', { execution: false }, 'PATCH');
}, 30_000);
afterAll(() => service.remove());

/** Exactly the fields of the contract, each of its type. */
function expectFits(schema: TSchema, value: unknown): void {
  expect([...Value.Errors(schema, value)].map((error) => `${error.path}: ${error.message}`)).toEqual([]);
}

const start = (change: Record<string, unknown> = {}) =>
  service.call<Run>('/runs', { local_path: repository, goal: 'Do it', agents: ['idle'], ...change });

describe('every answer has exactly the fields of the contract:', () => {
  const calls: [path: string, schema: TSchema][] = [
    ['/runs', pageOf(runSchema)],
    ['/runs/1', runSchema],
    ['/runs/1/events', readingOf(eventSchema)],
    ['/runs/1/variations', pageOf(variationSchema)],
    ['/runs/1/variations/1', variationSchema],
    ['/runs/1/variations/1/checkpoints', pageOf(checkpointSchema)],
    ['/runs/1/approvals', pageOf(approvalSchema)],
    ['/runs/1/directives', pageOf(directiveSchema)],
    ['/tasks', pageOf(runSchema)],
    ['/tasks/1', runSchema],
    ['/tasks/1/outputs', readingOf(outputSchema)],
    ['/tasks/1/variations/1/outputs', readingOf(outputSchema)],
    ['/projects', pageOf(projectSchema)],
    ['/projects/1', projectSchema],
    ['/agents', pageOf(agentSchema)],
    ['/agents/1', agentSchema],
    ['/worker/status', pageOf(workerSchema)],
    ['/queue/stats', queueSchema],
    ['/stats', statsSchema],
    ['/settings', settingsSchema],
  ];
  test.each(calls)('GET %s', async (path, schema) => {
    const { status, body, headers } = await service.call(path);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toStartWith('application/json');
    expectFits(schema, body);
  });

  test('the calls that do something', async () => {
    const stopped = await start();
    expect(stopped.status).toBe(201);
    expectFits(runSchema, stopped.body);
    const { id } = stopped.body;
    const one = await service.call(`/runs/${id}/variations/1/stop`, undefined, 'POST');
    expect(one.status).toBe(202);
    expectFits(variationSchema, one.body);
    const again = await service.call<{ error: { code: string } }>(`/runs/${id}/stop`, undefined, 'POST');
    expect([again.status, again.body.error.code]).toEqual([409, 'already_ended']);
    const tested = await service.call('/agents/1/test', undefined, 'POST');
    expect(tested.status).toBe(200);
    expectFits(agentTestSchema, tested.body);
    const settings = await service.call('/settings', {}, 'PATCH');
    expectFits(settingsSchema, settings.body);
    const processed = await service.call('/worker/process', undefined, 'POST');
    expect([200, 202]).toContain(processed.status);
    expectFits(processedSchema, processed.body);
  });
});

describe('a run', () => {
  test('says where it is, and is a task of the same number', async () => {
    const { status, body, headers } = await start({
      variations: 3,
      task_type: 'coding',
      priority: 9,
      name: 'Nine',
    });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/api/v1/runs/${body.id}`);
    expect([body.run_id, body.task_id]).toEqual([body.id, body.id]);
    expect(body).toMatchObject({
      name: 'Nine',
      status: 'queued',
      task_status: 'queued',
      priority: 9,
      progress_percentage: 0,
    });
    expect(body.variations.map((one) => [one.position, one.status, one.agent.name])).toEqual([
      [1, 'queued', 'idle'],
      [2, 'queued', 'idle'],
      [3, 'queued', 'idle'],
    ]);
    expect((await service.call<Run>(`/tasks/${body.id}`)).body).toEqual(
      (await service.call<Run>(`/runs/${body.id}`)).body,
    );
  });

  test('is asked for under other names too', async () => {
    const { body, status } = await service.call<Run>('/runs', {
      local_path: repository,
      prompt: 'As a prompt\nwith more',
      title: 'Titled',
      agents: ['idle'],
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ goal: 'As a prompt\nwith more', name: 'Titled' });
    const github = await service.call<{ error: { field: string } }>('/runs', {
      github_url: 'https://127.0.0.1/x',
      goal: 'x',
      agents: ['idle'],
    });
    expect([github.status, github.body.error.field]).toEqual([422, 'repo_url']);
    expect((await start({ goal: 'First line\nsecond' })).body.name).toBe('First line');
    expect((await start({ agents: [done.variations[0]?.agent.id] })).body.variations[0]?.agent.name).toBe(
      'writer',
    );
  });

  test('is made once for one Idempotency-Key, also by many at the same time', async () => {
    const send = (body: unknown, key: string) =>
      fetch(`${service.url}/api/v1/runs`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: {
          authorization: `Bearer ${service.apiKey}`,
          'content-type': 'application/json',
          'idempotency-key': key,
        },
      });
    const body = { local_path: repository, goal: 'Once', agents: ['idle'] };
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(body, 'once')));
    const ids = new Set(await Promise.all(answers.map(async (answer) => ((await answer.json()) as Run).id)));
    expect(ids.size).toBe(1);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
    expect((await send({ ...body, goal: 'Twice' }, 'once')).status).toBe(409);
    expect((await send(body, 'another')).status).toBe(201);
    for (const key of ['', 'x'.repeat(201), 'with blank']) {
      expect([422, key === '' ? 201 : 422]).toContain((await send(body, key)).status);
    }
  });

  test('refused for its key makes no project either', async () => {
    const other = makeRepository({ 'a.txt': 'a\n' }).path;
    const send = (path: string) =>
      fetch(`${service.url}/api/v1/runs`, {
        method: 'POST',
        body: JSON.stringify({ local_path: path, goal: 'Once', agents: ['idle'] }),
        headers: {
          authorization: `Bearer ${service.apiKey}`,
          'content-type': 'application/json',
          'idempotency-key': 'half',
        },
      });
    expect((await send(repository)).status).toBe(201);
    const before = (await service.call<Page<Project>>('/projects')).body.total;
    expect((await send(other)).status).toBe(409);
    expect((await service.call<Page<Project>>('/projects')).body.total).toBe(before);
  });
});

describe('a list', () => {
  test('is read to its end by its cursor, each once, in order, whatever its order', async () => {
    for (let i = 0; i < 7; i += 1) await start({ priority: (i % 3) + 1 });
    for (const path of [
      '/runs?',
      '/runs?sort=newest&',
      '/runs?sort=oldest&',
      '/runs?sort=live&',
      '/tasks?',
      '/projects?',
      '/agents?',
    ]) {
      const whole = (await service.call<Page<{ id: number }>>(`${path}limit=200`)).body;
      expect(whole.next_cursor).toBeNull();
      expect(whole.total).toBe(whole.items.length);
      const ids: number[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const { body }: { body: Page<{ id: number }> } = await service.call(
          `${path}limit=2${cursor && `&cursor=${cursor}`}`,
        );
        expect(body.items.length).toBeLessThanOrEqual(2);
        expect(body.total).toBe(whole.total);
        ids.push(...body.items.map((one) => one.id));
        cursor = body.next_cursor;
      }
      expect(ids).toEqual(whole.items.map((one) => one.id));
    }
    const runs = (await service.call<Page<Run>>('/runs?limit=200')).body.items;
    const order = runs.map((run) => [-run.priority, -Date.parse(run.created_at), -run.id]);
    expect(order).toEqual(
      [...order].sort(
        (a, b) => (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0) || (a[2] ?? 0) - (b[2] ?? 0),
      ),
    );
  });

  test('takes a filter given twice as either, and different ones as both', async () => {
    const all = (await service.call<Page<Run>>('/runs?limit=200')).body.items;
    const ask = async (query: string) => (await service.call<Page<Run>>(`/runs?limit=200&${query}`)).body;
    const expectOnly = async (query: string, keep: (run: Run) => boolean): Promise<void> => {
      const found = await ask(query);
      expect({ query, ids: found.items.map((run) => run.id) }).toEqual({
        query,
        ids: all.filter(keep).map((run) => run.id),
      });
      expect(found.total).toBe(found.items.length);
    };
    await expectOnly('status=completed', (run) => run.status === 'completed');
    await expectOnly('status=completed&status=stopped', (run) =>
      ['completed', 'stopped'].includes(run.status),
    );
    await expectOnly('agent=writer', (run) => run.variations.some((one) => one.agent.name === 'writer'));
    await expectOnly('agent=writer&agent=idle', () => true);
    await expectOnly(
      'agent=writer&status=queued',
      (run) => run.status === 'queued' && run.variations.some((one) => one.agent.name === 'writer'),
    );
    await expectOnly(`project_id=${done.project_id}`, (run) => run.project_id === done.project_id);
    await expectOnly('task_type=coding', (run) => run.task_type === 'coding');
    await expectOnly('run_type=task', (run) => run.run_type === 'task');
    await expectOnly('q=prompt', (run) => /prompt/i.test(run.goal + run.name));
    await expectOnly(`q=${encodeURIComponent('100%_\\')}`, () => false);
    await expectOnly('status=', () => true);
  });
});

describe('events and outputs', () => {
  interface Reading {
    items: {
      seq: number;
      type: string;
      variation: number | null;
      output_type: string;
      content: string;
      variation_id: number;
    }[];
    next_cursor: string | null;
  }
  const read = async (path: string) => (await service.call<Reading>(path)).body;

  test('are numbered from 1 without a gap, and paged by the last number', async () => {
    const seqs: number[] = [];
    let after: string | null = '0';
    while (after !== null) {
      const page: Reading = await read(`/runs/${done.id}/events?limit=5&after=${after}`);
      seqs.push(...page.items.map((event) => event.seq));
      after = page.next_cursor;
    }
    expect(seqs).toEqual(seqs.map((_, i) => i + 1));
    expect(seqs.length).toBeGreaterThan(15);
    expect((await read(`/runs/${done.id}/events?after=100000`)).items).toEqual([]);
  });

  test('are filtered by variation and type', async () => {
    const own = await read(`/runs/${done.id}/events?variation=1&type=tool.started&type=tool.finished`);
    expect(new Set(own.items.map((event) => event.type))).toEqual(new Set(['tool.started', 'tool.finished']));
    expect(own.items.every((event) => event.variation === 1)).toBe(true);
    expect((await read(`/runs/${done.id}/events?variation=9`)).items).toEqual([]);
    expect((await read(`/runs/${done.id}/events?type=no.such`)).items).toEqual([]);
  });

  test('tell what a command put out, by kind', async () => {
    const kinds = async (query: string) => (await read(`/tasks/${done.id}/outputs?limit=200${query}`)).items;
    expect((await kinds('&output_type=stdout')).map((one) => one.content).join('')).toContain('out\n');
    expect((await kinds('&output_type=stderr')).map((one) => one.content).join('')).toContain('err\n');
    const both = await kinds('&output_type=summary&output_type=diff');
    expect(new Set(both.map((one) => one.output_type))).toEqual(new Set(['summary', 'diff']));
    const last = (await kinds('')).at(-1)?.seq ?? 0;
    expect(await kinds(`&after=${last}`)).toEqual([]);
    const mine = (await read(`/tasks/${done.id}/variations/1/outputs?limit=200`)).items;
    expect(new Set(mine.map((one) => one.variation_id))).toEqual(new Set([done.variations[0]?.id ?? 0]));
  });
});

test('throughput counts what ended in the last hour, by an index', async () => {
  const ended = async () =>
    (await service.call<{ throughput_per_hour: number }>('/queue/stats')).body.throughput_per_hour;
  const before = await ended();
  expect(before).toBeGreaterThan(0);
  const rows = openRows(service);
  try {
    const move = (by: string) =>
      rows`update variations set completed_at = completed_at + ${by}::interval where run_id = ${done.id}`;
    await move('-2 hours');
    expect(await ended()).toBe(before - 1);
    await move('2 hours');
    await rows`set enable_seqscan = off`;
    const plan = await rows`
      explain select count(*) from variations where completed_at > now() - interval '1 hour'`;
    expect(JSON.stringify(plan)).toContain('variations_ended');
  } finally {
    await rows.end();
  }
});

test('a diff says what it is, and on what it applies', async () => {
  const { status, body, headers } = await service.call<string>(`/runs/${done.id}/variations/1/diff`);
  expect(status).toBe(200);
  expect(headers.get('content-type')).toStartWith('text/x-diff');
  expect(headers.get('x-base-sha')).toBe(done.base_sha);
  expect(body).toStartWith('diff --git a/b.txt b/b.txt');
});

describe('projects and agents', () => {
  test('are made, changed, and removed when no run needs them', async () => {
    const project = await service.call<Project>('/projects', { local_path: repository, name: 'gone soon' });
    expect(project.status).toBe(201);
    expect(project.headers.get('location')).toBe(`/api/v1/projects/${project.body.id}`);
    const changed = await service.call<Project>(
      `/projects/${project.body.id}`,
      { name: 'going', checks: [{ name: 'a', command: 'true' }] },
      'PATCH',
    );
    expect(changed.body).toMatchObject({
      name: 'going',
      checks: [{ name: 'a', command: 'true', timeout_s: 300, required: true }],
    });
    const gone = await service.call<string>(`/projects/${project.body.id}`, undefined, 'DELETE');
    expect([gone.status, gone.body]).toEqual([204, '']);
    expect((await service.call(`/projects/${project.body.id}`)).status).toBe(404);
    expect((await service.call(`/projects/${done.project_id}`, undefined, 'DELETE')).status).toBe(409);

    const agent = await service.call<Agent>('/agents', {
      name: 'brief',
      provider: 'openai',
      model: 'm',
      api_key: 'sk-12345678',
    });
    expect(agent.headers.get('location')).toBe(`/api/v1/agents/${agent.body.id}`);
    const path = `/agents/${agent.body.id}`;
    expect(agent.body.has_api_key).toBe(true);
    expect((await service.call<Agent>(path, { api_key: null, temperature: 1 }, 'PATCH')).body).toMatchObject({
      has_api_key: false,
      temperature: 1,
    });
    expect((await service.call(path, undefined, 'DELETE')).status).toBe(204);
    expect((await service.call(path)).status).toBe(404);
    expect((await service.call(`/agents/${done.variations[0]?.agent.id}`, undefined, 'DELETE')).status).toBe(
      409,
    );
  });
});

test('two hundred runs asked for at once are all made, and the list stays quick', async () => {
  const before = (await service.call<Page<Run>>('/runs?limit=1')).body.total;
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => start({ goal: `Number ${i}` })));
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
  expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(200);
  expect((await service.call<Page<Run>>('/runs?limit=1')).body.total).toBe(before + 200);
}, 30_000);
