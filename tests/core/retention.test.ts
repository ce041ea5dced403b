import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { storeCheck } from '../../src/core/check';
import { insertCheckpoint } from '../../src/core/checkpoint';
import { claim, finish } from '../../src/core/claim';
import { openDatabase } from '../../src/core/db';
import { append, appendClaimed, type Claim, listEvents } from '../../src/core/event';
import type { Fact, FactType } from '../../src/core/fact';
import { type Ages, readFreed, retain } from '../../src/core/retention';
import { retry } from '../../src/core/rewind';
import { readStats } from '../../src/core/stats';
import { freshDatabase, type TestDatabase } from '../support/database';
import { claimOne, gapless, makeRun, recordOf, statusesOf, variationIds } from './scene';

let database: TestDatabase;
beforeEach(async () => {
  database = await freshDatabase();
});
afterEach(() => database.drop());

const month: Ages = { retention_days: 30, remove_after_days: null };
/** 10,010 characters that do not compress. */
const long = `start ${Buffer.from(crypto.getRandomValues(new Uint8Array(5_000))).toString('hex')} end`;
const usage = { input_tokens: 1, output_tokens: 1, cached_tokens: 0, reasoning_tokens: 0 };

/** Facts of one step as an agent's work makes them. */
const step: Fact[] = [
  {
    type: 'model.requested',
    payload: {
      call: 1,
      provider: 'scripted',
      model: 'm',
      messages: 1,
      added: ['go'],
      prompt: { system: long },
    },
  },
  { type: 'agent.thinking', payload: { call: 1, text: `thought ${long}` } },
  { type: 'agent.message', payload: { call: 1, text: 'I will look.' } },
  {
    type: 'model.responded',
    payload: {
      call: 1,
      provider: 'scripted',
      model: 'm',
      finish_reason: 'stop',
      usage,
      cost_usd: 0,
      latency_ms: 1,
      message: { role: 'assistant', text: 'I will look.', tool_calls: [] },
    },
  },
  { type: 'tool.output', payload: { tool: 1, stream: 'stdout', text: long } },
  {
    type: 'tool.finished',
    payload: {
      tool: 1,
      id: 'a',
      name: 'run_command',
      ok: true,
      duration_ms: 1,
      truncated: false,
      output: long,
    },
  },
  {
    type: 'tool.finished',
    payload: {
      tool: 2,
      id: 'b',
      name: 'run_command',
      ok: true,
      duration_ms: 1,
      truncated: false,
      output: 'short',
    },
  },
  {
    type: 'check.finished',
    payload: {
      name: 'test',
      command: 't',
      on: 'patch',
      result: 'passes',
      exit_code: 0,
      duration_ms: 1,
      output: long,
    },
  },
];

async function endedRun(days: number, change: { facts?: readonly Fact[]; checkpoints?: number } = {}) {
  const run = await makeRun(database);
  const taken = await claimOne(database, run);
  await appendClaimed(database.sql, taken, change.facts ?? step);
  for (let number = 1; number <= (change.checkpoints ?? 3); number += 1) await save(taken, number);
  const check = { name: 'test', command: 't', required: true, exit_code: 0, duration_ms: 1, output: long };
  await database.sql.begin((tx) => storeCheck(tx, run, taken.variationId, { ...check, result: 'passes' }));
  await end(taken);
  await age(run, days);
  return { run, variation: taken.variationId };
}

async function save(taken: Claim, number: number): Promise<void> {
  const bytes = crypto.getRandomValues(new Uint8Array(5000));
  const stat = { files: 1, additions: number, deletions: 0, bytes: bytes.length };
  const patch = { base_sha: 'b'.repeat(40), bytes, sha256: `${number}`, stat };
  await database.sql.begin((tx) => insertCheckpoint(tx, taken, number, patch, number));
}

const end = (taken: Claim) =>
  finish(database.sql, taken, { status: 'failed', error: { code: 'internal', message: 'over' } });

async function age(run: number, days: number): Promise<void> {
  await database.sql`
    update runs set completed_at = now() - make_interval(days => ${days}, secs => 1) where id = ${run}`;
}

async function payloads(run: number, type: FactType): Promise<Record<string, unknown>[]> {
  const all = await listEvents(database, run, { types: [type] });
  return all.map((event) => event.payload as Record<string, unknown>);
}

describe('a run that ended long ago', () => {
  test('loses streamed pieces, long outputs and whole prompts, and keeps its record', async () => {
    const { run } = await endedRun(31);
    const before = await recordOf(database, run);
    const freed = await retain(database, month);
    const after = await recordOf(database, run);
    expect(after).toEqual(before);
    expect(gapless(after)).toBe(true);
    for (const type of ['agent.thinking', 'agent.message', 'tool.output'] as const)
      expect(await payloads(run, type)).toMatchObject([{ text: '', thinned: true }]);
    const [cut, whole] = await payloads(run, 'tool.finished');
    const output = cut!.output as string;
    expect([
      output.startsWith(long.slice(0, 1000)),
      output.endsWith(long.slice(-500)),
      output.length < 2048,
    ]).toEqual([true, true, true]);
    expect(output).toContain('[… 8210 characters were removed when the run had grown old …]');
    expect(whole).toMatchObject({ output: 'short' });
    expect(whole).not.toHaveProperty('thinned');
    expect(((await payloads(run, 'check.finished'))[0]!.output as string).length).toBeLessThan(2048);
    const [asked] = await payloads(run, 'model.requested');
    expect(asked).toEqual({
      call: 1,
      provider: 'scripted',
      model: 'm',
      messages: 1,
      added: ['go'],
      thinned: true,
    });
    expect(await payloads(run, 'model.responded')).toMatchObject([{ message: { text: 'I will look.' } }]);
    const [check] = await database.sql<{ output: string }[]>`select output from checks`;
    expect(check!.output.length).toBeLessThan(2048);
    expect(freed).toMatchObject({ runs: 1, events: 6 });
    expect(freed.bytes).toBeGreaterThan(10_000);
  });

  test('keeps of each variation’s checkpoints the one that its patch is in', async () => {
    const { run, variation } = await endedRun(31, { checkpoints: 5 });
    await database.sql`update variations set checkpoint = 4 where id = ${variation}`;
    await retain(database, month);
    const rows = await database.sql`select number from checkpoints where variation_id = ${variation}`;
    expect(rows.map((row) => row.number)).toEqual([4]);
    const [thinned] = await database.sql`select thinned_at from runs where id = ${run}`;
    expect(thinned?.thinned_at).not.toBeNull();
  });

  test('is gone through once; what was freed is counted, and shown with the statistics', async () => {
    expect((await readStats(database)).freed).toEqual({ bytes: 0, runs: 0, last_at: null });
    await endedRun(40);
    const freed = await retain(database, month);
    expect(await retain(database, month)).toEqual({ bytes: 0, events: 0, runs: 0 });
    await endedRun(41);
    const more = await retain(database, month);
    const all = await readFreed(database);
    expect(all).toMatchObject({ bytes: freed.bytes + more.bytes, events: 12, runs: 2 });
    expect((await readStats(database)).freed).toEqual({ bytes: all.bytes, runs: 2, last_at: all.last_at });
    expect(Date.parse(all.last_at!)).toBeGreaterThan(Date.now() - 60_000);
  });

  test('that is started again and ends again is gone through again', async () => {
    const { run, variation } = await endedRun(31);
    await retain(database, month);
    await retry(database, run, undefined, 'checkpoint');
    const [row] = await database.sql<{ job_epoch: number }[]>`select job_epoch from variations`;
    const taken = await claim(database, variation, row!.job_epoch, 'worker-a');
    await append(database.sql, run, 1, [{ type: 'agent.message', payload: { call: 2, text: 'once more' } }]);
    await end(taken!);
    await age(run, 31);
    await retain(database, month);
    expect(await payloads(run, 'agent.message')).toMatchObject([{ text: '' }, { text: '' }]);
  });
});

test('what is young, or under way, or at rest with a person, stays as it is', async () => {
  const { run: young } = await endedRun(29);
  const { run: again } = await endedRun(31);
  await retry(database, again, undefined, 'checkpoint');
  const [waiting] = await variationIds(database, await makeRun(database));
  await database.sql`update variations set status = 'paused' where id = ${waiting!}`;
  const before = await database.sql`select run_id, seq, payload from events order by 1, 2`;
  expect(await retain(database, { retention_days: 30, remove_after_days: 30 })).toMatchObject({
    events: 0,
    runs: 0,
  });
  expect(await retain(database, { retention_days: null, remove_after_days: null })).toMatchObject({
    events: 0,
  });
  expect([...(await database.sql`select run_id, seq, payload from events order by 1, 2`)]).toEqual([
    ...before,
  ]);
  expect((await statusesOf(database, young))[0]).toBe('failed');
});

describe('a run that is older still', () => {
  const ages: Ages = { retention_days: null, remove_after_days: 90 };
  test('is removed whole, and only it', async () => {
    const { run: old } = await endedRun(91);
    const { run: other } = await endedRun(89);
    const freed = await retain(database, ages);
    expect(freed).toMatchObject({ runs: 1 });
    expect(freed.bytes).toBeGreaterThan(15_000);
    expect((await database.sql`select id from runs`).map((row) => row.id)).toEqual([other]);
    expect(await recordOf(database, old)).toEqual([]);
    expect(await retain(database, ages)).toMatchObject({ runs: 0 });
  });

  test('stays while a run that has not ended needs it, and does not keep others from going', async () => {
    const { run: needed } = await endedRun(92);
    const { run: base } = await endedRun(92);
    const { run: free } = await endedRun(91);
    const dependent = await makeRun(database);
    await database.sql`insert into run_dependencies (run_id, depends_on) values (${dependent}, ${needed})`;
    await database.sql`update runs set base_run = ${base}, status = 'pending' where id = ${dependent}`;
    await retain(database, ages);
    expect((await database.sql`select id from runs order by id`).map((row) => row.id)).toEqual([
      needed,
      base,
      dependent,
    ]);
    expect(free).toBeGreaterThan(0);
    await database.sql`update runs set status = 'failed', completed_at = now() where id = ${dependent}`;
    await database.sql`update variations set status = 'failed' where run_id = ${dependent}`;
    await retain(database, ages);
    expect((await database.sql`select id from runs`).map((row) => row.id)).toEqual([dependent]);
  });
});

describe('a large run', () => {
  const events = 20_000;
  /** Pieces as commands print them, made by the database itself. */
  async function large(): Promise<number> {
    const { run } = await endedRun(40, { facts: [] });
    await database.sql`
      insert into events (run_id, seq, variation, type, payload)
      select ${run}, r.seq + n, 1, 'tool.output',
        jsonb_build_object('tool', n, 'stream', 'stdout', 'text', repeat(md5(n::text), 12))
      from runs r, generate_series(1, ${events}::int) n where r.id = ${run}`;
    await database.sql`update runs set seq = seq + ${events} where id = ${run}`;
    return run;
  }
  const left = async (run: number): Promise<number> => {
    const [row] = await database.sql<{ n: number }[]>`
      select count(*)::int as n from events where run_id = ${run} and type = 'tool.output' and not payload ? 'thinned'`;
    return row!.n;
  };

  test('is thinned bit by bit, in the time that is given, by one process at a time', async () => {
    const run = await large();
    const other = openDatabase(database.address, { max: 2 });
    try {
      const begun = performance.now();
      const [mine, others] = await Promise.all([
        retain(database, month, { forMs: 400 }),
        retain(other, month, { forMs: 400 }),
      ]);
      expect(performance.now() - begun).toBeLessThan(2_000);
      const rest = await left(run);
      expect(rest).toBeGreaterThan(0);
      expect(rest).toBeLessThan(events);
      expect(mine.events + others.events).toBe(events - rest);
      expect((await readFreed(database)).events).toBe(events - rest);
    } finally {
      await other.close();
    }
  });

  test('that was broken off is gone on with where it was; readers of others hardly notice', async () => {
    const run = await large();
    const { run: read } = await endedRun(1, { facts: Array.from({ length: 200 }, () => step[2]!) });
    const reader = openDatabase(database.address, { max: 1 });
    const measure = async (until: () => boolean): Promise<number> => {
      const times: number[] = [];
      while (!until() || times.length < 20) {
        const begun = performance.now();
        expect(await listEvents(reader, read, { limit: 200 })).toHaveLength(200);
        times.push(performance.now() - begun);
        await Bun.sleep(1);
      }
      return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
    };
    try {
      const started = performance.now();
      const alone = await measure(() => performance.now() - started > 400);
      let done = false;
      const work = retain(database, month, { forMs: 700 }).finally(() => {
        done = true;
      });
      const beside = await measure(() => done);
      const first = await work;
      // The batch under way when a process is killed is as if it had never been; another goes on after the last whole one.
      const rest = await left(run);
      const second = await retain(database, month, { forMs: 20_000 });
      expect(first.events).toBe(events - rest);
      expect(second.events).toBe(rest);
      expect(await left(run)).toBe(0);
      expect(beside).toBeLessThan(alone * 6 + 5);
      expect(gapless(await recordOf(database, run))).toBe(true);
    } finally {
      await reader.close();
    }
  }, 60_000);
});
