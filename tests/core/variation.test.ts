import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type VariationStatus, variationStatuses } from '../../drizzle/schema';
import { ask } from '../../src/core/approval';
import { storeBaseCheck, storeCheck } from '../../src/core/check';
import { insertCheckpoint } from '../../src/core/checkpoint';
import {
  claim,
  claimNext,
  type Ending,
  finish,
  postpone,
  release,
  replaceJobs,
  requeueLost,
} from '../../src/core/claim';
import { direct } from '../../src/core/directive';
import { BakeoffError, Fenced } from '../../src/core/errors';
import { append, type Claim } from '../../src/core/event';
import { retry, rollback } from '../../src/core/rewind';
import { listWanted, pause, resume, stop } from '../../src/core/steer';
import { jobId, listQueued, transitions } from '../../src/core/variation';
import { heartbeat } from '../../src/core/worker';
import { freshDatabase, type TestDatabase } from '../support/database';
import { claimOne, gapless, makeRun, recordOf, statusesOf, variationIds } from './scene';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  await heartbeat(database, worker('worker-a'));
});
afterAll(() => database.drop());

function worker(id: string) {
  return { id, host: 'here', pid: 1, concurrency: 1, version: '0', sandbox: 'none', sandbox_detail: null };
}
const completed: Ending = {
  status: 'completed',
  summary: 'done',
  patch: null,
  commit_sha: null,
  branch: null,
};
const failed = (status: 'failed' | 'needs_review' | 'stopped'): Ending => ({
  status,
  error: { code: 'internal', message: `it ${status}` },
});

/** A variation put into a status by force, with the claim a worker would have on it. */
async function inStatus(status: VariationStatus): Promise<{ runId: number; claim: Claim }> {
  const runId = await makeRun(database);
  const [id] = await variationIds(database, runId);
  await database.sql`
    update variations set status = ${status}, epoch = 1, worker = 'gone', attempt = 1,
      completed_at = ${status === 'queued' || status === 'running' ? null : database.sql`now()`} where id = ${id!}`;
  return { runId, claim: { runId, variationId: id!, position: 1, epoch: 1 } };
}

/** Every way to move a variation: from where, and where it leads. Elsewhere it is refused or changes nothing. */
const moves: Record<
  string,
  {
    from: readonly VariationStatus[];
    to: VariationStatus;
    make: (runId: number, claim: Claim) => Promise<unknown>;
  }
> = {
  claim: {
    from: ['queued'],
    to: 'running',
    make: (_, { variationId }) => claim(database, variationId, 0, 'worker-a'),
  },
  complete: {
    from: ['running'],
    to: 'completed',
    make: (_, claim) => finish(database.sql, claim, completed),
  },
  fail: {
    from: ['running'],
    to: 'failed',
    make: (_, claim) => finish(database.sql, claim, failed('failed')),
  },
  review: {
    from: ['running'],
    to: 'needs_review',
    make: (_, claim) => finish(database.sql, claim, failed('needs_review')),
  },
  end: {
    from: ['running'],
    to: 'stopped',
    make: (_, claim) => finish(database.sql, claim, failed('stopped')),
  },
  release: { from: ['running'], to: 'queued', make: (_, claim) => release(database.sql, claim) },
  postpone: {
    from: ['running'],
    to: 'queued',
    make: (_, claim) =>
      postpone(
        database.sql,
        claim,
        { code: 'model_unavailable', message: 'x' },
        { retry: 1, of: 3, delay_ms: 9 },
      ),
  },
  requeue: { from: ['running'], to: 'queued', make: () => requeueLost(database) },
  ask: {
    from: ['running'],
    to: 'awaiting_approval',
    make: (_, claim) =>
      ask(database.sql, claim, { kind: 'commands', key: 'tool:1', question: { command: 'ls' } }),
  },
  pause: { from: ['queued', 'awaiting_approval'], to: 'paused', make: (runId) => pause(database, runId) },
  resume: { from: ['paused'], to: 'queued', make: (runId) => resume(database, runId) },
  stop: {
    from: ['queued', 'paused', 'awaiting_approval'],
    to: 'stopped',
    make: (runId) => stop(database, runId),
  },
  retry: {
    from: ['needs_review', 'failed', 'stopped'],
    to: 'queued',
    make: (runId) => retry(database, runId, 1, 'checkpoint'),
  },
  'turn back': {
    from: ['awaiting_approval', 'needs_review', 'completed', 'failed', 'stopped'],
    to: 'queued',
    make: (runId) => rollback(database, runId, 1, 0),
  },
  instruct: {
    from: ['needs_review', 'completed', 'failed', 'stopped'],
    to: 'queued',
    make: (runId) => direct(database, runId, { text: 'x', variations: [1], path: null, line: null }),
  },
};
/** Told of in the record, without a change of status. */
const tells: readonly string[] = ['instruct', 'turn back'];

describe('the transition table', () => {
  test('has every way that there is, and no other', () => {
    for (const from of variationStatuses) {
      const ways = Object.values(moves).filter((move) => move.from.includes(from) && move.to !== from);
      // A paused question is asked again; what waits fails with what it depends on: tested by themselves.
      const others = { paused: ['awaiting_approval'], queued: ['failed'], running: ['paused'] }[
        from as string
      ];
      expect([...new Set([...ways.map((move) => move.to), ...(others ?? [])])].sort()).toEqual(
        [...transitions[from]].sort() as never,
      );
    }
  });

  for (const from of variationStatuses) {
    for (const [name, { from: allowedFrom, to, make }] of Object.entries(moves)) {
      const allowed = allowedFrom.includes(from);
      test(`${from}, ${name}: ${allowed ? `becomes ${to}` : 'stays'}`, async () => {
        const { runId, claim } = await inStatus(from);
        const before = await recordOf(database, runId);
        const refusal = await make(runId, claim).then(
          () => null,
          (error) => error,
        );
        const [, status] = await statusesOf(database, runId);
        const after = await recordOf(database, runId);
        expect(gapless(after)).toBe(true);
        if (allowed) {
          expect(refusal).toBeNull();
          expect(status).toBe(to);
          expect(after.length).toBeGreaterThan(before.length);
        } else {
          expect(status).toBe(from);
          if (refusal !== null)
            expect(refusal instanceof Fenced || refusal instanceof BakeoffError).toBe(true);
          if (!tells.includes(name))
            expect(after.map((one) => one.seq)).toEqual(before.map((one) => one.seq));
        }
      });
    }
  }
});

describe('a claim', () => {
  test('asked for by many at once is given to one of them', async () => {
    const runId = await makeRun(database);
    const [id] = await variationIds(database, runId);
    const claims = await Promise.all(
      Array.from({ length: 3 }, (_, i) => claim(database, id!, 0, `worker-${i}`)),
    );
    const won = claims.filter((one) => one !== null);
    expect(won.map((one) => one.epoch)).toEqual([1]);
    await finish(database.sql, won[0]!, completed);
    expect(await statusesOf(database, runId)).toEqual(['completed', 'completed']);
  });

  test('of a job that was made for an earlier time in the queue finds nothing to do', async () => {
    const runId = await makeRun(database);
    const [id] = await variationIds(database, runId);
    await release(database.sql, await claimOne(database, runId));
    expect(await claim(database, id!, 0, 'worker-a')).toBeNull();
    expect((await statusesOf(database, runId))[1]).toBe('queued');
    expect((await claimOne(database, runId)).attempt).toBe(1);
  });

  test('of the most urgent one leaves its job nothing, and of two at once each gets another', async () => {
    const low = await makeRun(database, 1, { priority: 9 });
    const high = await makeRun(database, 1, { priority: 10 });
    const [first, second] = await Promise.all([
      claimNext(database, 'worker-a'),
      claimNext(database, 'worker-b'),
    ]);
    expect([first?.runId, second?.runId].sort()).toEqual([low, high].sort());
    for (const one of [first!, second!]) {
      expect(await claim(database, one.variationId, 0, 'worker-c')).toBeNull();
      await finish(database.sql, one, completed);
    }
  });

  test('after a loss goes on where it was', async () => {
    const runId = await makeRun(database);
    const lost = await claimOne(database, runId, 1, 'gone');
    const stat = { files: 1, additions: 2, deletions: 3, bytes: 4 };
    await database.sql.begin(async (tx) => {
      await insertCheckpoint(
        tx,
        lost,
        1,
        { base_sha: 'b', bytes: new Uint8Array([1]), sha256: 's', stat },
        1,
      );
      await storeCheck(tx, runId, lost.variationId, checkRow('a'));
      await storeBaseCheck(tx, runId, checkRow('a'), { type: 'run.started', payload: {} });
      await tx`update variations set progress_percentage = 40, current_step = 'half way', plan = '[]' where id = ${lost.variationId}`;
    });
    await claimOne(database, runId, 1, 'worker-b');
    const [row] = await database.sql`
      select patch, progress_percentage as progress, current_step as step, plan, attempt,
        (select count(*)::int from checks where variation_id = v.id) as checks,
        (select count(*)::int from checks where run_id = ${runId}) as all_checks
      from variations v where id = ${lost.variationId}`;
    expect(row).toEqual({
      patch: stat,
      progress: 40,
      step: 'half way',
      plan: [],
      attempt: 2,
      checks: 1,
      all_checks: 2,
    });
  });

  test('three losses without an answer in between end it as worker_lost', async () => {
    const requeued = await makeRun(database);
    for (let i = 1; i <= 3; i += 1) {
      const lost = await claimOne(database, requeued, 1, 'gone');
      expect(lost.attempt).toBe(i);
      // A job that is delivered again takes nothing away.
      expect(await claim(database, lost.variationId, lost.epoch - 1, 'worker-a')).toBeNull();
      await requeueLost(database);
    }
    for (const runId of [requeued]) {
      expect(await statusesOf(database, runId)).toEqual(['failed', 'failed']);
      const [row] = await database.sql<
        { error: { code: string } }[]
      >`select error from runs where id = ${runId}`;
      expect(row?.error.code).toBe('worker_lost');
    }
  });
});

describe('stop', () => {
  test('ends what waits at once, and asks the worker of what runs', async () => {
    const runId = await makeRun(database, 3);
    const running = await claimOne(database, runId, 2);
    await stop(database, runId);
    expect(await statusesOf(database, runId)).toEqual(['running', 'stopped', 'running', 'stopped']);
    expect(await listWanted(database, [running.variationId])).toEqual([
      { id: running.variationId, epoch: running.epoch, status: 'running', wanted: 'stop' },
    ]);
    await finish(database.sql, running, failed('stopped'));
    expect((await statusesOf(database, runId))[0]).toBe('stopped');
    const refused = await stop(database, runId).catch((error) => error);
    expect([refused.code, refused.status]).toEqual(['already_ended', 409]);
  });

  test('of one variation leaves the others; of none that is there is 404', async () => {
    const runId = await makeRun(database, 2);
    await stop(database, runId, 1);
    expect(await statusesOf(database, runId)).toEqual(['queued', 'stopped', 'queued']);
    for (const missing of [() => stop(database, runId, 3), () => stop(database, 999_999)]) {
      expect((await missing().catch((error) => error)).status).toBe(404);
    }
    await stop(database, runId);
  });

  test('holds when the worker dies or gives the variation back before it hears of it', async () => {
    for (const comesBack of ['requeued', 'released'] as const) {
      const runId = await makeRun(database);
      const claimed = await claimOne(database, runId, 1, 'gone');
      await stop(database, runId);
      if (comesBack === 'requeued') await requeueLost(database);
      if (comesBack === 'released') await release(database.sql, claimed);
      const [row] = await database.sql<
        { job_epoch: number }[]
      >`select job_epoch from variations where run_id = ${runId}`;
      expect(await claim(database, claimed.variationId, row!.job_epoch, 'worker-a')).toBeNull();
      expect(await statusesOf(database, runId)).toEqual(['stopped', 'stopped']);
    }
  });
});

describe('variations whose worker is silent', () => {
  test('wait again under a new epoch; those of a living worker are left', async () => {
    const runId = await makeRun(database, 2);
    const lost = await claimOne(database, runId, 1, 'gone');
    const kept = await claimOne(database, runId, 2, 'worker-a');
    expect(await requeueLost(database)).toBe(1);
    expect(await statusesOf(database, runId)).toEqual(['running', 'queued', 'running']);
    expect(await finish(database.sql, lost, completed).catch((error) => error)).toBeInstanceOf(Fenced);
    const queued = (await listQueued(database)).filter((one) => one.id === lost.variationId);
    expect(queued).toEqual([
      { id: lost.variationId, job_epoch: lost.epoch + 2, priority: 5, rank: 0, delay_ms: 0 },
    ]);
    await finish(database.sql, kept, completed);
    await stop(database, runId);
  });
});

describe('the end of a run', () => {
  test('is derived once, however many variations end at the same time', async () => {
    for (let round = 0; round < 12; round += 1) {
      const runId = await makeRun(database, 4);
      const claims = await Promise.all([1, 2, 3, 4].map((position) => claimOne(database, runId, position)));
      await Promise.all(
        claims.map((one, i) =>
          finish(database.sql, one, i % 2 ? completed : failed(round % 2 ? 'failed' : 'needs_review')),
        ),
      );
      const events = await recordOf(database, runId);
      const ends = events.filter((event) =>
        /^run\.(completed|failed|needs_review|stopped)$/.test(event.type),
      );
      expect(ends.map((event) => event.type)).toEqual(['run.completed']);
      expect(events.at(-1)?.type).toBe('run.completed');
      expect(events.filter((event) => event.type === 'run.started')).toHaveLength(1);
      expect(gapless(events)).toBe(true);
    }
  });

  test('and a check of the base that is recorded at the same time do not lock each other out', async () => {
    const started = performance.now();
    for (let round = 0; round < 12; round += 1) {
      const runId = await makeRun(database, 2);
      const [one, other] = await Promise.all([claimOne(database, runId, 1), claimOne(database, runId, 2)]);
      const recordCheck = (name: string) =>
        database.sql.begin(async (tx) => {
          await storeBaseCheck(tx, runId, checkRow(name), { type: 'run.started', payload: {} });
          await append(tx, runId, null, [
            { type: 'check.started', payload: { name, command: 'true', on: 'base' } },
          ]);
        });
      await Promise.all([
        recordCheck('a'),
        finish(database.sql, one, completed),
        recordCheck('b'),
        finish(database.sql, other, completed),
      ]);
      expect(await statusesOf(database, runId)).toEqual(['completed', 'completed', 'completed']);
    }
    // A deadlock would be found by Postgres after a second, and end one of them.
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

function checkRow(name: string) {
  const result = { exit_code: 0, result: 'passed', duration_ms: 1, output: '' } as const;
  return { name, command: 'true', required: true, ...result };
}

describe('a job that a worker had taken when it died, before it took the variation', () => {
  test('is made anew after some seconds, and finds nothing to do when it comes back', async () => {
    const runId = await makeRun(database, 2);
    const [id, other] = await variationIds(database, runId);
    expect(await replaceJobs(database, [jobId(id!, 0)], 4)).toEqual([]);
    await database.sql`update variations set updated_at = now() - interval '5 s' where run_id = ${runId}`;
    const made = await replaceJobs(database, [jobId(id!, 0), jobId(other!, 7)], 4);
    expect(made.map((one) => [one.id, one.job_epoch])).toEqual([[id!, 1]]);
    expect(await claim(database, id!, 0, 'worker-a')).toBeNull();
    expect((await claim(database, id!, 1, 'worker-a'))?.epoch).toBe(2);
    await stop(database, runId);
  });
});
