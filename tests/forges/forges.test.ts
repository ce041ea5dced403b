import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test';
import { type Config, readConfig } from '../../src/config';
import { type Forge, ForgeError, marker, openPullRequest } from '../../src/forges/forge';
import { forgeFor } from '../../src/forges/index';
import { type ForgeServer, startForgeServer } from '../support/forge-server';
import { git, makeRepository } from '../support/repository';
import { removeTemp } from '../support/temp';
import { until } from '../support/wait';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const repository = 'team/project';
const mark = marker('12/landing-1');
const opening = {
  head: 'bakeoff/12-make-it',
  base: 'main',
  title: 'Make it so',
  body: 'What was done.',
  labels: ['bakeoff', 'bug'],
  marker: mark,
};

describe.each(['github', 'forgejo'] as const)('%s', (kind) => {
  let server: ForgeServer;
  let forge: Forge;
  let config: Config;
  let path: string;

  beforeAll(async () => {
    server = await startForgeServer(kind, repository);
    path = server.git.add(repository, makeRepository({ 'a.txt': 'one\n' }).path);
    for (const branch of [opening.head, 'other', 'third']) {
      const tree = git(path, 'rev-parse', 'main^{tree}');
      git(path, 'branch', branch, git(path, 'commit-tree', tree, '-p', 'main', '-m', branch));
    }
    const env =
      kind === 'github'
        ? { GITHUB_API_URL: server.apiUrl, GITHUB_TOKEN: server.git.token }
        : { FORGEJO_URL: server.url, FORGEJO_TOKEN: server.git.token };
    config = readConfig({ ...env, SSL_CERT_FILE: server.git.caFile });
  });
  beforeEach(() => {
    server.faults = {};
    server.pulls.length = 0;
    server.labels = ['bug'];
    server.checks = { runs: [], status: null };
    server.requests.length = 0;
    forge = open();
  });
  afterEach(() => expect(server.violations.splice(0)).toEqual([]));
  afterAll(async () => {
    await server.stop();
    removeTemp(path);
  });

  const open = (change: Partial<Config> = {}, options = {}) =>
    forgeFor({ repo_url: server.git.urlOf(repository) }, { ...config, ...change }, options)!;
  const failure = async (work: Promise<unknown>) => {
    const said = await work.catch((error: Error) => error);
    expect(said).toBeInstanceOf(ForgeError);
    expect(`${said} ${JSON.stringify(said)}`).not.toContain(server.git.token);
    return said as ForgeError;
  };

  test('takes no stranger’s pull request for its own, whatever that is called and says', async () => {
    const { head, base, title } = opening;
    const fake = { number: 1, head, base, title, body: mark, state: 'open', merged_sha: null } as const;
    server.pulls.push({ ...fake, labels: [], fork: true });
    expect(await openPullRequest(forge, opening)).toMatchObject({ created: true, pull: { number: 2 } });
    server.pulls.length = 1;
    expect(await forge.findPullRequest({ ...opening, marker: null })).toBe(null);
  });

  test('is asked to open a pull request with labels, which is then found, also when it is closed', async () => {
    const opened = await openPullRequest(forge, opening);
    expect(opened).toMatchObject({
      created: true,
      warnings: [],
      pull: { number: 1, state: 'open', merged_sha: null, head: opening.head, title: 'Make it so' },
    });
    expect(opened.pull.head_sha).toBe(git(path, 'rev-parse', opening.head));
    expect(opened.pull.url).toContain(`/${repository}/pull`);
    expect(server.pulls[0]).toMatchObject({ body: `What was done.\n\n${mark}`, labels: ['bakeoff', 'bug'] });
    expect(server.labels).toEqual(['bug', 'bakeoff']);
    for (const state of ['open', 'closed'] as const) {
      server.pulls[0]!.state = state;
      expect(await openPullRequest(forge, opening)).toMatchObject({
        created: false,
        pull: { number: 1, state },
      });
    }
    expect(server.pulls.length).toBe(1);
  });

  test('whose answer was lost is asked again, and one is there', async () => {
    server.faults = { cutAfterCreate: true };
    const lost = await failure(openPullRequest(forge, opening));
    expect(lost).toMatchObject({ code: 'forge_unavailable', transient: true });
    expect(server.pulls.length).toBe(1);
    server.faults = {};
    const again = await openPullRequest(forge, opening);
    expect(again).toMatchObject({ created: false, pull: { number: 1 }, warnings: [] });
    expect(server.pulls).toMatchObject([{ labels: ['bakeoff', 'bug'] }]);
    server.faults = { cut: true };
    expect(await failure(openPullRequest(forge, { ...opening, head: 'other' }))).toHaveProperty(
      'transient',
      true,
    );
    expect(server.pulls.length).toBe(1);
  });

  test('says that there is one already, and that one is taken, though its marker was edited away', async () => {
    await openPullRequest(forge, opening);
    server.pulls[0]!.body = 'Rewritten by a person.';
    expect(await openPullRequest(forge, opening)).toMatchObject({ created: false, pull: { number: 1 } });
    expect(server.pulls.length).toBe(1);
    // Another branch, and another landing of the same branch, have their own.
    await openPullRequest(forge, { ...opening, head: 'other', marker: marker('13/landing-1') });
    server.pulls[0]!.state = 'closed';
    const next = await openPullRequest(forge, { ...opening, marker: marker('12/landing-2') });
    expect(next).toMatchObject({ created: true, pull: { number: 3 } });
    const found = await forge.findPullRequest({
      head: 'other',
      base: 'main',
      marker: marker('13/landing-1'),
    });
    expect(found?.number).toBe(2);
    expect(await forge.findPullRequest({ head: 'third', base: 'main', marker: mark })).toBe(null);
  });

  test('that refuses labels keeps the pull request', async () => {
    server.faults = { refuseLabels: true };
    const { pull, warnings } = await openPullRequest(forge, opening);
    expect([pull.number, warnings.length]).toEqual([1, 1]);
    expect(warnings[0]).toContain('labels');
  });

  test('that refuses to open it says why', async () => {
    const gone = await failure(openPullRequest(forge, { ...opening, head: 'not-there' }));
    expect(gone.transient).toBe(false);
    const same = await failure(openPullRequest(forge, { ...opening, head: 'main' }));
    expect(same).toMatchObject({ code: 'forge_refused', exists: false });
    expect(same.message).toContain('No commits between');
  });

  test('takes long and odd titles, and bodies beyond its limit', async () => {
    const title = `${'long '.repeat(100)}\nSecond: line`;
    await openPullRequest(forge, { ...opening, title, body: 'x'.repeat(100_000) });
    expect(server.pulls[0]!.title.length).toBe(250);
    expect(server.pulls[0]!.body.length).toBeLessThan(65_536);
    expect(server.pulls[0]!.body).toEndWith(mark);
  });

  test('tells how a pull request stands', async () => {
    await openPullRequest(forge, opening);
    const checks = async () => (await forge.readPullRequest(1)).checks;
    expect(await checks()).toBe('none');
    server.checks.status = 'pending';
    expect(await checks()).toBe('pending');
    server.checks.status = 'success';
    expect(await checks()).toBe('passed');
    server.checks.status = 'failure';
    expect(await checks()).toBe('failed');
    if (kind === 'github') {
      const run = (status: string, conclusion: string | null = null) => ({ status, conclusion });
      server.checks = { status: null, runs: [run('completed', 'success'), run('completed', 'skipped')] };
      expect(await checks()).toBe('passed');
      server.checks.runs.push(run('in_progress'));
      expect(await checks()).toBe('pending');
      server.checks.runs.push(run('completed', 'timed_out'));
      expect(await checks()).toBe('failed');
    }
    const sha = git(path, 'rev-parse', 'other');
    server.merge(1, sha);
    expect(await forge.readPullRequest(1)).toMatchObject({ state: 'merged', merged_sha: sha });
    // Nothing is left to close; and a branch that is gone does not hide it.
    expect(await forge.closePullRequest(1)).toMatchObject({ state: 'merged' });
    git(path, 'branch', '-m', opening.head, 'away');
    expect(await forge.readPullRequest(1)).toMatchObject({ state: 'merged' });
    expect(await openPullRequest(forge, opening)).toMatchObject({ created: false });
    git(path, 'branch', '-m', 'away', opening.head);
    expect(await failure(forge.readPullRequest(9))).toMatchObject({
      code: 'forge_not_found',
      transient: false,
    });
  });

  test('changes and closes a pull request, as often as it is asked', async () => {
    await openPullRequest(forge, opening);
    expect(await forge.updatePullRequest(1, { title: 'Better' })).toMatchObject({
      title: 'Better',
      state: 'open',
    });
    for (let times = 0; times < 2; times++) {
      expect(await forge.closePullRequest(1)).toMatchObject({ state: 'closed', merged_sha: null });
    }
    expect(server.requests.filter((one) => one.startsWith('PATCH')).length).toBe(2);
  });

  test('that is broken, full, in a hurry or somewhere else is told apart', async () => {
    const wants = () => failure(forge.readPullRequest(1));
    const answers = (status: number, headers: Record<string, string> = {}, body?: string) => {
      server.faults = { answer: { status, headers, ...(body === undefined ? {} : { body }) } };
    };
    answers(500);
    expect(await wants()).toMatchObject({ code: 'forge_unavailable', transient: true, status: 500 });
    answers(429, { 'retry-after': '7' });
    expect(await wants()).toMatchObject({ code: 'forge_rate_limited', transient: true, retryAfterS: 7 });
    const reset = `${Math.floor(Date.now() / 1000) + 60}`;
    answers(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset });
    const limited = await wants();
    expect(limited.code).toBe('forge_rate_limited');
    expect(limited.retryAfterS).toBeWithin(50, 62);
    answers(403);
    expect(await wants()).toMatchObject({ code: 'forge_refused', transient: false });
    answers(401, {}, JSON.stringify({ message: `bad token ${server.git.token}\u001b[2J` }));
    const refused = await wants();
    expect(refused).toMatchObject({ code: 'forge_refused', status: 401 });
    expect(refused.message).toContain('refuses the token');
    expect(refused.message).not.toContain('\u001b');
    answers(200, {}, '<html>hello</html>');
    expect(await wants()).toMatchObject({ code: 'forge_nonsense', transient: false });
    answers(200, {}, '{"number":"one"}');
    expect(await wants()).toMatchObject({ code: 'forge_nonsense' });
    answers(200, {}, `"${'x'.repeat(9 * 2 ** 20)}"`);
    expect(await wants()).toMatchObject({ code: 'forge_nonsense' });
    server.faults = { hold: new Promise(() => {}) };
    expect(await failure(open({}, { timeoutMs: 50 }).readPullRequest(1))).toMatchObject({
      code: 'forge_unavailable',
      message: expect.stringContaining('too long'),
    });
  });

  test('is not followed to another host, and to another address of its own only as far as it is safe', async () => {
    await openPullRequest(forge, opening);
    const other = await startForgeServer(kind, repository);
    try {
      server.faults = {
        answer: { status: 307, headers: { location: `${other.apiUrl}/repos/${repository}/pulls/1` } },
      };
      expect(await failure(forge.readPullRequest(1))).toMatchObject({
        code: 'forge_refused',
        message: expect.stringContaining('moved'),
      });
      expect(other.requests).toEqual([]);
      const old = forgeFor({ repo_url: server.git.urlOf('team/old') }, config)!;
      server.faults = { moved: { 'team/old': repository } };
      expect(await old.readPullRequest(1)).toMatchObject({ number: 1 });
      server.faults = { answer: { status: 302, headers: { location: '/somewhere' } } };
      expect(await failure(forge.updatePullRequest(1, { title: 'x' }))).toHaveProperty(
        'code',
        'forge_refused',
      );
      expect(server.requests.filter((one) => one.includes('somewhere'))).toEqual([]);
    } finally {
      await other.stop();
    }
  });

  test('whose certificate is not trusted, or that has no token, is told so', async () => {
    const untrusting = open({ sslCertFile: null });
    expect(await failure(untrusting.readPullRequest(1))).toMatchObject({ code: 'forge_unavailable' });
    expect(server.requests).toEqual([]);
    const bare = { ...config.forges, [kind]: { ...config.forges[kind], token: null } } as Config['forges'];
    const said = await failure(open({ forges: bare }).readPullRequest(1));
    expect(said.message).toContain('has no token');
  });

  test('is not waited for any more when nobody wants it', async () => {
    const stop = new AbortController();
    server.faults = { hold: new Promise(() => {}) };
    const reading = forge.readPullRequest(1, stop.signal).catch((error: Error) => error);
    await until(() => server.requests.length > 0);
    stop.abort();
    expect(await reading).toHaveProperty('name', 'AbortError');
  });
});

test('a marker is what a body can hold unseen', () => {
  expect(mark).toBe('<!-- bakeoff:12/landing-1 -->');
  for (const key of ['', 'a b', '-->', 'x\n']) expect(() => marker(key)).toThrow(TypeError);
});
