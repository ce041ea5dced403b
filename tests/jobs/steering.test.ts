import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { decide, decisionsOf, listApprovals } from '../../src/core/approval';
import { readCheckpoint } from '../../src/core/checkpoint';
import type { Approval, Run } from '../../src/core/contract';
import { direct } from '../../src/core/directive';
import type { Event, FactType, Payloads } from '../../src/core/fact';
import { fork, retry, rollback } from '../../src/core/rewind';
import { getRun } from '../../src/core/run';
import { pause, resume, stop } from '../../src/core/steer';
import { queuedOf } from '../../src/core/variation';
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
  processesWith,
  typesOf,
} from './bench';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
  bench.parts.waits = { pauseMs: 300, retryMs: 100 };
  await bench.worker();
});
afterAll(() => bench.close());

const enqueue = async (runId: number) => bench.queue.add(await queuedOf(bench.database, runId));
const seen = (runId: number, type: FactType, count = 1) =>
  until(
    async () => typesOf(await bench.events(runId)).filter((one) => one === type).length >= count,
    `${count} ${type}`,
  );
const inStatus = (runId: number, status: Run['status']) =>
  until(async () => (await getRun(bench.database, runId)).status === status, status);
const told = <T extends FactType>(events: readonly Event[], type: T) =>
  events.filter((event) => event.type === type).map((event) => event.payload as Payloads[T]);
const diff = async (runId: number, position = 1) =>
  new TextDecoder().decode((await readCheckpoint(bench.database, runId, position))?.bytes);
const tell = (runId: number, text: string, variations: number[] | null = null) =>
  direct(bench.database, runId, { text, variations, path: null, line: null });
const append = (line: string) => command(`echo ${line} >> a.txt`);

async function question(runId: number, count = 1): Promise<Approval> {
  await seen(runId, 'approval.requested', count);
  await inStatus(runId, 'awaiting_approval');
  return until(async () => (await listApprovals(bench.database, runId)).find((one) => one.status === 'open'));
}

async function answer(
  asked: Approval,
  decision: 'approve' | 'deny',
  comment: string | null = null,
  plan: string | null = null,
): Promise<void> {
  await decide(bench.database, asked.run_id, asked.id, { decision, comment, plan });
  await enqueue(asked.run_id);
}

describe('a pause', () => {
  test('waits for the model that is answering, costs no call, and leaves nothing behind', async () => {
    const runId = await bench.start({ turns: [append('x'), { ...append('y'), delay_ms: 400 }, done] });
    await seen(runId, 'model.requested', 2);
    await pause(bench.database, runId);
    await inStatus(runId, 'paused');
    expect(told(await bench.events(runId), 'model.responded')).toHaveLength(2);
    expect(readdirSync(bench.workspacesDir)).toEqual([]);
    expect(
      await bench.database.sql`select from variations where run_id = ${runId} and worker is not null`,
    ).toEqual([] as never);
    await resume(bench.database, runId);
    await enqueue(runId);
    const run = await bench.ended(runId);
    expect([run.status, run.variations[0]!.attempt, run.usage.model_calls]).toEqual(['completed', 1, 3]);
    expect(await diff(runId)).toContain('+x\n+y');
    expect(gapless(await bench.events(runId))).toBe(true);
  });

  test('lets a command finish for a while, then ends it, and it is run again', async () => {
    const seconds = ownSeconds(1.4);
    const runId = await bench.start({
      turns: [append('x'), command(`echo z >> a.txt; sleep ${seconds}`), done],
    });
    await until(() => processesWith(seconds).length > 0, 'the command');
    await pause(bench.database, runId);
    await inStatus(runId, 'paused');
    expect(processesWith(seconds)).toEqual([]);
    await resume(bench.database, runId);
    await enqueue(runId);
    await bench.ended(runId);
    const events = await bench.events(runId);
    expect(told(events, 'tool.repeated')).toMatchObject([{ tool: 2, name: 'run_command' }]);
    expect(told(events, 'model.responded')).toHaveLength(3);
    expect((await diff(runId)).match(/\+z/g)).toHaveLength(1);
  });

  test('between two calls of one answer keeps what the first has changed', async () => {
    const two = {
      tool_calls: [...command('echo x >> a.txt; sleep 0.2').tool_calls, ...append('y').tool_calls],
    };
    const { pauseMs } = bench.parts.waits!;
    // A busy machine may need long for the first call: it is to end by itself.
    bench.parts.waits!.pauseMs = 20_000;
    const runId = await bench.start({ turns: [two, done] });
    await seen(runId, 'tool.started');
    bench.parts.waits!.pauseMs = pauseMs;
    await pause(bench.database, runId);
    await inStatus(runId, 'paused');
    expect(told(await bench.events(runId), 'tool.finished')).toHaveLength(1);
    await resume(bench.database, runId);
    await enqueue(runId);
    await bench.ended(runId);
    const events = await bench.events(runId);
    expect(told(events, 'tool.repeated')).toEqual([]);
    expect(told(events, 'tool.finished').map((one) => one.tool)).toEqual([1, 2, 3]);
    expect(await diff(runId)).toContain('+x\n+y');
  });
});

describe('a directive', () => {
  test('is taken up at the next turn, once, in order, also when it was given in a pause', async () => {
    const runId = await bench.start({ turns: [{ ...append('x'), delay_ms: 300 }, append('y'), done] });
    await seen(runId, 'model.requested');
    await pause(bench.database, runId);
    await tell(runId, 'first of all');
    await inStatus(runId, 'paused');
    await tell(runId, 'and second');
    await resume(bench.database, runId);
    await enqueue(runId);
    await bench.ended(runId);
    const events = await bench.events(runId);
    const added = told(events, 'model.requested').map((one) => one.added.join('|'));
    expect(added[1]).toMatch(/first of all.*\|.*and second/s);
    expect(added[2]).toBe('');
    expect(told(events, 'directive.delivered').map((one) => one.call)).toEqual([2, 2]);
    expect(events.findIndex((event) => event.type === 'directive.delivered')).toBeLessThan(
      events.findLastIndex((event) => event.type === 'model.requested'),
    );
  });

  test('given while the agent finishes makes it go on; given afterwards, it reopens the variation', async () => {
    const runId = await bench.start({ turns: [{ ...done, delay_ms: 300 }, append('x'), done] });
    await seen(runId, 'model.requested');
    await tell(runId, 'not yet');
    const run = await bench.ended(runId);
    expect([run.usage.model_calls, run.variations[0]!.iteration]).toEqual([3, 1]);
    await tell(runId, 'once more', [1]);
    await enqueue(runId);
    await until(async () => (await getRun(bench.database, runId)).usage.model_calls === 4);
    const again = await bench.ended(runId);
    expect([again.status, again.variations[0]!.iteration]).toEqual(['completed', 2]);
    expect(
      told(await bench.events(runId), 'model.requested')
        .at(-1)
        ?.added.join(),
    ).toContain('once more');
  });
});

test('a directive during the last step that there is has steps of its own', async () => {
  const runId = await bench.start({ turns: [{ ...done, delay_ms: 300 }, done], options: { max_steps: 1 } });
  await seen(runId, 'model.requested');
  await tell(runId, 'more');
  const run = await bench.ended(runId);
  expect([run.status, run.usage.model_calls]).toEqual(['completed', 2]);
  expect(told(await bench.events(runId), 'directive.delivered')).toHaveLength(1);
});

describe('an approval', () => {
  test('of commands: what is not on the list waits, and the agent hears what was denied', async () => {
    const runId = await bench.start({
      turns: [append('x'), command('rm a.txt'), command('echo safe'), done],
      options: { approval: 'commands' },
    });
    const first = await question(runId);
    expect([first.kind, first.question.command]).toEqual(['commands', 'echo x >> a.txt']);
    expect(readdirSync(bench.workspacesDir)).toEqual([]);
    await bench.database.sql`update projects set allowed_commands = '["echo *"]'`;
    await answer(first, 'approve');
    const second = await question(runId, 2);
    expect(second.question.command).toBe('rm a.txt');
    await answer(second, 'deny', 'it is needed');
    const run = await bench.ended(runId);
    expect([run.status, run.usage.model_calls, run.variations[0]!.attempt]).toEqual(['completed', 4, 1]);
    const finished = told(await bench.events(runId), 'tool.finished');
    expect(finished.map((one) => one.ok)).toEqual([true, false, true, true]);
    expect(finished[1]!.output).toContain('it is needed');
    expect(await diff(runId)).toContain('+x');
  });

  test('of several commands of one answer runs each once', async () => {
    const calls = ['A', 'B', 'C'].flatMap((letter) => command(`echo ${letter}`).tool_calls);
    const runId = await bench.start({
      turns: [{ tool_calls: calls }, done],
      options: { approval: 'commands' },
    });
    for (const count of [1, 2, 3]) await answer(await question(runId, count), 'approve');
    await bench.ended(runId);
    const events = await bench.events(runId);
    expect(told(events, 'tool.finished').map((one) => one.output.split('\n')[0])).toEqual([
      ...['A', 'B', 'C', 'Finished.'],
    ]);
    expect(told(events, 'tool.repeated')).toEqual([]);
  });

  test('of the plan: changed by a person, it is what the agent carries out; only then can it change files', async () => {
    const plan = (text: string) => call('write_plan', { steps: [{ text, status: 'pending' }] });
    const runId = await bench.start({
      turns: [append('too early'), plan('bad'), plan('better'), append('x'), done],
      options: { approval: 'plan' },
    });
    const first = await question(runId);
    expect(first.question.plan).toBe('bad');
    await answer(first, 'deny', 'think again');
    const second = await question(runId, 2);
    await answer(second, 'approve', null, '1. better\n2. and tested');
    const run = await bench.ended(runId);
    expect([run.status, run.usage.model_calls]).toEqual(['completed', 5]);
    expect(run.variations[0]!.plan?.map((step) => step.text)).toEqual(['better', 'and tested']);
    const finished = told(await bench.events(runId), 'tool.finished');
    expect(finished.map((one) => one.ok)).toEqual([false, false, true, true, true]);
    expect(finished[1]!.output).toContain('think again');
    expect(finished[2]!.output).toContain('and tested');
    expect(await diff(runId)).not.toContain('early');
  });

  test('of a plan that is only told in words waits as well', async () => {
    const runId = await bench.start({
      turns: [{ text: 'First this, then that.' }, append('x'), done],
      options: { approval: 'plan' },
    });
    const asked = await question(runId);
    expect(asked.question.plan).toBe('First this, then that.');
    await answer(asked, 'approve');
    const run = await bench.ended(runId);
    expect([run.status, run.usage.model_calls]).toEqual(['completed', 3]);
    expect(told(await bench.events(runId), 'model.requested')[1]?.added.join()).toContain('approved');
  });

  test('of the commit: checked before it is asked about; denied, the agent mends it; approved, no call is made', async () => {
    const runId = await bench.start({
      turns: [append('bad'), done, command('sed -i s/bad/good/ a.txt'), done],
      checks: [{ name: 'good', command: 'grep -q good a.txt' }],
      // Else its failing check would send it back before anybody is asked.
      options: { approval: 'commit', max_iterations: 1 },
    });
    const first = await question(runId);
    expect(first.question.patch).toMatchObject({ files: 1, additions: 1 });
    expect((await getRun(bench.database, runId)).variations[0]!.checks[0]?.result).toBe('still_fails');
    await answer(first, 'deny', 'say good');
    const second = await question(runId, 2);
    expect((await getRun(bench.database, runId)).variations[0]!.checks[0]?.result).toBe('fixed');
    await answer(second, 'approve');
    const run = await bench.ended(runId);
    expect([run.status, run.usage.model_calls]).toEqual(['completed', 4]);
    expect(run.variations[0]!.checks[0]?.result).toBe('fixed');
    const events = await bench.events(runId);
    expect(told(events, 'check.finished').filter((one) => one.on === 'patch' && !one.again)).toHaveLength(2);
    expect(told(events, 'model.requested')[2]?.added.join()).toContain('say good');
  });
});

describe('going back', () => {
  test('to a checkpoint: files and conversation are those of then, and what follows is numbered on', async () => {
    const runId = await bench.start({ turns: [append('x'), append('y'), append('z'), done] });
    await bench.ended(runId);
    await rollback(bench.database, runId, 1, 1);
    await enqueue(runId);
    await until(async () => (await getRun(bench.database, runId)).usage.model_calls === 7);
    await bench.ended(runId);
    const events = await bench.events(runId);
    // Asked the second turn again, not the first; with other numbers than before.
    expect(told(events, 'model.requested').map((one) => [one.call, one.messages])).toEqual([
      [1, 1],
      [2, 3],
      [3, 5],
      [4, 7],
      [5, 3],
      [6, 5],
      [7, 7],
    ]);
    expect(told(events, 'tool.started').map((one) => one.tool)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(await diff(runId)).toContain('+x\n+y\n+z\n');
    await rollback(bench.database, runId, 1, 0);
    await enqueue(runId);
    await until(async () => (await getRun(bench.database, runId)).usage.model_calls === 11);
    await bench.ended(runId);
    expect((await diff(runId)).match(/\+x/g)).toHaveLength(1);
    expect(gapless(await bench.events(runId))).toBe(true);
  });

  test('and forward again: what was approved there stands as it did', async () => {
    const plan = call('write_plan', { steps: [{ text: 'do it', status: 'active' }] });
    const runId = await bench.start({ turns: [plan, edit, done], options: { approval: 'plan' } });
    await answer(await question(runId), 'approve');
    const { id } = (await bench.ended(runId)).variations[0]!;
    await rollback(bench.database, runId, 1, 0);
    expect(await decisionsOf(bench.database, id)).toEqual([]);
    await rollback(bench.database, runId, 1, 1);
    expect(await decisionsOf(bench.database, id)).toMatchObject([{ kind: 'plan', decision: 'approve' }]);
    const position = await fork(bench.database, runId, 1, { checkpoint: 1, agent_id: null, directive: null });
    const [made] = await bench.database.sql<{ id: number }[]>`
      select id from variations where run_id = ${runId} and position = ${position}`;
    expect(await decisionsOf(bench.database, made!.id)).toHaveLength(1);
    await stop(bench.database, runId);
  });

  test('a fork goes on from there beside its source, with a directive of its own', async () => {
    const runId = await bench.start({ turns: [append('x'), append('y'), done] });
    await bench.ended(runId);
    const before = await diff(runId, 1);
    const position = await fork(bench.database, runId, 1, {
      ...{ checkpoint: 1, agent_id: null, directive: 'do it otherwise' },
    });
    await enqueue(runId);
    await until(async () => (await getRun(bench.database, runId)).variations[1]?.status === 'completed');
    const run = await bench.ended(runId);
    expect(run.variations[1]!.usage.model_calls).toBe(2);
    const own = (await bench.events(runId)).filter((event) => event.variation === position);
    expect(told(own, 'model.requested')[0]).toMatchObject({ call: 2, messages: 4 });
    expect(told(own, 'model.requested')[0]?.added.join()).toContain('otherwise');
    expect(await diff(runId, 2)).toContain('+x\n+y');
    expect(await diff(runId, 1)).toBe(before);
  });

  test('a retry from the checkpoint asks nothing again that was answered', async () => {
    const runId = await bench.start({
      turns: [append('x'), { error: { code: 'model_refused', message: 'no' } }],
    });
    expect((await bench.ended(runId)).error?.code).toBe('model_refused');
    await bench.database
      .sql`update agents set scenario = ${bench.database.sql.json({ turns: [append('q'), done] } as never)}
      where id = (select agent_id from variations where run_id = ${runId})`;
    await retry(bench.database, runId, undefined, 'checkpoint');
    await enqueue(runId);
    await until(async () => (await getRun(bench.database, runId)).status === 'completed');
    const run = await getRun(bench.database, runId);
    expect([run.usage.model_calls, run.variations[0]!.retry_count, run.variations[0]!.attempt]).toEqual([
      2, 1, 2,
    ]);
    expect(await diff(runId)).toContain('+x');
    expect(await diff(runId)).not.toContain('+q');
  });
});

describe('failures that may pass', () => {
  test('are tried again, visibly and later each time, up to max_retries; others are not', async () => {
    const down = { error: { code: 'model_unavailable', message: 'overloaded' } };
    const runId = await bench.start({ turns: [edit, down], options: { max_retries: 2 } });
    const run = await bench.ended(runId, 20_000);
    expect([run.status, run.error?.code]).toEqual(['failed', 'model_unavailable']);
    expect([run.variations[0]!.retry_count, run.variations[0]!.attempt]).toEqual([2, 3]);
    const waits = told(await bench.events(runId), 'variation.retrying');
    expect(waits).toMatchObject([
      { retry: 1, of: 2, error: { code: 'model_unavailable' } },
      { retry: 2, of: 2 },
    ]);
    expect(waits[1]!.delay_ms).toBeGreaterThan(waits[0]!.delay_ms);
    expect(told(await bench.events(runId), 'model.responded')).toHaveLength(1);
    const never = await bench.start({ turns: [{ error: { code: 'model_refused', message: 'no' } }] });
    expect((await bench.ended(never)).variations[0]!.retry_count).toBe(0);
  }, 30_000);

  test('the time of all attempts counts together; waiting does not', async () => {
    const runId = await bench.start({
      turns: [command('sleep 0.9'), command('sleep 0.8'), done],
      options: { timeout_s: 1 },
    });
    await seen(runId, 'tool.started');
    await pause(bench.database, runId);
    await inStatus(runId, 'paused');
    await Bun.sleep(1_200); // Longer than the limit: none of it may count.
    await resume(bench.database, runId);
    await enqueue(runId);
    expect((await bench.ended(runId)).error?.code).toBe('timeout');
  });
});
