import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { finish } from '../../src/core/claim';
import type { Sql } from '../../src/core/db';
import { Fenced } from '../../src/core/errors';
import { appendClaimed, type Claim, listEvents } from '../../src/core/event';
import { Recorder } from '../../src/core/recorder';
import { masker } from '../../src/core/secret';
import { freshDatabase, type TestDatabase } from '../support/database';
import { until } from '../support/wait';
import { claimOne, gapless, makeRun, note, recordOf } from './scene';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

async function start(mask: (text: string) => string = (text) => text) {
  const runId = await makeRun(database);
  const claim = await claimOne(database, runId);
  const failures: Error[] = [];
  const recorder = new Recorder(database.sql, claim, mask, (error) => failures.push(error));
  return { runId, claim, recorder, failures };
}

async function textsOf(runId: number): Promise<string[]> {
  const events = await listEvents(database, runId, { types: ['agent.message'], limit: 100_000 });
  return events.map((event) => (event.payload as { text: string }).text);
}

/** Transactions that wrote events: rows of one commit share the transaction that made them. */
async function commitsOf(runId: number): Promise<number> {
  const [row] = await database.sql<{ n: number }[]>`
    select count(distinct xmin::text)::int as n from events where run_id = ${runId} and type = 'agent.message'`;
  return row!.n;
}

describe('the recorder', () => {
  test('writes two thousand small facts in a few commits, in order, without being asked to', async () => {
    const { runId, recorder } = await start();
    const texts = Array.from({ length: 2000 }, (_, i) => `${i}`);
    for (const text of texts) recorder.emit(note(text));
    await until(async () => (await textsOf(runId)).length === 2000, 'all facts', 5_000);
    expect(await textsOf(runId)).toEqual(texts);
    expect(await commitsOf(runId)).toBeLessThanOrEqual(5);
  });

  test('lets facts that come one by one wait for company', async () => {
    const { runId, recorder } = await start();
    for (let i = 0; i < 150; i += 1) {
      recorder.emit(note(`${i}`));
      await Bun.sleep(1); // The pace of a stream; nothing is waited for.
    }
    await recorder.flush();
    expect(await textsOf(runId)).toHaveLength(150);
    expect(await commitsOf(runId)).toBeLessThanOrEqual(20);
  });

  test('keeps order between what is emitted and what is committed with a change', async () => {
    const { runId, recorder, claim } = await start();
    const done: Promise<void>[] = [];
    for (let i = 0; i < 30; i += 1) {
      recorder.emit(note(`${i}a`));
      done.push(
        recorder.commit([note(`${i}b`)], async (tx) => {
          await tx`update variations set progress_percentage = ${i} where id = ${claim.variationId}`;
        }),
      );
      recorder.emit(note(`${i}c`));
    }
    await Promise.all(done);
    await recorder.flush();
    expect(await textsOf(runId)).toEqual(
      Array.from({ length: 30 }, (_, i) => [`${i}a`, `${i}b`, `${i}c`]).flat(),
    );
    expect(gapless(await recordOf(database, runId))).toBe(true);
  });

  test('hides secrets in text, in values and in names of values, not in types', async () => {
    const { runId, recorder } = await start(masker(['sk-verysecret', 'agent.message']));
    recorder.emit(note('my key is sk-verysecret, really: sk-verysecret'));
    recorder.emit({
      type: 'tool.started',
      payload: {
        tool: 1,
        id: 'c',
        name: 'n',
        arguments: { 'sk-verysecret': ['a sk-verysecret'] },
        title: 't',
      },
    });
    await recorder.commit([note('sk-verysecret')], async () => {});
    const [row] = await database.sql<{ n: number; hidden: number; typed: number }[]>`
      select count(*) filter (where payload::text like '%verysecret%')::int as n,
        count(*) filter (where payload::text like '%••••••••%')::int as hidden,
        count(*) filter (where type = 'agent.message')::int as typed
      from events where run_id = ${runId}`;
    expect(row).toEqual({ n: 0, hidden: 3, typed: 2 });
  });

  test('rolls the event back when its change fails, and the change when its event fails', async () => {
    const first = await start();
    const failed = first.recorder.commit([note('never')], async (tx) => {
      await tx`update variations set progress_percentage = 50 where id = ${first.claim.variationId}`;
      await tx`select 1 / 0`;
    });
    expect(failed).rejects.toThrow('division by zero');
    await failed.catch(() => {});
    expect(await textsOf(first.runId)).toEqual([]);
    const [row] =
      await database.sql`select progress_percentage as p from variations where id = ${first.claim.variationId}`;
    expect(row).toEqual({ p: 0 });

    const second = await start();
    await refuseEvents(database.sql, 'variation.completed', async () => {
      const ending = {
        status: 'completed',
        summary: null,
        patch: null,
        commit_sha: null,
        branch: null,
      } as const;
      expect(await finish(database.sql, second.claim, ending).catch((error) => error.message)).toContain(
        'refused',
      );
    });
    const [state] = await database.sql`
      select v.status as variation, r.status as run from variations v join runs r on r.id = v.run_id
      where v.id = ${second.claim.variationId}`;
    expect(state).toEqual({ variation: 'running', run: 'running' });
    expect(gapless(await recordOf(database, second.runId))).toBe(true);
  });

  test('once fenced, writes nothing more, says so once, and rejects every later call', async () => {
    const { runId, recorder, failures } = await start();
    recorder.emit(note('mine'));
    await recorder.flush();
    await claimOne(database, runId, 1, 'worker-b');
    recorder.emit(note('late'));
    await until(() => failures.length > 0, 'the failure', 2_000);
    recorder.emit(note('later'));
    for (const call of [
      recorder.flush(),
      recorder.commit([note('latest')], async () => {}),
      recorder.flush(),
    ]) {
      expect(await call.catch((error) => error)).toBeInstanceOf(Fenced);
    }
    expect(failures).toHaveLength(1);
    expect(await textsOf(runId)).toEqual(['mine']);
  });

  test('breaks off rather than filling memory when the database does not keep up', async () => {
    const { claim, recorder, failures, runId } = await start();
    const held = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const blocker = database.sql.begin(async (tx) => {
      await tx`select id from variations where id = ${claim.variationId} for update`;
      locked.resolve();
      await held.promise;
    });
    await locked.promise;
    const piece = note('x'.repeat(1_000_000));
    for (let i = 0; i < 40 && failures.length === 0; i += 1) {
      recorder.emit(piece);
      await Promise.resolve();
    }
    held.resolve();
    await blocker;
    expect(failures.map((error) => error.message)).toEqual([
      'the database does not keep up with the events of this variation',
    ]);
    expect(await recorder.flush().catch((error) => error.message)).toContain('does not keep up');
    expect((await textsOf(runId)).length).toBeLessThan(40);
  });
});

test('an append without facts does nothing', async () => {
  await appendClaimed(
    database.sql,
    { runId: -1, variationId: -1, position: 1, epoch: 1 } satisfies Claim,
    [],
  );
});

/** Lets the database refuse events of a type while `action` runs. */
async function refuseEvents(sql: Sql, type: string, action: () => Promise<void>): Promise<void> {
  await sql.unsafe(`
    create function refuse_event() returns trigger language plpgsql as $$
      begin raise exception 'refused'; end $$;
    create trigger refuse before insert on events for each row when (new.type = '${type}') execute function refuse_event();`);
  try {
    await action();
  } finally {
    await sql.unsafe('drop trigger refuse on events; drop function refuse_event()');
  }
}
