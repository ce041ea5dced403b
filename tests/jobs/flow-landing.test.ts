import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createAgent } from '../../src/core/agent';
import { createChain } from '../../src/core/flow';
import { getLanding, landRun, undoLanding } from '../../src/core/landing';
import { createProject } from '../../src/core/project';
import { defaultOptions, getRun, type NewRun } from '../../src/core/run';
import { chooseWinner } from '../../src/core/winner';
import { newAgent, vault } from '../core/scene';
import { git, makeRepository } from '../support/repository';
import { removeTemp } from '../support/temp';
import { until } from '../support/wait';
import { type Bench, done, edit, openBench } from './bench';

let bench: Bench;
const repository = makeRepository({ 'a.txt': 'one\n' });
beforeAll(async () => {
  bench = await openBench();
  await bench.worker();
});
afterAll(async () => {
  await bench.close();
  removeTemp(repository.path);
});

test('a flow that ends with a review lands what it has reviewed', async () => {
  const { database } = bench;
  const project = await createProject(database, {
    ...{ name: 'flow', repo_url: null, local_path: repository.path, default_branch: null },
    checks: [],
  });
  const link = async (
    name: string,
    turns: readonly object[],
    task_type: NewRun['task_type'],
  ): Promise<NewRun> => {
    const agent = newAgent({ name, scenario: { turns: [...turns] } });
    const { id } = await createAgent(database, vault, agent);
    return {
      ...{ project_id: project.id, goal: name, name, description: null, instructions: null, variations: 1 },
      ...{
        agents: [{ id, name, model: agent.model }],
        run_type: 'pipeline',
        task_type,
        priority: 5,
        base: null,
      },
      ...{ context: [], metadata: {}, options: defaultOptions },
    };
  };
  const links = [await link('implement', [edit, done], 'coding'), await link('review', [done], 'review')];
  const { id, first } = await createChain(database, links);
  const ended = await until(
    async () => {
      await bench.sweep();
      const found = await getRun(database, id);
      return found.completed_at !== null && found;
    },
    'the end of the review',
    25_000,
  );
  expect([ended.status, ended.variations[0]!.patch]).toEqual(['completed', null]);
  await chooseWinner(database, id, { position: 1, by: 'person', note: null });
  const request = {
    mode: 'branch' as const,
    target: null,
    title: null,
    body: null,
    labels: [],
    squash: true,
  };
  const settled = () =>
    until(
      async () => {
        const found = await getLanding(database, id);
        return /^(landed|failed|undone)$/.test(found.status) && found;
      },
      'the end of the landing',
      20_000,
    );
  await landRun(database, id, { ...request, author: null, co_authors: [], checkout: false });
  const landing = await settled();
  expect(landing).toMatchObject({ status: 'landed', error: null });
  const made = (await getRun(database, first)).variations[0]!;
  expect(landing.commit).not.toBeNull();
  expect(git(repository.path, 'show', `${landing.branch}:a.txt`)).toBe('two');
  expect(git(repository.path, 'rev-list', '--count', landing.branch!)).toBe('2');
  expect(made.patch?.files).toBe(1);
  // In a person's own words, where there are some.
  await undoLanding(database, id);
  expect((await settled()).status).toBe('undone');
  const ada = { name: 'Ada', email: 'ada@example.org' };
  const words = {
    title: 'Make it two',
    author: ada,
    co_authors: [{ name: 'Bob', email: 'bob@example.org' }],
  };
  await landRun(database, id, { ...request, ...words, checkout: false });
  const again = await settled();
  expect(again).toMatchObject({ status: 'landed', error: null });
  const told = git(repository.path, 'log', '-1', '--format=%s|%an|%b', again.branch!);
  expect(told).toStartWith('Make it two|Ada|');
  expect(told).toEndWith('Co-authored-by: Bob <bob@example.org>');
  expect(git(repository.path, 'rev-list', '--count', again.branch!)).toBe('2');
  expect(git(repository.path, 'rev-parse', `${again.branch}^{tree}`)).toBe(
    git(repository.path, 'rev-parse', `${landing.commit}^{tree}`),
  );
}, 60_000);
