import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commitPatch } from '../../src/agent/commit';
import { type MirroredProject, Mirrors } from '../../src/agent/mirror';
import { insertCheckpoint } from '../../src/core/checkpoint';
import { finish } from '../../src/core/claim';
import { projectOf } from '../../src/core/project';
import { changeRun } from '../../src/core/run';
import { commitWords, ensureBase } from '../../src/jobs/base';
import { claimOne, makeRun } from '../core/scene';
import { freshDatabase, type TestDatabase } from '../support/database';
import { git, makeRepository } from '../support/repository';
import { testConfig } from '../support/service';
import { tempDir } from '../support/temp';

// A busy machine is slow, not wrong.
setDefaultTimeout(30_000);

let database: TestDatabase;
let repository: { path: string; head: string };
let project: MirroredProject;
/** Those of the machine that the runs were worked on at. */
let there: Mirrors;
beforeAll(async () => {
  database = await freshDatabase();
  repository = makeRepository({ 'a.txt': 'one\n' });
  const id = await projectOf(database, { repo_url: null, local_path: repository.path });
  project = { id, repo_url: null, local_path: repository.path, default_branch: null };
  there = machine();
  await there.sync(project);
});
afterAll(() => database.drop());

function machine(): Mirrors {
  const dir = tempDir('machine');
  const config = testConfig({ dataDir: dir });
  return new Mirrors({ dir: join(dir, 'mirrors'), config, sandbox: { makeReadable: async () => {} } });
}

/** A run that completed on the other machine with one new file; its commit. */
async function completed(baseSha: string, file: string): Promise<{ id: number; commit: string }> {
  const id = await makeRun(database, 1, { project_id: project.id, goal: `Write ${file}\nand more` });
  const work = tempDir('work');
  git(work, 'clone', '-q', there.pathOf(project.id), '.');
  git(work, 'checkout', '-q', baseSha);
  writeFileSync(join(work, file), 'new\n');
  git(work, 'add', '-A');
  const bytes = Buffer.from(`${git(work, 'diff', '--cached', '--binary', '--full-index', baseSha)}\n`);
  const claimed = await claimOne(database, id);
  await database.sql`update runs set base_sha = ${baseSha} where id = ${id}`;
  const [run] = await database.sql<{ goal: string; created_at: Date }[]>`select * from runs where id = ${id}`;
  const { commit } = await commitPatch({
    ...{ mirror: there.pathOf(project.id), baseSha, patch: bytes, ref: `refs/bakeoff/${id}/1` },
    ...commitWords(run!, 'anna'),
  });
  const stat = { files: 1, additions: 1, deletions: 0, bytes: bytes.length };
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await database.sql.begin((tx) =>
    insertCheckpoint(tx, claimed, 1, { base_sha: baseSha, bytes, sha256, stat }, 1),
  );
  await finish(database.sql, claimed, {
    ...{ status: 'completed', summary: null, patch: stat, commit_sha: commit, branch: null },
  });
  return { id, commit };
}
const from = (base: string | null) => ({ base, base_sha: null, base_run: null });

test('a result that was made on another machine is made again, with what it stands on, whatever was renamed', async () => {
  const first = await completed(repository.head, 'b.txt');
  const second = await completed(first.commit, 'c.txt');
  await changeRun(database, first.id, { name: 'Renamed' });
  await database.sql`update agents set name = 'renamed' where id = 1`;
  const here = machine();
  await here.sync(project);
  const parts = { database, mirrors: here };
  expect(await here.has(project.id, second.commit)).toBe(false);
  // Two variations of the run begin at the same time.
  await Promise.all([
    ensureBase(parts, project, from(second.commit)),
    ensureBase(parts, project, from(second.commit)),
  ]);
  expect(await here.resolve(project, second.commit)).toBe(second.commit);
  const files = git(here.pathOf(project.id), 'ls-tree', '--name-only', second.commit).split('\n');
  expect(files).toEqual(['a.txt', 'b.txt', 'c.txt']);
  expect(git(here.pathOf(project.id), 'log', '-1', '--format=%an|%s', first.commit)).toBe('anna|Write b.txt');
});

test('a base that no run has made is left as it is', async () => {
  const here = machine();
  await here.sync(project);
  for (const base of [null, 'main', 'f'.repeat(40), repository.head])
    await ensureBase({ database, mirrors: here }, project, from(base));
});

test('a result that cannot be made again, or is not known yet, is no base', async () => {
  const { id, commit } = await completed(repository.head, 'd.txt');
  await database.sql`update runs set created_at = created_at - interval '1 day' where id = ${id}`;
  const here = machine();
  await here.sync(project);
  const attempt = (run: Parameters<typeof ensureBase>[2]) =>
    ensureBase({ database, mirrors: here }, project, run).catch((error) => error.code);
  expect(await attempt(from(commit))).toBe('base_not_found');
  expect(await attempt({ ...from(null), base_run: id })).toBe('base_not_found');
});
