import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { insertCheckpoint } from '../../src/core/checkpoint';
import { finish, release } from '../../src/core/claim';
import { direct } from '../../src/core/directive';
import { claimErrand, countOfLost, type Errand, putBack, takeBackErrands } from '../../src/core/errand';
import { append, listEvents } from '../../src/core/event';
import type { Event } from '../../src/core/fact';
import { giveVerdict } from '../../src/core/judging';
import { getLanding, landRun, undoLanding } from '../../src/core/landing';
import { landingSteps, rebasedOn } from '../../src/core/landing-matter';
import {
  failLanding,
  finishUndo,
  noteTrouble,
  planLanding,
  requireLanding,
  succeedLanding,
} from '../../src/core/landing-progress';
import { claimLook, hearOfChecks, hearOfPull, lookFailed, noteLook } from '../../src/core/landing-watch';
import { rank } from '../../src/core/ranking';
import { rollback } from '../../src/core/rewind';
import { defaultOptions, deleteRun, getRun } from '../../src/core/run';
import { stop } from '../../src/core/steer';
import { forgetOldDeliveries, takeDelivery } from '../../src/core/webhook-delivery';
import { chooseWinner, clearWinner } from '../../src/core/winner';
import { freshDatabase, type TestDatabase } from '../support/database';
import { completeOne, landRequest, openPull, plan, wonRun } from './landing-scene';
import { claimOne, gapless, makeRun, recordOf } from './scene';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

const refusalOf = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error) => error.code ?? error.name,
  );
const land = async (runId: number) => (await landRun(database, runId, landRequest)).landing;
/** The errand of a run's landing; what others' tests want is left alone. */
async function take(runId: number, worker = 'w'): Promise<Errand> {
  const others = database.sql`update landings set not_before = now() + interval '1 day' where run_id <> ${runId} and not_before is null`;
  await others;
  const errand = await claimErrand(database, 'landings', worker);
  if (errand?.run_id !== runId) throw new Error(`the landing of run ${runId} could not be claimed`);
  return errand;
}
const told = async (runId: number) =>
  (await listEvents(database, runId, { limit: 1000 })).filter((event) => event.type.startsWith('landing.'));
const types = (events: readonly Event[]) => events.map((event) => event.type.replace('landing.', ''));
const winner = { position: 1, checkpoint: 1 };

describe('what is asked for', () => {
  test('needs a winner with a patch, and is there once', async () => {
    const bare = await makeRun(database, 2);
    expect(await refusalOf(landRun(database, 999_999, landRequest))).toBe('run_not_found');
    expect(await refusalOf(land(bare))).toBe('no_winner');
    await completeOne(database, bare, 1);
    expect(await refusalOf(land(bare))).toBe('no_winner');
    await chooseWinner(database, bare, { position: 1, by: 'person', note: null });
    expect(await refusalOf(getLanding(database, bare))).toBe('landing_not_found');
    expect(await land(bare)).toMatchObject({ status: 'wanted', mode: 'branch', variation: 1, branch: null });
    expect(await refusalOf(land(bare))).toBe('already_landed');
    expect(await refusalOf(clearWinner(database, bare))).toBe('already_landed');
  });

  test('is nothing when the winner changed no file', async () => {
    const runId = await wonRun(database);
    await database.sql`update variations set commit_sha = null where run_id = ${runId}`;
    expect(await refusalOf(land(runId))).toBe('nothing_to_land');
    await database.sql`update variations set commit_sha = ${'b'.repeat(40)} where run_id = ${runId}`;
    expect(await refusalOf(land(runId))).toBe('nothing_to_land');
  });

  test('is the same for the same idempotency key, also when asked at the same time', async () => {
    const runId = await wonRun(database);
    const key = { key: 'k', body_sha256: 'x' };
    const made = await Promise.all([1, 2, 3].map(() => landRun(database, runId, landRequest, key)));
    expect(new Set(made.map((one) => one.landing.id)).size).toBe(1);
    expect(made.filter((one) => !one.existed)).toHaveLength(1);
    expect(await refusalOf(landRun(database, runId, landRequest, { ...key, body_sha256: 'y' }))).toBe(
      'idempotency_key_reused',
    );
  });

  test('of several at once without a key, one is taken', async () => {
    const runId = await wonRun(database);
    const said = await Promise.all([1, 2, 3].map(() => refusalOf(land(runId))));
    expect(said.sort()).toEqual(['already_landed', 'already_landed', null]);
  });
});

describe('the way', () => {
  test('is told from start to end, each once, also when it is planned again', async () => {
    const runId = await wonRun(database);
    await land(runId);
    const errand = await take(runId);
    expect((await getLanding(database, runId)).status).toBe('landing');
    await planLanding(database, errand, plan, winner);
    await planLanding(database, errand, { ...plan, commit_sha: 'e'.repeat(40) }, winner);
    await succeedLanding(database, errand, openPull);
    expect(await getLanding(database, runId)).toMatchObject({
      ...{ status: 'landed', branch: plan.branch, target: 'main', commit: 'e'.repeat(40), error: null },
      pull_request: openPull,
    });
    const events = await told(runId);
    expect(types(events)).toEqual(['started', 'succeeded']);
    expect(events[1]?.payload).toMatchObject({ commit: 'e'.repeat(40), pull_request: openPull });
    expect(gapless(await recordOf(database, runId))).toBe(true);
  });

  test('is shut to whoever had it before: nothing is written under an older epoch', async () => {
    const runId = await wonRun(database);
    await land(runId);
    const old = await take(runId, 'gone');
    await planLanding(database, old, plan, winner);
    expect(await takeBackErrands(database)).toBe(1);
    const present = await take(runId);
    // What took a process with it counts as a try: it does not take one after the other.
    expect(present.tries).toBe(old.tries + countOfLost('landings'));
    const late = [
      requireLanding(database, old),
      planLanding(database, old, plan, winner),
      succeedLanding(database, old, null),
      failLanding(database, old, { code: 'internal', message: 'x' }),
      finishUndo(database, old, 'nothing'),
    ];
    expect(await Promise.all(late.map(refusalOf))).toEqual(late.map(() => 'Fenced'));
    await noteTrouble(database, old, { code: 'internal', message: 'x' });
    await putBack(database, 'landings', old, { delayMs: 0, counts: 1 });
    expect(await getLanding(database, runId)).toMatchObject({ status: 'landing', error: null });
    await succeedLanding(database, present, null);
    expect(types(await told(runId))).toEqual(['started', 'succeeded']);
  });

  test('waits visibly after a failure that may pass', async () => {
    const runId = await wonRun(database);
    await land(runId);
    const errand = await take(runId);
    await noteTrouble(database, errand, { code: 'forge_unavailable', message: 'no answer' });
    await putBack(database, 'landings', errand, { delayMs: 60_000, counts: 1 });
    const waiting = await getLanding(database, runId);
    expect(waiting).toMatchObject({ status: 'wanted', error: { code: 'forge_unavailable' } });
    expect(Date.parse(waiting.retry_at ?? '')).toBeGreaterThan(Date.now() + 50_000);
    // Nothing has gone out: it never does.
    await undoLanding(database, runId);
    expect(await getLanding(database, runId)).toMatchObject({
      status: 'undone',
      retry_at: null,
      error: null,
    });
    expect((await told(runId)).map((event) => event.payload)).toMatchObject([{ how: 'nothing' }]);
  });

  test('ends when it cannot be done; then it may be asked for again', async () => {
    const runId = await wonRun(database);
    await land(runId);
    const errand = await take(runId);
    const error = { code: 'merge_conflict', message: 'no', paths: ['a.txt'] };
    await failLanding(database, errand, error);
    expect(await getLanding(database, runId)).toMatchObject({ status: 'failed', error });
    expect((await told(runId)).map((event) => event.payload)).toEqual([
      { landing: errand.id, error } as never,
    ]);
    expect(await refusalOf(undoLanding(database, runId))).toBe('not_landed');
    expect((await land(runId)).id).toBeGreaterThan(errand.id);
  });

  test.each([
    ['branch_checked_out', 'merge', 'not_landed'],
    ['push_refused', 'merge', 'not_landed'],
    // It may have been pushed by one that was killed before it could tell.
    ['push_refused', 'branch', null],
    ['target_not_found', 'merge', null],
    ['internal', 'merge', null],
  ] as const)(
    'that ends with %s of a %s is undone only where something may be out: %p',
    async (code, mode, refusal) => {
      const runId = await wonRun(database);
      await landRun(database, runId, { ...landRequest, mode });
      const errand = await take(runId);
      await planLanding(database, errand, { ...plan, branch: 'main' }, winner);
      await failLanding(database, errand, { code, message: 'no' });
      const failed = await getLanding(database, runId);
      expect(failed).toMatchObject({
        status: 'failed',
        target: 'main',
        branch: refusal === null ? 'main' : null,
      });
      expect(await refusalOf(undoLanding(database, runId))).toBe(refusal);
      if (refusal !== null) return;
      // Nor does it become less when the undoing fails.
      await failLanding(database, await take(runId), { code: 'branch_checked_out', message: 'no' });
      expect(await refusalOf(undoLanding(database, runId))).toBeNull();
    },
  );

  test('ends when the winner has gone on before anything went out', async () => {
    const runId = await wonRun(database);
    await land(runId);
    const errand = await take(runId);
    await direct(database, runId, { text: 'more', variations: [1], path: null, line: null });
    expect(await refusalOf(planLanding(database, errand, plan, winner))).toBe('winner_reopened');
    // Also when it is completed again by now, with another patch than that which was read.
    await database.sql`update variations set status = 'completed', checkpoint = 2 where run_id = ${runId}`;
    expect(await refusalOf(planLanding(database, errand, plan, winner))).toBe('winner_reopened');
    // And when that other patch is the one that was read: nobody has chosen it.
    expect(await refusalOf(planLanding(database, errand, plan, { position: 1, checkpoint: 2 }))).toBe(
      'winner_reopened',
    );
    expect(types(await told(runId))).toEqual([]);
  });
});

describe('a choice of a run that says what becomes of its winner', () => {
  test('asks for that once: another note for the same winner does not land again what was undone', async () => {
    const runId = await makeRun(database, 1, { options: { ...defaultOptions, land: landRequest } });
    await completeOne(database, runId);
    const choose = (note: string) => chooseWinner(database, runId, { position: 1, by: 'person', note });
    await choose('the best');
    await undoLanding(database, runId);
    await choose('the best, and to be landed by hand');
    expect((await getLanding(database, runId)).status).toBe('undone');
    // Chosen anew, it is.
    await clearWinner(database, runId);
    await choose('after all');
    expect((await getLanding(database, runId)).status).toBe('wanted');
  });
});

test('a verdict that may choose asks a person where a winner that goes on has landed', async () => {
  const options = { ...defaultOptions, pick: 'verdict' as const };
  const runId = await makeRun(database, 1, { options });
  await completeOne(database, runId);
  const give = async () => {
    await database.sql`update verdicts set not_before = now() + interval '1 day' where run_id <> ${runId}`;
    const errand = await claimErrand(database, 'verdicts', 'w');
    const field = { alike: [], judging: null };
    const sound = {
      ...{ position: 1, applies: { base: true, target: 'clean' as const }, broken: 0, fixed: 1 },
      ...{
        total_failing_on_base: 1,
        criteria: null,
        size: 1,
        cost_usd: null,
        executed: true,
        inconclusive: false,
        unmet: 0,
        doubtful: 0,
      },
    };
    const made = { ...rank({ ...field, candidates: [sound] }), criteria: [], answers: {}, judge: null };
    await giveVerdict(database, errand!, made, options);
    const events = await listEvents(database, runId, { limit: 1000 });
    return events.filter((event) => event.type === 'verdict.given').at(-1)?.payload;
  };
  expect(await give()).toMatchObject({ asks: false });
  expect((await getRun(database, runId)).winner).toMatchObject({ position: 1, by: 'verdict' });
  await land(runId);
  const errand = await take(runId);
  await planLanding(database, errand, plan, winner);
  await succeedLanding(database, errand, openPull);
  await direct(database, runId, { text: 'more', variations: [1], path: null, line: null });
  const claimed = await claimOne(database, runId, 1);
  await database.sql`update directives set delivered_at = now() where run_id = ${runId}`;
  await finish(database.sql, claimed, {
    ...{ status: 'completed', summary: 'More.', commit_sha: 'e'.repeat(40), branch: 'x' },
    patch: { files: 1, additions: 2, deletions: 1, bytes: 9 },
  });
  // What is out is a person's to take back.
  expect(await give()).toMatchObject({ asks: true });
  expect((await getRun(database, runId)).winner).toBeNull();
});

test('a run is not removed while its landing is on its way', async () => {
  const runId = await wonRun(database);
  await land(runId);
  const remove = () => refusalOf(deleteRun(database, runId));
  expect(await remove()).toBe('landing_under_way');
  const errand = await take(runId);
  expect(await remove()).toBe('landing_under_way');
  await planLanding(database, errand, plan, winner);
  await succeedLanding(database, errand, null);
  expect(await remove()).toBeNull();
});

describe('undoing', () => {
  const landed = async (pull = openPull as typeof openPull | null) => {
    const runId = await wonRun(database);
    await land(runId);
    const errand = await take(runId);
    await planLanding(database, errand, plan, winner);
    await succeedLanding(database, errand, pull);
    return runId;
  };

  test('is asked for once, and told', async () => {
    const runId = await landed();
    await undoLanding(database, runId);
    await undoLanding(database, runId);
    expect((await getLanding(database, runId)).status).toBe('undo_wanted');
    const errand = await take(runId);
    expect(errand.status).toBe('undoing');
    await undoLanding(database, runId);
    await finishUndo(database, errand, 'closed', { pull: { ...openPull, state: 'closed' } });
    expect(await getLanding(database, runId)).toMatchObject({
      status: 'undone',
      pull_request: { state: 'closed' },
    });
    expect(types(await told(runId))).toEqual(['started', 'succeeded', 'undone']);
    expect(await refusalOf(undoLanding(database, runId))).toBe('not_landed');
    expect((await land(runId)).status).toBe('wanted');
  });

  test('that cannot be done leaves it landed, with the reason', async () => {
    const runId = await landed(null);
    await undoLanding(database, runId);
    await failLanding(database, await take(runId), { code: 'branch_moved', message: 'moved' });
    expect(await getLanding(database, runId)).toMatchObject({
      status: 'landed',
      error: { code: 'branch_moved' },
    });
    expect((await told(runId)).at(-1)?.payload).toMatchObject({ undo: true });
    expect(await refusalOf(land(runId))).toBe('already_landed');
  });

  test('takes away what a landing that failed has left behind', async () => {
    const runId = await wonRun(database);
    await land(runId);
    const errand = await take(runId);
    await planLanding(database, errand, plan, winner);
    await failLanding(database, errand, { code: 'forge_refused', message: 'no' });
    await undoLanding(database, runId);
    const undoing = await take(runId);
    await failLanding(database, undoing, { code: 'push_refused', message: 'no' });
    expect((await getLanding(database, runId)).status).toBe('failed');
    await undoLanding(database, runId);
    await finishUndo(database, await take(runId), 'branch_deleted');
    expect((await getLanding(database, runId)).status).toBe('undone');
  });

  test('is refused while it lands, and once it is merged', async () => {
    const busy = await wonRun(database);
    await land(busy);
    await take(busy);
    expect(await refusalOf(undoLanding(database, busy))).toBe('landing_under_way');
    const merged = await landed({ ...openPull, state: 'merged', merged_sha: 'f'.repeat(40) });
    expect(await refusalOf(undoLanding(database, merged))).toBe('already_merged');
    expect(await refusalOf(undoLanding(database, 999_999))).toBe('run_not_found');
    expect(await refusalOf(undoLanding(database, await wonRun(database)))).toBe('landing_not_found');
  });
});

describe('a pull request that is out', () => {
  const out = async () => {
    // Nobody else's turn.
    await database.sql`update landings set polled_at = now() + interval '1 day' where status = 'landed'`;
    const runId = await wonRun(database);
    await land(runId);
    const errand = await take(runId);
    const commit = `${runId}`.padStart(40, 'c');
    const head = `bakeoff/${runId}-x`;
    await planLanding(database, errand, { ...plan, branch: head, commit_sha: commit }, winner);
    await succeedLanding(database, errand, openPull);
    return { runId, id: errand.id, head, commit };
  };
  const age = (id: number, seconds: number) => database.sql`
    update landings set polled_at = polled_at - make_interval(secs => ${seconds}) where id = ${id}`;

  test('is looked at by one of many, and again after a minute', async () => {
    const { id } = await out();
    const looks = await Promise.all([1, 2, 3, 4].map(() => claimLook(database)));
    expect(looks.filter((look) => look !== null).map((look) => look.id)).toEqual([id]);
    expect(await claimLook(database)).toBeNull();
    await age(id, 59);
    expect(await claimLook(database)).toBeNull();
    await age(id, 2);
    expect((await claimLook(database))?.id).toBe(id);
  });

  test('is looked at less often when that fails, or nothing has changed for long', async () => {
    const { id } = await out();
    for (const waits of [60, 120, 240]) {
      const look = await claimLook(database);
      await lookFailed(database, look!);
      await age(id, waits - 2);
      expect(await claimLook(database)).toBeNull();
      await age(id, 4);
    }
    const look = await claimLook(database);
    expect(look?.tries).toBe(3);
    await noteLook(database, look!, openPull);
    await database.sql`update landings set updated_at = now() - interval '5 hours' where id = ${id}`;
    await age(id, 290);
    expect(await claimLook(database)).toBeNull();
    await age(id, 20);
    expect((await claimLook(database))?.tries).toBe(0);
  });

  test('is told of only when something has changed; merged, it is not looked at any more', async () => {
    const { runId, id } = await out();
    const look = await claimLook(database);
    expect(await noteLook(database, look!, { ...openPull })).toBe(false);
    expect(await noteLook(database, look!, { ...openPull, checks: 'passed' })).toBe(true);
    const merged = { ...openPull, state: 'merged', checks: 'passed', merged_sha: 'f'.repeat(40) } as const;
    expect(await noteLook(database, look!, merged)).toBe(true);
    await age(id, 10_000);
    expect(await claimLook(database)).toBeNull();
    expect(types(await told(runId))).toEqual(['started', 'succeeded', 'updated', 'updated']);
    expect((await getLanding(database, runId)).pull_request).toEqual(merged);
  });

  test('is known by its branch, number and repository when its forge has news', async () => {
    const { runId, head } = await out();
    const hear = (news: object, own = (url: string) => url.includes('acme/ledger')) =>
      database.sql.begin((tx) =>
        hearOfPull(tx, { number: 7, state: 'closed', merged_sha: null, head, ...news }, own),
      );
    expect(await hear({}, () => false)).toBe(false);
    expect(await hear({ number: 8 })).toBe(false);
    expect(await hear({ head: 'main' })).toBe(false);
    expect(await hear({ head: 'bakeoff/999999-x' })).toBe(false);
    expect((await getLanding(database, runId)).pull_request?.state).toBe('open');
    expect(await hear({})).toBe(true);
    expect(await hear({})).toBe(false);
    expect((await getLanding(database, runId)).pull_request).toEqual({ ...openPull, state: 'closed' });
    expect(await hear({ state: 'open' })).toBe(true);
  });

  test('is not taken back to what a look saw before newer news came', async () => {
    const { runId, id, head } = await out();
    const look = await claimLook(database);
    const news = { number: 7, state: 'open', merged_sha: null, head } as const;
    await database.sql.begin((tx) =>
      hearOfPull(tx, { ...news, state: 'merged', merged_sha: 'f'.repeat(40) }, () => true),
    );
    expect(await noteLook(database, look!, { ...openPull, checks: 'passed' })).toBe(false);
    expect((await getLanding(database, runId)).pull_request?.state).toBe('merged');
    const other = await out();
    await claimLook(database);
    await database.sql.begin((tx) => hearOfChecks(tx, { sha: other.commit, branch: null }));
    expect((await claimLook(database))?.id).toBe(other.id);
    await database.sql.begin((tx) => hearOfChecks(tx, { sha: null, branch: other.head }));
    expect((await claimLook(database))?.id).toBe(other.id);
    expect(await database.sql.begin((tx) => hearOfChecks(tx, { sha: '9'.repeat(40), branch: 'main' }))).toBe(
      false,
    );
    expect(id).not.toBe(other.id);
  });
});

test('a delivery counts once, with what it changes; after a week it is forgotten', async () => {
  const take_ = (id: string, work = async () => 'done') => takeDelivery(database, 'github', id, work);
  expect(await take_('one')).toBe('done');
  expect(await take_('one')).toBe('seen');
  const failing = take_('two', () => Promise.reject(new Error('away')));
  expect(await refusalOf(failing)).toBe('Error');
  expect(await take_('two')).toBe('done');
  await database.sql`update webhook_deliveries set received_at = now() - interval '8 days' where id = 'one'`;
  await forgetOldDeliveries(database);
  expect([await take_('one'), await take_('two')]).toEqual(['done', 'seen']);
});

describe('what a winner was put on top of', () => {
  const rebase = { target: 'main', target_sha: 'a'.repeat(40), paths: ['a.txt'] };

  test('counts once it was heard and something was changed since, and not after turning back', async () => {
    const runId = await wonRun(database);
    await direct(database, runId, { text: 'rebase', variations: [1], path: null, line: null, rebase });
    expect(await rebasedOn(database, runId, 1)).toBeNull();
    const [directive] = (await listEvents(database, runId, { types: ['directive.received'] })) as {
      payload: { directive: number };
    }[];
    const claimed = await claimOne(database, runId);
    await append(database.sql, runId, 1, [
      { type: 'directive.delivered', payload: { directive: directive!.payload.directive, call: 2 } },
    ]);
    expect(await rebasedOn(database, runId, 1)).toBeNull();
    const stat = { files: 1, additions: 1, deletions: 1, bytes: 1 };
    await database.sql.begin(async (tx) => {
      await append(tx, runId, 1, [
        { type: 'checkpoint.saved', payload: { checkpoint: 2, step: 2, ...stat } },
      ]);
      const content = { base_sha: 'b'.repeat(40), bytes: Uint8Array.of(2), sha256: 'two', stat };
      await insertCheckpoint(tx, claimed, 2, content, 2);
    });
    expect(await rebasedOn(database, runId, 1)).toEqual(rebase);
    const steps = await landingSteps(database, runId, 1);
    expect(steps.map((step) => new TextDecoder().decode(step.patch))).toEqual(['patch', '\u0002']);
    await release(database.sql, claimed);
    await stop(database, runId);
    await rollback(database, runId, 1, 1);
    expect(await rebasedOn(database, runId, 1)).toBeNull();
    expect(await landingSteps(database, runId, 1)).toHaveLength(1);
  });
});
