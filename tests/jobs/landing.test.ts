import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../../src/config';
import { readCheckpoint } from '../../src/core/checkpoint';
import { getLanding, landRun } from '../../src/core/landing';
import { changeRun, defaultOptions } from '../../src/core/run';
import { sealToken } from '../../src/core/token';
import { startErrands } from '../../src/jobs/errands';
import { landing } from '../../src/jobs/landing';
import { landRequest } from '../core/landing-scene';
import { gapless, vault } from '../core/scene';
import { git } from '../support/repository';
import { until } from '../support/wait';
import { processesWith } from './bench';
import { type LandingBench, openLandingBench, patchOf, repository, two } from './landing-bench';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

let on: LandingBench;
beforeAll(async () => {
  on = await openLandingBench();
});
afterAll(() => on.close());
afterEach(() => expect(on.forge.violations.splice(0)).toEqual([]));

const show = (commit: string, format: string) => on.there('log', '-1', `--format=${format}`, commit);
const told = async (runId: number) =>
  (await on.events(runId)).filter((event) => event.type.startsWith('landing.'));

describe('a branch', () => {
  test('is pushed by the run’s number and name, one commit on the base, with title, summary and authors', async () => {
    const runId = await on.won(await on.fresh(), { summary: 'Made it **two**.' });
    const landing = await on.land(runId, {
      author: { name: 'Ada', email: 'ada@example.org' },
      co_authors: [{ name: 'Bob', email: 'bob@example.org' }],
    });
    const branch = `bakeoff/${runId}-make-it-two`;
    expect(landing).toMatchObject({
      status: 'landed',
      branch,
      target: 'main',
      pull_request: null,
      error: null,
    });
    expect(on.there('rev-parse', branch)).toBe(landing.commit!);
    expect(on.there('rev-parse', `${branch}^`)).toBe(on.there('rev-parse', 'main'));
    expect(on.there('show', `${branch}:a.txt`)).toBe('two');
    expect(show(branch, '%an <%ae>')).toBe('Ada <ada@example.org>');
    expect(show(branch, '%B')).toBe(
      'Make it two\n\nMade it **two**.\n\nCo-authored-by: Bob <bob@example.org>',
    );
    expect((await told(runId)).map((event) => event.type)).toEqual(['landing.started', 'landing.succeeded']);
    expect(gapless(await on.events(runId))).toBe(true);
    expect(on.forge.requests).toEqual([]);
  });

  test('says a person’s words in place of the agent’s', async () => {
    const runId = await on.won(await on.fresh(), { summary: 'Made it two.' });
    const { commit } = await on.land(runId, { title: 'Two', body: 'As #12 asks.\n\n# Why\nIt was one.' });
    expect(show(commit!, '%B')).toBe('Two\n\nAs #12 asks.\n\n# Why\nIt was one.');
  });

  test('keeps the agent’s steps when it is not to be squashed, each in its words', async () => {
    const three = patchOf('a.txt', 'one\n', 'three\n');
    const runId = await on.won(await on.fresh(), {
      patches: [two, two, three],
      said: ['First I make it two.\nFixes #12.', 'Nothing new.', 'Now three, @octocat.'],
    });
    const { branch, commit } = await on.land(runId, { squash: false });
    expect(on.there('log', '--format=%s', `main..${branch}`).split('\n')).toEqual([
      'Now three, @\u200boctocat.',
      'First I make it two.',
    ]);
    expect(on.there('log', '--format=%b', `main..${branch}`)).toContain('Fixes #\u200b12.');
    expect(on.there('show', `${commit}~1:a.txt`)).toBe('two');
    expect(on.there('show', `${commit}:a.txt`)).toBe('three');
  });

  test('goes under another name where an earlier landing has left its own', async () => {
    const project = await on.fresh();
    const runId = await on.won(project);
    const branch = `bakeoff/${runId}-make-it-two`;
    on.there('branch', branch, 'main');
    const landing = await on.land(runId);
    expect(landing).toMatchObject({ status: 'landed', branch: `${branch}-${landing.id}` });
    expect(on.there('rev-parse', branch)).toBe(on.there('rev-parse', 'main'));
  });

  test('is deleted again, unless others have gone on with it', async () => {
    const runId = await on.won(await on.fresh());
    const { branch } = await on.land(runId);
    expect(await on.undo(runId)).toMatchObject({ status: 'undone', error: null });
    expect(on.there('branch', '--list', branch!)).toBe('');
    expect((await told(runId)).at(-1)?.payload).toMatchObject({ how: 'branch_deleted' });
    const again = await on.land(runId);
    expect(again).toMatchObject({ status: 'landed', branch });
    const tree = on.there('rev-parse', `${branch}^{tree}`);
    on.there(
      'update-ref',
      `refs/heads/${branch}`,
      on.there('commit-tree', tree, '-p', branch!, '-m', 'theirs'),
    );
    expect(await on.undo(runId)).toMatchObject({ status: 'landed', error: { code: 'branch_moved' } });
    expect(show(branch!, '%s')).toBe('theirs');
    // Gone on by hand, there is nothing left to do.
    on.there('branch', '-D', branch!);
    expect(await on.undo(runId)).toMatchObject({ status: 'undone' });
    expect((await told(runId)).at(-1)?.payload).toMatchObject({ how: 'nothing' });
  });

  test('is not made over a conflict with the target’s present tip: that is told with its paths, and the patch stays', async () => {
    const runId = await on.won(await on.fresh());
    on.push('a.txt', 'ONE\n');
    const landing = await on.land(runId);
    expect(landing).toMatchObject({
      status: 'failed',
      branch: null,
      error: { code: 'merge_conflict', paths: ['a.txt'] },
    });
    expect(landing.error?.message).toContain('"a.txt"');
    expect(on.there('branch', '--list', 'bakeoff/*')).toBe('');
    const patch = await readCheckpoint(on.bench.database, runId, 1);
    expect(new TextDecoder().decode(patch!.bytes)).toBe(two);
    expect((await told(runId)).map((event) => event.type)).toEqual(['landing.failed']);
  });

  test('is for a target that must be there, and may have gone on elsewhere', async () => {
    const runId = await on.won(await on.fresh());
    expect(await on.land(runId, { target: 'no-such' })).toMatchObject({
      ...{ status: 'failed', error: { code: 'target_not_found' } },
    });
    on.push('b.txt', 'BEE\n');
    const landing = await on.land(runId);
    expect(landing).toMatchObject({ status: 'landed', target: 'main' });
    // The branch is what the agent made; the target is merged with it by the forge.
    expect(on.there('show', `${landing.commit}:b.txt`)).toBe('bee');
  });

  test('is made by who comes next after a push whose answer was lost, once', async () => {
    const runId = await on.won(await on.fresh());
    on.forge.git.faults = { cutAfterPush: true };
    await landRun(on.bench.database, runId, landRequest);
    const waiting = await until(async () => {
      const seen = await getLanding(on.bench.database, runId);
      return seen.error !== null && seen;
    }, 'a try that failed');
    expect(waiting.error?.code).toBe('forge_unavailable');
    on.forge.git.faults = {};
    const landing = await on.settled(runId);
    expect(landing).toMatchObject({ status: 'landed', error: null });
    expect(on.there('for-each-ref', '--format=%(refname)', 'refs/heads/bakeoff')).toBe(
      `refs/heads/${landing.branch}`,
    );
    expect((await told(runId)).map((event) => event.type)).toEqual(['landing.started', 'landing.succeeded']);
  });

  test('is the same commit at each try, and stays the one that was pushed though the run has another name by then', async () => {
    const { database } = on.bench;
    const trouble = (runId: number) =>
      until(async () => {
        const seen = await getLanding(database, runId);
        return seen.error !== null && seen;
      }, 'a try that failed');
    const project = await on.fresh();
    const first = await on.won(project);
    on.forge.git.faults = { cutBeforePush: true };
    await landRun(database, first, landRequest);
    const planned = await trouble(first);
    on.forge.git.faults = {};
    expect((await on.settled(first)).commit).toBe(planned.commit!);

    const second = await on.won(project);
    on.forge.git.faults = { cutAfterPush: true };
    await landRun(database, second, landRequest);
    const pushed = await trouble(second);
    await changeRun(database, second, { name: 'Another name' });
    on.forge.git.faults = {};
    expect(await on.settled(second)).toMatchObject({
      ...{ status: 'landed', branch: pushed.branch, commit: pushed.commit },
    });
  });

  test('whose repository lets nobody in ends as refused, without the token anywhere', async () => {
    const runId = await on.won(await on.fresh());
    on.said.length = 0;
    await on.bench.parts.mirrors.sync({
      ...{
        id: (await on.bench.database.sql`select project_id from runs where id = ${runId}`)[0]!.project_id,
      },
      ...{ repo_url: on.forge.git.urlOf(repository), local_path: null, default_branch: null },
      credential: { username: 'x', token: on.forge.git.token },
    });
    on.forge.git.faults = { refuse: 403, echo: true };
    const landing = await on.land(runId);
    expect(landing).toMatchObject({ status: 'failed' });
    expect(JSON.stringify([landing, await on.events(runId), on.said])).not.toContain(on.forge.git.token);
  });
});

describe('a pull request', () => {
  const request = { mode: 'pull_request' as const, labels: ['bakeoff'] };

  test('is opened with what was found out, its labels, and its mark', async () => {
    const check = { name: 'test', command: 'true', timeout_s: 5, required: true };
    const runId = await on.won(await on.fresh({ checks: [check] }), {
      summary: 'Fixes #3, says @octocat <img src=x>',
    });
    const { sql } = on.bench.database;
    const [{ id } = { id: 0 }] = await sql`select id from variations where run_id = ${runId}`;
    const row = {
      run_id: runId,
      name: 'a|b `c`',
      command: 'true',
      required: true,
      duration_ms: 1,
      output: '',
    };
    await sql`insert into checks ${sql({ ...row, variation_id: null, result: 'failed', exit_code: 1 })}`;
    await sql`insert into checks ${sql({ ...row, variation_id: id, result: 'fixed', exit_code: 0 })}`;
    const flags = [{ path: 'tests/a.test.ts', kind: 'test', change: 'modified' }];
    await sql`update variations set flags = ${sql.json(flags)} where id = ${id}`;
    const verdict = sql.json({ summary: { headline: 'Variation 1 is the only one', sentences: [] } });
    await sql`insert into verdicts (run_id, status, verdict) values (${runId}, 'given', ${verdict})`;
    const landing = await on.land(runId, request);
    expect(landing).toMatchObject({
      status: 'landed',
      pull_request: { number: 1, state: 'open', checks: 'none' },
    });
    const [pull] = on.forge.pulls;
    expect(pull).toMatchObject({
      title: 'Make it two',
      base: 'main',
      head: landing.branch,
      labels: ['bakeoff'],
    });
    expect(pull!.body).toMatch(new RegExp(`<!-- bakeoff:run-${runId}/landing-${landing.id}/[a-z0-9]+ -->$`));
    expect(pull!.body).toContain('Fixes #\u200b3, says @\u200boctocat <\u200bimg src=x>');
    expect(pull!.body).toContain('| `` a¦b `c` `` | failed | fixed |');
    expect(pull!.body).toContain('Variation 1 is the only one');
    expect(pull!.body).toContain('- `tests/a.test.ts` (modified)');
    expect(pull!.body).toContain(`run ${runId}, variation 1`);
    expect((await told(runId)).at(-1)?.payload).toMatchObject({ pull_request: { number: 1 } });
  });

  test('says what a person wrote, as it was written', async () => {
    const runId = await on.won(await on.fresh());
    await on.land(runId, { ...request, title: 'Two, at last', body: 'Fixes #3. @octocat' });
    expect(on.forge.pulls[0]).toMatchObject({ title: 'Two, at last' });
    expect(on.forge.pulls[0]!.body).toStartWith('Fixes #3. @octocat');
  });

  test('is opened all the same where labels are refused, and says so', async () => {
    const runId = await on.won(await on.fresh());
    on.forge.faults = { refuseLabels: true };
    expect(await on.land(runId, request)).toMatchObject({
      status: 'landed',
      error: { code: 'labels_refused' },
    });
    expect(on.forge.pulls).toHaveLength(1);
  });

  test('is one, though the answer to its opening was lost', async () => {
    const runId = await on.won(await on.fresh());
    on.forge.faults = { cutAfterCreate: true };
    await landRun(on.bench.database, runId, { ...landRequest, ...request });
    await until(() => on.forge.pulls.length > 0, 'the pull request');
    await until(async () => (await getLanding(on.bench.database, runId)).error !== null, 'the lost answer');
    on.forge.faults = {};
    expect(await on.settled(runId)).toMatchObject({
      status: 'landed',
      pull_request: { number: 1 },
      error: null,
    });
    expect(on.forge.pulls).toHaveLength(1);
  });

  test('is given back at a shutdown, and opened by who comes next', async () => {
    const runId = await on.won(await on.fresh());
    const gate = Promise.withResolvers<void>();
    on.forge.faults = { hold: gate.promise };
    await landRun(on.bench.database, runId, { ...landRequest, ...request });
    await until(() => on.forge.requests.length > 0, 'the forge being asked');
    const begun = performance.now();
    const goOn = await on.pause();
    expect(performance.now() - begun).toBeLessThan(4_000);
    expect(await getLanding(on.bench.database, runId)).toMatchObject({ status: 'wanted', error: null });
    on.forge.faults = {};
    gate.resolve();
    await goOn();
    expect(await on.settled(runId)).toMatchObject({ status: 'landed', pull_request: { number: 1 } });
    expect(on.forge.pulls).toHaveLength(1);
  });

  test('is waited for when the forge is full, as long as it says', async () => {
    const runId = await on.won(await on.fresh());
    on.forge.faults = { answer: { status: 429, headers: { 'retry-after': '1' } } };
    await landRun(on.bench.database, runId, { ...landRequest, ...request });
    const waiting = await until(async () => {
      const seen = await getLanding(on.bench.database, runId);
      return seen.retry_at !== null && seen;
    }, 'a pause');
    expect(waiting).toMatchObject({ status: 'wanted', error: { code: 'forge_rate_limited' } });
    on.forge.faults = {};
    expect(await on.settled(runId)).toMatchObject({ status: 'landed' });
  });

  test('that the forge refuses ends the landing; what went out is taken back when that is asked', async () => {
    const runId = await on.won(await on.fresh());
    on.forge.faults = { answer: { status: 403, body: `{"message":"not you, ${on.forge.git.token}"}` } };
    const landing = await on.land(runId, request);
    expect(landing).toMatchObject({ status: 'failed', error: { code: 'forge_refused' } });
    expect(JSON.stringify([landing, await on.events(runId), on.said])).not.toContain(on.forge.git.token);
    expect(on.there('branch', '--list', 'bakeoff/*')).not.toBe('');
    on.forge.faults = {};
    expect(await on.undo(runId)).toMatchObject({ status: 'undone' });
    expect(on.there('branch', '--list', 'bakeoff/*')).toBe('');
  });

  test('is closed and its branch deleted when it is undone; one that was merged is not', async () => {
    const runId = await on.won(await on.fresh());
    const { branch } = await on.land(runId, request);
    expect(await on.undo(runId)).toMatchObject({ status: 'undone', pull_request: { state: 'closed' } });
    expect([on.forge.pulls[0]!.state, on.there('branch', '--list', branch!)]).toEqual(['closed', '']);
    expect((await told(runId)).at(-1)?.payload).toMatchObject({ how: 'closed' });
    const again = await on.land(runId, request);
    expect(again).toMatchObject({ status: 'landed', pull_request: { number: 2 } });
    on.forge.merge(2, again.commit!);
    expect(await on.undo(runId)).toMatchObject({ status: 'landed', error: { code: 'merged' } });
    expect(on.there('rev-parse', branch!)).toBe(again.commit!);
  });

  test('that somebody has deleted on the forge is undone by its branch', async () => {
    const runId = await on.won(await on.fresh());
    const { branch } = await on.land(runId, request);
    on.forge.pulls.length = 0;
    expect(await on.undo(runId)).toMatchObject({
      ...{ status: 'undone', error: null, pull_request: { number: 1, state: 'closed' } },
    });
    expect(on.there('branch', '--list', branch!)).toBe('');
    expect(await on.land(runId, request)).toMatchObject({ status: 'landed', branch });
  });

  test('taken by a worker that does not know the forge is left to one that does', async () => {
    const runId = await on.won(await on.fresh());
    const goOn = await on.pause();
    const { forges } = readConfig({});
    const { parts } = on.bench;
    const ignorant = { ...parts, config: { ...parts.config, forges }, waits: { retryMs: 20 } };
    const stop = await startErrands(ignorant, 'ignorant', { landings: landing });
    try {
      await landRun(on.bench.database, runId, { ...landRequest, ...request });
      const seen = await until(async () => {
        const { status, error } = await getLanding(on.bench.database, runId);
        return error !== null && status !== 'landing' && { status, code: error.code };
      }, 'the trouble');
      expect(seen).toEqual({ status: 'wanted', code: 'forge_not_configured' });
    } finally {
      await stop();
      await goOn();
    }
    expect(await on.settled(runId)).toMatchObject({ status: 'landed', error: null });
  });

  test('of a local repository is refused with words', async () => {
    const runId = await on.won(await on.fresh({ local: true }));
    expect(await on.land(runId, request)).toMatchObject({
      status: 'failed',
      error: { code: 'forge_not_configured' },
    });
  });
});

describe('a merge', () => {
  const request = { mode: 'merge' } as const;
  const local = async () => {
    const project = await on.fresh({ local: true });
    // Where nobody works.
    git(on.work, 'checkout', '-q', '-b', 'elsewhere');
    return project;
  };

  test('takes a local branch forward, and never touches files that are checked out', async () => {
    const runId = await on.won(await local());
    const landing = await on.land(runId, { ...request, target: 'main' });
    expect(landing).toMatchObject({ status: 'landed', branch: 'main', target: 'main' });
    expect(on.there('rev-parse', 'main')).toBe(landing.commit!);
    expect(on.there('show', 'main:a.txt')).toBe('two');
    expect(readFileSync(join(on.work, 'a.txt'), 'utf8')).toBe('one\n');
  });

  test('into a branch that has gone on is one commit on it, or the two joined where steps are kept', async () => {
    const project = await local();
    const runs = [
      await on.won(project),
      await on.won(project, { patches: [patchOf('b.txt', 'bee\n', 'BEE\n')] }),
    ];
    git(on.work, 'checkout', '-q', 'main');
    const tip = on.push('c.txt', 'sea\n');
    git(on.work, 'checkout', '-q', 'elsewhere');
    const squashed = await on.land(runs[0]!, { ...request, target: 'main' });
    expect(show(squashed.commit!, '%P')).toBe(tip);
    const joined = await on.land(runs[1]!, { ...request, target: 'main', squash: false });
    expect(show(joined.commit!, '%P').split(' ')).toHaveLength(2);
    expect(show(joined.commit!, '%P')).toStartWith(squashed.commit!);
    expect(['a', 'b', 'c'].map((name) => on.there('show', `main:${name}.txt`))).toEqual([
      'two',
      'BEE',
      'sea',
    ]);
  });

  test('where the branch is checked out is refused, unless the files may follow and are clean', async () => {
    const runId = await on.won(await on.fresh({ local: true }));
    expect(await on.land(runId, request)).toMatchObject({
      status: 'failed',
      error: { code: 'branch_checked_out' },
    });
    writeFileSync(join(on.work, 'b.txt'), 'mine\n');
    expect(await on.land(runId, { ...request, checkout: true })).toMatchObject({
      ...{ status: 'failed', error: { code: 'checkout_dirty' } },
    });
    expect(readFileSync(join(on.work, 'a.txt'), 'utf8')).toBe('one\n');
    git(on.work, 'checkout', '-q', 'b.txt');
    expect(await on.land(runId, { ...request, checkout: true })).toMatchObject({ status: 'landed' });
    expect(readFileSync(join(on.work, 'a.txt'), 'utf8')).toBe('two\n');
    expect(git(on.work, 'status', '--porcelain')).toBe('');
  });

  test('is undone by a commit that reverts it; what came after stays, unless it is in the way', async () => {
    const runId = await on.won(await local());
    const { commit } = await on.land(runId, { ...request, target: 'main', title: 'Two' });
    git(on.work, 'checkout', '-q', 'main');
    on.push('b.txt', 'later\n');
    git(on.work, 'checkout', '-q', 'elsewhere');
    expect(await on.undo(runId)).toMatchObject({ status: 'undone' });
    expect([on.there('show', 'main:a.txt'), on.there('show', 'main:b.txt')]).toEqual(['one', 'later']);
    expect(show('main', '%s')).toBe('Revert "Two"');
    expect((await told(runId)).at(-1)?.payload).toMatchObject({
      how: 'reverted',
      commit: on.there('rev-parse', 'main'),
    });
    expect(on.there('merge-base', '--is-ancestor', commit!, 'main')).toBe('');
    await on.land(runId, { ...request, target: 'main' });
    git(on.work, 'checkout', '-q', 'main');
    on.push('a.txt', 'three\n');
    git(on.work, 'checkout', '-q', 'elsewhere');
    expect(await on.undo(runId)).toMatchObject({
      ...{ status: 'landed', error: { code: 'revert_conflict', paths: ['a.txt'] } },
    });
    expect(on.there('show', 'main:a.txt')).toBe('three');
  });

  test('of a remote repository is refused with words', async () => {
    const runId = await on.won(await on.fresh());
    expect(await on.land(runId, request)).toMatchObject({
      status: 'failed',
      error: { code: 'repository_refused' },
    });
  });
});

test('a winner whose run was made anew on another’s result brings that along, on whatever machine', async () => {
  const project = await on.fresh();
  const first = await on.won(project, {}, { goal: 'First' });
  const { commit } = await on.land(first);
  const second = await on.won(project, {
    ...{ base: commit!, patches: [patchOf('b.txt', 'bee\n', 'BEE\n')] },
  });
  const landing = await on.land(second);
  expect(on.there('log', '--format=%s', `main..${landing.branch}`).split('\n')).toEqual([
    'Make it two',
    'First',
  ]);
});

test('a run that names what becomes of its winner lands as soon as it has one', async () => {
  const project = await on.fresh();
  const runId = await on.won(
    project,
    {},
    { options: { ...defaultOptions, land: { ...landRequest, mode: 'pull_request' } } },
  );
  expect(await on.settled(runId)).toMatchObject({ status: 'landed', pull_request: { number: 1 } });
});

test('a project’s own token goes before the operator’s, for git and for the forge', async () => {
  const project = await on.fresh();
  const { forgejo } = on.bench.config.forges;
  const { database, config } = on.bench;
  const own = sealToken(vault, { username: 'ada', token: on.forge.git.token });
  await database.sql`update projects set ${database.sql({ ...own })} where id = ${project}`;
  const runId = await on.won(project);
  config.forges.forgejo = forgejo && { ...forgejo, token: 'operators-own-token-that-is-wrong-here' };
  try {
    expect(await on.land(runId, { mode: 'pull_request' })).toMatchObject({ status: 'landed', error: null });
  } finally {
    config.forges.forgejo = forgejo;
  }
  expect(on.forge.git.requests.filter((request) => / ada$/.test(request))).not.toEqual([]);
});

test('the token is in no place but git’s own variables: not in arguments, files, events, rows or the log', async () => {
  const project = await on.fresh();
  const { token } = on.forge.git;
  const seen: string[] = [];
  const watch = setInterval(() => {
    for (const pid of readdirSync('/proc').filter(
      (name) => /^\d+$/.test(name) && Number(name) !== process.pid,
    )) {
      try {
        seen.push(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
      } catch {
        // It ended meanwhile.
      }
    }
  }, 2);
  const runId = await on.won(project);
  const landing = await on.land(runId, { mode: 'pull_request' });
  await on.undo(runId);
  clearInterval(watch);
  expect(seen.some((line) => line.includes('push'))).toBe(true);
  expect(seen.filter((line) => line.includes(token))).toEqual([]);
  const rows = await on.bench.database.sql`select * from landings where run_id = ${runId}`;
  expect(JSON.stringify([landing, rows, await on.events(runId), on.said])).not.toContain(token);
  const mirror = on.bench.parts.mirrors.pathOf(project);
  const found = Bun.spawnSync(['grep', '-rlF', token, mirror, on.bench.workspacesDir]);
  expect(found.stdout.toString()).toBe('');
  expect(existsSync(mirror)).toBe(true);
  expect(processesWith(token)).toEqual([]);
});
