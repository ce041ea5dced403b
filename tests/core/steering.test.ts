import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import {
  ask,
  decide,
  decisionsOf,
  listApprovals,
  listOpenApprovals,
  remindOld,
} from '../../src/core/approval';
import { storeCheck } from '../../src/core/check';
import { insertCheckpoint, listCheckpoints, readCheckpoint } from '../../src/core/checkpoint';
import { finish, release, requeueLost } from '../../src/core/claim';
import { direct, listDirectives, markDelivered, waitingDirectives } from '../../src/core/directive';
import { append, type Claim, listEvents } from '../../src/core/event';
import { mend } from '../../src/core/mend';
import { fork, retry, rollback } from '../../src/core/rewind';
import { pause, pauseClaimed, resume, stop } from '../../src/core/steer';
import { queuedOf } from '../../src/core/variation';
import { freshDatabase, type TestDatabase } from '../support/database';
import { until } from '../support/wait';
import { claimOne, gapless, makeRun, recordOf, statusesOf } from './scene';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

const completed = {
  status: 'completed',
  summary: 'ok',
  patch: null,
  commit_sha: null,
  branch: null,
} as const;
const failed = { status: 'failed', error: { code: 'timeout', message: 'too slow' } } as const;
const refusalOf = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error) => [error.code, error.status],
  );
const command = { kind: 'commands', key: 'tool:1', question: { command: 'rm -r x' } } as const;

/** A step of work with a checkpoint after it, as a worker records it. */
async function save(claimed: Claim, number: number): Promise<number> {
  const stat = { files: number, additions: 1, deletions: 0, bytes: 1 };
  await database.sql.begin(async (tx) => {
    await append(tx, claimed.runId, claimed.position, [
      { type: 'step.started', payload: { step: number } },
      { type: 'plan.generated', payload: { steps: [{ text: `plan ${number}`, status: 'active' }] } },
      { type: 'variation.progress', payload: { percentage: number * 10, step: null } },
      { type: 'checkpoint.saved', payload: { checkpoint: number, step: number, ...stat } },
    ]);
    const content = { base_sha: 'b'.repeat(40), bytes: Uint8Array.of(number), sha256: `sha-${number}`, stat };
    await insertCheckpoint(tx, claimed, number, content, number);
  });
  return Number((await database.sql`select seq from runs where id = ${claimed.runId}`)[0]?.seq);
}

describe('pause and resume', () => {
  test('of what waits take effect at once; of what runs the worker is asked', async () => {
    const runId = await makeRun(database, 2);
    const running = await claimOne(database, runId, 2);
    await pause(database, runId);
    expect(await statusesOf(database, runId)).toEqual(['running', 'paused', 'running']);
    await pauseClaimed(database.sql, running);
    expect(await statusesOf(database, runId)).toEqual(['paused', 'paused', 'paused']);
    expect(await queuedOf(database, runId)).toEqual([]);
    // Said again by a worker whose connection broke, it is done already.
    await pauseClaimed(database.sql, running);
    await resume(database, runId);
    expect(await statusesOf(database, runId)).toEqual(['queued', 'queued', 'queued']);
    expect((await queuedOf(database, runId)).map((one) => one.rank)).toEqual([0, 1]);
    expect((await claimOne(database, runId, 2)).attempt).toBe(1);
    const types = (await recordOf(database, runId)).map((event) => event.type);
    expect(types.filter((type) => /^run\.(paused|resumed|started)$/.test(type))).toEqual([
      'run.started',
      'run.paused',
      'run.resumed',
    ]);
    expect(await refusalOf(resume(database, runId, 2))).toEqual(['not_paused', 409]);
  });

  test('a pause is taken back before it takes effect, and a stop outdoes it', async () => {
    const runId = await makeRun(database);
    const running = await claimOne(database, runId);
    await pause(database, runId);
    await resume(database, runId);
    await finish(database.sql, running, completed);
    expect((await statusesOf(database, runId))[1]).toBe('completed');
    expect(await refusalOf(pause(database, runId))).toEqual(['already_ended', 409]);

    const other = await makeRun(database);
    const claimed = await claimOne(database, other);
    await pause(database, other);
    await stop(database, other);
    expect(await refusalOf(pause(database, other))).toEqual(['stopping', 409]);
    await pauseClaimed(database.sql, claimed);
    expect(await statusesOf(database, other)).toEqual(['stopped', 'stopped']);
  });

  test('a pause holds when the worker shuts down or dies before it took effect', async () => {
    for (const how of ['released', 'lost'] as const) {
      const runId = await makeRun(database);
      const claimed = await claimOne(database, runId, 1, 'gone');
      await pause(database, runId);
      if (how === 'released') await release(database.sql, claimed);
      else await requeueLost(database);
      expect((await statusesOf(database, runId))[1]).toBe('paused');
    }
  });
});

describe('directives', () => {
  test('reach all that live, each once and in order, and reopen only what is named', async () => {
    const runId = await makeRun(database, 3);
    const done = await claimOne(database, runId, 1);
    await finish(database.sql, done, completed);
    const words = { path: null, line: null };
    const made = await direct(database, runId, { text: 'first', variations: null, ...words });
    expect(made.map((one) => one.position)).toEqual([2, 3]);
    const named = { text: 'second', variations: [1, 2], path: 'a.ts', line: 3 };
    await direct(database, runId, named);
    expect(await statusesOf(database, runId)).toEqual(['queued', 'queued', 'queued', 'queued']);
    const [row] =
      await database.sql`select iteration, result from variations where run_id = ${runId} and position = 1`;
    expect(row).toEqual({ iteration: 2, result: null });
    const second = (await claimOne(database, runId, 2)).variationId;
    const waiting = await waitingDirectives(database, second);
    expect(waiting.map((one) => one.text)).toEqual(['first', 'second']);
    await database.sql.begin((tx) =>
      markDelivered(
        tx,
        waiting.map((one) => one.id),
      ),
    );
    expect(await waitingDirectives(database, second)).toEqual([]);
    expect((await listDirectives(database, runId)).filter((one) => one.delivered_at === null)).toHaveLength(
      2,
    );
    expect(await refusalOf(direct(database, runId, { ...named, variations: [9] }))).toEqual([
      'variation_not_found',
      404,
    ]);
  });

  test('one that comes while the work is being ended makes it go on', async () => {
    const runId = await makeRun(database);
    const claimed = await claimOne(database, runId);
    await direct(database, runId, { text: 'one more', variations: null, path: null, line: null });
    await finish(database.sql, claimed, completed);
    expect(await statusesOf(database, runId)).toEqual(['queued', 'queued']);
    await stop(database, runId);
    const refused = direct(database, runId, { text: 'x', variations: null, path: null, line: null });
    expect(await refusalOf(refused)).toEqual(['already_ended', 409]);
  });

  test('the same idempotency key instructs once', async () => {
    const runId = await makeRun(database, 2);
    const key = { key: 'k', body_sha256: 'x' };
    const words = { text: 'once', variations: null, path: null, line: null };
    const first = await direct(database, runId, words, key);
    expect(await direct(database, runId, words, key)).toEqual(first);
    expect(first).toHaveLength(2);
    expect(await listDirectives(database, runId)).toHaveLength(2);
  });
});

describe('approvals', () => {
  test('wait without a worker, are decided once, and let the variation go on', async () => {
    const runId = await makeRun(database);
    const claimed = await claimOne(database, runId);
    await ask(database.sql, claimed, command);
    await ask(database.sql, claimed, command);
    expect(await statusesOf(database, runId)).toEqual(['awaiting_approval', 'awaiting_approval']);
    const [open] = await listApprovals(database, runId);
    expect(open).toMatchObject({ status: 'open', kind: 'commands', question: { command: 'rm -r x' } });
    expect((await listOpenApprovals(database, 50)).map((one) => [one.id, one.run])).toContainEqual([
      open!.id,
      'Round refunds',
    ]);
    const word = { decision: 'deny', comment: 'not that', plan: null } as const;
    expect(await decide(database, runId, open!.id, word)).toMatchObject({ status: 'denied' });
    await decide(database, runId, open!.id, word);
    expect(await refusalOf(decide(database, runId, open!.id, { ...word, decision: 'approve' }))).toEqual([
      'already_decided',
      409,
    ]);
    expect((await statusesOf(database, runId))[1]).toBe('queued');
    expect(await decisionsOf(database, claimed.variationId)).toEqual([
      { kind: 'commands', key: 'tool:1', ...word },
    ]);
    const events = await listEvents(database, runId, { types: ['approval.requested', 'approval.decided'] });
    expect(events.map((event) => event.type)).toEqual(['approval.requested', 'approval.decided']);
    expect(await refusalOf(decide(database, runId, 999_999, word))).toEqual(['approval_not_found', 404]);
  });

  test('a paused question is still there after the pause, and its answer waits for the end of the pause', async () => {
    const runId = await makeRun(database);
    await ask(database.sql, await claimOne(database, runId), command);
    await pause(database, runId);
    await resume(database, runId);
    expect((await statusesOf(database, runId))[1]).toBe('awaiting_approval');
    await pause(database, runId);
    const [open] = await listApprovals(database, runId);
    await decide(database, runId, open!.id, { decision: 'approve', comment: null, plan: null });
    expect((await statusesOf(database, runId))[1]).toBe('paused');
    await resume(database, runId);
    expect((await statusesOf(database, runId))[1]).toBe('queued');
  });

  test('are withdrawn with what asked them, and reminded of when they have waited long', async () => {
    const runId = await makeRun(database);
    await ask(database.sql, await claimOne(database, runId), command);
    await remindOld(database);
    await database.sql`update approvals set created_at = now() - interval '5 hours' where run_id = ${runId}`;
    await remindOld(database);
    await remindOld(database);
    const reminded = await listEvents(database, runId, { types: ['approval.reminded'] });
    expect(reminded.map((event) => event.payload)).toMatchObject([{ kind: 'commands', waited_s: 18_000 }]);
    await stop(database, runId);
    const [gone] = await listApprovals(database, runId);
    expect(gone?.status).toBe('withdrawn');
    expect(
      await refusalOf(decide(database, runId, gone!.id, { decision: 'approve', comment: null, plan: null })),
    ).toEqual(['withdrawn', 409]);
  });
});

describe('going back', () => {
  test('to a checkpoint takes files and conversation there, and forward again to one that was left', async () => {
    const runId = await makeRun(database);
    const claimed = await claimOne(database, runId);
    const seqs = [await save(claimed, 1), await save(claimed, 2), await save(claimed, 3)];
    expect(await refusalOf(rollback(database, runId, 1, 1))).toEqual(['running', 409]);
    await finish(database.sql, claimed, failed);
    await rollback(database, runId, 1, 1);
    const at = async () =>
      (
        await database.sql`
        select checkpoint, lineage, past_from::int, steps_before, status, error, progress_percentage as progress,
          plan->0->>'text' as plan
        from variations where run_id = ${runId}`
      )[0];
    expect(await at()).toMatchObject({
      ...{ checkpoint: 1, steps_before: 3, status: 'queued', error: null, plan: 'plan 1', progress: 10 },
      lineage: [{ position: 1, from: 0, to: seqs[0] }],
    });
    expect((await readCheckpoint(database, runId, 1))?.number).toBe(1);
    const again = await claimOne(database, runId);
    const fourth = await save(again, 4);
    await finish(database.sql, again, failed);
    // To one of before the turn, which keeps the conversation that it had then.
    await rollback(database, runId, 1, 3);
    expect(await at()).toMatchObject({ checkpoint: 3, lineage: [{ position: 1, from: 0, to: seqs[2] }] });
    // And to the one after it, which has both stretches.
    await rollback(database, runId, 1, 4);
    expect((await at())?.lineage).toHaveLength(2);
    expect((await at())?.lineage[1]).toMatchObject({ position: 1, to: fourth });
    expect((await listCheckpoints(database, runId, 1)).map((one) => [one.checkpoint, one.current])).toEqual([
      [1, false],
      [2, false],
      [3, false],
      [4, true],
    ]);
    await rollback(database, runId, 1, 0);
    expect(await at()).toMatchObject({ checkpoint: 0, lineage: [], plan: null, progress: 0 });
    expect(await refusalOf(rollback(database, runId, 1, 9))).toEqual(['checkpoint_not_found', 404]);
    expect(gapless(await recordOf(database, runId))).toBe(true);
  });

  test('a fork goes on from a checkpoint of its source, and reopens the run', async () => {
    const runId = await makeRun(database);
    const claimed = await claimOne(database, runId);
    const first = await save(claimed, 1);
    await save(claimed, 2);
    await finish(database.sql, claimed, completed);
    const how = { checkpoint: 1, agent_id: null, directive: 'otherwise' };
    const [two, three] = await Promise.all([
      fork(database, runId, 1, how),
      fork(database, runId, 1, { ...how, directive: null }),
    ]);
    expect([two, three].sort()).toEqual([2, 3]);
    expect(await statusesOf(database, runId)).toEqual(['queued', 'completed', 'queued', 'queued']);
    const [row] = await database.sql`
      select checkpoint, lineage, steps_before, plan->0->>'text' as plan from variations where run_id = ${runId} and position = ${two}`;
    expect(row).toEqual({
      ...{ checkpoint: 1, steps_before: 1, plan: 'plan 1' },
      lineage: [{ position: 1, from: 0, to: first }],
    });
    expect([...(await readCheckpoint(database, runId, two))!.bytes]).toEqual([1]);
    expect((await listDirectives(database, runId)).map((one) => one.position)).toEqual([two]);
    expect(await refusalOf(fork(database, runId, 1, { ...how, checkpoint: 7 }))).toEqual([
      'checkpoint_not_found',
      404,
    ]);
  });

  test('a retry goes on, or begins anew; what completed is not retried', async () => {
    const runId = await makeRun(database, 2);
    const claimed = await claimOne(database, runId, 1);
    await save(claimed, 1);
    await finish(database.sql, claimed, failed);
    await finish(database.sql, await claimOne(database, runId, 2), completed);
    await retry(database, runId, undefined, 'checkpoint');
    expect(await statusesOf(database, runId)).toEqual(['queued', 'queued', 'completed']);
    const again = await claimOne(database, runId, 1);
    expect(again.attempt).toBe(2);
    await finish(database.sql, again, failed);
    await retry(database, runId, 1, 'start');
    const [row] = await database.sql`
      select checkpoint, retry_count, patch from variations where run_id = ${runId} and position = 1`;
    expect(row).toEqual({ checkpoint: 0, retry_count: 2, patch: null });
    expect(await refusalOf(retry(database, runId, 2, 'start'))).toEqual(['nothing_to_retry', 409]);
  });

  test('where the conversation had ended, a retry tells the agent why', async () => {
    const runId = await makeRun(database);
    const error = { code: 'no_changes', message: 'nothing was changed' } as const;
    await finish(database.sql, await claimOne(database, runId), { status: 'needs_review', error });
    await retry(database, runId, 1, 'checkpoint');
    const [directive] = await listDirectives(database, runId);
    expect(directive?.text).toContain('nothing was changed');
  });
});

describe('what a person says at an awkward moment', () => {
  const tell = (runId: number) =>
    direct(database, runId, { text: 'do more', variations: [1], path: null, line: null });

  test('answers the question that was seen, not the one that took its place', async () => {
    const runId = await makeRun(database);
    await ask(database.sql, await claimOne(database, runId), command);
    await rollback(database, runId, 1, 0);
    const other = { ...command, question: { command: 'ls' } };
    await ask(database.sql, await claimOne(database, runId), other);
    const [gone, open] = await listApprovals(database, runId);
    expect([gone?.status, gone?.question.command]).toEqual(['withdrawn', 'rm -r x']);
    expect([open?.status, open?.question.command]).toEqual(['open', 'ls']);
    const word = { decision: 'approve', comment: null, plan: null } as const;
    expect(await refusalOf(decide(database, runId, gone!.id, word))).toEqual(['withdrawn', 409]);
  });

  test('a stop or a pause is not lost to a directive that makes the work go on', async () => {
    for (const [wish, status] of [
      [stop, 'stopped'],
      [pause, 'paused'],
    ] as const) {
      const runId = await makeRun(database);
      const claimed = await claimOne(database, runId);
      await tell(runId);
      await wish(database, runId, 1);
      await finish(database.sql, claimed, completed);
      expect((await statusesOf(database, runId))[1]).toBe(status);
    }
  });

  test('checks, commit and branch of before are not shown beside a later patch', async () => {
    const runId = await makeRun(database);
    const claimed = await claimOne(database, runId);
    await save(claimed, 1);
    const row = { name: 'unit', command: 'x', required: true, exit_code: 0, duration_ms: 1, output: '' };
    await database.sql.begin((tx) => storeCheck(tx, runId, claimed.variationId, { ...row, result: 'fixed' }));
    await finish(database.sql, claimed, { ...completed, commit_sha: 'c'.repeat(40), branch: 'refs/x' });
    await tell(runId);
    await save(await claimOne(database, runId), 2);
    const [seen] = await database.sql`
      select commit_sha, branch, (select count(*)::int from checks where variation_id = v.id) as checks
      from variations v where run_id = ${runId}`;
    expect(seen).toEqual({ commit_sha: null, branch: null, checks: 0 });
  });

  test('a fork of a run that was never released waits for the same', async () => {
    const dependency = await makeRun(database);
    const runId = await makeRun(database, 1, { depends_on: [dependency] });
    await stop(database, runId);
    await fork(database, runId, 1, { checkpoint: 0, agent_id: null, directive: null });
    expect((await statusesOf(database, runId))[0]).toBe('pending');
    expect(await queuedOf(database, runId)).toEqual([]);
  });

  test('a fork that is retried before its first step keeps its allowance', async () => {
    const runId = await makeRun(database);
    const claimed = await claimOne(database, runId);
    for (const number of [1, 2, 3]) await save(claimed, number);
    await fork(database, runId, 1, { checkpoint: 3, agent_id: null, directive: null });
    await finish(database.sql, await claimOne(database, runId, 2), failed);
    await retry(database, runId, 2, 'checkpoint');
    const [row] = await database.sql`
      select steps_before from variations where run_id = ${runId} and position = 2`;
    expect(row).toEqual({ steps_before: 3 });
  });

  test('a mended patch is forgotten where the variation goes back instead', async () => {
    const runId = await makeRun(database);
    const claimed = await claimOne(database, runId);
    await save(claimed, 1);
    const error = { code: 'step_limit', message: 'x' } as const;
    await finish(database.sql, claimed, { status: 'needs_review', error });
    await mend(database, runId, 1, 'a patch');
    await rollback(database, runId, 1, 1);
    const [row] = await database.sql`select mended, checkpoint from variations where run_id = ${runId}`;
    expect(row).toEqual({ mended: null, checkpoint: 1 });
  });

  test('a thousand questions do not hide the one that is open', async () => {
    const runId = await makeRun(database);
    const claimed = await claimOne(database, runId);
    await database.sql`
      insert into approvals (run_id, variation_id, kind, key, question, decision)
      select ${runId}, ${claimed.variationId}, 'commands', 'old:' || n, '{}', 'approve' from generate_series(1, 1000) n`;
    await ask(database.sql, claimed, command);
    const open = (await listApprovals(database, runId)).find((one) => one.status === 'open');
    const word = { decision: 'approve', comment: null, plan: null } as const;
    expect((await decide(database, runId, open!.id, word)).status).toBe('approved');
  });

  test('a reminder and a stop at the same time do not lock each other out', async () => {
    const runId = await makeRun(database, 2);
    for (const position of [1, 2])
      await ask(database.sql, await claimOne(database, runId, position), command);
    await database.sql`update approvals set created_at = now() - interval '1 day' where run_id = ${runId}`;
    const [has, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const holder = database.sql.begin(async (tx) => {
      await tx`select from runs where id = ${runId} for no key update`;
      has.resolve();
      await held.promise;
    });
    await has.promise;
    const waits = (count: number) =>
      until(async () => {
        const [row] = await database.sql`
          select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
        return row?.n >= count;
      });
    const stopped = stop(database, runId);
    await waits(1);
    const reminded = remindOld(database);
    held.resolve();
    await Promise.all([holder, stopped, reminded]);
    expect((await statusesOf(database, runId))[0]).toBe('stopped');
  });
});
