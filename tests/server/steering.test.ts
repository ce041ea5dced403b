import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import type { TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { Approval, Checkpoint, Directive, Page, Project, Run, Variation } from '../../src/core/contract';
import type { Event } from '../../src/core/fact';
import { approvalSchema, checkpointSchema, directiveSchema, pageOf } from '../../src/server/schemas';
import { git, makeRepository } from '../support/repository';
import { scenario, startTestService, type TestService } from '../support/service';
import { tempDir } from '../support/temp';
import { until } from '../support/wait';

let service: TestService;
let repository: string;

const write = (path: string, delay_ms = 0) => ({
  name: 'write_file',
  arguments: { path, content: `${path}\n` },
  delay_ms,
});
const command = (text: string) => ({ name: 'run_command', arguments: { command: text } });
const plan = {
  name: 'write_plan',
  arguments: {
    steps: [
      { text: 'Look', status: 'active' },
      { text: 'Write', status: 'pending' },
    ],
  },
};

beforeAll(async () => {
  repository = makeRepository({ 'seed.txt': 'seed\n' }).path;
  service = await startTestService();
  const agents = {
    quick: scenario(write('one.txt'), write('two.txt'), write('three.txt')),
    slow: scenario(write('one.txt'), write('two.txt', 400), write('three.txt', 400)),
    endless: scenario(write('one.txt'), command('sleep 60')),
    other: scenario(write('else.txt'), write('else.txt'), write('other.txt')),
    asking: scenario(write('one.txt'), command('echo hello > two.txt'), command('true')),
    failing: {
      turns: [
        { tool_calls: [write('one.txt')].map(({ delay_ms: _, ...call }) => call) },
        { error: { code: 'model_refused', message: 'no' } },
      ],
    },
    planning: scenario(plan, write('one.txt')),
  };
  for (const [name, script] of Object.entries(agents)) {
    const { status } = await service.call('/agents', { name, provider: 'scripted', scenario: script });
    expect(status).toBe(201);
  }
}, 30_000);
afterAll(() => service.remove());

interface Refusal {
  error: { code: string; field?: string };
}

async function start(agent: string, change: Record<string, unknown> = {}): Promise<Run> {
  const body = { local_path: repository, goal: 'Do it', agents: [agent], ...change };
  const made = await service.call<Run>('/runs', body);
  expect({ status: made.status, body: made.body }).toMatchObject({ status: 201 });
  return made.body;
}

const post = <T>(path: string, body: unknown = undefined) => service.call<T>(path, body, 'POST');

async function send<T>(path: string, body: unknown, key: string): Promise<{ status: number; body: T }> {
  const answer = await fetch(`${service.url}/api/v1${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: {
      authorization: `Bearer ${service.apiKey}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    },
  });
  return { status: answer.status, body: (await answer.json()) as T };
}

async function refusal(answer: Promise<{ status: number; body: unknown }>): Promise<unknown[]> {
  const { status, body } = await answer;
  const { code, field } = (body as Refusal).error ?? {};
  return field === undefined ? [status, code] : [status, code, field];
}

function reached(id: number, status: Run['status'], position = 1): Promise<Variation> {
  return until(
    async () => {
      const { body } = await service.call<Variation>(`/runs/${id}/variations/${position}`);
      return body.status === status && body;
    },
    `variation ${position} of run ${id} ${status}`,
    20_000,
  );
}

async function events(id: number, ...types: string[]): Promise<Event[]> {
  const query = types.map((type) => `&type=${type}`).join('');
  return (await service.call<Page<Event>>(`/runs/${id}/events?limit=200${query}`)).body.items;
}

const saved = (id: number, at = 1) =>
  until(async () => (await events(id, 'checkpoint.saved')).length >= at, `checkpoint ${at} of run ${id}`);

function expectFits(schema: TSchema, value: unknown): void {
  expect([...Value.Errors(schema, value)].map((error) => `${error.path}: ${error.message}`)).toEqual([]);
}

/** The names of the files that a diff changes, once git has applied it to the base. */
async function filesOf(id: number, position = 1, query = ''): Promise<string[]> {
  const { body } = await service.call<string>(`/runs/${id}/variations/${position}/diff${query}`);
  if (body === '') return [];
  const copy = tempDir('copy');
  git(copy, 'clone', '-q', repository, '.');
  await Bun.write(join(copy, '.git', 'the.diff'), body);
  git(copy, 'apply', '.git/the.diff');
  return git(copy, 'status', '--porcelain', '-uall')
    .split('\n')
    .map((line) => line.slice(3));
}

describe('pause and resume', () => {
  test('hold a variation at a boundary, and cost no model call', async () => {
    const { id } = await start('slow');
    await saved(id);
    const paused = await post<Run>(`/runs/${id}/pause`);
    expect(paused.status).toBe(202);
    const waiting = await reached(id, 'paused');
    expect(waiting.worker).toBeNull();
    expect((await service.call<Run>(`/runs/${id}`)).body).toMatchObject({
      status: 'paused',
      task_status: 'running',
    });
    expect((await post<Run>(`/runs/${id}/pause`)).status).toBe(202);
    const resumed = await post<Variation>(`/runs/${id}/variations/1/resume`);
    expect(resumed.status).toBe(202);
    const run = await service.ended(id);
    expect([run.status, run.usage.model_calls]).toEqual(['completed', 4]);
    expect(await filesOf(id)).toEqual(['one.txt', 'three.txt', 'two.txt']);
    expect((await events(id, 'run.paused')).length).toBe(1);
  });

  test('of one variation leave the others alone', async () => {
    const { id } = await start('slow', { variations: 2 });
    await post(`/runs/${id}/variations/2/pause`);
    await reached(id, 'completed', 1);
    await reached(id, 'paused', 2);
    expect((await service.call<Run>(`/runs/${id}`)).body.completed_at).toBeNull();
    expect((await post(`/runs/${id}/stop`)).status).toBe(202);
    const run = await service.ended(id);
    expect(run.variations.map((one) => one.status)).toEqual(['completed', 'stopped']);
  });

  test('are refused where there is nothing to do', async () => {
    const { id } = await start('quick');
    await service.ended(id);
    for (const [verb, code] of [
      ['pause', 'already_ended'],
      ['resume', 'not_paused'],
      ['stop', 'already_ended'],
      ['retry', 'nothing_to_retry'],
    ]) {
      expect(await refusal(post(`/runs/${id}/${verb}`))).toEqual([409, code]);
      expect(await refusal(post(`/runs/${id}/variations/1/${verb}`))).toEqual([409, code]);
      expect(await refusal(post(`/runs/${id}/variations/2/${verb}`))).toEqual([404, 'variation_not_found']);
    }
  });
});

describe('a directive', () => {
  test('is heard once by each, in order, also when it came while paused', async () => {
    const { id } = await start('slow', { variations: 2 });
    await post(`/runs/${id}/pause`);
    await Promise.all([reached(id, 'paused', 1), reached(id, 'paused', 2)]);
    const all = await post<{ items: Directive[] }>(`/runs/${id}/directives`, { text: ' Be brief ' });
    expect(all.status).toBe(201);
    expect(all.body.items.map((one) => [one.position, one.text, one.delivered_at])).toEqual([
      [1, 'Be brief', null],
      [2, 'Be brief', null],
    ]);
    const one = { text: 'And kind', variations: [2], path: 'seed.txt', line: 1 };
    expect((await post(`/runs/${id}/directive`, one)).status).toBe(201);
    await post(`/runs/${id}/resume`);
    await service.ended(id);
    const { body } = await service.call<Page<Directive>>(`/runs/${id}/directives`);
    expectFits(pageOf(directiveSchema), body);
    expect(body.items.map((each) => [each.position, each.text, each.delivered_at !== null])).toEqual([
      [1, 'Be brief', true],
      [2, 'Be brief', true],
      [2, 'And kind', true],
    ]);
    const delivered = await events(id, 'directive.delivered');
    expect(delivered.map((event) => event.variation).sort()).toEqual([1, 2, 2]);
    const told = (await events(id, 'model.requested')).flatMap((event) =>
      event.type === 'model.requested' && event.variation === 2 ? event.payload.added : [],
    );
    expect(told.filter((text) => text.includes('Be brief')).length).toBe(1);
    expect(told.filter((text) => text.includes('And kind') && text.includes('seed.txt')).length).toBe(1);
  });

  test('reopens a variation that has ended, when it is named', async () => {
    const { id } = await start('quick');
    await service.ended(id);
    expect(await refusal(post(`/runs/${id}/directives`, { text: 'More' }))).toEqual([409, 'already_ended']);
    expect((await post(`/runs/${id}/directives`, { text: 'More', variations: [1] })).status).toBe(201);
    const run = await service.ended(id);
    expect([run.status, run.variations[0]?.iteration]).toEqual(['completed', 2]);
    expect((await events(id, 'directive.delivered')).length).toBe(1);
  });

  test('is given once for one Idempotency-Key', async () => {
    const { id } = await start('slow');
    const tell = (text: string) => send<{ items: Directive[] }>(`/runs/${id}/directives`, { text }, 'tell');
    const first = await tell('Once');
    const second = await tell('Once');
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body.items.map((one) => one.id)).toEqual(first.body.items.map((one) => one.id));
    expect((await tell('Twice')).status).toBe(409);
    await post(`/runs/${id}/stop`);
    await service.ended(id);
  });
});

describe('an approval', () => {
  const open = (id: number) =>
    until(async () => {
      const { body } = await service.call<Page<Approval>>(`/runs/${id}/approvals`);
      expectFits(pageOf(approvalSchema), body);
      return body.items.find((one) => one.status === 'open');
    }, `a question of run ${id}`);

  test('of the plan waits without a worker, and may change the plan', async () => {
    const { id } = await start('planning', { options: { approval: 'plan' } });
    const asked = await open(id);
    expect(asked).toMatchObject({ kind: 'plan', position: 1, run_id: id });
    expect(asked.question.plan).toContain('Look');
    expect((await reached(id, 'awaiting_approval')).worker).toBeNull();
    const path = `/runs/${id}/approvals/${asked.id}`;
    const decided = await post<Approval>(path, { decision: 'approve', plan: 'Only write' });
    expect([decided.status, decided.body.status, decided.body.plan]).toEqual([200, 'approved', 'Only write']);
    expectFits(approvalSchema, decided.body);
    expect((await post(path, { decision: 'approve' })).status).toBe(200);
    expect(await refusal(post(path, { decision: 'deny' }))).toEqual([409, 'already_decided']);
    const run = await service.ended(id);
    expect(run.status).toBe('completed');
    expect((await events(id, 'approval.decided')).length).toBe(1);
    expect(await filesOf(id)).toEqual(['one.txt']);
  });

  test('of commands asks for what is not on the project’s list, and denied is not run', async () => {
    const project = await service.call<Project>('/projects', {
      local_path: repository,
      name: 'careful',
      allowed_commands: ['true'],
    });
    expect([project.status, project.body.allowed_commands]).toEqual([201, ['true']]);
    const { id } = await start('asking', {
      local_path: undefined,
      project_id: project.body.id,
      options: { approval: 'commands' },
    });
    const asked = await open(id);
    expect(asked.question.command).toBe('echo hello > two.txt');
    const path = `/runs/${id}/approvals/${asked.id}`;
    expect(await refusal(post(path, { decision: 'approve', plan: 'x' }))).toEqual([422, 'invalid', 'plan']);
    const denied = await post<Approval>(path, { decision: 'deny', comment: 'Write it by hand' });
    expect([denied.status, denied.body.status]).toEqual([200, 'denied']);
    const run = await service.ended(id);
    expect(run.status).toBe('completed');
    expect(await filesOf(id)).toEqual(['one.txt']);
    const told = (await events(id, 'tool.finished')).map((event) => JSON.stringify(event.payload)).join('\n');
    expect(told).toContain('Write it by hand');
    expect((await service.call<Page<Approval>>(`/runs/${id}/approvals`)).body.total).toBe(1);
  });

  test('of the commit waits with the patch; stopped, it is withdrawn', async () => {
    const { id } = await start('quick', { options: { approval: 'commit' } });
    const asked = await open(id);
    expect(asked.question.patch).toMatchObject({ files: 3 });
    expect((await post(`/runs/${id}/stop`)).status).toBe(202);
    expect((await service.ended(id)).status).toBe('stopped');
    const path = `/runs/${id}/approvals/${asked.id}`;
    expect(await refusal(post(path, { decision: 'approve' }))).toEqual([409, 'withdrawn']);
    expect(await refusal(post(`/runs/${id}/approvals/999999`, { decision: 'approve' }))).toEqual([
      404,
      'approval_not_found',
    ]);
  });

  test('survives a pause: resumed, it is asked still', async () => {
    const { id } = await start('quick', { options: { approval: 'commit' } });
    const asked = await open(id);
    await post(`/runs/${id}/pause`);
    await reached(id, 'paused');
    await post(`/runs/${id}/resume`);
    await reached(id, 'awaiting_approval');
    await post(`/runs/${id}/approvals/${asked.id}`, { decision: 'approve' });
    expect((await service.ended(id)).status).toBe('completed');
  });
});

describe('checkpoints', () => {
  let run: Run;
  let list: Checkpoint[];
  beforeAll(async () => {
    run = await service.ended((await start('quick')).id);
    const { body } = await service.call<Page<Checkpoint>>(`/runs/${run.id}/variations/1/checkpoints`);
    expectFits(pageOf(checkpointSchema), body);
    list = body.items;
  });

  test('are one for each step that changed files, the last being the present one', () => {
    expect(list.map((one) => [one.checkpoint, one.patch.files, one.current])).toEqual([
      [1, 1, false],
      [2, 2, false],
      [3, 3, true],
    ]);
  });

  test('are read by pages', async () => {
    const path = `/runs/${run.id}/variations/1/checkpoints?limit=2`;
    const first = (await service.call<Page<Checkpoint>>(path)).body;
    expect([first.items.length, first.total]).toEqual([2, 3]);
    const rest = (await service.call<Page<Checkpoint>>(`${path}&cursor=${first.next_cursor}`)).body;
    expect([rest.items.map((one) => one.checkpoint), rest.next_cursor]).toEqual([[3], null]);
  });

  test('have a diff each, also of one file alone', async () => {
    expect(await filesOf(run.id, 1, '?checkpoint=0')).toEqual([]);
    expect(await filesOf(run.id, 1, '?checkpoint=1')).toEqual(['one.txt']);
    expect(await filesOf(run.id, 1, '?checkpoint=2')).toEqual(['one.txt', 'two.txt']);
    expect(await filesOf(run.id, 1, '?path=two.txt')).toEqual(['two.txt']);
    expect(await filesOf(run.id, 1, '?path=three.txt&checkpoint=2')).toEqual([]);
    expect(await refusal(service.call(`/runs/${run.id}/variations/1/diff?checkpoint=4`))).toEqual([
      404,
      'checkpoint_not_found',
    ]);
    expect(await refusal(service.call(`/runs/${run.id}/variations/2/diff?checkpoint=0`))).toEqual([
      404,
      'variation_not_found',
    ]);
  });

  test('are forked from, by another agent that is told something, once for one key', async () => {
    const path = `/runs/${run.id}/variations/1/fork`;
    const body = { checkpoint: 2, agent: 'other', directive: 'Do it otherwise' };
    const first = await send<Variation>(path, body, 'fork');
    const again = await send<Variation>(path, body, 'fork');
    const many = await Promise.all([1, 2, 3].map(() => send<Variation>(path, { checkpoint: 0 }, 'many')));
    expect(many.map((one) => one.body.position)).toEqual([3, 3, 3]);
    expect([first.status, first.body.position, first.body.agent.name]).toEqual([201, 2, 'other']);
    expect([again.status, again.body.id]).toEqual([200, first.body.id]);
    expect((await send(path, { ...body, checkpoint: 1 }, 'fork')).status).toBe(409);
    const forked = await post<Variation>(path, { checkpoint: 3 });
    expect(forked.headers.get('location')).toBe(`/api/v1/runs/${run.id}/variations/4`);
    await service.ended(run.id);
    await Promise.all([reached(run.id, 'completed', 2), reached(run.id, 'completed', 3)]);
    expect(await filesOf(run.id, 2)).toEqual(['one.txt', 'other.txt', 'two.txt']);
    expect(await filesOf(run.id, 3)).toEqual(['one.txt', 'three.txt', 'two.txt']);
    const told = await service.call<Page<Directive>>(`/runs/${run.id}/directives`);
    expect(told.body.items.map((one) => [one.position, one.text])).toEqual([[2, 'Do it otherwise']]);
    expect(await refusal(post(path, { checkpoint: 9 }))).toEqual([404, 'checkpoint_not_found']);
    expect(await refusal(post(path, { checkpoint: 1, agent: 'nobody' }))).toEqual([422, 'invalid', 'agent']);
  });

  test('are gone back to', async () => {
    const { id } = await service.ended((await start('quick')).id);
    const path = `/runs/${id}/variations/1/rollback`;
    const back = await post<Variation>(path, { checkpoint: 1 });
    expect([back.status, back.body.position]).toEqual([202, 1]);
    expect((await service.ended(id)).status).toBe('completed');
    expect((await events(id, 'checkpoint.saved')).length).toBe(5);
    expect(await refusal(post(path, { checkpoint: 99 }))).toEqual([404, 'checkpoint_not_found']);
  });
});

describe('a retry', () => {
  test('goes on from the last checkpoint, or starts anew', async () => {
    const { id } = await start('failing');
    const failed = await service.ended(id);
    expect([failed.status, failed.error?.code]).toEqual(['failed', 'model_refused']);
    const again = await post<Run>(`/runs/${id}/retry`);
    expect([again.status, again.body.variations[0]?.retry_count]).toEqual([202, 1]);
    const second = await service.ended(id);
    expect([second.status, second.usage.model_calls]).toEqual(['failed', 1]);
    expect((await post(`/runs/${id}/variations/1/retry`, { from: 'start' })).status).toBe(202);
    const third = await service.ended(id);
    expect([third.status, third.usage.model_calls]).toEqual(['failed', 2]);
  });

  test('of what was stopped completes it', async () => {
    const { id } = await start('slow');
    await saved(id);
    await post(`/runs/${id}/stop`);
    expect((await service.ended(id)).status).toBe('stopped');
    await post(`/runs/${id}/retry`, { from: 'checkpoint' });
    expect((await service.ended(id)).status).toBe('completed');
    expect(await filesOf(id)).toEqual(['one.txt', 'three.txt', 'two.txt']);
  });
});

describe('a run', () => {
  const patch = <T = Run>(id: number, change: unknown) => service.call<T>(`/runs/${id}`, change, 'PATCH');
  const later = new Date(Date.now() + 30 * 86_400_000).toISOString();

  test('that is scheduled is changed, and goes when its time is taken away', async () => {
    const made = await start('quick', { scheduled_at: later, priority: 2 });
    expect([made.status, made.scheduled_at]).toEqual(['pending', later]);
    const change = {
      name: 'Renamed',
      priority: 9,
      metadata: { a: 1 },
      scheduled_at: `${later.slice(0, 10)}T00:00+01:00`,
    };
    const changed = await patch(made.id, change);
    expect(changed.status).toBe(200);
    expect(changed.body).toMatchObject({
      ...change,
      scheduled_at: new Date(change.scheduled_at).toISOString(),
    });
    expect((await patch(made.id, {})).body).toMatchObject({ name: 'Renamed', priority: 9 });
    expect(await refusal(post(`/runs/${made.id}/pause`))).toEqual([409, 'run_pending']);
    expect((await patch(made.id, { scheduled_at: null })).body.scheduled_at).toBeNull();
    expect((await service.ended(made.id)).status).toBe('completed');
    expect(await refusal(patch(made.id, { scheduled_at: later }))).toEqual([409, 'not_pending']);
  });

  test('is removed with all its record, when it is over', async () => {
    const { id } = await start('slow');
    expect(await refusal(service.call(`/runs/${id}`, undefined, 'DELETE'))).toEqual([409, 'not_ended']);
    await post(`/runs/${id}/stop`);
    await service.ended(id);
    expect((await service.call(`/runs/${id}`, undefined, 'DELETE')).status).toBe(204);
    expect(await refusal(service.call(`/runs/${id}`))).toEqual([404, 'run_not_found']);
    expect(await refusal(service.call(`/runs/${id}`, undefined, 'DELETE'))).toEqual([404, 'run_not_found']);
  });
});

test('a flow is made as a whole, and each run waits for those that it names', async () => {
  const one = { local_path: repository, goal: 'Do it', agents: ['quick'] };
  const runs = [
    { ...one, key: 'second', agents: ['other'], base: { run: 'first' }, depends_on: ['first'] },
    { ...one, key: 'first' },
  ];
  const made = await send<{ items: (Run & { key: string })[] }>('/flows', { runs }, 'flow');
  expect([made.status, made.body.items.map((run) => [run.key, run.status])]).toEqual([
    201,
    [
      ['second', 'pending'],
      ['first', 'queued'],
    ],
  ]);
  const [second, first] = made.body.items;
  expect(second?.depends_on).toEqual([first?.id ?? 0]);
  const again = await send<{ items: Run[] }>('/flows', { runs }, 'flow');
  expect([again.status, again.body.items.map((run) => run.id)]).toEqual([
    200,
    [second?.id ?? 0, first?.id ?? 0],
  ]);
  const done = await service.ended(second?.id ?? 0);
  expect(done.status).toBe('completed');
  expect((await service.call<Run>(`/runs/${first?.id}`)).body.status).toBe('completed');
});

test('what waits goes by its priority, changed while it waits, within the limits', async () => {
  await service.call('/settings', { limits: { all: 1 } }, 'PATCH');
  try {
    const first = await start('slow');
    await saved(first.id);
    const [late, soon] = [await start('quick'), await start('quick')];
    const changed = await service.call<Run>(`/runs/${soon.id}`, { priority: 10 }, 'PATCH');
    expect([changed.status, changed.body.priority]).toEqual([200, 10]);
    const done = await Promise.all([first, late, soon].map(({ id }) => service.ended(id)));
    expect(done.map((run) => run.status)).toEqual(['completed', 'completed', 'completed']);
    const [one, two, three] = done.map((run) => [run.started_at ?? '', run.completed_at ?? '']);
    expect([one?.[1], three?.[0], three?.[1], two?.[0]]).toEqual(
      [one?.[1], three?.[0], three?.[1], two?.[0]].sort(),
    );
  } finally {
    await service.call('/settings', { limits: { all: null } }, 'PATCH');
  }
});

test('limits are set one by one, and taken away', async () => {
  const patch = (change: unknown) => service.call(`/settings`, change, 'PATCH');
  expect((await patch({ limits: { all: 8 }, retention_days: 30 })).body).toMatchObject({
    execution: true,
    limits: { all: 8, per_project: null, per_agent: null, per_provider: null },
    retention_days: 30,
  });
  expect((await patch({ limits: { per_agent: 2 } })).body).toMatchObject({
    limits: { all: 8, per_agent: 2 },
  });
  const none = { limits: { all: null, per_agent: null }, retention_days: null };
  expect((await patch(none)).body).toMatchObject({
    limits: { all: null, per_agent: null },
    retention_days: null,
    remove_after_days: null,
  });
});

describe('a mended patch', () => {
  test('is taken as JSON or as plain text, of what needs review only', async () => {
    await service.call('/agents', {
      ...{ name: 'sloppy', provider: 'scripted' },
      scenario: {
        turns: [{ text: '```diff\n--- a/seed.txt\n+++ b/seed.txt\n@@ -1 +1 @@\n-weed\n+tree\n```' }],
      },
    });
    const made = await service.call<Run>('/runs', {
      ...{ local_path: repository, goal: 'A tree', agents: ['sloppy'], options: { mode: 'patch' } },
    });
    const { id } = made.body;
    const ended = () =>
      until(async () => {
        const { body } = await service.call<Run>(`/runs/${id}`);
        return body.completed_at !== null && body;
      });
    expect((await ended()).error?.code).toBe('patch_rejected');
    const path = `/runs/${id}/variations/1/patch`;
    const empty = await service.call<{ error: { field: string } }>(path, { patch: '' }, 'PUT');
    expect([empty.status, empty.body.error.field]).toEqual([422, 'patch']);
    const patch = '--- a/seed.txt\n+++ b/seed.txt\n@@ -1 +1 @@\n-seed\n+tree\n';
    const sent = await fetch(`${service.url}/api/v1${path}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${service.apiKey}`, 'content-type': 'text/x-diff' },
      body: patch,
    });
    expect(sent.status).toBe(202);
    expect((await ended()).status).toBe('completed');
    expect((await service.call(path, { patch }, 'PUT')).status).toBe(409);
  });
});
