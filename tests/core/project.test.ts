import { afterAll, beforeAll, expect, test } from 'bun:test';
import {
  createProject,
  deleteProject,
  findProject,
  getProject,
  listProjects,
  nameOfSource,
  projectOf,
  storeDetectedChecks,
  updateProject,
} from '../../src/core/project';
import { readProjectFigures } from '../../src/core/project-figures';
import { openVault } from '../../src/core/secret';
import { noToken, sealToken, tokenOf } from '../../src/core/token';
import { freshDatabase, type TestDatabase } from '../support/database';
import { makeRun, vault } from './scene';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

const at = (repo_url: string) => ({ repo_url, local_path: null });
const project = (name: string, url = `https://example.org/${name}.git`) => ({
  ...at(url),
  ...{ name, default_branch: null, checks: [] },
});

test('a source’s project is made once, also by many at the same time', async () => {
  const ids = await Promise.all(
    Array.from({ length: 10 }, () => projectOf(database, at('https://example.org/a/race.git'))),
  );
  expect(new Set(ids).size).toBe(1);
  const local = await projectOf(database, { repo_url: null, local_path: '/srv/race' });
  expect(await getProject(database, local)).toMatchObject({
    name: 'race-2',
    repo_url: null,
    local_path: '/srv/race',
  });
  const others = await Promise.all(
    [1, 2, 3].map((n) => projectOf(database, at(`https://example.org/${n}/same.git`))),
  );
  const names = await Promise.all(others.map(async (id) => (await getProject(database, id)).name));
  expect(names.sort()).toEqual(['same', 'same-2', 'same-3']);
});

test('a source is named by its last part', () => {
  const places = [
    'https://h/a/ledger.git',
    'git@h:a/ledger.git',
    '/srv/ledger/',
    'C:\\src\\ledger',
    'ledger',
    'h:ledger.GIT',
  ];
  expect(places.map(nameOfSource)).toEqual(Array.from(places, () => 'ledger'));
  expect(['/', '', '.git'].map(nameOfSource)).toEqual(['project', 'project', 'project']);
});

test('a name is taken once, and a person finds a project by name, URL or path', async () => {
  const { id } = await createProject(database, project('named'));
  expect((await createProject(database, project('named')).catch((error) => error)).code).toBe('name_taken');
  const other = await createProject(database, project('other'));
  expect((await updateProject(database, other.id, { name: 'named' }).catch((error) => error)).code).toBe(
    'name_taken',
  );
  expect((await updateProject(database, 999_999, { name: 'x' }).catch((error) => error)).status).toBe(404);
  expect((await findProject(database, 'named'))?.id).toBe(id);
  expect((await findProject(database, 'https://example.org/named.git'))?.id).toBe(id);
  expect(await findProject(database, 'nam%')).toBeNull();
});

test('a project that runs need is not deleted', async () => {
  const { id } = await createProject(database, project('needed'));
  await makeRun(database, 1, { project_id: id });
  const refused = await deleteProject(database, id).catch((error) => error);
  expect([refused.code, refused.status]).toEqual(['project_in_use', 409]);
  const { id: free } = await createProject(database, project('free'));
  await deleteProject(database, free);
  expect((await getProject(database, free).catch((error) => error)).code).toBe('project_not_found');
  expect((await deleteProject(database, free).catch((error) => error)).status).toBe(404);
});

test('checks that were found are kept once, and never over what a person has said', async () => {
  const found = [{ name: 'tests', command: 'npm test', timeout_s: 300, required: true }];
  const others = [{ name: 'lint', command: 'npm run lint', timeout_s: 300, required: false }];
  const checksOf = async (id: number) => {
    const { checks, checks_set } = await getProject(database, id);
    return [checks.map((check) => check.name), checks_set];
  };
  const { id } = await createProject(database, project('detected'));
  expect(await database.sql.begin((tx) => storeDetectedChecks({ sql: tx }, id, found))).toBe(true);
  expect(await storeDetectedChecks(database, id, others)).toBe(false);
  expect(await checksOf(id)).toEqual([['tests'], false]);

  await updateProject(database, id, { checks: [] });
  expect(await storeDetectedChecks(database, id, others)).toBe(false);
  expect(await checksOf(id)).toEqual([[], true]);

  await updateProject(database, id, { checks: null });
  expect(await storeDetectedChecks(database, id, others)).toBe(true);
  expect(await checksOf(id)).toEqual([['lint'], false]);

  const said = await createProject(database, { ...project('said'), checks: found });
  expect(await checksOf(said.id)).toEqual([['tests'], true]);
  const none = await createProject(database, { ...project('none'), checks_set: true });
  expect(await storeDetectedChecks(database, none.id, found)).toBe(false);
});

test('a token is stored sealed, and opened with the same secret only', async () => {
  const sealed = sealToken(vault, { username: 'ada', token: 'not in clear' });
  const { id } = await createProject(database, { ...project('with token'), ...sealed });
  const [row] = await database.sql<{ token: Uint8Array }[]>`select token from projects where id = ${id}`;
  expect(Buffer.from(row?.token ?? []).includes('not in clear')).toBe(false);
  expect(await tokenOf(database, vault, id)).toEqual({ username: 'ada', token: 'not in clear' });
  expect(await getProject(database, id)).toMatchObject({ has_token: true, token_user: 'ada' });
  expect(await getProject(database, id)).not.toHaveProperty('token');
  const other = openVault('another secret, just as long as the first');
  expect(await tokenOf(database, other, id).catch(() => 'refused')).toBe('refused');
  await updateProject(database, id, noToken);
  expect(await tokenOf(database, vault, id)).toBeNull();
  expect(await tokenOf(database, vault, 999_999)).toBeNull();
});

test('a project’s figures are those of its own runs, of ninety days; its newest run may be older', async () => {
  const make = async (name: string, statuses: [status: string, daysAgo: number][]) => {
    const { id } = await createProject(database, project(name));
    for (const [status, daysAgo] of statuses) {
      const run = await makeRun(database, 1, { project_id: id });
      await database.sql`
        update runs set status = ${status}, created_at = now() - make_interval(days => ${daysAgo}) where id = ${run}`;
    }
    return id;
  };
  const none = await make('without runs', []);
  const old = await make('old', [['completed', 100]]);
  const good = await make('good', [
    ...([
      ['completed', 3],
      ['failed', 2],
      ['completed', 1],
      ['running', 0],
    ] as [string, number][]),
  ]);
  const figures = await readProjectFigures(database, [none, old, good]);
  expect(figures.get(none)).toEqual({ runs: 0, success_rate: null, last: null });
  expect(figures.get(old)).toMatchObject({ runs: 0, success_rate: null, last: { status: 'completed' } });
  expect(figures.get(good)).toMatchObject({ runs: 4, success_rate: 2 / 3, last: { status: 'running' } });
  expect(await readProjectFigures(database, [])).toEqual(new Map());
});

test('pages are the newest first, none twice, none lost', async () => {
  const { total, items } = await listProjects(database, { limit: 200 });
  const seen: number[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof listProjects>> = await listProjects(database, {
      limit: 2,
      ...(cursor ? { cursor } : {}),
    });
    seen.push(...page.items.map((one) => one.id));
    cursor = page.next_cursor;
  } while (cursor);
  expect(seen).toEqual(items.map((one) => one.id));
  expect(seen).toHaveLength(total);
  expect(seen).toEqual([...seen].sort((a, b) => b - a));
});
