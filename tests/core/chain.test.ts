import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { createHash } from 'node:crypto';
import type { ContextText } from '../../drizzle/schema';
import { createAgent } from '../../src/core/agent';
import { listAskedWinners } from '../../src/core/asked-winner';
import { insertCheckpoint } from '../../src/core/checkpoint';
import { finish } from '../../src/core/claim';
import { append } from '../../src/core/event';
import { createChain } from '../../src/core/flow';
import { releaseDue } from '../../src/core/pending';
import { projectOf } from '../../src/core/project';
import { retry } from '../../src/core/rewind';
import { defaultOptions, deleteRun, getRun, type NewRun } from '../../src/core/run';
import { listRuns } from '../../src/core/run-list';
import { stop } from '../../src/core/steer';
import { chooseWinner } from '../../src/core/winner';
import { freshDatabase, type TestDatabase } from '../support/database';
import { claimOne, makeRun, newAgent, statusesOf, vault } from './scene';

// A busy machine is slow, not wrong.
setDefaultTimeout(30_000);

let database: TestDatabase;
let project_id: number;
let agent: { id: number; name: string; model: string };
beforeAll(async () => {
  database = await freshDatabase();
  agent = await createAgent(database, vault, newAgent()).then(({ id }) => ({ id, name: 'anna', model: 'm' }));
  project_id = await projectOf(database, { repo_url: 'https://example.org/a.git', local_path: null });
});
afterAll(() => database.drop());

const sha = (digit: string) => digit.repeat(40);
const link = (goal: string, change: Partial<NewRun> = {}): NewRun => ({
  ...{ project_id, goal, name: null, description: null, instructions: null, variations: 1 },
  ...{ agents: [agent], run_type: 'workflow', task_type: 'general', priority: 5, base: null, context: [] },
  ...{ metadata: {}, options: defaultOptions },
  ...change,
});
const stage = (task_type: NewRun['task_type'], change: Partial<NewRun> = {}) =>
  link('Round refunds', { run_type: 'pipeline', task_type, ...change });

async function chain(...links: NewRun[]): Promise<number[]> {
  const { id } = await createChain(database, links);
  return (await getRun(database, id)).flow!.runs;
}

/** Completes a variation: what it says, the commit that it made, and the patch that this is. */
async function complete(
  runId: number,
  summary: string | null,
  commit_sha: string | null = null,
  { position = 1, patch = '' } = {},
): Promise<void> {
  await database.sql`update runs set base_sha = coalesce(base_sha, base, ${sha('0')}) where id = ${runId}`;
  const claimed = await claimOne(database, runId, position);
  const bytes = new TextEncoder().encode(patch);
  const stat = { files: 1, additions: 1, deletions: 0, bytes: bytes.length };
  if (patch !== '') {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const content = { base_sha: sha('0'), bytes, sha256, stat };
    await database.sql.begin((tx) => insertCheckpoint(tx, claimed, 1, content, 1));
  }
  await finish(database.sql, claimed, {
    ...{ status: 'completed', summary, patch: null, commit_sha, branch: null },
  });
}

async function contextOf(runId: number): Promise<ContextText[]> {
  const [row] = await database.sql<
    { context: ContextText[] }[]
  >`select context from runs where id = ${runId}`;
  return row!.context;
}

describe('a chain of runs', () => {
  test('is made whole, knows its parts, and each starts from the result of the one before', async () => {
    const [one, two, three] = await chain(link('One'), link('Two'), link('Three'));
    const parts = await Promise.all([one!, two!, three!].map((id) => getRun(database, id)));
    expect(parts.map((run) => [run.goal, run.status, run.depends_on, run.flow])).toEqual([
      ['One', 'queued', [], { place: 1, runs: [one!, two!, three!] }],
      ['Two', 'pending', [one!], { place: 2, runs: [one!, two!, three!] }],
      ['Three', 'pending', [two!], { place: 3, runs: [one!, two!, three!] }],
    ]);
    const listed = (await listRuns(database)).items.find((run) => run.id === two);
    expect(listed?.flow).toEqual({ place: 2, runs: [one!, two!, three!] });
    await complete(one!, 'did one', sha('a'));
    expect(await releaseDue(database)).toHaveLength(1);
    expect((await getRun(database, two!)).base).toBe(sha('a'));
    // A workflow's goals stand by themselves.
    expect(await contextOf(two!)).toEqual([]);
    await complete(two!, 'did two');
    await releaseDue(database);
    expect((await getRun(database, three!)).base).toBe(sha('a'));
    await stop(database, three!);
  });

  test('waits at each link for a winner, where there is more than one result', async () => {
    const [one, two] = await chain(link('One', { variations: 2 }), link('Two', { variations: 2 }));
    await complete(one!, null, sha('a'));
    await complete(one!, null, sha('b'), { position: 2 });
    expect(await releaseDue(database)).toEqual([]);
    expect((await getRun(database, two!)).current_step).toBe(`Waits for the winner of run ${one}`);
    await chooseWinner(database, one!, { position: 2, by: 'verdict', note: null });
    expect(await releaseDue(database)).toHaveLength(2);
    expect((await getRun(database, two!)).base).toBe(sha('b'));
    await stop(database, two!);
  });

  test('fails from a link that fails to its end', async () => {
    const [one, two, three] = await chain(link('One'), link('Two'), link('Three'));
    await stop(database, one!);
    await releaseDue(database);
    for (const id of [two!, three!]) expect((await statusesOf(database, id))[0]).toBe('failed');
  });

  test('is made once under one key, until its last run is removed', async () => {
    const key = { key: 'k', body_sha256: 'x' };
    const made = await Promise.all([1, 2].map(() => createChain(database, [link('a'), link('b')], key)));
    expect(made[0]?.id).toBe(made[1]!.id);
    expect(made.map((one) => one.existed).sort()).toEqual([false, true]);
    const other = createChain(database, [link('a'), link('b')], { ...key, body_sha256: 'y' });
    expect(await other.catch((error) => error.status)).toBe(409);
    const { runs } = (await getRun(database, made[0]!.id)).flow!;
    for (const id of runs) await stop(database, id);
    await deleteRun(database, runs[1]!);
    expect((await getRun(database, runs[0]!)).flow).toEqual({ place: 1, runs: [runs[0]!] });
    expect((await createChain(database, [link('a'), link('b')], key)).existed).toBe(false);
  });
});

describe('a stage whose verdict asks a person', () => {
  const picks = { options: { ...defaultOptions, pick: 'verdict' as const } };
  const landRequest = {
    ...{ mode: 'branch' as const, target: null, title: null, body: null, labels: [] },
    ...{ squash: true, author: null, co_authors: [], checkout: false },
  };
  const lands = { options: { ...picks.options, land: landRequest } };
  /** What was run does not decide: told as a verdict tells it. */
  async function ask(runId: number): Promise<void> {
    await database.sql.begin(async (tx) => {
      const payload = { verdict: 1, decided_by: null, tie: true, asks: true, ranking: [], summary: 'A tie' };
      await append(tx, runId, null, [{ type: 'verdict.given', payload }]);
      await tx`
        update verdicts set status = 'given', given_at = now(), verdict = '{"summary": {"headline": "A tie"}}',
          seq = (select seq from runs where id = ${runId})
        where run_id = ${runId}`;
    });
  }
  const asked = async (runs: readonly number[]) =>
    (await listAskedWinners(database, 99)).map((one) => one.id).filter((id) => runs.includes(id));

  test('waits for that only while something can be chosen and nothing was built on it', async () => {
    const runs = await chain(
      stage('analysis', picks),
      stage('coding', { ...picks, variations: 2 }),
      stage('review', picks),
    );
    const [analysis, coding, review] = runs;
    await complete(analysis!, 'The rounding is wrong.');
    await ask(analysis!);
    expect(await asked(runs)).toEqual([]);
    await releaseDue(database);
    await complete(coding!, 'did it', sha('a'));
    await complete(coding!, 'did it, too', sha('b'), { position: 2 });
    await ask(coding!);
    await releaseDue(database);
    expect(await asked(runs)).toEqual([coding!]);
    await stop(database, review!);
    expect(await asked(runs)).toEqual([]);
    await retry(database, review!, undefined, 'start');
    expect(await asked(runs)).toEqual([coding!]);
    // The others' result is one and the same: the flow goes on without a choice.
    await database.sql`update variations set commit_sha = ${sha('a')} where run_id = ${coding!}`;
    expect(await releaseDue(database)).toHaveLength(1);
    expect(await asked(runs)).toEqual([]);
    await complete(review!, 'It is right.', sha('a'));
    await ask(review!);
    expect(await asked(runs)).toEqual([]);
  });

  test('waits at the end of a flow whose result is to land', async () => {
    const runs = await chain(stage('coding', picks), stage('review', lands));
    const [coding, review] = runs;
    await complete(coding!, 'did it', sha('a'));
    await ask(coding!);
    expect(await asked(runs)).toEqual([coding!]);
    await releaseDue(database);
    await complete(review!, 'It is right.');
    await ask(review!);
    expect(await asked(runs)).toEqual([review!]);
  });

  test('waits by itself until it is chosen, also when another that would start from it is stopped', async () => {
    const id = await makeRun(database, 2, { ...picks, project_id });
    await complete(id, 'did it', sha('a'));
    await complete(id, 'did it, too', sha('b'), { position: 2 });
    await ask(id);
    await stop(database, await makeRun(database, 1, { project_id, base_run: id }));
    expect(await asked([id])).toEqual([id]);
    await chooseWinner(database, id, { position: 1, by: 'person', note: null });
    expect(await asked([id])).toEqual([]);
  });
});

describe('a pipeline’s stage is told', () => {
  test('what the one before said; a review and a documentation also what was changed', async () => {
    const given = [{ title: 'a log', text: 'boom' }];
    const [analysis, coding, review, docs] = await chain(
      ...[stage('analysis'), stage('coding', { context: given }), stage('review'), stage('documentation')],
    );
    await complete(analysis!, 'Refunds are rounded in two places.');
    await releaseDue(database);
    expect(await contextOf(coding!)).toEqual([
      ...given,
      {
        title: `What the analysis before this said (run ${analysis})`,
        text: 'Refunds are rounded in two places.',
      },
    ]);
    await complete(coding!, 'Rounded.', sha('c'), { patch: 'diff --git a/x b/x\n+two\n' });
    await releaseDue(database);
    const change = {
      title: `The change so far (run ${coding}, variation 1)`,
      text: 'diff --git a/x b/x\n+two\n',
    };
    expect(await contextOf(review!)).toEqual([
      { title: `What the coding before this said (run ${coding})`, text: 'Rounded.' },
      change,
    ]);
    await complete(review!, 'It is good.');
    await releaseDue(database);
    // The review changed nothing: what is to be documented is what the coding changed.
    expect((await getRun(database, docs!)).base).toBe(sha('c'));
    expect(await contextOf(docs!)).toEqual([
      { title: `What the review before this said (run ${review})`, text: 'It is good.' },
      change,
    ]);
    await stop(database, docs!);
  });

  test('of several that said something all of it, and of a winner only its own', async () => {
    const both = { variations: 2 };
    const [analysis, coding, review] = await chain(
      stage('analysis', both),
      stage('coding', both),
      stage('review'),
    );
    await complete(analysis!, 'Left.');
    await complete(analysis!, 'Right.', null, { position: 2 });
    await releaseDue(database);
    expect((await contextOf(coding!)).map((one) => one.text)).toEqual([
      'Variation 1:\n\nLeft.\n\nVariation 2:\n\nRight.',
    ]);
    await complete(coding!, 'Short.', sha('1'), { patch: 'first\n' });
    await complete(coding!, 'Long.', sha('2'), { position: 2, patch: 'second\n' });
    await releaseDue(database);
    expect(await contextOf(review!)).toEqual([]);
    await chooseWinner(database, coding!, { position: 2, by: 'person', note: null });
    await releaseDue(database);
    expect((await contextOf(review!)).map((one) => one.text)).toEqual(['Long.', 'second\n']);
    await stop(database, review!);
  });

  test('so much and no more', async () => {
    const [coding, review] = await chain(stage('coding'), stage('review'));
    await complete(coding!, 'x'.repeat(150_000), sha('1'), { patch: `${'€'.repeat(30_000)}\u0000` });
    await releaseDue(database);
    const [said, change] = (await contextOf(review!)).map((one) => one.text);
    expect(said).toEndWith('x\n(cut here: 100000 of 150000 characters)');
    expect(change).toEndWith('€\n(cut here: 60000 of 90001 bytes)');
    await stop(database, review!);
  });

  test('nothing that is not there, and nothing twice', async () => {
    const [coding, review] = await chain(stage('coding'), stage('review'));
    await complete(coding!, null, sha('1'), { patch: 'one\n' });
    await releaseDue(database);
    expect(await contextOf(review!)).toHaveLength(1);
    // Stopped before it began, and started again while what it stands on goes on once more.
    await stop(database, review!);
    await database.sql`update runs set status = 'failed' where id = ${coding!}`;
    await retry(database, review!, undefined, 'start');
    expect((await statusesOf(database, review!))[0]).toBe('pending');
    await database.sql`update runs set status = 'completed' where id = ${coding!}`;
    await releaseDue(database);
    expect((await statusesOf(database, review!))[0]).toBe('queued');
    expect(await contextOf(review!)).toHaveLength(1);
    await stop(database, review!);
  });
});
