import { describe, expect, test } from 'bun:test';
import type { Approval } from '../../src/core/contract';
import type { Fact, QueuedWhy } from '../../src/core/fact';
import { Compose } from '../../src/views/compose';
import { Ev } from '../../src/views/events';
import type { Item } from '../../src/views/items';
import { RunHead } from '../../src/views/runhead';
import { BackSheet, ForkSheet, RetrySheet } from '../../src/views/sheet';
import { EditSheet } from '../../src/views/sheet-run';
import { Short } from '../../src/views/short';
import { Stream } from '../../src/views/stream';
import { Timeline } from '../../src/views/timeline';
import { TimelineSteps } from '../../src/views/timeline-steps';
import { Waits } from '../../src/views/waits';
import { events, facts, now, run, variation } from './fixtures';

const context = {
  ...{ run: 212, position: 2, origin: '2026-11-21T20:34:25Z' },
  changes: '/runs/212?v=2&tab=changes',
};

function streamOf(list: readonly Fact[]): Stream {
  const stream = new Stream(2);
  for (const event of events(list)) stream.take(event);
  return stream;
}

async function html(items: readonly Item[]): Promise<string> {
  return (await Promise.all(items.map((item) => Ev({ item, context })))).join('\n');
}

const queued = (why: QueuedWhy, more = {}): Fact => ({
  type: 'variation.queued',
  payload: { agent: 'GPT-5', model: 'gpt-5', why, ...more },
});
const asked = (kind: 'plan' | 'commands' | 'commit', question: object): Fact => ({
  type: 'approval.requested',
  payload: { approval: 81, kind, question },
});
const decided = (decision: 'approve' | 'deny', more = {}): Fact => ({
  type: 'approval.decided',
  payload: { approval: 81, kind: 'commands', decision, comment: null, plan: null, ...more },
});
const call = (n: number): Fact => ({
  type: 'model.requested',
  payload: { call: n, provider: 'openai', model: 'gpt-5', messages: 1, added: [] },
});
const tool = (n: number): Fact => ({
  type: 'tool.started',
  payload: { tool: n, id: `t${n}`, name: 'run_command', arguments: {}, title: 'sleep 60' },
});

describe('a stream says', () => {
  test.each([
    ['resumed', {}, 'Resumed'],
    ['decided', {}, 'now that it has its answer'],
    ['directive', {}, 'for a directive'],
    ['retry', { checkpoint: 0 }, 'from the start'],
    ['rollback', { checkpoint: 3 }, 'from checkpoint 3'],
    ['fork', { checkpoint: 2, forked_from: 1 }, 'Forked from variation 1'],
    ['worker_lost', {}, 'Its worker is gone'],
    ['shutdown', {}, 'The service was stopped'],
  ] as const)('why it waits for a worker again: %s', async (why, more, says) => {
    expect(await html(streamOf([queued(why, more)]).items)).toContain(says);
  });

  test('when it is tried again, and what was wrong', async () => {
    const error = { code: 'model_unavailable', message: 'overloaded' } as const;
    const at = '2026-11-21T20:41:30.000Z';
    const page = await html(
      streamOf([{ type: 'variation.retrying', payload: { error, retry: 2, of: 3, at, delay_ms: 8000 } }])
        .items,
    );
    expect(page).toContain('Tries again at 20:41:30 UTC');
    expect(page).toContain('retry 2 of 3');
    expect(page).toContain('model_unavailable: overloaded');
  });

  test('of nothing that it is under way once it is paused, and again when the same call is run again', async () => {
    const stream = streamOf([
      call(1),
      tool(1),
      { type: 'agent.message', payload: { call: 1, text: 'half' } },
      { type: 'variation.paused', payload: {} },
    ]);
    const page = await html(stream.items);
    expect(page).not.toContain('data-s="running"');
    expect(page).not.toContain('live');
    expect(page).toContain('cut off');
    for (const event of events(
      [queued('resumed'), { type: 'tool.repeated', payload: { tool: 1, id: 't1', name: 'run_command' } }],
      2,
      9,
    ))
      stream.take(event);
    expect(await html(stream.items.filter((item) => item.kind === 'tool'))).toContain('data-s="running"');
  });

  test('a directive in full where it was taken up, and keeps a line where it came in', async () => {
    const received: Fact = {
      type: 'directive.received',
      payload: { directive: 5, text: 'Leave `fee.ts` alone', path: 'src/fee.ts', line: 12 },
    };
    const waiting = await html(streamOf([received]).items);
    expect(waiting).toContain('takes it up at its next turn');
    expect(waiting).toContain('src/fee.ts:12');
    const stream = streamOf([
      received,
      call(3),
      { type: 'directive.delivered', payload: { directive: 5, call: 4 } },
    ]);
    expect(stream.items.map((item) => item.kind)).toEqual(['sent', 'model', 'voice']);
    const page = await html(stream.items);
    expect(page).toContain('class="voice"');
    expect(page).toContain('taken up here, 18 s after it was sent');
    expect(page).toContain('href="#e3"');
  });

  test('what is asked, verbatim, with a form that works by itself', async () => {
    const page = await html(streamOf([asked('commands', { command: 'rm -rf "build" && <x>' })]).items);
    expect(page).toContain('rm -rf &quot;build&quot; &amp;&amp; &lt;x&gt;');
    expect(page).toContain('action="/runs/212/approvals/81" method="post"');
    expect(page).toContain('name="decision" value="deny"');
    expect(page).toContain('id="v2-gate-81"');
  });

  test('a plan as text to change, and a commit with what its checks said', async () => {
    const plan = await html(streamOf([asked('plan', { plan: 'One\nTwo' })]).items);
    expect(plan).toMatch(/<textarea[^>]* name="plan"[^>]*>\nOne\nTwo<\/textarea>/);
    const checks = facts.filter((fact) => fact.type.startsWith('check.'));
    const patch = { files: 2, additions: 8, deletions: 2, bytes: 900 };
    const commit = await html(streamOf([...checks, asked('commit', { patch })]).items);
    expect(commit).toContain('lint: broken.');
    expect(commit).toContain('href="/runs/212?v=2&tab=changes"');
  });

  test('what was decided, and what is not asked any more', async () => {
    const question = asked('commands', { command: 'make' });
    const denied = await html(streamOf([question, decided('deny', { comment: 'Use `ninja`' })]).items);
    expect(denied).toContain('Denied: a command');
    expect(denied).toContain('<code>ninja</code>');
    expect(denied).not.toContain('<form');
    const back = await html(streamOf([question, queued('rollback', { checkpoint: 1 })]).items);
    expect(back).toContain('not asked any more');
    expect(back).not.toContain('<form');
  });

  test('a new plan after a rollback as another one, also when it was paused', () => {
    const plan = facts.find((fact) => fact.type === 'plan.generated');
    if (!plan) throw new Error('no plan');
    const plans = (stream: Stream) =>
      stream.items.filter((item) => item.kind === 'plan').map((one) => one.key);
    expect(plans(streamOf([plan, queued('rollback', { checkpoint: 1 }), plan]))).toHaveLength(2);
    const restored: Fact = {
      type: 'checkpoint.restored',
      payload: { checkpoint: 1, step: 1, files: 1, additions: 1, deletions: 0, bytes: 9 },
    };
    const paused: Fact = { type: 'variation.paused', payload: {} };
    expect(new Set(plans(streamOf([plan, paused, restored, queued('resumed'), plan]))).size).toBe(2);
    // A worker that goes on restores a checkpoint, too: the plan is the same.
    expect(plans(streamOf([plan, queued('worker_lost'), restored, plan]))).toHaveLength(1);
  });
});

test('what persons and agents write is escaped wherever it is shown', async () => {
  const evil = '<script>x</script>"><img src=x>';
  const list: Fact[] = [
    { type: 'directive.received', payload: { directive: 5, text: evil, path: evil, line: 1 } },
    { type: 'directive.delivered', payload: { directive: 5, call: 4 } },
    { type: 'directive.received', payload: { directive: 6, text: evil, path: evil, line: null } },
    asked('commands', { command: evil }),
    decided('deny', { comment: evil }),
    { type: 'approval.requested', payload: { approval: 82, kind: 'plan', question: { plan: evil } } },
    queued('fork', { agent: evil, model: evil, forked_from: 1 }),
  ];
  const page = await html(streamOf(list).items);
  expect(page).not.toMatch(/<(script|img)/);
  expect(page).toContain('&lt;script');
});

describe('buttons are right for the state', () => {
  const head = (change: object, one: object = {}) =>
    RunHead({ run: run({ ...change, variations: [variation(1, one)] }), now });

  test('of what runs, pauses, is paused, is over or has not begun', async () => {
    expect(await head({ status: 'running' })).toContain('data-key="p"');
    const pausing = await head({ status: 'running' }, { wanted: 'pause' });
    expect(pausing).toContain('aria-busy="true"');
    expect(pausing).toContain('/resume');
    expect(pausing).not.toContain('/pause"');
    const paused = await head({ status: 'paused' }, { status: 'paused' });
    expect(paused).toContain('no worker is held');
    expect(paused).not.toContain('/pause"');
    const failed = await head({ status: 'failed' }, { status: 'failed' });
    expect(failed).toContain('sheet=retry');
    expect(failed).not.toContain('commandfor="stop"');
    const done = await head({ status: 'completed' }, { status: 'completed' });
    expect(done).not.toMatch(/sheet=retry|\/pause"|\/resume"|commandfor="stop"/);
  });

  test('of a run that waits to be released, with what it waits for', async () => {
    const page = await head(
      { status: 'pending', scheduled_at: '2026-11-22T02:00:00.000Z', depends_on: [7, 9], started_at: null },
      { status: 'queued' },
    );
    expect(page).toContain('Waits until 22 November 2026, 02:00 UTC');
    expect(page).toContain('<a href="/runs/7">#7</a>');
    expect(page).not.toContain('/pause"');
    expect(page).toContain('commandfor="stop"');
  });

  test('and a variation says what it waits for', async () => {
    const short = (one: object) =>
      Short({ run: run(), variation: variation(1, one), files: [], checkpoints: [], now });
    expect(await short({ status: 'queued', held: 'project' })).toContain('the limit of this project');
    expect(await short({ status: 'queued', retry_at: '2026-11-21T20:42:00.000Z' })).toContain('20:42:00 UTC');
    expect(await short({ status: 'awaiting_approval' })).toContain('#v1-end');
  });
});

describe('dialogs', () => {
  const patch = { files: 2, additions: 8, deletions: 2, bytes: 900 };
  const checkpoints = [1, 2, 3].map((n) => ({
    ...{
      checkpoint: n,
      step: n,
      seq: n * 10,
      told_by: 1,
      patch,
      current: n === 3,
      created_at: now.toISOString(),
    },
  }));

  test('say what going back does, and that what runs has to be paused first', async () => {
    const base = { run: run(), checkpoints, checkpoint: 1 };
    const paused = await BackSheet({ ...base, variation: variation(1, { status: 'paused' }) });
    expect(paused).toContain('2 later checkpoints stay beside it');
    expect(paused).not.toContain('disabled');
    expect(await BackSheet({ ...base, variation: variation(1) })).toContain('disabled');
  });

  test('offer every checkpoint and agent to a fork, and a retry from either end', async () => {
    const agents = [{ id: 9, name: 'Other', model: 'm' }];
    const fork = await ForkSheet({ run: run(), variation: variation(1), checkpoints, checkpoint: 2, agents });
    expect(fork).toContain('<option value="2" selected>');
    expect(fork).toContain('Other, m');
    expect(fork.match(/<option/g)).toHaveLength(6);
    const retry = await RetrySheet({ run: run(), variation: null });
    expect(retry).toContain('3 Qwen local');
    expect(retry).toContain('value="start"');
    expect(await EditSheet({ run: run({ status: 'completed' }), now })).not.toContain('name="priority"');
  });
});

test('the box for a directive names all only where there are several that are not over', async () => {
  const box = (change: object) =>
    Compose({ run: run(change), variation: variation(1), token: 'one', typed: undefined });
  expect(await box({})).toContain('value="all"');
  expect(await box({ status: 'failed' })).not.toContain('value="all"');
  expect(await box({ variations: [variation(1)] })).not.toContain('value="all"');
  const again = await Compose({
    ...{ run: run(), variation: variation(1), token: 'one' },
    typed: { text: '</textarea><b>', to: 'all' },
  });
  expect(again).toContain('&lt;/textarea&gt;');
});

test('what waits for a person is there as it was asked, and only what is seen whole can be approved there', async () => {
  const wait = (question: object): Approval & { run: string; agent: string } => ({
    ...{ id: 81, run_id: 212, position: 2, kind: 'commands', question, status: 'open', comment: null },
    ...{ plan: null, created_at: '2026-11-21T20:40:21.000Z', decided_at: null, run: 'Round', agent: 'GPT-5' },
  });
  const short = await Waits({ waits: [wait({ command: 'curl <x>' })], picks: [], now });
  expect(short).toContain('curl &lt;x&gt;');
  expect(short).toContain('waits 60 s');
  expect(short).toContain('value="approve"');
  expect(await Waits({ waits: [wait({ command: 'x'.repeat(3000) })], picks: [], now })).not.toContain(
    'value="approve"',
  );
  expect(await Waits({ waits: [], picks: [], now })).toContain('hidden');
});

test('the timeline is red only where a check was broken', async () => {
  const steps = new TimelineSteps();
  const list = (['passes', 'fixed', 'broken', 'still_fails', 'could_not_run'] as const).map(
    (result): Fact => ({
      type: 'check.finished',
      payload: {
        ...{ name: 'unit', command: 'make', on: 'patch', result, exit_code: 1, duration_ms: 10, output: '' },
      },
    }),
  );
  for (const event of events(list)) steps.take(event);
  const svg = await Timeline({ run: run(), steps, current: 2, now });
  const drawn = [...svg.matchAll(/<title>Check unit: ([^<]*)<\/title><rect class="([\w-]+)"/g)];
  expect(drawn.map((match) => match.slice(1))).toEqual([
    ['passes', 't-good'],
    ['fixed', 't-good'],
    ['broken', 't-bad'],
    ['still fails', 't-still'],
    ['could not run', 't-unknown'],
  ]);
  expect(svg).toContain('5 checks');
});

test('the timeline has waits, which end, and directives', async () => {
  const steps = new TimelineSteps();
  const list: Fact[] = [
    asked('commands', { command: 'make' }),
    decided('approve'),
    { type: 'variation.paused', payload: {} },
    queued('resumed'),
    { type: 'directive.delivered', payload: { directive: 5, call: 4 } },
    { type: 'variation.paused', payload: {} },
  ];
  for (const event of events(list)) steps.take(event);
  expect(steps.steps.map((step) => [step.kind, step.to !== null])).toEqual([
    ['wait', true],
    ['wait', true],
    ['say', true],
    ['wait', false],
  ]);
  const svg = await Timeline({ run: run(), steps, current: 2, now });
  expect(svg.match(/class="t-wait"/g)).toHaveLength(4);
  expect(svg).toContain('1 directive');
});
