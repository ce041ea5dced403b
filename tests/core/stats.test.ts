import { expect, test } from 'bun:test';
import { finish } from '../../src/core/claim';
import { openDatabase, openSql } from '../../src/core/db';
import { append } from '../../src/core/event';
import type { Fact } from '../../src/core/fact';
import { countByStatus } from '../../src/core/run-list';
import { readStats } from '../../src/core/stats';
import { stop } from '../../src/core/steer';
import { freshDatabase } from '../support/database';
import { claimOne, makeRun } from './scene';

test('an empty database has figures, none of them invented', async () => {
  const database = await freshDatabase();
  try {
    const stats = await readStats(database);
    expect(stats).toMatchObject({ runs: 0, by_status: {}, cost_usd: 0 });
    expect([stats.success_rate, stats.median_duration_s, stats.patch_apply_rate]).toEqual([null, null, null]);
    expect(stats.edits).toEqual({ applied: 0, rejected: 0, rate: null, tiers: {} });
    expect(stats.days).toHaveLength(7);
    expect(stats.days.at(-1)).toEqual({
      day: new Date().toISOString().slice(0, 10),
      completed: 0,
      failed: 0,
    });
    expect(await countByStatus(database)).toEqual({});
  } finally {
    await database.drop();
  }
});

test('runs are counted by day and status; what is older than the window is not', async () => {
  const database = await freshDatabase();
  try {
    const ids: number[] = [];
    for (let i = 0; i < 5; i += 1) ids.push(await makeRun(database));
    const [good, other, bad, stopped, old] = ids as [number, number, number, number, number];
    for (const runId of [good, other, old]) {
      const claim = await claimOne(database, runId);
      // One that had nothing to change proposed nothing.
      const patched = runId === other ? null : { files: 1, additions: 1, deletions: 0, bytes: 10 };
      await finish(database.sql, claim, {
        status: 'completed',
        summary: null,
        patch: patched,
        commit_sha: patched && 'c',
        branch: patched && 'r',
      });
    }
    const lost = await claimOne(database, bad);
    await finish(database.sql, lost, {
      status: 'failed',
      error: { code: 'patch_rejected', message: 'x' },
      patch: { files: 1, additions: 1, deletions: 0, bytes: 10 },
    });
    await stop(database, stopped);
    await database.sql`update runs set created_at = now() - interval '8 days' where id = ${old}`;
    await database.sql`update runs set usage = jsonb_set(usage, '{cost_usd}', '0.5') where id = ${good}`;
    await database.sql`update runs set usage = jsonb_set(usage, '{cost_usd}', 'null') where id = ${bad}`;
    await database.sql`update runs set started_at = completed_at - interval '90 s' where completed_at is not null and started_at is not null`;
    const stats = await readStats(database);
    expect(stats).toMatchObject({
      ...{ runs: 4, by_status: { completed: 2, failed: 1, stopped: 1 }, success_rate: 0.5 },
      ...{ cost_usd: 0.5, median_duration_s: 90, patch_apply_rate: 0.5 },
      patches: { applied: 1, rejected: 1 },
    });
    expect(stats.days.at(-1)).toMatchObject({ completed: 2, failed: 1 });
    expect(stats.days.slice(0, -1).every((day) => day.completed + day.failed === 0)).toBe(true);
    expect(await countByStatus(database)).toEqual({ completed: 3, failed: 1, stopped: 1 });
    expect(await countByStatus(database, { q: 'no such goal' })).toEqual({});
    // The record is not read for figures: a week of it is long.
    await database.sql`delete from events`;
    expect((await readStats(database)).patch_apply_rate).toBe(0.5);
  } finally {
    await database.drop();
  }
});

test('days are those of UTC, whatever zone the database is set to', async () => {
  const database = await freshDatabase();
  try {
    const admin = openSql(database.address, { max: 1 });
    await admin`alter database ${admin(database.address.database)} set timezone to 'America/Los_Angeles'`;
    await admin.end();
    const there = openDatabase(database.address, { max: 2 });
    try {
      const runId = await makeRun(there);
      await there.sql`
        update runs set status = 'completed', created_at = date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - interval '1 minute'
        where id = ${runId}`;
      const { days } = await readStats(there);
      const dayAgo = (n: number) => new Date(Date.now() - n * 86_400_000).toISOString().slice(0, 10);
      expect(days.map((day) => day.day)).toEqual([6, 5, 4, 3, 2, 1, 0].map(dayAgo));
      expect(days.at(-2)?.completed).toBe(1);
    } finally {
      await there.close();
    }
  } finally {
    await database.drop();
  }
});

test('edits are counted one by one, with how exactly they fitted; whole patches and old edits are not', async () => {
  const database = await freshDatabase();
  try {
    const fitted = (tier: string): Fact => ({ type: 'patch.applied', payload: { tier, files: ['a'] } });
    const refused: Fact = { type: 'patch.rejected', payload: { reasons: ['x'], edit: true } };
    const record = async (facts: Fact[]) => {
      const runId = await makeRun(database);
      await database.sql.begin((tx) => append(tx, runId, 1, facts));
      return runId;
    };
    const whole: Fact[] = [
      { type: 'patch.applied', payload: { commit: 'c', ref: 'r' } },
      { type: 'patch.rejected', payload: { reasons: ['x'] } },
      { type: 'agent.message', payload: { call: 1, text: 'tier' } },
    ];
    await record([...whole, fitted('exact'), fitted('exact'), fitted('trailing space'), refused]);
    const old = await record([fitted('exact'), refused]);
    await database.sql`update events set created_at = now() - interval '31 days' where run_id = ${old}`;
    const { edits } = await readStats(database);
    expect(edits).toEqual({
      ...{ applied: 3, rejected: 1, rate: 0.75 },
      tiers: { exact: 2, 'trailing space': 1 },
    });
  } finally {
    await database.drop();
  }
});
