import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createAgent } from '../../src/core/agent';
import { finish } from '../../src/core/claim';
import type { Run } from '../../src/core/contract';
import { BakeoffError } from '../../src/core/errors';
import { projectOf } from '../../src/core/project';
import {
  changeRun,
  createRun,
  defaultOptions,
  deleteRun,
  getRun,
  getVariation,
  insertRun,
  nameFrom,
} from '../../src/core/run';
import { listRuns, type RunFilter, runSorts } from '../../src/core/run-list';
import { stop } from '../../src/core/steer';
import { queuedOf } from '../../src/core/variation';
import { freshDatabase, type TestDatabase } from '../support/database';
import { until } from '../support/wait';
import { claimOne, makeRun, newAgent, recordOf, vault } from './scene';

describe('lists of runs', () => {
  let database: TestDatabase;
  const ids: Record<string, number> = {};
  beforeAll(async () => {
    database = await freshDatabase();
    await createAgent(database, vault, newAgent());
    const other = await createAgent(database, vault, newAgent({ name: 'bert', model: 'script-2' }));
    const bert = { id: other.id, name: 'bert', model: 'script-2' };
    const project = await projectOf(database, {
      repo_url: 'https://example.org/acme/other.git',
      local_path: null,
    });
    ids.percent = await makeRun(database, 1, {
      goal: 'Raise coverage to 100% of lines',
      task_type: 'coding',
    });
    ids.underscore = await makeRun(database, 1, { goal: 'Rename max_steps', name: 'Names' });
    ids.backslash = await makeRun(database, 1, { goal: 'Escape C:\\temp', task_type: 'review' });
    ids.plain = await makeRun(database, 2, {
      goal: 'Rename maxisteps to 100 lines',
      run_type: 'task',
      agents: [bert],
    });
    ids.other = await makeRun(database, 1, { project_id: project, priority: 9, agents: [bert] });
    await finish(database.sql, await claimOne(database, ids.percent), {
      ...{ status: 'completed', summary: 'Done.', patch: null, commit_sha: null, branch: null },
    });
    await stop(database, ids.backslash);
    await claimOne(database, ids.other);
  });
  afterAll(() => database.drop());

  async function names(filter: RunFilter): Promise<string[]> {
    const { items, total, next_cursor } = await listRuns(database, { sort: 'oldest', ...filter });
    expect(total).toBe(items.length);
    expect(next_cursor).toBeNull();
    return items.map((run) => Object.keys(ids).find((name) => ids[name] === run.id) ?? '?');
  }

  test('are filtered by every field, a filter given twice means either, and filters add up', async () => {
    expect(await names({})).toEqual(['percent', 'underscore', 'backslash', 'plain', 'other']);
    expect(await names({ status: ['completed', 'stopped'] })).toEqual(['percent', 'backslash']);
    expect(await names({ status: ['running'] })).toEqual(['other']);
    expect(await names({ task_type: ['coding', 'review'] })).toEqual(['percent', 'backslash']);
    expect(await names({ run_type: ['task'] })).toEqual(['plain']);
    expect(await names({ agent: ['bert'] })).toEqual(['plain', 'other']);
    expect(await names({ agent: ['bert', 'anna'] })).toHaveLength(5);
    expect(await names({ agent: ['nobody'] })).toEqual([]);
    const { project_id } = await getRun(database, ids.other!);
    expect(await names({ project_id: [project_id] })).toEqual(['other']);
    expect(await names({ agent: ['bert'], status: ['queued'] })).toEqual(['plain']);
  });

  test('find words in name or goal, whatever their letters are', async () => {
    expect(await names({ q: '100%' })).toEqual(['percent']);
    expect(await names({ q: 'max_steps' })).toEqual(['underscore']);
    expect(await names({ q: 'C:\\TEMP' })).toEqual(['backslash']);
    expect(await names({ q: 'names' })).toEqual(['underscore']);
    expect(await names({ q: '  rename ' })).toEqual(['underscore', 'plain']);
    expect(await names({ q: "'; drop table runs; --" })).toEqual([]);
    expect(await names({ q: ' ' })).toHaveLength(5);
  });

  test('by priority: the most urgent first, then the newest', async () => {
    expect(await names({ sort: 'priority' })).toEqual([
      'other',
      'plain',
      'backslash',
      'underscore',
      'percent',
    ]);
    expect(await names({ sort: 'newest' })).toEqual(['other', 'plain', 'backslash', 'underscore', 'percent']);
    expect(await names({ sort: 'live' })).toEqual(['other', 'plain', 'underscore', 'backslash', 'percent']);
  });
});

describe('pages of runs', () => {
  test('under every sort: none twice, none lost, in order, also where all keys are equal', async () => {
    const database = await freshDatabase();
    try {
      for (let i = 0; i < 23; i += 1) await makeRun(database, 1, { priority: 1 + (i % 3) });
      // Three moments for all: only the id tells them apart. And some have ended.
      await database.sql`update runs set created_at = '2026-01-01T00:00:00.123Z'::timestamptz + make_interval(secs => id % 3)`;
      await database.sql`update runs set status = 'failed', completed_at = now() where id % 4 = 0`;
      for (const sort of runSorts) {
        const seen: Run[] = [];
        let cursor: string | undefined;
        do {
          const page = await listRuns(database, { sort, limit: 4, ...(cursor ? { cursor } : {}) });
          expect(page.total).toBe(23);
          seen.push(...page.items);
          cursor = page.next_cursor ?? undefined;
        } while (cursor);
        const whole = await listRuns(database, { sort, limit: 200 });
        expect(seen.map((run) => run.id)).toEqual(whole.items.map((run) => run.id));
        expect(new Set(seen.map((run) => run.id)).size).toBe(23);
      }
    } finally {
      await database.drop();
    }
  });

  test('refuse cursors that they did not give out', async () => {
    const database = await freshDatabase();
    try {
      const forged = [
        ['x'],
        [1],
        [1, 2, 3, 4],
        ['1', 1, 1],
        [-1, 1, 1],
        [1.5, 1, 1],
        [1, 1, 1e15],
        [null, 1, 1],
        {},
      ];
      const cursors = forged.map((key) =>
        Buffer.from(JSON.stringify(key).replace('null,1,1', '1e999,1,1')).toString('base64url'),
      );
      for (const cursor of [...cursors, 'not base64 !', '']) {
        const result = await listRuns(database, { cursor }).catch((error) => error);
        if (cursor !== '') expect([cursor, result.status, result.field]).toEqual([cursor, 422, 'cursor']);
      }
    } finally {
      await database.drop();
    }
  });
});

describe('a run', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());

  test('is made with its variations and their events, or not at all', async () => {
    const runId = await makeRun(database, 3, {
      goal: 'Zero\u0000 half\ud800',
      metadata: { 'k\u0000': '\udc00' },
    });
    const run = await getRun(database, runId);
    expect(run.goal).toBe('Zero\ufffd half\ufffd');
    expect(run.metadata).toEqual({ 'k\ufffd': '\ufffd' });
    expect(run.variations.map((one) => [one.position, one.status])).toEqual(
      [1, 2, 3].map((n) => [n, 'queued']),
    );
    expect((await recordOf(database, runId)).map((event) => event.type)).toEqual([
      ...['run.created', 'run.queued'],
      ...['variation.queued', 'variation.queued', 'variation.queued'],
    ]);
    expect([run.run_id, run.task_id, run.task_status]).toEqual([runId, runId, 'queued']);

    const [before] = await database.sql`select count(*)::int as n from runs`;
    const nobody = [{ id: 999_999, name: 'x', model: 'y' }];
    expect(makeRun(database, 2, { agents: nobody })).rejects.toThrow();
    await makeRun(database, 2, { agents: nobody }).catch(() => {});
    expect((await database.sql`select count(*)::int as n from runs`)[0]).toEqual(before);
    const two = [newAgent(), newAgent()].map((agent) => ({ ...agent, id: 1 }));
    expect((await makeRun(database, 3, { agents: two }).catch((error) => error)).field).toBe('agents');
  });

  test('has no more time left than its limit leaves', async () => {
    const runId = await makeRun(database, 1, {
      task_type: 'coding',
      options: { ...defaultOptions, timeout_s: 60 },
    });
    const queued = await getRun(database, runId);
    expect(queued.estimated_duration).toBeGreaterThan(1000);
    expect(queued.time_left).toBe(60);
    await claimOne(database, runId);
    const worked = (seconds: number) =>
      database.sql`update variations set worked_ms = ${seconds * 1000} where run_id = ${runId}`;
    await worked(20);
    // Time that passed without work does not count.
    await database.sql`update runs set started_at = now() - interval '1 day' where id = ${runId}`;
    expect((await getRun(database, runId)).time_left).toBe(40);
    await worked(120);
    expect((await getRun(database, runId)).time_left).toBe(0);
  });

  test('is of one moment, alone and in a list, while its verdict picks its winner', async () => {
    const { sql } = database;
    for (const read of [
      getRun,
      async (_: unknown, id: number) => (await listRuns(database)).items.find((one) => one.id === id),
    ]) {
      const id = await makeRun(database);
      await sql`insert into verdicts (run_id, status) values (${id}, 'judging')`;
      const reading = await sql.begin(async (tx) => {
        await tx`lock table verdicts in access exclusive mode`;
        const reading = read(database, id);
        await until(async () => {
          const [row] = await sql`
            select from pg_locks where relation = 'verdicts'::regclass and not granted
              and database = (select oid from pg_database where datname = current_database())`;
          return row !== undefined;
        }, 'the wait for the verdict');
        await tx`
          update runs set winner = 1, winner_by = 'verdict', winner_at = now() where id = ${id}`;
        await tx`
          update verdicts set status = 'given', given_at = now(), verdict = '{"winner": 1}' where run_id = ${id}`;
        return { reading };
      });
      expect(await reading.reading).toMatchObject({ winner: null, verdict: null, judging: true });
      expect(await read(database, id)).toMatchObject({
        winner: { position: 1 },
        verdict: { winner: 1 },
        judging: false,
      });
    }
  });

  test('that is not there, or a variation of it, is 404', async () => {
    const runId = await makeRun(database);
    for (const look of [
      () => getRun(database, 999_999),
      () => getVariation(database, runId, 2),
      () => getVariation(database, 999_999, 1),
    ]) {
      expect((await look().catch((error) => error)).status).toBe(404);
    }
  });

  test('is named after its goal’s first line, cut at a word', () => {
    expect(nameFrom('Fix it')).toBe('Fix it');
    expect(nameFrom('\n  Fix it  \r\nin two lines')).toBe('Fix it');
    const long = nameFrom(`${'word '.repeat(30)}`);
    expect(long).toBe(`${'word '.repeat(15).trim()}…`);
    expect(nameFrom('x'.repeat(200))).toBe(`${'x'.repeat(79)}…`);
    const emoji = nameFrom(`${'x'.repeat(78)}😀${'y'.repeat(50)}`);
    expect(emoji.isWellFormed()).toBe(true);
    expect(emoji.length).toBeLessThanOrEqual(80);
  });
});

describe('a change of a run', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());

  test('is of its name, priority and metadata at any time; what waits is queued with the new priority', async () => {
    const runId = await makeRun(database, 2);
    const changed = await changeRun(database, runId, {
      ...{ name: ' Other\u0000 ', priority: 9, metadata: { a: ['\ud800'] } },
    });
    expect([changed.name, changed.priority, changed.metadata]).toEqual(['Other\ufffd', 9, { a: ['\ufffd'] }]);
    expect((await queuedOf(database, runId)).map((one) => one.priority)).toEqual([9, 9]);
    expect((await changeRun(database, runId, {})).name).toBe('Other\ufffd');
    await stop(database, runId);
    expect((await changeRun(database, runId, { priority: 1, metadata: {} })).metadata).toEqual({});
    expect((await changeRun(database, runId, { name: ' ' }).catch((error) => error)).status).toBe(422);
    expect((await changeRun(database, 999_999, {}).catch((error) => error)).status).toBe(404);
  });

  test('of its time is for a pending one only, and changes nothing else when it is refused', async () => {
    const runId = await makeRun(database);
    const error = await changeRun(database, runId, { scheduled_at: null, priority: 1 }).catch(
      (error) => error,
    );
    expect([error.status, error.code]).toEqual([409, 'not_pending']);
    expect((await getRun(database, runId)).priority).toBe(5);
    const later = await makeRun(database, 1, { scheduled_at: new Date('2030-01-01T09:00:00Z') });
    const changed = await changeRun(database, later, { scheduled_at: new Date('2031-01-01T09:00:00Z') });
    expect([changed.status, changed.scheduled_at]).toEqual(['pending', '2031-01-01T09:00:00.000Z']);
  });
});

describe('removing a run', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());
  const refusal = (id: number) =>
    deleteRun(database, id).then(
      () => null,
      (error: BakeoffError) => [error.status, error.code],
    );

  test('takes all that was recorded of it, and its idempotency key', async () => {
    const key = { key: 'once', body_sha256: 'x' };
    const runId = await makeRun(database, 2, {}, key);
    const other = await makeRun(database);
    expect(await refusal(runId)).toEqual([409, 'not_ended']);
    const claimed = await claimOne(database, runId);
    await stop(database, runId, 2);
    expect(await refusal(runId)).toEqual([409, 'not_ended']);
    await finish(database.sql, claimed, { status: 'failed', error: { code: 'internal', message: 'x' } });
    expect(await refusal(runId)).toBeNull();
    for (const table of ['variations', 'events', 'checkpoints', 'directives', 'approvals', 'checks']) {
      const rows = await database.sql`
        select * from ${database.sql(table)} t where (to_jsonb(t)->>'run_id')::int = ${runId}`;
      expect([table, rows.length]).toEqual([table, 0]);
    }
    expect(await refusal(runId)).toEqual([404, 'run_not_found']);
    expect((await getRun(database, other)).variations).toHaveLength(1);
    expect(await makeRun(database, 2, {}, key)).toBeGreaterThan(other);
  });

  test('waits for one that is being made to depend on it, and is refused then', async () => {
    const runId = await makeRun(database);
    await stop(database, runId);
    const { project_id } = await getRun(database, runId);
    const removing = await database.sql.begin(async (tx) => {
      await insertRun(tx, {
        ...{ project_id, goal: 'g', name: null, description: null, instructions: null, variations: 1 },
        ...{ agents: [{ id: 1, name: 'anna', model: 'm' }], run_type: 'agent', task_type: 'general' },
        ...{ priority: 5, base: null, context: [], metadata: {}, options: defaultOptions },
        ...{ depends_on: [runId], on_dependency_failure: 'wait' },
      });
      const refused = refusal(runId);
      await until(
        async () => (await database.sql`select from pg_locks where not granted`).length > 0,
        'a removal that waits',
      );
      return { refused };
    });
    expect(await removing.refused).toEqual([409, 'run_needed']);
  });

  test('is refused while a run that has not ended needs it; what has ended forgets it', async () => {
    const runId = await makeRun(database);
    await stop(database, runId);
    const waiting = await makeRun(database, 1, { depends_on: [runId], on_dependency_failure: 'wait' });
    expect(await refusal(runId)).toEqual([409, 'run_needed']);
    await stop(database, waiting);
    expect((await getRun(database, waiting)).depends_on).toEqual([runId]);
    expect(await refusal(runId)).toBeNull();
    expect((await getRun(database, waiting)).depends_on).toEqual([]);
  });
});

describe('an idempotency key', () => {
  let database: TestDatabase;
  let run: Run;
  beforeAll(async () => {
    database = await freshDatabase();
    run = await getRun(database, await makeRun(database));
  });
  afterAll(() => database.drop());
  const make = async (key: string, body: string) => {
    const input = {
      ...{
        project_id: run.project_id,
        goal: 'g',
        name: null,
        description: null,
        instructions: null,
        variations: 1,
      },
      ...{
        agents: [{ id: 1, name: 'anna', model: 'm' }],
        run_type: 'agent' as const,
        task_type: 'general' as const,
        priority: 5,
      },
      ...{ base: null, context: [], metadata: {}, options: defaultOptions },
    } as const;
    return createRun(
      database,
      { ...input, agents: [...input.agents], context: [] },
      { key, body_sha256: body },
    );
  };

  test('gives the same run for the same body, and refuses another body', async () => {
    const first = await make('k1', 'a');
    expect(first.existed).toBe(false);
    expect(await make('k1', 'a')).toEqual({ id: first.id, existed: true });
    const refused: BakeoffError = await make('k1', 'b').then(
      () => new BakeoffError('none', '', 0),
      (error) => error,
    );
    expect([refused.code, refused.status]).toEqual(['idempotency_key_reused', 409]);
    expect((await make('k2', 'b')).existed).toBe(false);
  });

  test('used by many at the same time makes one run', async () => {
    // All connections open first, so that the calls meet.
    await Promise.all(Array.from({ length: 6 }, () => database.sql`select pg_sleep(0.05)`));
    const made = await Promise.all(Array.from({ length: 12 }, () => make('k3', 'a')));
    expect(new Set(made.map((one) => one.id)).size).toBe(1);
    expect(made.filter((one) => !one.existed)).toHaveLength(1);
  });
});
