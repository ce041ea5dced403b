import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { direct, listDirectives } from '../../src/core/directive';
import { chooseWinner } from '../../src/core/winner';
import { preflightRun, rebaseDirective } from '../../src/jobs/landing-preflight';
import { call, done, edit } from './bench';
import { type LandingBench, openLandingBench, patchOf } from './landing-bench';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

let on: LandingBench;
beforeAll(async () => {
  on = await openLandingBench();
});
afterAll(() => on.close());

const refusalOf = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error) => [error.code, error.status, error.field],
  );
const choose = (runId: number) =>
  chooseWinner(on.bench.database, runId, { position: 1, by: 'person', note: null });

test('beforehand it is told whether the winner goes on top of a branch, and what is in the way', async () => {
  const { parts } = on.bench;
  const runId = await on.won(await on.fresh());
  const first = await preflightRun(parts, runId, null);
  expect(first).toEqual({
    ...{ variation: 1, target: 'main', target_sha: on.there('rev-parse', 'main') },
    ...{ clean: true, conflicts: [], conflict_count: 0, reason: null },
  });
  expect(await refusalOf(rebaseDirective(parts, runId, null))).toEqual(['nothing_to_rebase', 409, undefined]);
  const tip = on.push('a.txt', 'ONE\n');
  expect(await preflightRun(parts, runId, 'main')).toMatchObject({
    ...{ clean: false, conflicts: ['a.txt'], conflict_count: 1, target_sha: tip },
  });
  expect(await refusalOf(preflightRun(parts, runId, 'no-such'))).toEqual(['target_not_found', 422, 'target']);
  on.there('update-ref', 'refs/heads/foreign', on.there('commit-tree', `${tip}^{tree}`, '-m', 'alone'));
  expect(await preflightRun(parts, runId, 'foreign')).toMatchObject({
    ...{ clean: false, conflict_count: 0, reason: 'foreign shares no history with the winner.' },
  });
  on.forge.git.faults = { status: 503 };
  expect(await refusalOf(preflightRun(parts, runId, null))).toEqual([
    'repository_unavailable',
    503,
    undefined,
  ]);
  on.forge.git.faults = {};
});

test('what does not fit a directive is not asked for', async () => {
  const { parts } = on.bench;
  const runId = await on.won(await on.fresh());
  on.push('a.txt', `${'a long line of it\n'.repeat(5_000)}`);
  expect(await refusalOf(rebaseDirective(parts, runId, null))).toEqual([
    'too_much_to_rebase',
    409,
    undefined,
  ]);
  on.push('a.txt', 'ONE\0\n');
  expect(await refusalOf(rebaseDirective(parts, runId, null))).toEqual([
    'too_much_to_rebase',
    409,
    undefined,
  ]);
});

test('a winner that was asked to rebase lands on what the target had then, and what it has now', async () => {
  const { bench } = on;
  const worker = await bench.worker();
  const project_id = await on.fresh();
  const onTop = call('edit_file', { path: 'a.txt', search: 'two', replace: 'ONE two' });
  const runId = await bench.start({ turns: [edit, done, onTop, done], run: { project_id, goal: 'Two' } });
  expect((await bench.ended(runId, 30_000)).status).toBe('completed');
  await choose(runId);
  on.push('a.txt', 'ONE `````` <!-- -->\n');
  on.push('b.txt', 'BEE\n');
  expect(await on.land(runId)).toMatchObject({ status: 'failed', error: { code: 'merge_conflict' } });

  await direct(bench.database, runId, await rebaseDirective(bench.parts, runId, null));
  const [told] = await listDirectives(bench.database, runId);
  expect(told?.text).toContain('- "a.txt"');
  expect(told?.text).toContain('+ONE `````` <!-- -->');
  // Nothing in the repository can end what holds it.
  expect(told?.text).toContain('```````diff\n');
  await bench.sweep();
  const again = await bench.ended(runId, 30_000);
  expect([again.status, again.winner]).toEqual(['completed', null]);
  await choose(runId);
  const later = on.push('c.txt', 'sea\n');
  expect(await preflightRun(bench.parts, runId, null)).toMatchObject({ clean: true, target_sha: later });

  const landing = await on.land(runId, { mode: 'pull_request' });
  expect(landing).toMatchObject({ status: 'landed', error: null });
  expect(['a', 'b'].map((name) => on.there('show', `${landing.commit}:${name}.txt`))).toEqual([
    'ONE two',
    'BEE',
  ]);
  // One commit, on what the target had when it was asked.
  expect(on.there('log', '--format=%s', `main..${landing.branch}`)).toBe('Two');
  expect(on.there('rev-parse', `${landing.commit}^`)).toBe(on.there('rev-parse', `${later}^`));
  await on.undo(runId);
  const steps = await on.land(runId, { squash: false });
  expect(on.there('log', '--merges', '--format=%s', `main..${steps.branch}`)).toBe('Two');
  expect(on.there('show', `${steps.commit}:a.txt`)).toBe('ONE two');

  // What others changed in the same place since then is in the way again.
  await on.undo(runId);
  on.push('a.txt', 'ONE more\n');
  expect(await on.land(runId)).toMatchObject({
    status: 'failed',
    error: { code: 'merge_conflict', paths: ['a.txt'] },
  });
  await worker.stop();
});

test('a conflict in another file than those that were asked about stays one', async () => {
  const { parts } = on.bench;
  const project = await on.fresh();
  const both = patchOf('a.txt', 'one\n', 'two\n') + patchOf('b.txt', 'bee\n', 'bumble\n');
  const runId = await on.won(project, { patches: [both] });
  on.push('b.txt', 'BEE\n');
  on.push('a.txt', 'ONE\n');
  expect((await preflightRun(parts, runId, null)).conflicts).toEqual(['a.txt', 'b.txt']);
  const { sql } = on.bench.database;
  const rebase = { target: 'main', target_sha: on.there('rev-parse', 'main'), paths: ['a.txt'] };
  await sql`update events set type = 'directive.delivered', payload = ${sql.json({ directive: 5, call: 1 })}
    where run_id = ${runId} and variation = 1 and type = 'variation.started'`;
  await sql`update events set type = 'directive.received', payload = ${sql.json({ directive: 5, text: '', rebase })}
    where run_id = ${runId} and variation = 1 and type = 'variation.queued'`;
  expect((await preflightRun(parts, runId, null)).conflicts).toEqual(['a.txt', 'b.txt']);
  const whole = sql.json({ directive: 5, text: '', rebase: { ...rebase, paths: ['a.txt', 'b.txt'] } });
  await sql`update events set payload = ${whole} where run_id = ${runId} and type = 'directive.received'`;
  expect((await preflightRun(parts, runId, null)).clean).toBe(true);
});
