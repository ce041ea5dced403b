import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { finish } from '../../src/core/claim';
import { openSql } from '../../src/core/db';
import { Fenced } from '../../src/core/errors';
import { append, appendClaimed, listEvents } from '../../src/core/event';
import type { Event, Fact } from '../../src/core/fact';
import { eventTypesOf, toOutput } from '../../src/core/output';
import { freshDatabase, type TestDatabase } from '../support/database';
import { claimOne, gapless, makeRun, note, recordOf } from './scene';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

test('many appenders on several connections leave no gap, and each one’s order holds', async () => {
  const runId = await makeRun(database, 3);
  const claims = await Promise.all([1, 2, 3].map((position) => claimOne(database, runId, position)));
  const pools = [openSql(database.address, { max: 3 }), openSql(database.address, { max: 3 })];
  try {
    const before = (await recordOf(database, runId)).length;
    await Promise.all(
      claims.flatMap((claim, who) =>
        pools.map(async (pool, where) => {
          for (let i = 0; i < 20; i += 1) {
            const facts = Array.from({ length: 1 + (i % 3) }, (_, k) => note(`${who}/${where}/${i}.${k}`));
            await appendClaimed(pool, claim, facts);
            if (i % 5 === 0) await append(pool, runId, null, [note(`run/${where}/${i}`)]);
          }
        }),
      ),
    );
    const events = await listEvents(database, runId, { limit: 10_000 });
    expect(gapless(events)).toBe(true);
    const added = events.slice(before);
    expect(added).toHaveLength(6 * (7 * 1 + 7 * 2 + 6 * 3 + 4));
    for (const prefix of ['0/0', '0/1', '1/0', '1/1', '2/0', '2/1']) {
      const own = added
        .map((one) => String((one.payload as { text?: string }).text))
        .filter((text) => text.startsWith(prefix));
      const order = own.map((text) => text.slice(4).split('.').map(Number));
      expect(order).toEqual([...order].sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]!));
    }
  } finally {
    await Promise.all(pools.map((pool) => pool.end()));
  }
});

test('a reader by cursor that races the writers misses nothing', async () => {
  const runId = await makeRun(database, 4);
  const pool = openSql(database.address, { max: 8 });
  try {
    let writing = true;
    const seen: number[] = [];
    const reader = (async () => {
      for (;;) {
        const last = !writing;
        const events = await listEvents({ sql: pool }, runId, { after: seen.at(-1) ?? 0, limit: 7 });
        seen.push(...events.map((event) => event.seq));
        if (last && events.length === 0) return;
      }
    })();
    await Promise.all(
      [1, 2, 3, 4].map(async (writer) => {
        for (let i = 0; i < 40; i += 1) {
          // A slow transaction and a quick one: numbers must still be seen in order.
          await pool.begin(async (tx) => {
            await append(tx, runId, writer, [note(`${writer}-${i}`)]);
            if (i % 4 === 0) await tx`select pg_sleep(0.002)`;
          });
        }
      }),
    );
    writing = false;
    await reader;
    const all = await recordOf(database, runId);
    expect(all).toHaveLength(160 + 6);
    expect(seen).toEqual(all.map((event) => event.seq));
  } finally {
    await pool.end();
  }
});

test('a batch that fails leaves neither events nor a gap', async () => {
  const runId = await makeRun(database);
  const before = await recordOf(database, runId);
  const broken = { type: null as unknown as 'agent.message', payload: { call: 1, text: 'x' } };
  expect(append(database.sql, runId, null, [note('fine'), broken])).rejects.toThrow();
  await append(database.sql, runId, null, [note('after')]);
  const after = await recordOf(database, runId);
  expect(after).toHaveLength(before.length + 1);
  expect(gapless(after)).toBe(true);
});

describe('hostile payloads', () => {
  test('NUL and lone surrogates become U+FFFD, everything else comes back as it was', async () => {
    const runId = await makeRun(database);
    const texts = [
      `quote " ' back \\ \\u0000 $1 {} [] null`,
      `'); drop table events; --`,
      '\u001b[31mred\u0007 \u2028 \u202e rtl 😀 ﷽',
      '{"a":1,"a":2}',
      'x'.repeat(300_000),
    ];
    const hostile = { 'key\u0000': 'a\u0000b', 'half\ud800': '\udc00x', __proto__: 1, 'a,b{"}': null };
    await append(database.sql, runId, null, [
      ...texts.map(note),
      { type: 'tool.started', payload: { tool: 1, id: 'c', name: 'n', arguments: hostile, title: '\ud83d' } },
    ]);
    const events = (await listEvents(database, runId, { limit: 1000 })).slice(-texts.length - 1);
    expect(events.slice(0, -1).map((one) => (one.payload as { text: string }).text)).toEqual(texts);
    expect(events.at(-1)?.payload as unknown).toEqual({
      ...{ tool: 1, id: 'c', name: 'n', title: '\ufffd' },
      arguments: { 'key\ufffd': 'a\ufffdb', 'half\ufffd': '\ufffdx', 'a,b{"}': null },
    });
  });
});

describe('a claim', () => {
  test('of an older epoch writes nothing', async () => {
    const runId = await makeRun(database);
    const old = await claimOne(database, runId);
    const present = await claimOne(database, runId, 1, 'worker-b');
    expect(present.epoch).toBeGreaterThan(old.epoch);
    const before = await recordOf(database, runId);
    expect(await appendClaimed(database.sql, old, [note('late')]).catch((error) => error)).toBeInstanceOf(
      Fenced,
    );
    expect(await recordOf(database, runId)).toEqual(before);
    await appendClaimed(database.sql, present, [note('in time')]);
    expect(await recordOf(database, runId)).toHaveLength(before.length + 1);
  });

  test('ends with its variation', async () => {
    const runId = await makeRun(database);
    const claim = await claimOne(database, runId);
    await finish(database.sql, claim, { status: 'failed', error: { code: 'internal', message: 'x' } });
    expect(await appendClaimed(database.sql, claim, [note('late')]).catch((error) => error)).toBeInstanceOf(
      Fenced,
    );
  });
});

test('events are listed by cursor, variation, type and from the end', async () => {
  const runId = await makeRun(database, 2);
  await append(database.sql, runId, 1, [note('a'), note('b')]);
  await append(database.sql, runId, 2, [note('c')]);
  const list = async (filter: Parameters<typeof listEvents>[2]) =>
    (await listEvents(database, runId, filter)).map((event) => event.seq);
  expect(await list({})).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(await list({ after: 4, limit: 2 })).toEqual([5, 6]);
  expect(await list({ before: 6, limit: 2 })).toEqual([4, 5]);
  expect(await list({ after: 2, before: 5 })).toEqual([3, 4]);
  expect(await list({ variations: [1] })).toEqual([3, 5, 6]);
  expect(await list({ variations: [1, 2], types: ['agent.message'] })).toEqual([5, 6, 7]);
  expect(await list({ after: 7 })).toEqual([]);
});

test.each(['run', 'variation'] as const)('the end of a %s is told as a status, or by its summary', (of) => {
  const told = (fact: Fact) => {
    const event = { ...fact, run_id: 1, seq: 1, variation: null, created_at: '' } as Event;
    const output = toOutput(event, new Map());
    expect(eventTypesOf[output!.output_type]).toContain(event.type);
    return [output?.output_type, output?.content];
  };
  const completed = (summary: string | null) =>
    told({ type: `${of}.completed`, payload: { summary, patch: null } } as Fact);
  expect(completed(null)).toEqual(['status', 'completed']);
  expect(completed(' \n')).toEqual(['status', 'completed']);
  expect(completed('Rounded it.')).toEqual(['summary', 'Rounded it.']);
  expect(told({ type: `${of}.stopped`, payload: { error: { code: 'stopped', message: 'x' } } })).toEqual([
    'status',
    'stopped: x',
  ]);
});
