import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { refusingWorkspaces } from '../../src/agent/environments/refusing';
import { readCheckpoint } from '../../src/core/checkpoint';
import { gapless } from '../core/scene';
import { until } from '../support/wait';
import {
  type Bench,
  call,
  command,
  done,
  edit,
  openBench,
  ownSeconds,
  type Plan,
  processesWith,
  typesOf,
} from './bench';

let bench: Bench;
/** Its retries take some seconds, in which the other tests go on. */
const slow = ownSeconds(9417);
let withoutModel: ReturnType<typeof outcome>;
beforeAll(async () => {
  bench = await openBench(null, { modelTimeoutS: 2 });
  await bench.worker({ concurrency: 8 });
  const closed: Plan['agent'] = {
    ...{ api_key: 'sk-none-of-it', base_url: 'http://127.0.0.1:1/v1', scenario: null },
    provider: 'openai',
  };
  withoutModel = outcome({
    agent: closed,
    options: { max_retries: 0 },
    checks: [{ name: 'slow', command: `sleep ${slow}` }],
  });
});
afterAll(() => bench.close());

/** Works on a run of one variation, and tells how it ended. */
async function outcome(plan: Plan) {
  const run = await bench.ended(await bench.start(plan), 25_000);
  const events = await bench.events(run.id);
  expect(gapless(events)).toBe(true);
  expect(run.error).toEqual(run.variations[0]!.error);
  return {
    run,
    events,
    types: typesOf(events),
    ended: [run.status, run.variations[0]!.status, run.error?.code ?? null],
  };
}

describe('a variation', () => {
  test('that finishes is completed; a coding one that changed nothing needs review, an analysis does not', async () => {
    const [plain, coding, docs, analysis] = await Promise.all([
      outcome({}),
      outcome({ run: { task_type: 'coding' } }),
      outcome({ run: { task_type: 'documentation' } }),
      outcome({ run: { task_type: 'analysis' } }),
    ]);
    expect(plain.ended).toEqual(['completed', 'completed', null]);
    expect(plain.run.result).toBe('Did what was asked.');
    expect([plain.run.variations[0]!.patch, plain.run.variations[0]!.branch]).toEqual([null, null]);
    for (const one of [coding, docs])
      expect(one.ended).toEqual(['needs_review', 'needs_review', 'no_changes']);
    expect(analysis.ended).toEqual(['completed', 'completed', null]);
  }, 30_000);

  test('out of steps needs review, and its diff is kept', async () => {
    const { run, ended, types } = await outcome({
      turns: [edit, command('true'), command('true')],
      options: { max_steps: 2 },
    });
    expect(ended).toEqual(['needs_review', 'needs_review', 'step_limit']);
    expect(run.variations[0]!.patch).toMatchObject({ files: 1, additions: 1, deletions: 1 });
    const patch = await readCheckpoint(bench.database, run.id, 1);
    expect(new TextDecoder().decode(patch!.bytes)).toContain('+two');
    expect(types).toContain('patch.applied');
  }, 30_000);

  test('over its time fails, keeps its diff, and leaves no process', async () => {
    const seconds = ownSeconds(8731);
    const { run, ended } = await outcome({
      turns: [edit, command(`sleep ${seconds} & sleep ${seconds}`)],
      options: { timeout_s: 1 },
    });
    expect(ended).toEqual(['failed', 'failed', 'timeout']);
    expect((await readCheckpoint(bench.database, run.id, 1))?.stat.files).toBe(1);
    expect(processesWith(seconds)).toEqual([]);
  }, 30_000);

  test('whose model refuses fails as model_refused', async () => {
    const refusal = { error: { code: 'model_refused', message: 'no such model' } };
    const { ended, run } = await outcome({ turns: [refusal] });
    expect(ended).toEqual(['failed', 'failed', 'model_refused']);
    expect(run.error?.message).toContain('no such model');
  }, 30_000);

  test('over the budget of tokens is stopped, after a warning, before the call that might overdraw it', async () => {
    const usage = (n: number) => ({ usage: { input_tokens: n, output_tokens: 0 } });
    const { ended, events, types, run } = await outcome({
      turns: [command('true', usage(17_000)), command('echo spent', usage(2_000)), done],
      agent: { max_tokens: 100 },
      options: { budget_tokens: 20_000 },
    });
    expect(ended).toEqual(['stopped', 'stopped', 'budget_exceeded']);
    const budget = events
      .filter((event) => event.type.startsWith('budget.'))
      .map((event) => [event.type, event.payload]);
    expect(budget as unknown).toEqual([
      ['budget.warned', { kind: 'tokens', used: 17_000, limit: 20_000 }],
      ['budget.exceeded', { kind: 'tokens', used: 17_000, limit: 20_000 }],
    ]);
    expect(types.filter((type) => type === 'tool.started')).toHaveLength(1);
    expect([run.usage.model_calls, run.usage.input_tokens]).toEqual([1, 17_000]);
  }, 30_000);

  test('that leaves what no patch may hold needs review, with the reasons; a repository inside counts by its files', async () => {
    const nest =
      'mkdir sub && cd sub && git init -q . && echo x > f && git add f && git -c user.name=a -c user.email=a@b commit -qm x';
    const [links, nested] = await Promise.all([
      outcome({ turns: [command('ln -s /etc/passwd words; ln -s ../../up up'), done] }),
      outcome({ turns: [command(nest), done] }),
    ]);
    expect(links.ended).toEqual(['needs_review', 'needs_review', 'patch_rejected']);
    const rejected = links.events.find((event) => event.type === 'patch.rejected');
    expect(JSON.stringify(rejected?.payload)).toContain('words');
    expect(links.run.variations[0]!.branch).toBeNull();
    expect((await readCheckpoint(bench.database, links.run.id, 1))?.stat.files).toBe(2);
    expect(nested.ended).toEqual(['completed', 'completed', null]);
    expect(nested.run.variations[0]!.patch).toMatchObject({ files: 1, additions: 1 });
  }, 30_000);

  test('of a source or base that is not there fails with its code', async () => {
    const [noBase, gone] = await Promise.all([
      outcome({ run: { base: 'no-such-branch' } }),
      outcome({ source: '/nonexistent/repository' }),
    ]);
    expect(noBase.ended).toEqual(['failed', 'failed', 'base_not_found']);
    expect(gone.ended).toEqual(['failed', 'failed', 'clone_failed']);
  }, 30_000);

  test('shows no secret of its agent in the record', async () => {
    const secret = 'sk-held-by-the-agent';
    const { events, run } = await outcome({
      agent: { api_key: secret },
      turns: [command(`echo ${secret}`), done],
    });
    expect(run.status).toBe('completed');
    expect(JSON.stringify(events)).not.toContain(secret);
    expect(JSON.stringify(events)).toContain('echo ••••••••');
  }, 30_000);
});

describe('checks', () => {
  test('of the base run once for four variations, each patch is compared with it', async () => {
    const checks = [
      { name: 'two', command: 'grep -q two a.txt' },
      { name: 'any', command: 'test -s a.txt' },
      { name: 'none', command: 'no-such-program' },
    ];
    const { run, events } = await outcome({ turns: [edit, done], checks, variations: 4 });
    expect(run.status).toBe('completed');
    const onBase = events.filter((event) => event.type === 'check.finished' && event.variation === null);
    // What fails there is run once more: whether it does so each time.
    expect(onBase.map((event) => 'again' in event.payload)).toEqual([false, false, false, true]);
    expect(run.base_checks.map((check) => check.result)).toEqual(['failed', 'passed', 'could_not_run']);
    for (const variation of run.variations) {
      expect(variation.checks.map((check) => check.result)).toEqual(['fixed', 'passes', 'could_not_run']);
    }
  }, 30_000);

  test('of a base that was interrupted half way are done to their end by who comes next', async () => {
    const runId = await bench.run({
      turns: [edit, done],
      checks: [
        { name: 'first', command: 'true' },
        { name: 'second', command: 'true' },
      ],
    });
    await bench.database.sql`
      insert into checks (run_id, name, command, required, exit_code, result, duration_ms, output)
      values (${runId}, 'first', 'true', true, 0, 'passed', 1, '')`;
    await bench.sweep();
    const run = await bench.ended(runId);
    expect(run.base_checks.map((check) => [check.name, check.result])).toEqual([
      ['first', 'passed'],
      ['second', 'passed'],
    ]);
    expect(run.variations[0]!.checks.map((check) => check.result)).toEqual(['passes', 'passes']);
  }, 30_000);
});

test('without a sandbox no agent is run: the variation fails as sandbox_unavailable', async () => {
  const other = await openBench();
  try {
    await other.worker({ workspaces: refusingWorkspaces('bubblewrap is missing'), sandbox: 'none' });
    const run = await other.ended(
      await other.start({ turns: [call('run_command', { command: 'touch /tmp/x' }), done] }),
    );
    expect([run.status, run.error?.code]).toEqual(['failed', 'sandbox_unavailable']);
    expect(run.error?.message).toContain('bubblewrap is missing');
  } finally {
    await other.close();
  }
}, 30_000);

test('a variation whose model is down fails as model_unavailable, with the retries in the record', async () => {
  const { ended, types, run } = await withoutModel;
  expect(ended).toEqual(['failed', 'failed', 'model_unavailable']);
  expect(types.filter((type) => type === 'model.retried').length).toBeGreaterThan(0);
  // The check of the base was for nobody any more, and ended with the run.
  expect(types.at(-1)).toBe('run.failed');
  expect(run.base_checks).toEqual([]);
  expect(processesWith(slow)).toEqual([]);
}, 30_000);

test('nothing is left behind: no workspace, no process', async () => {
  await until(() => readdirSync(bench.workspacesDir).length === 0, 'empty workspaces', 2_000);
  expect(processesWith(bench.config.dataDir)).toEqual([]);
});
