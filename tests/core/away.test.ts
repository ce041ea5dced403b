import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { isAway, openDatabase, openSql, persist, type Sql } from '../../src/core/db';
import { appendClaimed } from '../../src/core/event';
import { Recorder } from '../../src/core/recorder';
import { type MortalPostgres, mortalPostgres } from '../support/postgres';
import { openPort, type Port } from '../support/tcp';
import { until } from '../support/wait';
import { claimOne, gapless, makeRun, note, recordOf } from './scene';

let postgres: MortalPostgres;
/** The way to it that may break. */
let port: Port;
let shaky: Sql;
let database: ReturnType<typeof openDatabase>;
beforeAll(async () => {
  postgres = await mortalPostgres();
  const { host, port: number } = postgres.address;
  port = await openPort(join(host, `.s.PGSQL.${number}`));
  database = openDatabase(postgres.address, { max: 4 });
  shaky = openSql({ ...postgres.address, host: '127.0.0.1', port: port.port }, { max: 3 });
});
afterAll(async () => {
  await shaky.end({ timeout: 0 });
  await database.close();
  port.close();
  await postgres.remove();
});

async function begin(sql: Sql = shaky) {
  const runId = await makeRun(database);
  const claim = await claimOne(database, runId);
  const failures: Error[] = [];
  const recorder = new Recorder(
    sql,
    claim,
    (text) => text,
    (error) => failures.push(error),
    20_000,
  );
  return { runId, claim, recorder, failures };
}

async function textsOf(runId: number): Promise<string[]> {
  const rows = await database.sql<{ text: string }[]>`
    select payload->>'text' as text from events where run_id = ${runId} and type = 'agent.message' order by seq`;
  return rows.map((row) => row.text);
}

describe('a connection that breaks after the commit and before the answer', () => {
  test('doubles nothing that was recorded', async () => {
    const { runId, recorder, failures } = await begin();
    const texts: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      recorder.emit(note(`${i}`));
      texts.push(`${i}`);
      port.loseAnswer('SELECT 1\0');
      await recorder.flush();
      expect(port.lost).toBe(i + 1);
    }
    expect(await textsOf(runId)).toEqual(texts);
    expect(gapless(await recordOf(database, runId))).toBe(true);
    expect(failures).toEqual([]);
  });

  test('doubles no change of state', async () => {
    const { runId, recorder, claim, failures } = await begin();
    const lost = port.lost;
    let changes = 0;
    for (let i = 0; i < 5; i += 1) {
      recorder.emit(note(`${i}a`));
      port.loseAnswer('COMMIT\0');
      await recorder.commit([note(`${i}b`)], async (tx) => {
        changes += 1;
        await tx`update variations set retry_count = retry_count + 1 where id = ${claim.variationId}`;
      });
    }
    expect(port.lost).toBe(lost + 5);
    expect(changes).toBe(5);
    expect(await textsOf(runId)).toEqual([0, 1, 2, 3, 4].flatMap((i) => [`${i}a`, `${i}b`]));
    const [row] =
      await database.sql`select retry_count, batch from variations where id = ${claim.variationId}`;
    expect(row).toEqual({ retry_count: 5, batch: 5 });
    expect(failures).toEqual([]);
  });
});

test('a connection that breaks before the commit has the change made again, once', async () => {
  const { runId, recorder, claim } = await begin();
  let tries = 0;
  await recorder.commit([note('a')], async (tx) => {
    tries += 1;
    await tx`update variations set retry_count = retry_count + 1 where id = ${claim.variationId}`;
    if (tries === 1) port.cut();
  });
  expect(tries).toBe(2);
  const [row] = await database.sql`select retry_count from variations where id = ${claim.variationId}`;
  expect(row).toEqual({ retry_count: 1 });
  expect(await textsOf(runId)).toEqual(['a']);
});

test('a batch sent twice at the same time is written once, and told so', async () => {
  const { runId, claim } = await begin();
  for (let batch = 1; batch <= 10; batch += 1) {
    const done = await Promise.all(
      [1, 2, 3].map(() => appendClaimed(shaky, claim, [note(`${batch}`)], batch)),
    );
    expect(done.sort()).toEqual(['already', 'already', 'written']);
  }
  expect(await textsOf(runId)).toEqual(Array.from({ length: 10 }, (_, i) => `${i + 1}`));
});

test.each(['killed', 'orderly', 'frozen'] as const)(
  'with Postgres %s for seconds, the recorder goes on when it is back',
  async (how) => {
    const { runId, recorder, claim, failures } = await begin(database.sql);
    const texts: string[] = [];
    let changes = 0;
    const say = (text: string): void => {
      texts.push(text);
      recorder.emit(note(text));
    };
    let over = false;
    const talk = (async () => {
      for (let i = 0; !over || i < 20; i += 1) {
        say(`${i}`);
        if (i % 5 === 0) {
          texts.push(`${i}!`);
          changes += 1;
          await recorder.commit([note(`${i}!`)], async (tx) => {
            await tx`update variations set retry_count = retry_count + 1 where id = ${claim.variationId}`;
          });
        }
        await Bun.sleep(5); // The pace of work.
      }
    })();
    await until(async () => (await textsOf(runId)).length > 20, 'some events');
    if (how === 'frozen') postgres.freeze();
    else await postgres.stop(how);
    await Bun.sleep(2_000); // What the test is about: that long there is none.
    if (how === 'frozen') postgres.thaw();
    else await postgres.start();
    const before = texts.length;
    await until(() => texts.length > before + 20, 'the work to go on');
    over = true;
    await talk;
    await recorder.flush();
    expect(failures).toEqual([]);
    expect(await textsOf(runId)).toEqual(texts);
    expect(gapless(await recordOf(database, runId))).toBe(true);
    const [row] = await database.sql`select retry_count from variations where id = ${claim.variationId}`;
    expect(row).toEqual({ retry_count: changes });
  },
  30_000,
);

test('a database that stays away is given up after the limit, with its own words', async () => {
  const nobody = openSql({ ...postgres.address, host: '127.0.0.1', port: 1 }, { max: 1 });
  const heard: Error[] = [];
  const failed = await persist(() => nobody`select 1`, {
    limitMs: 300,
    onAway: (error) => heard.push(error),
  }).catch((error) => error);
  expect(isAway(failed)).toBe(true);
  expect(heard.length).toBeGreaterThan(1);
  await nobody.end({ timeout: 0 });
});

test('a mistake is not tried again, and a person’s stop ends the wait at once', async () => {
  let tries = 0;
  const wrong = await persist(() => {
    tries += 1;
    return database.sql`select 1 / 0`;
  }).catch((error) => error);
  expect([wrong.code, tries]).toEqual(['22012', 1]);

  const abort = new AbortController();
  const nobody = openSql({ ...postgres.address, host: '127.0.0.1', port: 1 }, { max: 1 });
  setTimeout(() => abort.abort(new Error('enough')), 50);
  const started = performance.now();
  expect(persist(() => nobody`select 1`, { signal: abort.signal })).rejects.toThrow('enough');
  expect(performance.now() - started).toBeLessThan(1_000);
  await nobody.end({ timeout: 0 });
});

describe('a transaction whose connection breaks', () => {
  test('is refused, whatever it did next, and the pool goes on', async () => {
    for (let round = 0; round < 3; round += 1) {
      const between = await shaky
        .begin(async (tx) => {
          await tx`select 1`;
          port.cut();
          await until(async () => (await shaky`select 1`.catch(() => [])).length > 0, 'another connection');
          await tx`select 2`;
        })
        .catch((error) => error);
      expect(isAway(between)).toBe(true);
      const during = await shaky
        .begin(async (tx) => {
          setTimeout(() => port.cut(), 50);
          await tx`select pg_sleep(5)`;
        })
        .catch((error) => error);
      expect(isAway(during)).toBe(true);
      const kept = await persist(() => shaky.reserve());
      await kept`select 1`;
      port.cut();
      expect(
        isAway(
          await until(() =>
            kept`select 1`.then(
              () => null,
              (error) => error,
            ),
          ),
        ),
      ).toBe(true);
      kept.release();
    }
    const rows = await persist(() =>
      Promise.all(Array.from({ length: 9 }, (_, i) => shaky`select ${i}::int as n`)),
    );
    expect(rows.map(([row]) => row?.n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  }, 20_000);
});

test('a server that says nothing more is given up after its statement’s time', async () => {
  const sql = openSql(postgres.address, { max: 1, limitS: 1 });
  await sql`select 1`;
  postgres.freeze();
  try {
    const started = performance.now();
    const failed = await sql`select 2`.catch((error) => error);
    expect([failed.code, isAway(failed)]).toEqual(['CONNECTION_SILENT', true]);
    expect(performance.now() - started).toBeLessThan(8_000);
  } finally {
    postgres.thaw();
  }
  expect(await persist(() => sql`select 3 as n`)).toHaveLength(1);
  await sql.end({ timeout: 0 });
}, 20_000);
