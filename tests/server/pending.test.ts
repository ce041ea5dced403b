import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { Page, Project, Run } from '../../src/core/contract';
import type { Event } from '../../src/core/fact';
import { makeRepository } from '../support/repository';
import { scenario, startTestService, type TestService } from '../support/service';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

let service: TestService;
let project: number;
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

beforeAll(async () => {
  service = await startTestService();
  const repository = makeRepository({ 'a.txt': 'a\n' }).path;
  const agents = {
    writer: scenario({ name: 'write_file', arguments: { path: 'b.txt', content: 'b\n' } }),
    reader: scenario({ name: 'run_command', arguments: { command: 'cat b.txt > c.txt' } }),
    idle: { turns: [{ text: 'hi' }] },
    broken: { turns: [{ error: { kind: 'refused', message: 'no' } }] },
  };
  for (const [name, said] of Object.entries(agents))
    await service.call('/agents', { name, provider: 'scripted', scenario: said });
  const made = await service.call<Project>('/projects', { name: 'sample', local_path: repository });
  project = made.body.id;
});
afterAll(() => service.remove());

const ask = (change: Record<string, unknown> = {}) => ({
  ...{ project_id: project, goal: 'Do it', agents: ['idle'] },
  ...change,
});
const start = async (change: Record<string, unknown> = {}) =>
  (await service.call<Run>('/runs', ask(change))).body;
const flow = (...runs: Record<string, unknown>[]) =>
  service.call<{ items: Run[]; error: { code: string; field: string; message: string } }>('/flows', {
    runs: runs.map(ask),
  });

describe('a run with something to wait for', () => {
  test('begins by itself when its time has come', async () => {
    const run = await start({ scheduled_at: inAnHour(), options: { approval: 'none', max_retries: 0 } });
    expect([run.status, run.options.max_retries]).toEqual(['pending', 0]);
    const time = new Date(Date.now() + 1_200).toISOString();
    const changed = await service.call<Run>(`/runs/${run.id}`, { scheduled_at: time }, 'PATCH');
    expect(changed.body.scheduled_at).toBe(time);
    const ended = await service.ended(run.id);
    expect(ended.status).toBe('completed');
    expect(Date.parse(ended.started_at!)).toBeGreaterThanOrEqual(Date.parse(time));
    const { body } = await service.call<Page<Event>>(`/runs/${run.id}/events`);
    const types: string[] = body.items.map((event) => event.type);
    expect(types.slice(0, 4)).toEqual(['run.created', 'run.released', 'run.queued', 'variation.queued']);
  });

  test('may be told another time, or to begin now, and goes no sooner', async () => {
    const run = await start({ scheduled_at: inAnHour() });
    const later = await service.call<Run>(`/runs/${run.id}`, { scheduled_at: inAnHour() }, 'PATCH');
    expect(later.body.status).toBe('pending');
    const now = await service.call<Run>(`/runs/${run.id}`, { scheduled_at: null }, 'PATCH');
    expect(now.body.scheduled_at).toBeNull();
    expect((await service.ended(run.id)).status).toBe('completed');
    expect((await service.call(`/runs/${run.id}`, { scheduled_at: null }, 'PATCH')).status).toBe(409);
  });

  test('fails with what it depends on', async () => {
    const first = await start({ scheduled_at: inAnHour() });
    const second = await start({ depends_on: [first.id] });
    const third = await start({ depends_on: [second.id] });
    expect([third.depends_on, third.current_step]).toEqual([[second.id], `Waits for run ${second.id}`]);
    await service.call(`/runs/${first.id}/stop`, {});
    expect((await service.ended(third.id)).error?.code).toBe('dependency_failed');
    expect((await service.call(`/runs/${first.id}`, undefined, 'DELETE')).status).toBe(204);
    expect((await service.call<Run>(`/runs/${second.id}`)).body.depends_on).toEqual([]);
  });
});

describe('a flow', () => {
  test('runs in the order of what depends on what, each from the result of the one before', async () => {
    const { status, body } = await flow(
      { key: 'last', goal: 'Last', depends_on: ['read'] },
      { key: 'read', goal: 'Read', agents: ['reader'], base: { run: 'write' } },
      { key: 'write', goal: 'Write', agents: ['writer'] },
    );
    expect(status).toBe(201);
    const [last, read, write] = body.items;
    expect([last!.status, read!.status]).toEqual(['pending', 'pending']);
    const ended = await service.ended(last!.id);
    expect(ended.status).toBe('completed');
    const [from, to] = [await service.ended(write!.id), await service.ended(read!.id)];
    expect(to.error).toBeNull();
    expect(to.base_sha).not.toBe(from.base_sha);
    const { body: diff } = await service.call(`/runs/${read!.id}/variations/1/diff`);
    expect(String(diff)).toContain('c.txt');
    expect(String(diff)).not.toContain('b/b.txt');
    expect(Date.parse(ended.started_at!)).toBeGreaterThanOrEqual(Date.parse(to.completed_at!));
  });

  test('is refused as a whole, saying which run is wrong', async () => {
    const before = (await service.call<Page<Run>>('/runs')).body.total;
    const refused = async (...runs: Record<string, unknown>[]) => {
      const { status, body } = await flow(...runs);
      return [status, body.error.field];
    };
    const fine = { key: 'fine' };
    expect(await refused(fine, { key: 'b', goal: ' ' })).toEqual([422, 'runs.1.goal']);
    expect(await refused(fine, { key: 'b', depends_on: [999_999] })).toEqual([422, 'runs.1.depends_on']);
    expect(await refused(fine, { key: 'b', depends_on: ['c'] })).toEqual([422, 'runs.1.depends_on']);
    expect(await refused(fine, { key: 'b', base: { run: 'c' } })).toEqual([422, 'runs.1.base']);
    expect(await refused(fine, { key: 'b', scheduled_at: 'soon' })).toEqual([422, 'runs.1.scheduled_at']);
    expect(await refused(fine, { key: 'b', options: { executor: 'docker' } })).toEqual([
      501,
      'runs.1.options.executor',
    ]);
    const land = { mode: 'branch', target: 'nowhere' };
    expect(await refused(fine, { key: 'b', options: { land } })).toEqual([422, 'runs.1.options.land.target']);
    expect(await refused(fine, { ...fine })).toEqual([422, 'runs.0.key']);
    expect(await refused({ key: 'a b' })).toEqual([422, 'runs.0.key']);
    const { body } = await flow({ key: 'x', depends_on: ['y'] }, { key: 'y', base: { run: 'x' } });
    expect([body.error.code, body.error.message]).toEqual([
      ...['cycle', 'These runs wait for each other: x → y → x'],
    ]);
    expect((await service.call<Page<Run>>('/runs')).body.total).toBe(before);
  });

  test('of which a base run is of another project, is refused', async () => {
    const other = makeRepository({ 'z.txt': 'z\n' }).path;
    const { status, body } = await service.call<{ error: { field: string } }>('/flows', {
      runs: [
        ask({ key: 'a' }),
        { key: 'b', goal: 'b', agents: ['idle'], local_path: other, base: { run: 'a' } },
      ],
    });
    expect([status, body.error.field]).toEqual([422, 'runs.1.base']);
    expect((await service.call<Page<Project>>('/projects')).body.total).toBe(1);
  });
});
