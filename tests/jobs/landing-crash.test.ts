import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { Landing } from '../../src/core/contract';
import { listEvents } from '../../src/core/event';
import { getLanding, landRun } from '../../src/core/landing';
import { createProject } from '../../src/core/project';
import { chooseWinner } from '../../src/core/winner';
import { spawnCli } from '../cli/cli';
import { completeOne, landRequest } from '../core/landing-scene';
import { gapless, makeRun } from '../core/scene';
import { freshDatabase, type TestDatabase } from '../support/database';
import { type ForgeServer, startForgeServer } from '../support/forge-server';
import { git, makeRepository } from '../support/repository';
import { openPort, type Port } from '../support/tcp';
import { removeTemp, tempDir } from '../support/temp';
import { until } from '../support/wait';
import { repository, two } from './landing-bench';

// A busy machine is slow, not wrong.
setDefaultTimeout(90_000);

let database: TestDatabase;
let tcp: Port;
let forge: ForgeServer;
let folder: string;
let work: { path: string; head: string };
const running = new Set<ReturnType<typeof spawnCli>>();
let machines = 0;

beforeAll(async () => {
  database = await freshDatabase();
  tcp = await openPort(join(database.address.host, `.s.PGSQL.${database.address.port}`));
  forge = await startForgeServer('forgejo', repository);
  folder = tempDir('landing-crash');
  work = makeRepository({ 'a.txt': 'one\n' });
});
afterAll(async () => {
  for (const child of running) {
    child.kill('SIGKILL');
    await child.exited;
  }
  await forge.stop();
  tcp.close();
  await database.drop();
  removeTemp(folder);
  removeTemp(work.path);
});
beforeEach(() => {
  removeTemp(forge.git.pathOf(repository));
  forge.git.add(repository, work.path);
  forge.faults = {};
  forge.pulls.length = 0;
  forge.requests.length = 0;
});

/** A worker as it ships, on a machine of its own: it shares nothing but the database with the others. */
function worker() {
  machines += 1;
  const { user, password, database: name } = database.address;
  const child = spawnCli(
    ['worker'],
    {
      DATABASE_URL: `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${tcp.port}/${name}`,
      BAKEOFF_DATA: join(folder, `machine-${machines}`),
      BAKEOFF_SECRET: 'one secret for the whole of the fleet',
      FORGEJO_URL: forge.url,
      FORGEJO_TOKEN: forge.git.token,
      SSL_CERT_FILE: forge.git.caFile,
      LOG_LEVEL: 'debug',
    },
    80_000,
  );
  running.add(child);
  const said = new Response(child.stderr).text();
  return {
    kill: async (signal: NodeJS.Signals = 'SIGKILL') => {
      child.kill(signal);
      await child.exited;
      running.delete(child);
      return await said;
    },
  };
}

async function wanted(): Promise<number> {
  const [found] = await database.sql<{ id: number }[]>`select id from projects where name = 'crash'`;
  const project =
    found ??
    (await createProject(database, {
      ...{ name: 'crash', repo_url: forge.git.urlOf(repository), local_path: null },
      ...{ default_branch: null, checks: [] },
    }));
  const runId = await makeRun(database, 1, { project_id: project.id, goal: 'Make it two' });
  await completeOne(database, runId, 1, { base: work.head, patches: [two] });
  await chooseWinner(database, runId, { position: 1, by: 'person', note: null });
  await landRun(database, runId, { ...landRequest, mode: 'pull_request' });
  return runId;
}

const settled = (runId: number): Promise<Landing> =>
  until(
    async () => {
      const seen = await getLanding(database, runId);
      return /^(landed|failed)$/.test(seen.status) && seen;
    },
    'the end of the landing',
    60_000,
  );
const branches = () =>
  git(forge.git.pathOf(repository), 'branch', '--list', 'bakeoff/*', '--format=%(refname:short)');

test.each([
  ['before the forge has heard of the pull request', 'hold', 0],
  ['after the forge has opened it, and before that was heard', 'holdAfterCreate', 1],
] as const)(
  'killed with -9 between push and pull request, %s: another machine makes it one branch and one pull request',
  async (_, fault, opened) => {
    const gate = Promise.withResolvers<void>();
    forge.faults = { [fault]: gate.promise };
    const runId = await wanted();
    const first = worker();
    await until(
      () => branches() !== '' && forge.requests.length > 0 && forge.pulls.length === opened,
      'the moment',
      40_000,
    );
    const pushed = await getLanding(database, runId);
    expect(pushed).toMatchObject({ status: 'landing', branch: branches(), pull_request: null });
    const words = [await first.kill()];
    expect(forge.pulls).toHaveLength(opened);
    // What the dead one had asked for comes about now.
    forge.faults = {};
    gate.resolve();
    const second = worker();
    const landing = await settled(runId);
    words.push(await second.kill('SIGTERM'));
    expect(landing).toMatchObject({
      ...{ status: 'landed', branch: pushed.branch, commit: pushed.commit },
      pull_request: { number: 1, state: 'open' },
    });
    expect(branches()).toBe(landing.branch!);
    expect(forge.pulls.map((pull) => [pull.head, pull.state])).toEqual([[landing.branch!, 'open']]);
    expect(forge.requests.filter((request) => /^POST .*\/pulls$/.test(request))).toHaveLength(1);
    const events = await listEvents(database, runId, { limit: 1000 });
    expect(gapless(events)).toBe(true);
    expect(events.filter((event) => event.type.startsWith('landing.')).map((event) => event.type)).toEqual([
      'landing.started',
      'landing.succeeded',
    ]);
    expect(words.join('')).toContain('worker started');
    expect(words.join('')).not.toContain(forge.git.token);
    expect(forge.violations).toEqual([]);
  },
);
