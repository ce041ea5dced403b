import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { claim, claimNext, finish } from '../../src/core/claim';
import { listAwaitedWinners, resultOf } from '../../src/core/dependency';
import { releaseDue } from '../../src/core/pending';
import { projectOf } from '../../src/core/project';
import { retry } from '../../src/core/rewind';
import { changeRun, defaultOptions, getRun, type NewRun } from '../../src/core/run';
import { listRuns } from '../../src/core/run-list';
import { stop } from '../../src/core/steer';
import { listQueued } from '../../src/core/variation';
import { chooseWinner } from '../../src/core/winner';
import { freshDatabase, type TestDatabase } from '../support/database';
import { claimOne, gapless, makeRun, recordOf, statusesOf, variationIds } from './scene';

// A busy machine is slow, not wrong.
setDefaultTimeout(30_000);

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

const sha = (digit: string) => digit.repeat(40);
const inAnHour = () => new Date(Date.now() + 3_600_000);

/** Ends a run's variations: each completed with a commit, or without changes, or failed. */
async function endRun(runId: number, ...endings: (string | 'unchanged' | 'failed')[]): Promise<void> {
  await database.sql`update runs set base_sha = ${sha('0')} where id = ${runId}`;
  for (const [i, ending] of endings.entries()) {
    const claimed = await claimOne(database, runId, i + 1);
    const commit_sha = ending === 'unchanged' ? null : ending;
    await finish(
      database.sql,
      claimed,
      ending === 'failed'
        ? { status: 'failed', error: { code: 'timeout', message: 'x' } }
        : { status: 'completed', summary: null, patch: null, commit_sha, branch: null },
    );
  }
}
async function completed(...endings: string[]): Promise<number> {
  const id = await makeRun(database, endings.length);
  await endRun(id, ...endings);
  return id;
}
const typesOf = async (id: number) => (await recordOf(database, id)).map((event) => event.type);
const stepOf = async (id: number) => (await getRun(database, id)).current_step;
const refusal = (change: Partial<NewRun>) =>
  makeRun(database, 1, change).then(
    () => null,
    (error) => [error.status, error.code, error.field],
  );
const after = (...depends_on: number[]): Partial<NewRun> => ({ depends_on });

describe('a run for later', () => {
  test('is pending: made, shown, and not to be had by any worker', async () => {
    const time = new Date('2099-01-02T03:04:05Z');
    const id = await makeRun(database, 2, { scheduled_at: time });
    const run = await getRun(database, id);
    expect([run.status, run.task_status, run.scheduled_at]).toEqual([
      ...['pending', 'pending'],
      '2099-01-02T03:04:05.000Z',
    ]);
    expect(run.current_step).toBe('Starts at 2099-01-02 03:04 UTC');
    expect(await statusesOf(database, id)).toEqual(['pending', 'queued', 'queued']);
    expect(await typesOf(id)).toEqual(['run.created']);
    const [first] = await variationIds(database, id);
    expect(await claim(database, first!, 0, 'w')).toBeNull();
    expect(await claimNext(database, 'w')).toBeNull();
    expect(await listQueued(database)).toEqual([]);
    expect(await releaseDue(database)).toEqual([]);
  });

  test('goes when its time has come, once, and the record tells it in order', async () => {
    const id = await makeRun(database, 2, { scheduled_at: inAnHour() });
    await changeRun(database, id, { scheduled_at: null });
    expect(await stepOf(id)).toBe('Starts in a moment');
    const queued = await releaseDue(database);
    expect(queued.map((one) => one.id)).toEqual(await variationIds(database, id));
    expect(await releaseDue(database)).toEqual([]);
    expect(await typesOf(id)).toEqual([
      ...['run.created', 'run.released', 'run.queued'],
      ...['variation.queued', 'variation.queued'],
    ]);
    await endRun(id, sha('a'), 'failed');
    expect((await statusesOf(database, id))[0]).toBe('completed');
  });

  test('whose time is past does not wait', async () => {
    const id = await makeRun(database, 1, { scheduled_at: new Date('2020-01-01') });
    expect((await statusesOf(database, id))[0]).toBe('queued');
    await stop(database, id);
  });

  test('that was stopped is not released; started again, it waits for its time again', async () => {
    const id = await makeRun(database, 2, { scheduled_at: inAnHour() });
    await stop(database, id, 1);
    expect(await statusesOf(database, id)).toEqual(['pending', 'stopped', 'queued']);
    await stop(database, id);
    expect(await statusesOf(database, id)).toEqual(['stopped', 'stopped', 'stopped']);
    await retry(database, id, 2, 'checkpoint');
    expect((await getRun(database, id)).completed_at).toBeNull();
    expect(await statusesOf(database, id)).toEqual(['pending', 'stopped', 'queued']);
    expect(await releaseDue(database)).toEqual([]);
    await changeRun(database, id, { scheduled_at: null });
    expect(await releaseDue(database)).toHaveLength(1);
    await stop(database, id);
  });

  test('is released without the variations that were stopped meanwhile', async () => {
    const id = await makeRun(database, 2, { scheduled_at: inAnHour() });
    await stop(database, id, 1);
    await changeRun(database, id, { scheduled_at: null });
    expect(await releaseDue(database)).toHaveLength(1);
    expect(await statusesOf(database, id)).toEqual(['queued', 'stopped', 'queued']);
    await stop(database, id);
  });
});

describe('a run that depends on others', () => {
  test('starts when all of them are completed, and says what it waits for', async () => {
    const [one, two] = [await makeRun(database, 2), await makeRun(database)];
    const id = await makeRun(database, 1, after(two, one, two));
    expect((await getRun(database, id)).depends_on).toEqual([one, two]);
    expect(await stepOf(id)).toBe(`Waits for runs ${one}, ${two}`);
    await endRun(one, sha('a'), 'failed');
    expect(await releaseDue(database)).toEqual([]);
    expect(await stepOf(id)).toBe(`Waits for run ${two}`);
    await endRun(two, 'unchanged');
    expect(await releaseDue(database)).toHaveLength(1);
    const listed = (await listRuns(database)).items.find((run) => run.id === id);
    expect([listed?.status, listed?.depends_on]).toEqual(['queued', [one, two]]);
    await endRun(id, 'unchanged');
  });

  test('on completed ones only does not wait at all', async () => {
    const id = await makeRun(database, 1, after(await completed('unchanged')));
    expect((await statusesOf(database, id))[0]).toBe('queued');
    await stop(database, id);
  });

  test('waits for its time as well', async () => {
    const one = await makeRun(database);
    const id = await makeRun(database, 1, { ...after(one), scheduled_at: new Date('2099-01-02T03:04Z') });
    expect(await stepOf(id)).toBe(`Waits for run ${one}, until 2099-01-02 03:04 UTC at least`);
    await endRun(one, 'unchanged');
    expect(await releaseDue(database)).toEqual([]);
  });

  test('fails with one of them, and so do those that depend on it, all down the chain at once', async () => {
    const first = await makeRun(database);
    const chain = [first];
    for (let i = 0; i < 6; i += 1) chain.push(await makeRun(database, 2, after(chain[i]!)));
    const late = await makeRun(database, 1, { ...after(first), scheduled_at: inAnHour() });
    await endRun(first, 'failed');
    expect(await releaseDue(database)).toEqual([]);
    for (const [i, id] of chain.entries()) {
      if (i === 0) continue;
      expect(await statusesOf(database, id)).toEqual(['failed', 'failed', 'failed']);
      const { error, completed_at, variations } = await getRun(database, id);
      expect(error?.code).toBe('dependency_failed');
      expect(error?.message).toContain(`Run ${chain[i - 1]}`);
      expect(completed_at).not.toBeNull();
      expect(variations.every((one) => one.error?.code === 'dependency_failed')).toBe(true);
      const record = await recordOf(database, id);
      expect(record.map((event) => event.type)).toEqual([
        ...['run.created', 'variation.failed', 'variation.failed', 'run.failed'],
      ]);
      expect(gapless(record)).toBe(true);
    }
    expect((await statusesOf(database, late))[0]).toBe('failed');
  });

  test('that was asked to wait does so, and goes on when the failed one is retried and completes', async () => {
    const one = await makeRun(database);
    const id = await makeRun(database, 1, { ...after(one), on_dependency_failure: 'wait' });
    await endRun(one, 'failed');
    expect(await releaseDue(database)).toEqual([]);
    expect(await stepOf(id)).toBe(`Waits for run ${one} (failed)`);
    await retry(database, one, undefined, 'checkpoint');
    expect(await stepOf(id)).toBe(`Waits for run ${one}`);
    expect(await releaseDue(database)).toEqual([]);
    const [variation] = await listQueued(database);
    const claimed = await claim(database, variation!.id, variation!.job_epoch, 'w');
    await finish(database.sql, claimed!, {
      ...{ status: 'completed', summary: null, patch: null, commit_sha: null, branch: null },
    });
    expect(await releaseDue(database)).toHaveLength(1);
    await stop(database, id);
  });

  test('that failed for another waits for it again when it is started again', async () => {
    const one = await makeRun(database);
    const id = await makeRun(database, 1, after(one));
    await endRun(one, 'failed');
    await releaseDue(database);
    await retry(database, id, undefined, 'start');
    expect(await statusesOf(database, id)).toEqual(['pending', 'queued']);
    await releaseDue(database);
    expect((await statusesOf(database, id))[0]).toBe('failed');
    // Both again, in whatever order.
    await retry(database, one, undefined, 'checkpoint');
    await retry(database, id, undefined, 'checkpoint');
    expect(await stepOf(id)).toBe(`Waits for run ${one}`);
    await endRun(one, 'unchanged');
    expect(await releaseDue(database)).toHaveLength(1);
    // Once released, it waits no more.
    await endRun(id, 'failed');
    await database.sql`update runs set status = 'failed' where id = ${one}`;
    await retry(database, id, undefined, 'checkpoint');
    expect((await statusesOf(database, id))[0]).toBe('queued');
    await stop(database, id);
  });

  test('is refused when one is not there', async () => {
    expect(await refusal(after(999_999))).toEqual([422, 'invalid', 'depends_on']);
    expect(await refusal({ base_run: 999_999 })).toEqual([422, 'invalid', 'base']);
  });
});

describe('a run whose base is another’s result', () => {
  test('waits for that one, and starts from its only commit', async () => {
    const one = await makeRun(database, 2);
    const id = await makeRun(database, 1, { base_run: one });
    expect((await getRun(database, id)).depends_on).toEqual([one]);
    await endRun(one, 'unchanged', sha('b'));
    expect(await releaseDue(database)).toHaveLength(1);
    expect((await getRun(database, id)).base).toBe(sha('b'));
    await stop(database, id);
  });

  test('that is completed starts at once: from its base when it changed nothing', async () => {
    const id = await makeRun(database, 1, { base_run: await completed('unchanged', 'failed') });
    const { status, base, depends_on } = await getRun(database, id);
    expect([status, base, depends_on]).toEqual(['queued', sha('0'), []]);
    await stop(database, id);
  });

  test('waits while there are several and no winner, and says so; then starts from the winner', async () => {
    const one = await makeRun(database, 3);
    const id = await makeRun(database, 2, { base_run: one });
    expect((await getRun(database, id)).waits_for_winner_of).toBeNull();
    await endRun(one, sha('c'), sha('d'), 'failed');
    expect(await releaseDue(database)).toEqual([]);
    // Another one, made only now, waits as well.
    const late = await makeRun(database, 1, { base_run: one });
    for (const waiting of [id, late]) {
      const { status, current_step, waits_for_winner_of, depends_on } = await getRun(database, waiting);
      expect([status, current_step]).toEqual(['pending', `Waits for the winner of run ${one}`]);
      expect([waits_for_winner_of, depends_on]).toEqual([one, [one]]);
    }
    expect(await listAwaitedWinners(database, 9)).toMatchObject([{ id: one, waiting: [id, late] }]);
    await chooseWinner(database, one, { position: 2, by: 'person', note: null });
    expect(await listAwaitedWinners(database, 9)).toEqual([]);
    expect(await stepOf(id)).toBe('Starts in a moment');
    expect(await releaseDue(database)).toHaveLength(3);
    for (const released of [id, late]) {
      expect((await getRun(database, released)).base).toBe(sha('d'));
      await stop(database, released);
    }
    // And one that comes later starts at once.
    const last = await makeRun(database, 1, { base_run: one });
    expect(await getRun(database, last)).toMatchObject({ status: 'queued', base: sha('d') });
    await stop(database, last);
  });

  test('needs no winner of several that are one and the same', async () => {
    const id = await makeRun(database, 1, { base_run: await completed(sha('e'), sha('e'), 'unchanged') });
    expect(await getRun(database, id)).toMatchObject({ status: 'queued', base: sha('e') });
    await stop(database, id);
  });

  test('starts from the base of a winner that changed nothing', async () => {
    const one = await completed(sha('1'), sha('2'), 'unchanged');
    await chooseWinner(database, one, { position: 3, by: 'person', note: null });
    expect(await resultOf(database.sql, one)).toEqual({ base: sha('0') });
  });

  test('does not keep others from their turn while it waits for a winner', async () => {
    const one = await completed(sha('1'), sha('2'));
    for (let i = 0; i < 101; i += 1) await makeRun(database, 1, { base_run: one, priority: 9 });
    const next = await makeRun(database, 1, { scheduled_at: inAnHour() });
    await changeRun(database, next, { scheduled_at: null });
    expect(await releaseDue(database)).toHaveLength(1);
    await stop(database, next);
    await chooseWinner(database, one, { position: 1, by: 'person', note: null });
    const released = await releaseDue(database);
    expect(released).toHaveLength(101);
    await database.sql`update variations set status = 'stopped' where id in ${database.sql(released.map((row) => row.id))}`;
  });

  test('is not a person’s to wait for while a verdict that may pick is being made', async () => {
    const options = { ...defaultOptions, pick: 'verdict' as const };
    const one = await makeRun(database, 2, { options });
    await endRun(one, sha('1'), sha('2'));
    const id = await makeRun(database, 1, { base_run: one });
    expect(await listAwaitedWinners(database, 9)).toEqual([]);
    await database.sql`update verdicts set status = 'given' where run_id = ${one}`;
    expect(await listAwaitedWinners(database, 9)).toMatchObject([{ id: one, waiting: [id] }]);
    await stop(database, id);
  });

  test('cannot start from a run that has no result at all', async () => {
    const one = await completed('unchanged');
    await database.sql`update runs set base_sha = null where id = ${one}`;
    expect(await refusal({ base_run: one })).toEqual([422, 'base_not_found', 'base']);
    expect(await resultOf(database.sql, 999_999)).toHaveProperty('code', 'base_not_found');
  });

  test('fails with that one', async () => {
    const one = await makeRun(database);
    const id = await makeRun(database, 1, { base_run: one });
    await stop(database, one);
    await releaseDue(database);
    expect((await getRun(database, id)).error?.message).toContain(
      `Run ${one}, which it depends on, was stopped`,
    );
  });

  test('is refused when that is of another project', async () => {
    const other = { repo_url: 'https://example.org/acme/other.git', local_path: null };
    const project_id = await projectOf(database, other);
    expect(await refusal({ base_run: await completed(sha('e')), project_id })).toEqual([
      422,
      'invalid',
      'base',
    ]);
  });
});

describe('many processes that look at the same time', () => {
  test('release each run once, and fail each once', async () => {
    const good: number[] = [];
    const bad: number[] = [];
    const [fine, broken] = [await makeRun(database), await makeRun(database)];
    for (let i = 0; i < 10; i += 1) {
      good.push(await makeRun(database, 2, after(fine)));
      bad.push(await makeRun(database, 2, after(broken)));
    }
    await endRun(fine, 'unchanged');
    await endRun(broken, 'failed');
    const released = (await Promise.all(Array.from({ length: 6 }, () => releaseDue(database)))).flat();
    expect(released).toHaveLength(20);
    expect(new Set(released.map((one) => one.id)).size).toBe(20);
    for (const id of good) {
      expect((await typesOf(id)).filter((type) => type === 'run.released')).toHaveLength(1);
      await stop(database, id);
    }
    for (const id of bad) expect(await typesOf(id)).toHaveLength(4);
  });

  test('leave alone what another has in hand', async () => {
    const id = await makeRun(database, 2, { scheduled_at: inAnHour() });
    await changeRun(database, id, { scheduled_at: null });
    const [, second] = await variationIds(database, id);
    await database.sql.begin(async (tx) => {
      await tx`select id from variations where id = ${second!} for update`;
      expect(await releaseDue(database)).toEqual([]);
    });
    expect(await releaseDue(database)).toHaveLength(2);
  });
});
