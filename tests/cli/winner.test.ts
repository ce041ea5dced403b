import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Value } from '@sinclair/typebox/value';
import { printRun } from '../../src/cli/outcome';
import type { Landing, Run } from '../../src/core/contract';
import { landingBody } from '../../src/server/landing-body';
import { landingSchema } from '../../src/server/schemas-outcome';
import { makeRepository } from '../support/repository';
import { scenario, startTestService, type TestService } from '../support/service';
import { tempDir } from '../support/temp';
import { run as madeUp, variation } from '../views/fixtures';
import { cli } from './cli';

setDefaultTimeout(60_000);

let service: TestService;
let repository: string;
let env: Record<string, string>;
beforeAll(async () => {
  repository = makeRepository({ 'seed.txt': 'seed\n' }).path;
  service = await startTestService();
  env = { BAKEOFF_URL: service.url, BAKEOFF_API_KEY: service.apiKey, BAKEOFF_DATA: tempDir('cli') };
  for (const name of ['one', 'two']) {
    const write = { name: 'write_file', arguments: { path: `${name}.txt`, content: 'x\n' } };
    await service.call('/agents', { name, provider: 'scripted', scenario: scenario(write) });
  }
});
afterAll(() => service.remove());

const words = (...more: string[]) => ['run', '--repo', repository, '--goal', 'Do it', ...more];
async function started(...more: string[]): Promise<Run> {
  const { out, code, err } = await cli(words('--detach', '--json', ...more), env);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out);
}

test('a run is told how often, who picks, how it lands, and to stop losers', async () => {
  const more = [
    '--iterations',
    '5',
    '--stop-losers',
    '--pick',
    'verdict',
    '--land',
    'branch',
    '--target',
    'main',
  ];
  const at = new Date(Date.now() + 3_600_000).toISOString();
  const { id, options } = await started('--agent', 'one', ...more, '--at', at);
  expect(options).toMatchObject({ max_iterations: 5, stop_losers: true, pick: 'verdict' });
  expect(options.land).toMatchObject({ mode: 'branch', target: 'main', squash: true });
  await cli(['stop', String(id)], env);
});

test('a winner is picked, shown with its note, and taken back', async () => {
  const { id } = await started('-n', '2', '--agent', 'one', '--agent', 'two');
  await service.ended(id);
  const shown = await cli(['show', String(id)], env);
  expect(shown.out).toContain(`Pick:  ./bakeoff pick ${id} <variation>`);
  const which = await cli(['pick', String(id)], env);
  expect([which.code, which.err]).toEqual([2, expect.stringContaining('completed: 1, 2')]);
  const picked = await cli(['pick', String(id), '2', '--note', 'Shorter\u001b[31m'], env);
  expect([picked.code, picked.out]).toEqual([
    0,
    `Run ${id}: variation 2, picked by a person: Shorter\uFFFD[31m\n`,
  ]);
  const after = await cli(['show', String(id)], env);
  expect(after.out).toContain('Winner: variation 2, picked by a person: Shorter');
  expect(after.out).toContain(`Land:  ./bakeoff land ${id}`);
  const patch = await cli(['diff', String(id)], env);
  expect([patch.code, patch.err]).toEqual([0, '']);
  expect(patch.out).toBe((await cli(['diff', String(id), '2'], env)).out);
  expect(patch.out).toContain('two.txt');
  const cleared = await cli(['pick', String(id), '--clear'], env);
  expect([cleared.code, cleared.out]).toEqual([0, `Run ${id} has no winner\n`]);
  const unsaid = await cli(['diff', String(id)], env);
  expect([unsaid.code, unsaid.err]).toEqual([2, expect.stringContaining('with a change: 1, 2')]);
  expect((await cli(['pick', String(id), '9'], env)).code).toBe(2);
  const { body } = await service.call<Run>(`/runs/${id}`);
  expect(body.winner).toBeNull();
});

test('a run that waits for a winner says so, and how to pick it', async () => {
  const { body } = await service.call<Run>('/runs', {
    ...{ local_path: repository, run_type: 'workflow', goals: ['One', 'Two'] },
    ...{ variations: 2, agents: ['one', 'two'] },
  });
  const [first] = body.flow!.runs;
  await service.ended(first!);
  const { out } = await cli(['show', String(body.id)], env);
  expect(out).toContain(`Waits for the winner of run ${first} (./bakeoff pick ${first} <variation>)`);
  expect(out).toContain(`Part 2 of 2 of a flow: runs ${first}, ${body.id}`);
  for (const id of body.flow!.runs) await cli(['stop', String(id)], env);
});

const told = (change: object) => {
  const said: string[] = [];
  const screen = { write: (text: string) => void said.push(text), bytes: () => {}, live: false };
  printRun({ ...screen, color: false, width: () => 100 }, madeUp(change), []);
  return said.join('');
};

test('a patch that edits what judges it is told of, harmless for a terminal', () => {
  const flags = ['a\u0007.test.ts', ...'bcdefg'].map((path) => ({
    ...{ path, kind: 'test' as const, change: 'modified' as const },
  }));
  const toldOf = (count: number) => told({ variations: [variation(1, { flags: flags.slice(0, count) })] });
  expect(toldOf(1)).toContain('     edits what judges it: a\uFFFD.test.ts (modified)\n');
  expect(toldOf(7)).toContain(', d (modified), e (modified) and 2 more\n');
  expect(toldOf(0)).not.toContain('judges it');
});

test('a verdict is told by its headline and its sentences, harmless for a terminal', () => {
  const summary = { headline: '2 is first\u001b[2J', sentences: ['It broke nothing.', 'It fixed one more.'] };
  expect(told({ verdict: { summary } })).toContain(
    'Verdict: 2 is first\uFFFD[2J\n     It broke nothing.\n     It fixed one more.\n',
  );
  expect(told({ verdict: null })).not.toContain('Verdict');
});

describe('a landing', () => {
  const landing = (change: Partial<Landing> = {}): Landing => ({
    ...{ id: 3, status: 'landed', mode: 'branch', variation: 2, branch: 'bakeoff/7-round', target: 'main' },
    ...{ commit: 'c'.repeat(40), pull_request: null, error: null, retry_at: null },
    ...{ created_at: '2026-11-21T20:40:21.000Z', landed_at: null },
    ...change,
  });

  /** What answers as the contract says, with one state of run 7's landing after the other; the last one stays. */
  async function against(states: Landing[], more: string[]) {
    const asked: { method: string; body: unknown }[] = [];
    const left = [...states];
    for (const state of states) expect([...Value.Errors(landingSchema, state)]).toEqual([]);
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async (request) => {
        if (new URL(request.url).pathname !== '/api/v1/runs/7/landing')
          return new Response('', { status: 404 });
        if (request.method !== 'GET') {
          const text = await request.text();
          asked.push({ method: request.method, body: text === '' ? null : JSON.parse(text) });
          return Response.json(left[0], { status: 202 });
        }
        return Response.json((left.length > 1 ? left.shift() : left[0]) ?? null);
      },
    });
    try {
      const url = `http://127.0.0.1:${server.port}`;
      return { ...(await cli(['land', '7', ...more], { ...env, BAKEOFF_URL: url })), asked };
    } finally {
      await server.stop(true);
    }
  }

  test('is asked for, waited for, and told of', async () => {
    const { code, out, asked } = await against(
      [landing({ status: 'wanted' }), landing({ status: 'landing' }), landing()],
      ['--target', 'main', '--title', 'Round'],
    );
    expect([code, out]).toEqual([0, 'Landed: branch bakeoff/7-round for main, commit cccccccccc\n']);
    expect(asked).toEqual([{ method: 'POST', body: { mode: 'branch', target: 'main', title: 'Round' } }]);
    expect(Value.Check(landingBody, asked[0]!.body)).toBe(true);
  });

  test('as a pull request is told of with its address', async () => {
    const pull_request = { number: 9, url: 'https://example.org/pull/9', merged_sha: null };
    const opened = { ...pull_request, state: 'open', checks: 'pending' } as const;
    const { code, out, asked } = await against(
      [landing({ mode: 'pull_request', pull_request: opened })],
      ['--mode', 'pull_request', '--no-squash'],
    );
    expect(asked[0]?.body).toEqual({ mode: 'pull_request', squash: false });
    expect([code, out]).toEqual([
      0,
      'Landed: branch bakeoff/7-round for main, commit cccccccccc\nPull request: https://example.org/pull/9 (open, checks pending)\n',
    ]);
  });

  test('that fails ends with 1, and says why and where', async () => {
    const error = { code: 'conflict', message: 'main has moved', paths: ['src/a\u0007.ts'] };
    const { code, out } = await against([landing({ status: 'failed', commit: null, error })], []);
    expect([code, out]).toEqual([1, 'Landing failed: conflict: main has moved\n     src/a\uFFFD.ts\n']);
  });

  test('that is tried again says why meanwhile; as JSON it is the last state alone', async () => {
    const error = { code: 'push_failed', message: 'no answer' };
    const again = landing({ status: 'wanted', error, retry_at: '2026-11-21T20:41:21.000Z' });
    const { code, out, err } = await against([again, again, landing()], ['--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual(landing());
    expect(err).toMatch(/^Landing: push_failed: no answer; tried again at [^\n]+\n$/);
  });

  test('is undone, and waited for', async () => {
    const { code, out, asked } = await against(
      [landing({ status: 'undoing' }), landing({ status: 'undone' })],
      ['--undo'],
    );
    expect([code, out, asked]).toEqual([0, 'Landing undone\n', [{ method: 'DELETE', body: null }]]);
  });
});
