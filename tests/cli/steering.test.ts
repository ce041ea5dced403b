import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page, Run } from '../../src/core/contract';
import type { Event } from '../../src/core/fact';
import { makeRepository } from '../support/repository';
import { scenario, startTestService, type TestService } from '../support/service';
import { tempDir } from '../support/temp';
import { until } from '../support/wait';
import { cli, readUntil, spawnCli } from './cli';

setDefaultTimeout(30_000);

let service: TestService;
let repository: string;
let env: Record<string, string>;

const write = (path: string, delay_ms = 0) => ({
  name: 'write_file',
  arguments: { path, content: `${path}\n` },
  delay_ms,
});
const plan = { name: 'write_plan', arguments: { steps: [{ text: 'Write it', status: 'active' }] } };

beforeAll(async () => {
  repository = makeRepository({ 'seed.txt': 'seed\n' }).path;
  service = await startTestService();
  env = {
    BAKEOFF_URL: service.url,
    BAKEOFF_API_KEY: service.apiKey,
    BAKEOFF_DATA: tempDir('cli'),
  };
  const agents = {
    quick: scenario(write('one.txt'), write('two.txt')),
    slow: scenario(write('one.txt'), write('two.txt', 600), write('three.txt', 600)),
    planning: scenario(plan, write('one.txt')),
    failing: { turns: [{ error: { code: 'model_refused', message: 'no' } }] },
  };
  for (const [name, script] of Object.entries(agents))
    await service.call('/agents', { name, provider: 'scripted', scenario: script });
});
afterAll(() => service.remove());

const words = (...more: string[]) => ['run', '--repo', repository, '--goal', 'Do it', ...more];

async function started(...more: string[]): Promise<number> {
  const { out, code } = await cli(words('--detach', '--json', ...more), env);
  expect(code).toBe(0);
  return (JSON.parse(out) as Run).id;
}

async function status(id: number): Promise<Run['status']> {
  return (await service.call<Run>(`/runs/${id}`)).body.status;
}

const reached = (id: number, wanted: Run['status']) =>
  until(async () => (await status(id)) === wanted, `run ${id} ${wanted}`);

test('a run is paused, told something, resumed, and followed over all of it', async () => {
  const id = await started('--agent', 'slow');
  const watching = spawnCli(['watch', String(id)], env);
  const paused = await cli(['pause', String(id)], env);
  expect([paused.code, paused.out]).toEqual([0, expect.stringMatching(new RegExp(`^Run ${id}: `))]);
  await reached(id, 'paused');
  const shown = await cli(['show', String(id)], env);
  expect(shown.out).toContain(`Paused: ./bakeoff resume ${id}`);
  const told = await cli(['tell', String(id), '-v', '1', 'Be', 'brief'], env);
  expect([told.code, told.out]).toEqual([0, `Variation 1 of run ${id} will hear it at the next turn\n`]);
  expect((await cli(['resume', String(id), '1'], env)).code).toBe(0);
  const [out, code] = await Promise.all([new Response(watching.stdout).text(), watching.exited]);
  expect(code).toBe(0);
  expect(out).toContain(`paused     ./bakeoff resume ${id} 1`);
  expect(out).toContain('told: Be brief');
  expect(out).toContain('completed');
  const { items } = (await service.call<Page<Event>>(`/runs/${id}/events?type=directive.delivered`)).body;
  expect(items.length).toBe(1);
});

describe('a run that asks', () => {
  test('says once what, and how to answer; then goes on to its end', async () => {
    const running = spawnCli(words('--agent', 'planning', '--approval', 'plan'), env);
    const said = await readUntil(running.stdout, /\.\/bakeoff approve \d+ \d+ {2}plan of 1 step\n/);
    const [, run = '', question = ''] = /approve (\d+) (\d+)/.exec(said) ?? [];
    const shown = await cli(['show', run], env);
    expect(shown.out).toContain('Variation 1 asks: plan of 1 step');
    expect(shown.out).toContain('Write it');
    expect(shown.out).toContain(`./bakeoff deny ${run} ${question} "why"`);
    const file = join(tempDir('plan'), 'plan.txt');
    writeFileSync(file, 'Write it well\n');
    const answered = await cli(['approve', run, question, '--plan', file], env);
    expect([answered.code, answered.out]).toEqual([0, `Variation 1 of run ${run}: approved\n`]);
    const rest = await readUntil(running.stdout, /(?!)/);
    expect(await running.exited).toBe(0);
    expect(`${said}${rest}`.split('./bakeoff approve').length).toBe(2);
    const { items } = (await service.call<Page<Event>>(`/runs/${run}/events?type=approval.decided`)).body;
    expect(items.map((event) => event.payload)).toMatchObject([{ plan: 'Write it well' }]);
  });

  test('is answered without the question’s number when there is but one', async () => {
    const id = await started('--agent', 'quick', '--approval', 'commit', '-n', '2');
    await until(
      async () =>
        (await service.call<Run>(`/runs/${id}`)).body.variations.every(
          (one) => one.status === 'awaiting_approval',
        ),
      'both ask',
    );
    const many = await cli(['approve', String(id)], env);
    expect([many.code, many.err]).toEqual([2, expect.stringContaining('which question? ')]);
    expect(many.err).toContain('variation 2: commit 2 files +2 −0');
    await cli(['stop', String(id), '2'], env);
    const denied = await cli(['deny', String(id), 'Not', 'like', 'this'], env);
    expect([denied.code, denied.out]).toEqual([0, `Variation 1 of run ${id}: denied\n`]);
    const { items } = (await service.call<Page<Event>>(`/runs/${id}/events?type=approval.decided`)).body;
    expect(items.map((event) => event.payload)).toMatchObject([{ comment: 'Not like this' }]);
    await service.call(`/runs/${id}/stop`, undefined, 'POST');
    await service.ended(id);
    const none = await cli(['approve', String(id)], env);
    expect([none.code, none.err]).toEqual([2, `bakeoff: run ${id} asks nothing now\n`]);
  });
});

test('a run that failed is retried, and what is not to be done ends with 2', async () => {
  const id = await started('--agent', 'failing');
  await service.ended(id);
  const again = await cli(['retry', String(id), '1', '--from', 'start'], env);
  expect([again.code, again.out]).toEqual([0, expect.stringMatching(/queued|running|failed/)]);
  await service.ended(id);
  const watched = await cli(['watch', String(id)], env);
  expect(watched.code).toBe(1);
  expect(watched.out.split('model_refused: no').length).toBeGreaterThan(2);
  for (const wrong of [
    ['resume', String(id)],
    ['pause', String(id)],
    ['tell', String(id), 'x'],
  ]) {
    const { code, err } = await cli(wrong, env);
    expect([wrong, code, err]).toEqual([wrong, 2, expect.stringMatching(/^bakeoff: [^\n]+\n$/)]);
  }
});

test('a run waits for its time and for others, with its priority', async () => {
  const first = await started('--agent', 'slow');
  const at = new Date(Date.now() + 3_600_000).toISOString();
  const { out, code } = await cli(
    words('--agent', 'quick', '--detach', '--after', String(first), '--at', at, '--priority', '8'),
    env,
  );
  expect(code).toBe(0);
  const [, number] = /^Run (\d+) waits for run \d+ and [\d:-]+( [\d:]+)?: http/.exec(out) ?? [];
  const { body } = await service.call<Run>(`/runs/${number}`);
  expect(body).toMatchObject({ status: 'pending', depends_on: [first], priority: 8, scheduled_at: at });
  expect((await cli(['show', String(number)], env)).out).toContain(`Waits for run ${first} and `);
  await cli(['stop', String(number)], env);
  await service.ended(first);
});
