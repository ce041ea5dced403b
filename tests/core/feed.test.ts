import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { finish } from '../../src/core/claim';
import { openSql, type Sql } from '../../src/core/db';
import { append } from '../../src/core/event';
import type { Event } from '../../src/core/fact';
import { Feed } from '../../src/core/feed';
import { stop } from '../../src/core/steer';
import { freshDatabase, type TestDatabase } from '../support/database';
import { until } from '../support/wait';
import { claimOne, makeRun, note } from './scene';

let database: TestDatabase;
let sql: Sql;
let feed: Feed;
beforeAll(async () => {
  database = await freshDatabase();
  sql = openSql(database.address, { max: 4 });
  feed = new Feed(sql);
  await feed.start();
});
afterAll(async () => {
  await feed.stop();
  await sql.end();
  await database.drop();
});

/** A reader that keeps what it was handed, until the feed ends. */
function read(
  runId: number,
  after = 0,
  options: { stayOpen?: boolean; pause?: () => Promise<unknown> } = {},
) {
  const controller = new AbortController();
  const seen: Event[] = [];
  const done = (async () => {
    for await (const events of feed.follow(runId, {
      after,
      signal: controller.signal,
      stayOpen: options.stayOpen ?? false,
    })) {
      seen.push(...events);
      await options.pause?.();
    }
  })();
  return { seen, done, abort: () => controller.abort(), numbers: () => seen.map((event) => event.seq) };
}

function upTo(last: number, after = 0): number[] {
  return Array.from({ length: last - after }, (_, i) => after + i + 1);
}

async function lastOf(runId: number): Promise<number> {
  const [row] = await sql<{ seq: string }[]>`select seq from runs where id = ${runId}`;
  return Number(row!.seq);
}

async function endRun(runId: number): Promise<void> {
  const claim = await claimOne(database, runId);
  await finish(database.sql, claim, { status: 'failed', error: { code: 'internal', message: 'the end' } });
}

describe('followers of a run', () => {
  test('many at once, quick and slow, old and new: each gets every event once, in order, and ends with the run', async () => {
    const runId = await makeRun(database);
    const quick = Array.from({ length: 20 }, () => read(runId));
    const slow = read(runId, 0, { pause: () => Bun.sleep(3) });
    const resumed = read(runId, 2);
    const late: ReturnType<typeof read>[] = [];
    for (let i = 0; i < 150; i += 1) {
      await append(
        database.sql,
        runId,
        null,
        Array.from({ length: 1 + (i % 4) }, (_, k) => note(`${i}.${k}`)),
      );
      if (i % 50 === 25) late.push(read(runId, i), read(runId));
    }
    await endRun(runId);
    const readers = [...quick, slow, resumed, ...late];
    await Promise.all(readers.map((reader) => reader.done));
    const last = await lastOf(runId);
    expect(last).toBeGreaterThan(370);
    for (const reader of [...quick, slow]) expect(reader.numbers()).toEqual(upTo(last));
    expect(resumed.numbers()).toEqual(upTo(last, 2));
    expect(late.map((reader) => reader.numbers())).toEqual(
      [25, 0, 75, 0, 125, 0].map((after) => upTo(last, after)),
    );
    expect(slow.seen.at(-1)?.type).toBe('run.failed');
  });

  test('a reader behind all that is kept in memory reads on from the table', async () => {
    const runId = await makeRun(database);
    const gate = Promise.withResolvers<void>();
    const stuck = read(runId, 0, { pause: () => gate.promise });
    const live = read(runId);
    await until(() => stuck.seen.length > 0 && live.seen.length > 0, 'both readers');
    for (let i = 0; i < 6; i += 1) {
      await append(
        database.sql,
        runId,
        null,
        Array.from({ length: 500 }, () => note('x')),
      );
    }
    await endRun(runId);
    await live.done;
    gate.resolve();
    await stuck.done;
    const last = await lastOf(runId);
    expect(last).toBeGreaterThan(3000);
    expect(live.numbers()).toEqual(upTo(last));
    expect(stuck.numbers()).toEqual(upTo(last));
  });

  test('of a run that is over get its past and end; past its end they get nothing', async () => {
    const runId = await makeRun(database);
    await stop(database, runId);
    const last = await lastOf(runId);
    const [all, rest, none, beyond] = [
      read(runId),
      read(runId, last - 1),
      read(runId, last),
      read(runId, last + 1000),
    ];
    await Promise.all([all.done, rest.done, none.done, beyond.done]);
    expect(all.numbers()).toEqual(upTo(last));
    expect(rest.numbers()).toEqual([last]);
    expect([...none.numbers(), ...beyond.numbers()]).toEqual([]);
    const ghost = read(999_999);
    await ghost.done;
    expect(ghost.seen).toEqual([]);
  });

  test('that stay open see what comes after the end, until they leave', async () => {
    const runId = await makeRun(database);
    const page = read(runId, 0, { stayOpen: true });
    await stop(database, runId);
    const last = await lastOf(runId);
    await until(() => page.seen.length === last, 'the end');
    await append(database.sql, runId, null, [note('afterwards')]);
    await until(() => page.seen.length === last + 1, 'what comes after');
    const started = performance.now();
    page.abort();
    await page.done;
    expect(performance.now() - started).toBeLessThan(500);
  });

  test('hear of an event soon', async () => {
    const runId = await makeRun(database);
    const reader = read(runId);
    await until(() => reader.seen.length === 3, 'the past');
    const delays: number[] = [];
    for (let i = 0; i < 15; i += 1) {
      await append(database.sql, runId, null, [note(`${i}`)]);
      const started = performance.now();
      await until(() => reader.seen.length === 4 + i, 'the event', 1_000);
      delays.push(performance.now() - started);
    }
    // Well under the slow poll, which would bring it too.
    expect(delays.sort((a, b) => a - b)[7]!).toBeLessThan(250);
    reader.abort();
    await reader.done;
  });
});

describe('what readers cost', () => {
  /** A feed of its own that counts what it asks the database. */
  async function counted(work: (own: Feed, asked: (what: string) => number) => Promise<void>): Promise<void> {
    const queries: string[] = [];
    const counting = new Proxy(sql, {
      apply: (target, self, [strings, ...values]: [TemplateStringsArray, ...unknown[]]) => {
        queries.push(strings.join('?'));
        return Reflect.apply(target, self, [strings, ...values]);
      },
    });
    const own = new Feed(counting);
    await own.start();
    try {
      await work(own, (what) => queries.filter((query) => query.includes(what)).length);
    } finally {
      await own.stop();
    }
  }

  function follow(own: Feed, runId: number) {
    const leave = new AbortController();
    const batches: Event[][] = [];
    const gate = Promise.withResolvers<void>();
    const done = (async () => {
      for await (const events of own.follow(runId, { after: 0, signal: leave.signal })) {
        batches.push(events);
        await gate.promise;
      }
    })();
    return { batches, done, open: gate.resolve, seen: () => batches.flat() };
  }

  test(
    'a hundred ask the database as often as one',
    () =>
      counted(async (own, asked) => {
        const runId = await makeRun(database);
        const readers = Array.from({ length: 100 }, () => follow(own, runId));
        for (const reader of readers) reader.open();
        await until(() => readers.every((reader) => reader.seen().length === 3), 'the past');
        const before = asked('from runs');
        for (let i = 0; i < 20; i += 1) {
          await append(database.sql, runId, null, [note(`${i}`)]);
          await until(() => readers.every((reader) => reader.seen().length === 4 + i), 'the next event');
        }
        await endRun(runId);
        await Promise.all(readers.map((reader) => reader.done));
        expect(asked('from runs') - before).toBeLessThan(60);
        const last = await lastOf(runId);
        for (const reader of readers) expect(reader.seen().map((event) => event.seq)).toEqual(upTo(last));
      }),
    20_000,
  );

  test(
    'large events are handed out in small pages, and not all kept in memory',
    () =>
      counted(async (own, asked) => {
        const runId = await makeRun(database);
        const [live, stuck] = [follow(own, runId), follow(own, runId)];
        live.open();
        await until(() => live.seen().length === 3 && stuck.seen().length === 3, 'the past');
        const text = 'x'.repeat(512 * 1024);
        for (let i = 0; i < 24; i += 1) await append(database.sql, runId, null, [note(text)]);
        await until(() => live.seen().length === 27, 'the live reader');
        const before = asked('from events');
        const fresh = follow(own, runId);
        fresh.open();
        stuck.open();
        await until(() => stuck.seen().length === 27 && fresh.seen().length === 27, 'all events');
        // What the ring had lost came from the table, two at a time; the rest did not.
        const pages = asked('from events') - before;
        expect(pages).toBeGreaterThan(4);
        expect(pages).toBeLessThan(24);
        await endRun(runId);
        await Promise.all([live.done, stuck.done, fresh.done]);
        const last = await lastOf(runId);
        for (const reader of [live, stuck, fresh]) {
          expect(reader.seen().map((event) => event.seq)).toEqual(upTo(last));
          const most = Math.max(...reader.batches.map((events) => JSON.stringify(events).length));
          expect(most).toBeLessThan(2 * 1024 * 1024);
        }
      }),
    20_000,
  );
});

test('a run that is started again is followed on, and left at its new end only', async () => {
  const runId = await makeRun(database);
  await stop(database, runId);
  const stays = read(runId, 0, { stayOpen: true });
  const past = await lastOf(runId);
  await until(() => stays.seen.length === past, 'the past');
  await database.sql.begin(async (tx) => {
    await tx`update variations set status = 'queued', completed_at = null where run_id = ${runId}`;
    await tx`update runs set status = 'queued', completed_at = null where id = ${runId}`;
    await append(tx, runId, null, [{ type: 'run.queued', payload: {} }]);
  });
  await until(() => stays.seen.length === past + 1, 'the new start');
  const follows = read(runId);
  await until(() => follows.seen.length === past + 1, 'the record so far');
  await endRun(runId);
  await follows.done;
  const last = await lastOf(runId);
  expect(follows.numbers()).toEqual(upTo(last));
  expect(follows.seen.at(-1)?.type).toBe('run.failed');
  stays.abort();
  await stays.done;
});

test('a killed listener connection costs no event, and no change', async () => {
  const runId = await makeRun(database);
  const quiet = await makeRun(database);
  const ending = await makeRun(database);
  const reader = read(runId);
  const leave = new AbortController();
  const changed = new Set<number>();
  const changes = (async () => {
    for await (const ids of feed.changes({ signal: leave.signal })) for (const id of ids) changed.add(id);
  })();
  await until(() => reader.seen.length === 3, 'the past');
  // Nobody may connect while these are appended, so that their notices are surely lost.
  const admin = openSql({ ...database.address, database: 'postgres' }, { max: 1 });
  const name = admin.unsafe(database.address.database);
  await admin`alter database ${name} with allow_connections false`;
  const [killed] = await admin<{ n: number }[]>`
    select count(pg_terminate_backend(pid))::int as n from pg_stat_activity
    where datname = ${database.address.database} and query ilike 'listen %'`;
  expect(killed?.n).toBe(1);
  for (let i = 0; i < 20; i += 1) await append(database.sql, runId, null, [note(`${i}`)]);
  await append(database.sql, quiet, null, [note('said while nobody listened')]);
  await stop(database, ending);
  changed.clear();
  await admin`alter database ${name} with allow_connections true`;
  await admin.end();
  const caughtUp = performance.now();
  await until(() => reader.seen.length === 23, 'the events that nobody heard of', 5_000);
  expect(performance.now() - caughtUp).toBeLessThan(4_000);
  await endRun(runId);
  await reader.done;
  expect(reader.numbers()).toEqual(upTo(await lastOf(runId)));
  await until(() => changed.has(quiet) && changed.has(ending), 'the changes of the other runs');
  // And it listens again.
  changed.clear();
  await append(database.sql, quiet, null, [note('heard')]);
  await until(() => changed.has(quiet), 'the next change', 1_500);
  leave.abort();
  await changes;
}, 20_000);

test('changes are told coalesced, at most four times a second', async () => {
  const [a, b] = [await makeRun(database), await makeRun(database)];
  const leave = new AbortController();
  const batches: { at: number; ids: number[] }[] = [];
  const done = (async () => {
    for await (const ids of feed.changes({ signal: leave.signal }))
      batches.push({ at: performance.now(), ids });
  })();
  const until700 = performance.now() + 700;
  let appended = 0;
  while (performance.now() < until700) {
    await append(database.sql, appended % 2 ? a : b, null, [note('x')]);
    appended += 1;
  }
  await until(() => batches.length >= 3, 'three batches');
  leave.abort();
  await done;
  expect(appended).toBeGreaterThan(20);
  expect(batches.length).toBeLessThanOrEqual(5);
  expect(new Set(batches.flatMap((batch) => batch.ids))).toEqual(new Set([a, b]));
  for (const [i, batch] of batches.entries()) {
    expect(new Set(batch.ids).size).toBe(batch.ids.length);
    if (i > 0) expect(batch.at - batches[i - 1]!.at).toBeGreaterThan(240);
  }
});
