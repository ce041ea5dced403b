import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Value } from '@sinclair/typebox/value';
import type { Page, Project, Run } from '../../src/core/contract';
import type { Event } from '../../src/core/fact';
import { runSchema } from '../../src/server/schemas';
import { makeRepository } from '../support/repository';
import { scenario, startTestService, type TestService } from '../support/service';
import { until } from '../support/wait';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

let service: TestService;
let project: number;

beforeAll(async () => {
  service = await startTestService();
  const repository = makeRepository({ 'a.txt': 'a\n' }).path;
  const write = (path: string, content: string) => ({ name: 'write_file', arguments: { path, content } });
  const agents = {
    one: scenario(write('one.txt', '1\n')),
    two: scenario(write('two.txt', '2\n')),
    reader: { turns: [{ text: 'Found it in a.txt.' }] },
    counts: scenario({ name: 'run_command', arguments: { command: 'ls *.txt > list' } }),
  };
  for (const [name, said] of Object.entries(agents))
    await service.call('/agents', { name, provider: 'scripted', scenario: said });
  const made = await service.call<Project>('/projects', { name: 'sample', local_path: repository });
  project = made.body.id;
});
afterAll(() => service.remove());

type Answer = Omit<Run, 'error'> & { error: { code: string; field: string; message: string } };
const post = (body: Record<string, unknown>) =>
  service.call<Answer>('/runs', { project_id: project, agents: ['one'], ...body });
const refused = async (body: Record<string, unknown>) => {
  const { status, body: answer } = await post(body);
  return [status, answer.error.field];
};
const runOf = async (id: number) => (await service.call<Run>(`/runs/${id}`)).body;
const partsOf = ({ flow }: Pick<Run, 'flow'>) => Promise.all((flow?.runs ?? []).map(runOf));
const diffOf = async (id: number) => String((await service.call(`/runs/${id}/variations/1/diff`)).body);

describe('a workflow', () => {
  test('does its goals in order, each from the result of the one before, and answers with the last', async () => {
    const asked = {
      ...{ run_type: 'workflow', goal: 'Number the files', name: 'Numbers', priority: 7 },
      ...{ goals: ['Write one', 'List them'], agents: ['counts'] },
      options: { max_iterations: 2, pick: 'verdict', land: { mode: 'branch', target: 'main' } },
    };
    const { status, body, headers } = await post(asked);
    expect([status, headers.get('location')]).toEqual([201, `/api/v1/runs/${body.id}`]);
    expect(Value.Check(runSchema, body)).toBe(true);
    expect([body.status, body.flow?.place, body.flow?.runs.at(-1)]).toEqual(['pending', 2, body.id]);
    const [first, last] = await partsOf(body);
    expect([first!.name, first!.goal, last!.name, last!.goal]).toEqual([
      ...['Numbers (1 of 2)', 'Write one', 'Numbers (2 of 2)', 'List them'],
    ]);
    for (const part of [first!, last!])
      expect(part).toMatchObject({
        ...{ run_type: 'workflow', description: 'Number the files', priority: 7 },
        options: { max_iterations: 2, pick: 'verdict' },
      });
    expect([first!.options.land, last!.options.land?.mode]).toEqual([null, 'branch']);
    const ended = await service.ended(body.id);
    expect([ended.status, ended.base_sha === first!.base_sha]).toEqual(['completed', false]);
    // The second list holds the first one, which was there already.
    expect(await diffOf(first!.id)).toContain('+a.txt');
    expect(ended.variations[0]!.patch).toBeNull();
  });

  test('waits for a person between its links, where there are several results', async () => {
    const { body } = await post({
      ...{ run_type: 'workflow', goals: ['Write', 'List'], variations: 2, agents: ['one', 'two'] },
    });
    const [first] = body.flow!.runs;
    await service.ended(first!);
    const waiting = await until(async () => {
      const run = await runOf(body.id);
      return run.waits_for_winner_of !== null && run;
    }, 'the wait for a winner');
    expect([waiting.status, waiting.current_step]).toEqual([
      ...['pending', `Waits for the winner of run ${first}`],
    ]);
    const page = async (path: string) =>
      (await fetch(service.url + path, { headers: { authorization: `Bearer ${service.apiKey}` } })).text();
    const home = await page('/');
    expect(home).toContain('Pick a winner');
    expect(home).toContain(`href="/runs/${first}"`);
    expect(home).toContain('waits for its winner');
    expect(await page(`/runs/${body.id}`)).toContain(`Waits for the winner of <a href="/runs/${first}">`);
    const picked = await service.call<Run>(
      `/runs/${first}/winner`,
      { variation: 2, note: ' The better file ' },
      'PUT',
    );
    expect([picked.status, picked.body.winner]).toMatchObject([
      200,
      { position: 2, by: 'person', note: 'The better file' },
    ]);
    const ended = await service.ended(body.id);
    expect([ended.status, ended.base]).toEqual(['completed', expect.stringMatching(/^[0-9a-f]{40}$/)]);
    expect(await page('/')).not.toContain(`id="pick-${first}"`);
    // It started from a commit that has the second file: writing it again changes nothing.
    expect(ended.variations.map((one) => one.patch?.files ?? 0)).toEqual([1, 0]);
  });

  test('is one under one key', async () => {
    const headers = {
      ...{ authorization: `Bearer ${service.apiKey}`, 'content-type': 'application/json' },
      'idempotency-key': 'the-same',
    };
    const body = JSON.stringify({
      ...{ project_id: project, agents: ['reader'], run_type: 'workflow', goals: ['a', 'b', 'c'] },
    });
    const send = () => fetch(`${service.url}/api/v1/runs`, { method: 'POST', headers, body });
    const [one, two] = [await send(), await send()];
    expect([one.status, two.status]).toEqual([201, 200]);
    const [first, second] = [(await one.json()) as Run, (await two.json()) as Run];
    expect([second.id, second.flow]).toEqual([first.id, first.flow]);
    expect(first.flow?.runs).toHaveLength(3);
  });

  test.each([
    [{ goals: undefined }, 'goals'],
    [{ goals: ['a'] }, 'goals'],
    [{ goals: Array(21).fill('a') }, 'goals'],
    [{ goals: ['a', ' '] }, 'goals.1'],
    [{ goals: ['a', '€'.repeat(40_000)] }, 'goals.1'],
    [{ goals: ['a', 3] }, 'goals.1'],
    [{ stages: [{ task_type: 'coding' }] }, 'stages'],
    [{ goal: 'x', prompt: 'y' }, 'prompt'],
    [{ agents: ['nobody'] }, 'agents'],
    [{ variations: 3, agents: ['one', 'two'] }, 'agents'],
    [{ base: 'no-such-branch' }, 'base'],
    [{ depends_on: [999_999] }, 'depends_on'],
    [{ options: { land: { mode: 'pull_request' } } }, 'options.land.mode'],
    [{ options: { land: { mode: 'merge', target: 'no-such-branch' } } }, 'options.land.target'],
  ] as [Record<string, unknown>, string][])('with %j is refused as a whole', async (change, field) => {
    const before = (await service.call<Page<Run>>('/runs?limit=1')).body.total;
    expect(await refused({ run_type: 'workflow', goals: ['a', 'b'], ...change })).toEqual([422, field]);
    expect((await service.call<Page<Run>>('/runs?limit=1')).body.total).toBe(before);
  });

  test('is no run of a flow', async () => {
    const flow = await service.call<Answer>('/flows', {
      runs: [{ key: 'a', project_id: project, agents: ['one'], run_type: 'workflow', goals: ['a', 'b'] }],
    });
    expect([flow.status, flow.body.error.field]).toEqual([422, 'runs.0.run_type']);
  });
});

describe('a pipeline', () => {
  test('hands on what each of its stages makes, each by its own agent', async () => {
    const { status, body } = await post({
      ...{ run_type: 'pipeline', goal: 'Write one', description: 'In a file' },
      stages: [
        { task_type: 'analysis', agents: ['reader'] },
        { task_type: 'coding' },
        { task_type: 'review', goal: 'Look for faults', agents: ['reader'] },
      ],
      options: { verbose: true },
    });
    expect(status).toBe(201);
    const ended = await service.ended(body.id);
    const [analysis, coding, review] = await partsOf(ended);
    expect([analysis, coding, review].map((run) => [run!.name, run!.task_type, run!.status])).toEqual([
      ['Write one (analysis)', 'analysis', 'completed'],
      ['Write one (coding)', 'coding', 'completed'],
      ['Look for faults (review)', 'review', 'completed'],
    ]);
    expect([coding!.description, review!.description]).toEqual(['In a file', 'Write one\n\nIn a file']);
    expect([review!.goal, review!.variations[0]!.agent.name]).toEqual(['Look for faults', 'reader']);
    expect(review!.base_sha).not.toBe(coding!.base_sha);
    const promptOf = async (id: number) => {
      const path = `/runs/${id}/events?type=model.requested&limit=1`;
      return JSON.stringify((await service.call<Page<Event>>(path)).body.items[0]!.payload);
    };
    expect(await promptOf(coding!.id)).toContain('Found it in a.txt.');
    const told = await promptOf(review!.id);
    expect(told).toContain('+++ b/one.txt');
    expect(told).toContain('Did what was asked.');
  });

  test('is analysis, coding, review and documentation when nothing is said', async () => {
    const { body } = await post({ run_type: 'pipeline', goal: 'Write one' });
    expect((await partsOf(body)).map((run) => run.task_type)).toEqual([
      ...(['analysis', 'coding', 'review', 'documentation'] as const),
    ]);
    for (const id of body.flow!.runs) await service.call(`/runs/${id}/stop`, {});
  });

  test.each([
    [{ goal: undefined }, 'goal'],
    [{ goal: undefined, stages: [{ task_type: 'coding', goal: 'a' }, { task_type: 'review' }] }, 'goal'],
    [{ stages: [{ task_type: 'coding', goal: ' ' }] }, 'stages.0.goal'],
    [{ stages: [] }, 'stages'],
    [{ stages: Array(11).fill({ task_type: 'coding' }) }, 'stages'],
    [{ stages: [{ task_type: 'cooking' }] }, 'stages.0.task_type'],
    [{ stages: [{}] }, 'stages.0.task_type'],
    [{ stages: [{ task_type: 'coding', agents: ['nobody'] }] }, 'stages.0.agents'],
    [{ stages: [{ task_type: 'coding', base: 'main' }] }, 'stages.0.base'],
    [{ agents: ['nobody'], stages: [{ task_type: 'coding' }] }, 'agents'],
    [{ task_type: 'coding' }, 'task_type'],
    [{ goals: ['a', 'b'] }, 'goals'],
    [{ context: Array(19).fill({ title: 'a', text: 'b' }) }, 'context'],
  ] as [Record<string, unknown>, string][])('with %j is refused as a whole', async (change, field) => {
    expect(await refused({ run_type: 'pipeline', goal: 'Write one', ...change })).toEqual([422, field]);
  });
});

describe('a winner', () => {
  test('is chosen, another one in its place, and taken back; the page of the run is told each time', async () => {
    const { body } = await post({ goal: 'Write', variations: 2, agents: ['one', 'two'] });
    await service.ended(body.id);
    const path = `/runs/${body.id}/winner`;
    const put = (change: Record<string, unknown>) =>
      service.call<Answer>(path, { variation: 1, ...change }, 'PUT');
    expect((await put({})).body.winner).toMatchObject({ position: 1, note: null });
    expect((await put({ variation: 2, note: ' ' })).body.winner).toMatchObject({ position: 2, note: null });
    const taken = await service.call<Run>(path, undefined, 'DELETE');
    expect([taken.status, taken.body.winner]).toEqual([200, null]);
    expect((await service.call<Run>(path, undefined, 'DELETE')).status).toBe(200);
    const { items } = (await service.call<Page<Event>>(`/runs/${body.id}/events?type=winner.chosen`)).body;
    expect(items.map((event) => event.payload)).toEqual([
      { variation: 1, by: 'person', note: null },
      { variation: 2, by: 'person', note: null },
    ]);
    expect((await put({ variation: 9 })).status).toBe(404);
    for (const wrong of [
      { variation: 0 },
      { variation: '1' },
      { note: 3 },
      { note: 'x'.repeat(2001) },
      { by: 'me' },
    ])
      expect((await put(wrong)).status).toBe(422);
    for (const method of ['PUT', 'DELETE'])
      expect(
        (await service.call('/runs/999999/winner', method === 'PUT' ? { variation: 1 } : undefined, method))
          .status,
      ).toBe(404);
  });

  test('is none that is not completed', async () => {
    const { body } = await post({
      goal: 'Later',
      scheduled_at: new Date(Date.now() + 3_600_000).toISOString(),
    });
    const { status, body: answer } = await service.call<Answer>(
      `/runs/${body.id}/winner`,
      { variation: 1 },
      'PUT',
    );
    expect([status, answer.error.code]).toEqual([409, 'not_completed']);
    await service.call(`/runs/${body.id}/stop`, {});
  });
});
