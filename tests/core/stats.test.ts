import { expect, test } from 'bun:test';
import { append } from '../../src/core/event';
import { countByStatus, readStats } from '../../src/core/stats';
import { finish, stop } from '../../src/core/variation';
import { freshDatabase } from '../support/database';
import { claimOne, makeRun } from './scene';

test('an empty database has figures, none of them invented', async () => {
  const database = await freshDatabase();
  try {
    const stats = await readStats(database);
    expect(stats).toMatchObject({ runs: 0, by_status: {}, cost_usd: 0 });
    expect([stats.success_rate, stats.median_duration_s, stats.patch_apply_rate]).toEqual([null, null, null]);
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
      const stat = { files: 1, additions: 1, deletions: 0, bytes: 10 };
      await append(database.sql, runId, 1, [{ type: 'patch.proposed', payload: stat }]);
      if (runId !== other)
        await append(database.sql, runId, 1, [{ type: 'patch.applied', payload: { commit: 'c', ref: 'r' } }]);
      await finish(database.sql, claim, {
        status: 'completed',
        summary: null,
        patch: null,
        commit_sha: null,
        branch: null,
      });
    }
    const lost = await claimOne(database, bad);
    await finish(database.sql, lost, { status: 'failed', error: { code: 'internal', message: 'x' } });
    await stop(database, stopped);
    await database.sql`update runs set created_at = now() - interval '8 days' where id = ${old}`;
    await database.sql`update runs set usage = jsonb_set(usage, '{cost_usd}', '0.5') where id = ${good}`;
    await database.sql`update runs set usage = jsonb_set(usage, '{cost_usd}', 'null') where id = ${bad}`;
    await database.sql`update runs set started_at = completed_at - interval '90 s' where completed_at is not null and started_at is not null`;
    const stats = await readStats(database);
    expect(stats).toMatchObject({
      ...{ runs: 4, by_status: { completed: 2, failed: 1, stopped: 1 }, success_rate: 0.5 },
      ...{ cost_usd: 0.5, median_duration_s: 90, patch_apply_rate: 0.5 },
    });
    expect(stats.days.at(-1)).toMatchObject({ completed: 2, failed: 1 });
    expect(stats.days.slice(0, -1).every((day) => day.completed + day.failed === 0)).toBe(true);
    expect(await countByStatus(database)).toEqual({ completed: 3, failed: 1, stopped: 1 });
  } finally {
    await database.drop();
  }
});
