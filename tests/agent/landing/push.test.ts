import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { commitTree, treeOf } from '../../../src/agent/commit';
import { deleteBranch, pushBranch, type Remote, remoteTip } from '../../../src/agent/landing/push';
import { type MirroredProject, Mirrors } from '../../../src/agent/mirror';
import { inspectSource } from '../../../src/agent/source';
import { type GitServer, startGitServer } from '../../support/git-server';
import { until } from '../../support/wait';
import { commitAll, git, scratch } from '../environments/support';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const { dir, config: plain, end } = scratch();
const work = join(dir, 'work');
let server: GitServer;
let project: MirroredProject;
let remote: Remote;
let mirrors: Mirrors;
let config: typeof plain;
let count = 0;

beforeAll(async () => {
  server = await startGitServer();
  config = { ...plain, forgeHosts: [server.host], sslCertFile: server.caFile };
  mirrors = new Mirrors({
    dir: join(plain.dataDir, 'mirrors'),
    config,
    sandbox: { makeReadable: async () => {} },
  });
  mkdirSync(work);
  git(work, 'init', '-q');
  writeFileSync(join(work, 'a.txt'), 'one\n');
  commitAll(work, 'first');
});
afterAll(async () => {
  await server.stop();
  await end();
});

beforeEach(async () => {
  count += 1;
  server.faults = {};
  server.add(`team/${count}`, work);
  project = {
    id: count,
    repo_url: server.urlOf(`team/${count}`),
    local_path: null,
    default_branch: null,
    credential: { username: 'x-access-token', token: server.token },
  };
  const { path } = await mirrors.sync(project);
  remote = { project, mirror: path, config };
  server.requests.length = 0;
});

/** A commit on another one, in the mirror. */
async function commitOn(parent: string, message = 'landed'): Promise<string> {
  const tree = await treeOf(remote.mirror, parent);
  return await commitTree(remote.mirror, { tree, parents: [parent], message, date: new Date(1e12) });
}

const tip = () => git(remote.mirror, 'rev-parse', 'main');
const there = (branch: string) => git(server.pathOf(`team/${count}`), 'rev-parse', `refs/heads/${branch}`);
const failure = (work: Promise<unknown>) => work.catch((error: Error) => error);

describe('a token', () => {
  test('lets a private repository be fetched, and is asked for by its own host only', async () => {
    expect(tip()).toBe(git(work, 'rev-parse', 'HEAD'));
    expect((await inspectSource(project, config)).heads).toEqual(['main']);
    const other = await startGitServer();
    try {
      other.add('team/x', work);
      const elsewhere = { ...config, forgeHosts: [other.host], sslCertFile: other.caFile };
      const wrong = { ...project, repo_url: other.urlOf('team/x') };
      await expect(inspectSource(wrong, elsewhere)).rejects.toThrow('Authentication failed');
      expect(other.requests.at(-1)).toContain('x-access-token');
      expect(
        (
          await inspectSource(
            { ...wrong, credential: { ...project.credential!, token: other.token } },
            elsewhere,
          )
        ).heads,
      ).toEqual(['main']);
    } finally {
      await other.stop();
    }
  });

  test('is answered for the host it was given for, and for no other', () => {
    const program = resolve(import.meta.dir, '../../../src/agent/askpass.sh');
    accessSync(program, constants.X_OK);
    const ask = (question: string) =>
      Bun.spawnSync([program, question], {
        env: {
          ASKPASS_SCHEME: 'https',
          ASKPASS_HOST: 'h:1',
          ASKPASS_USERNAME: 'u',
          ASKPASS_TOKEN: '-n %s\\n',
        },
      });
    expect(ask("Username for 'https://h:1': ").stdout.toString()).toBe('u\n');
    expect(ask("Password for 'https://u@h:1': ").stdout.toString()).toBe('-n %s\\n\n');
    const others = [
      'https://u@h:2',
      'http://u@h:1',
      'https://v@h:1',
      'https://u@h',
      'https://u@*',
      'https://u@h:1.evil',
    ];
    for (const other of others) {
      const said = ask(`Password for '${other}': `);
      expect([other, said.exitCode, said.stdout.toString()]).toEqual([other, 1, '']);
    }
  });

  test('that is missing or wrong is said in words, without the token', async () => {
    for (const credential of [null, { username: 'x-access-token', token: 'wrong-token' }]) {
      server.faults = { echo: true };
      const said = await failure(mirrors.sync({ ...project, credential }));
      expect(said).toMatchObject({ code: 'clone_failed', transient: false });
      expect(String(said)).toContain(credential ? 'refused the token' : 'asks for a password');
      const pushed = await failure(
        pushBranch({ ...remote, project: { ...project, credential } }, { commit: tip(), branch: 'b' }),
      );
      expect(pushed).toMatchObject({ code: 'push_refused', transient: false });
      expect(`${said}${pushed}`).not.toContain('wrong-token');
    }
    const odd = { ...project, credential: { username: 'a b', token: 'x' } };
    expect(await failure(mirrors.sync(odd))).toMatchObject({ code: 'clone_failed' });
  });

  test('is in no argument, no file of the mirror, and no error while git works and fails', async () => {
    const commit = await commitOn(tip());
    let release = () => {};
    server.faults = { hold: new Promise<void>((done) => (release = done)) };
    const pushing = pushBranch(remote, { commit, branch: 'bakeoff/1-x' });
    await until(() => server.requests.length > 0);
    const seen = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
    expect(seen).toContain(`refs/heads/bakeoff/1-x`);
    expect(seen).not.toContain(server.token);
    server.faults = { refuse: 401, echo: true };
    release();
    const said = await failure(pushing);
    expect(said).toHaveProperty('code', 'push_refused');
    const basic = Buffer.from(`x-access-token:${server.token}`).toString('base64');
    for (const secret of [server.token, basic]) {
      expect(`${said} ${(said as Error).cause}`).not.toContain(secret);
      const kept = Bun.spawnSync(['grep', '-rlF', secret, remote.mirror]);
      expect(kept.stdout.toString()).toBe('');
    }
  });

  test('is not sent to a server whose certificate is not trusted', async () => {
    const untrusting = { ...config, sslCertFile: null };
    const said = await failure(pushBranch({ ...remote, config: untrusting }, { commit: tip(), branch: 'b' }));
    expect(said).toMatchObject({ code: 'forge_unavailable', transient: false });
    expect(String(said)).toContain('SSL_CERT_FILE');
    expect(server.requests).toEqual([]);
  });
});

describe('a push', () => {
  test('makes a branch, goes forward, and finds itself done', async () => {
    const first = await commitOn(tip());
    const branch = 'bakeoff/7-make-it';
    expect(await pushBranch(remote, { commit: first, branch, expectOld: null })).toEqual({
      state: 'pushed',
    });
    expect(there(branch)).toBe(first);
    for (const expectOld of [null, undefined, first]) {
      const again = { commit: first, branch, ...(expectOld === undefined ? {} : { expectOld }) };
      expect(await pushBranch(remote, again)).toEqual({ state: 'already_there' });
    }
    const second = await commitOn(first);
    expect(await pushBranch(remote, { commit: second, branch, expectOld: first })).toEqual({
      state: 'pushed',
    });
    expect(await remoteTip(remote, branch)).toBe(second);
    expect(await remoteTip(remote, 'bakeoff/7-make')).toBe(null);
  });

  test('never takes away a commit, whatever is expected', async () => {
    const mine = await commitOn(tip(), 'mine');
    const theirs = await commitOn(tip(), 'theirs');
    const branch = 'shared';
    await pushBranch(remote, { commit: theirs, branch });
    for (const expectOld of [undefined, null, theirs, tip()]) {
      const request = { commit: mine, branch, ...(expectOld === undefined ? {} : { expectOld }) };
      const said = await failure(pushBranch(remote, request));
      expect([expectOld, said]).toMatchObject([expectOld, { code: 'push_rejected', transient: false }]);
    }
    // Also not one that the mirror has never seen.
    const far = join(dir, `far-${count}`);
    git(dir, 'clone', '-q', server.pathOf(`team/${count}`), far);
    const unknown = commitAll(far, 'unknown here');
    git(far, 'push', '-q', 'origin', 'HEAD:refs/heads/shared2');
    expect(await failure(pushBranch(remote, { commit: mine, branch: 'shared2' }))).toHaveProperty(
      'code',
      'push_rejected',
    );
    expect([there(branch), there('shared2')]).toEqual([theirs, unknown]);
  });

  test('whose answer is lost is found again, and one that never came is made', async () => {
    const commit = await commitOn(tip());
    server.faults = { cutAfterPush: true };
    const request = { commit, branch: 'bakeoff/8-x', expectOld: null };
    expect(await failure(pushBranch(remote, request))).toMatchObject({
      code: 'forge_unavailable',
      transient: true,
    });
    expect(there('bakeoff/8-x')).toBe(commit);
    server.faults = {};
    expect(await pushBranch(remote, request)).toEqual({ state: 'already_there' });
    server.faults = { cutBeforePush: true };
    const other = { ...request, branch: 'bakeoff/9-y' };
    expect(await failure(pushBranch(remote, other))).toMatchObject({
      code: 'forge_unavailable',
      transient: true,
    });
    server.faults = {};
    expect(await pushBranch(remote, other)).toEqual({ state: 'pushed' });
  });

  test.each([
    ['a server that is down', { status: 503 }, 'forge_unavailable', true],
    ['a server that forbids it', { refuse: 403 } as const, 'push_refused', false],
    ['a repository that is not there', { status: 404 }, 'push_refused', false],
  ])('to %s fails in a code', async (_, faults, code, transient) => {
    server.faults = faults;
    const said = await failure(pushBranch(remote, { commit: tip(), branch: 'b' }));
    expect(said).toMatchObject({ name: 'LandingFailure', code, transient });
  });

  test('that a rule of the repository refuses says what the server said', async () => {
    const hook = join(server.pathOf(`team/${count}`), 'hooks', 'pre-receive');
    writeFileSync(hook, '#!/bin/sh\necho "branches are protected: $REMOTE_USER" >&2\nexit 1\n', {
      mode: 0o755,
    });
    const said = await failure(pushBranch(remote, { commit: await commitOn(tip()), branch: 'b' }));
    expect(said).toHaveProperty('code', 'push_refused');
    expect(String(said)).toContain('branches are protected');
  });

  test('takes no name that is none, and nothing of ours but the commit', async () => {
    const commit = await commitOn(tip());
    for (const branch of ['-x', '../x', 'a b', 'a..b', 'x.lock', '', 'a:b', '+main', 'a\nb', 'x~1', '@{1}']) {
      if (branch === '+main') continue;
      expect([branch, await failure(pushBranch(remote, { commit, branch }))]).toMatchObject([
        branch,
        { name: 'TypeError' },
      ]);
    }
    await expect(pushBranch(remote, { commit: 'HEAD', branch: 'b' })).rejects.toThrow(TypeError);
    await expect(pushBranch(remote, { commit: '--mirror', branch: 'b' })).rejects.toThrow(TypeError);
    git(remote.mirror, 'update-ref', 'refs/bakeoff/1/1', commit);
    await pushBranch(remote, { commit, branch: '+main' });
    const refs = git(server.pathOf(`team/${count}`), 'for-each-ref', '--format=%(refname)').split('\n');
    expect(refs).toEqual(['refs/heads/+main', 'refs/heads/main']);
    expect(there('main')).toBe(git(work, 'rev-parse', 'HEAD'));
  });

  test('takes what is larger than one request, and does not take what the mirror has not', async () => {
    const blob = join(dir, 'large');
    const parts = Array.from({ length: 40 }, () => crypto.getRandomValues(new Uint8Array(65_536)));
    writeFileSync(blob, Buffer.concat(parts));
    const id = git(remote.mirror, 'hash-object', '-w', blob);
    git(remote.mirror, 'update-index', '--add', '--cacheinfo', `100644,${id},large`);
    const tree = git(remote.mirror, 'write-tree');
    const large = { tree, parents: [tip()], message: 'large', date: new Date(1e12) };
    const commit = await commitTree(remote.mirror, large);
    expect(await pushBranch(remote, { commit, branch: 'large' })).toEqual({ state: 'pushed' });
    expect(git(server.pathOf(`team/${count}`), 'cat-file', '-s', `${there('large')}:large`)).toBe('2621440');
    const missing = await failure(pushBranch(remote, { commit: '1'.repeat(40), branch: 'b' }));
    expect(missing).toHaveProperty('name', 'GitError');
  });

  test('can be given up', async () => {
    const stop = new AbortController();
    server.faults = { hold: new Promise(() => {}) };
    const pushing = failure(pushBranch({ ...remote, signal: stop.signal }, { commit: tip(), branch: 'b' }));
    await until(() => server.requests.length > 0);
    stop.abort();
    expect(await pushing).toHaveProperty('name', 'AbortError');
  });

  test('goes to no redirected place, and to no host that may not be used', async () => {
    const moving = await startGitServer();
    try {
      moving.add(`team/${count}`, work);
      server.faults = { redirect: `${moving.urlOf(`team/${count}`)}/info/refs?service=git-receive-pack` };
      const moved = await failure(pushBranch(remote, { commit: tip(), branch: 'b' }));
      expect(moved).toMatchObject({ code: 'repository_refused', message: expect.stringContaining('moved') });
      const refused = { ...remote, config: { ...config, forgeHosts: [] } };
      expect(await failure(pushBranch(refused, { commit: tip(), branch: 'b' }))).toHaveProperty(
        'code',
        'repository_refused',
      );
      expect(moving.requests).toEqual([]);
    } finally {
      await moving.stop();
    }
  });
});

describe('a branch that is taken back', () => {
  test('is deleted when it is what was pushed, once', async () => {
    const commit = await commitOn(tip());
    const branch = 'bakeoff/3-z';
    await pushBranch(remote, { commit, branch });
    expect(await deleteBranch(remote, { branch, onlyIf: commit })).toEqual({ state: 'deleted' });
    expect(await remoteTip(remote, branch)).toBe(null);
    expect(await deleteBranch(remote, { branch, onlyIf: commit })).toEqual({ state: 'already_gone' });
  });

  test('stays when others have gone on with it, and is gone when only the answer was lost', async () => {
    const commit = await commitOn(tip());
    const branch = 'bakeoff/4-z';
    await pushBranch(remote, { commit: await commitOn(commit), branch });
    expect(await failure(deleteBranch(remote, { branch, onlyIf: commit }))).toHaveProperty(
      'code',
      'branch_moved',
    );
    await pushBranch(remote, { commit, branch: 'bakeoff/5-z' });
    server.faults = { cutAfterPush: true };
    const request = { branch: 'bakeoff/5-z', onlyIf: commit };
    expect(await failure(deleteBranch(remote, request))).toHaveProperty('code', 'forge_unavailable');
    server.faults = {};
    expect(await deleteBranch(remote, request)).toEqual({ state: 'already_gone' });
    expect(existsSync(server.pathOf(`team/${count}`))).toBe(true);
  });
});
