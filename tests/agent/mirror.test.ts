import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSandbox } from '../../src/agent/environments/open';
import { type MirroredProject, Mirrors } from '../../src/agent/mirror';
import { commitAll, git, scratch, until } from './environments/support';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const { dir, config, end } = scratch();
const mirrorDir = join(config.dataDir, 'mirrors');
let mirrors: Mirrors;
let count = 0;

beforeAll(async () => {
  mirrors = new Mirrors({ dir: mirrorDir, config, sandbox: await openSandbox(config) });
});
afterAll(end);

function source(commit = true): { path: string; project: MirroredProject } {
  count += 1;
  const path = join(dir, `source-${count}`);
  mkdirSync(path);
  git(path, 'init', '-q');
  if (commit) {
    writeFileSync(join(path, 'a.txt'), 'one\n');
    commitAll(path, 'first');
  }
  return { path, project: { id: count, repo_url: null, local_path: path, default_branch: null } };
}

const head = (path: string, name = 'HEAD') => git(path, 'rev-parse', name);
const failure = (promise: Promise<unknown>) => promise.catch((error: Error & { code?: string }) => error);

describe('a mirror', () => {
  test('holds branches and tags, follows them, forgets those that are gone, and keeps what runs made', async () => {
    const { path, project } = source();
    git(path, 'branch', 'side');
    git(path, 'tag', '-a', '-m', 'tagged', 'v1');
    expect(await mirrors.sync(project)).toEqual({ path: mirrors.pathOf(project.id), default_branch: 'main' });
    const first = head(path);
    const mirror = mirrors.pathOf(project.id);
    git(mirror, 'update-ref', 'refs/bakeoff/1/1', first);
    git(path, 'branch', '-D', 'side');
    git(path, 'branch', 'side/below');
    git(path, 'tag', '-d', 'v1');
    commitAll(path, 'second');
    git(path, 'commit', '-q', '--amend', '--allow-empty', '-m', 'rewritten');
    await mirrors.sync(project);
    const refs = git(mirror, 'for-each-ref', '--format=%(refname)').split('\n');
    expect(refs).toEqual(['refs/bakeoff/1/1', 'refs/heads/main', 'refs/heads/side/below']);
    expect(head(mirror, 'main')).toBe(head(path));
    expect(readdirSync(mirrorDir).filter((name) => name.startsWith('half'))).toEqual([]);
  });

  test('resolves nothing, a branch, a tag, a commit whole or cut, and refuses the rest', async () => {
    const { path, project } = source();
    const first = head(path);
    git(path, 'tag', '-a', '-m', 'tagged', 'v1');
    git(path, 'checkout', '-q', '-b', 'feature/x');
    const second = commitAll(path, 'second');
    git(path, 'checkout', '-q', 'main');
    await mirrors.sync(project);
    expect(await mirrors.resolve(project, null)).toBe(first);
    expect(await mirrors.resolve({ ...project, default_branch: 'feature/x' }, null)).toBe(second);
    expect(await mirrors.resolve({ ...project, default_branch: 'gone' }, null)).toBe(first);
    for (const base of [
      'feature/x',
      'refs/heads/feature/x',
      second,
      second.slice(0, 9),
      second.toUpperCase(),
    ]) {
      expect(await mirrors.resolve(project, base)).toBe(second);
    }
    expect(await mirrors.resolve(project, 'v1')).toBe(first);
    const tree = git(path, 'rev-parse', 'HEAD^{tree}');
    const hostile = [
      '-h',
      '--help',
      '--exec=x',
      'main~1',
      'main..x',
      '@{-1}',
      ':/first',
      'a b',
      '',
      '\0',
      '../x',
      'HEAD^',
      tree,
    ];
    for (const base of ['nope', '1234567', 'f'.repeat(40), 'refs/bakeoff/1/1', ...hostile]) {
      expect(await failure(mirrors.resolve(project, base))).toHaveProperty('code', 'base_not_found');
    }
  });

  test('of before there was a repository inside has one with the next fetch, and keeps what runs made', async () => {
    const { path, project } = source();
    const mirror = mirrors.pathOf(project.id);
    mkdirSync(mirrorDir, { recursive: true });
    git(dir, 'clone', '-q', '--mirror', path, mirror);
    const tree = git(mirror, 'rev-parse', 'HEAD^{tree}');
    const result = git(mirror, 'commit-tree', tree, '-m', 'a result');
    git(mirror, 'update-ref', 'refs/bakeoff/1/1', result);
    const sha = commitAll(path, 'second');
    await mirrors.sync(project);
    expect(await mirrors.resolve(project, null)).toBe(sha);
    expect(git(mirror, 'cat-file', '-t', 'refs/bakeoff/1/1')).toBe('commit');
    const inside = git(join(mirror, 'source'), 'cat-file', '--batch-all-objects', '--batch-check').split(
      '\n',
    );
    expect(inside.some((line) => line.startsWith(sha))).toBe(true);
    expect(inside.filter((line) => line.startsWith(result))).toEqual([]);
    // What the source has is not kept twice.
    const commit = commitAll(path, 'third');
    await mirrors.sync(project);
    expect(readdirSync(join(mirror, 'objects'))).not.toContain(commit.slice(0, 2));
    git(mirror, 'fsck', '--strict');
  });

  test('that is broken, also inside only, is made anew', async () => {
    const { path, project } = source();
    for (const broken of ['HEAD', join('source', 'HEAD')]) {
      await mirrors.sync(project);
      rmSync(join(mirrors.pathOf(project.id), broken));
      await mirrors.sync(project);
      expect(await mirrors.resolve(project, null)).toBe(head(path));
    }
    for (const name of readdirSync(mirrorDir).filter((one) => one.includes('broken')))
      rmSync(join(mirrorDir, name), { recursive: true });
  });

  test('follows the default branch of the source', async () => {
    const { path, project } = source();
    await mirrors.sync(project);
    git(path, 'checkout', '-q', '-b', 'trunk');
    const sha = commitAll(path, 'on trunk');
    expect((await mirrors.sync(project)).default_branch).toBe('trunk');
    expect(await mirrors.resolve(project, null)).toBe(sha);
  });

  test('says in plain words that a repository is empty, and serves it once it is not', async () => {
    const { path, project } = source(false);
    expect((await mirrors.sync(project)).default_branch).toBe(null);
    expect(await failure(mirrors.resolve(project, null))).toMatchObject({
      code: 'base_not_found',
      message: expect.stringContaining('empty'),
    });
    const sha = commitAll(path, 'first');
    await mirrors.sync(project);
    expect(await mirrors.resolve(project, null)).toBe(sha);
  });

  test('a source that cannot be fetched fails with the reason and leaves nothing half-made', async () => {
    const gone = { id: 9001, repo_url: null, local_path: join(dir, 'gone'), default_branch: null };
    expect(await failure(mirrors.sync(gone))).toMatchObject({ code: 'clone_failed' });
    const refused = {
      id: 9002,
      repo_url: 'https://user:secret@example.com/x',
      local_path: null,
      default_branch: null,
    };
    const said = await failure(mirrors.sync(refused));
    expect(said).toMatchObject({ code: 'clone_failed' });
    expect(String(said)).not.toContain('secret');
    const { path, project } = source();
    rmSync(join(path, '.git', 'objects'), { recursive: true });
    mkdirSync(join(path, '.git', 'objects'));
    expect(await failure(mirrors.sync(project))).toMatchObject({ code: 'clone_failed' });
    expect(readdirSync(mirrorDir).filter((name) => /half|900|broken/.test(name))).toEqual([]);
  });

  test('a server that asks for a password, or says nonsense, or never answers, is a clear failure', async () => {
    const server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      idleTimeout: 0,
      fetch: (request) => {
        const path = new URL(request.url).pathname;
        if (path.startsWith('/private'))
          return new Response('no', { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } });
        if (path.startsWith('/moved'))
          return new Response(null, { status: 302, headers: { location: 'http://127.0.0.1:1/' } });
        if (path.startsWith('/hang')) return new Promise<Response>(() => {});
        return new Response('hello', { status: path.startsWith('/missing') ? 404 : 200 });
      },
    });
    try {
      const host = `127.0.0.1:${server.port}`;
      const own = new Mirrors({
        dir: join(config.dataDir, 'web'),
        config: { ...config, forgeHosts: [host] },
        sandbox: { makeReadable: async () => {} },
      });
      const at = (name: string) => ({
        id: ++count,
        repo_url: `http://${host}/${name}`,
        local_path: null,
        default_branch: null,
      });
      for (const name of ['private', 'missing', 'moved']) {
        const said = await failure(own.sync(at(name)));
        expect([name, said]).toMatchObject([name, { code: 'clone_failed' }]);
        expect(String(said).split('\n').length).toBeLessThanOrEqual(2);
      }
      // Git takes any words at the right place for the list of an old, empty repository.
      const nonsense = at('nonsense');
      const nothing = failure(own.sync(nonsense).then(() => own.resolve(nonsense, null)));
      expect(await nothing).toHaveProperty('code', 'base_not_found');
      expect(String(await failure(own.sync(at('private'))))).toContain('password');
      const stop = new AbortController();
      const hanging = at('hang');
      const waiting = failure(own.sync(hanging, { signal: stop.signal }));
      await until('git asks', () => server.pendingRequests > 0);
      stop.abort();
      expect(await waiting).toHaveProperty('name', 'AbortError');
      await until('git is gone', () => server.pendingRequests === 0);
      await until(
        'nothing is left',
        () => !readdirSync(join(config.dataDir, 'web')).some((name) => name.startsWith('half')),
      );
    } finally {
      server.stop(true);
    }
  });

  test('callers share a fetch, and each sees all that was there when it asked', async () => {
    const { path, project } = source();
    const seen: Promise<void>[] = [];
    for (let at = 0; at < 12; at++) {
      const sha = commitAll(path, `commit ${at}`);
      seen.push(
        mirrors.sync(project).then((mirror) => {
          expect(git(mirror.path, 'cat-file', '-t', sha)).toBe('commit');
        }),
      );
    }
    await Promise.all(seen);
    expect(head(mirrors.pathOf(project.id), 'main')).toBe(head(path));
  });

  test('one who gives up does not end the fetch of the others', async () => {
    const { project } = source();
    const stop = new AbortController();
    const first = failure(mirrors.sync(project, { signal: stop.signal }));
    const second = mirrors.sync(project);
    stop.abort();
    expect(await first).toHaveProperty('name', 'AbortError');
    expect((await second).default_branch).toBe('main');
  });

  test('locks and halves that a killed process left do not stop it', async () => {
    const { path, project } = source();
    const half = join(mirrorDir, 'half-1.git-x');
    mkdirSync(half, { recursive: true });
    utimesSync(half, new Date(0), new Date(0));
    await mirrors.sync(project);
    expect(readdirSync(mirrorDir)).not.toContain('half-1.git-x');
    const mirror = mirrors.pathOf(project.id);
    const old = new Date(Date.now() - 60_000);
    for (const name of ['refs/heads/main.lock', 'packed-refs.lock', 'HEAD.lock']) {
      writeFileSync(join(mirror, name), '');
      utimesSync(join(mirror, name), old, old);
    }
    git(path, 'checkout', '-q', '-b', 'next');
    const sha = commitAll(path, 'second');
    git(path, 'branch', '-f', 'main');
    expect((await mirrors.sync(project)).default_branch).toBe('next');
    expect(head(mirror, 'main')).toBe(sha);
  }, 20_000);

  test('a mirror that is no repository any more is made anew', async () => {
    const { project } = source();
    await mirrors.sync(project);
    rmSync(join(mirrors.pathOf(project.id), 'HEAD'));
    expect((await mirrors.sync(project)).default_branch).toBe('main');
  });

  test('a hostile source runs nothing here', async () => {
    const { path, project } = source();
    const evil = join(path, 'evil.sh');
    writeFileSync(evil, `#!/bin/sh\ntouch ${dir}/ran\n`, { mode: 0o755 });
    for (const key of [
      'core.fsmonitor',
      'uploadpack.packObjectsHook',
      'core.sshCommand',
      'core.alternateRefsCommand',
      'diff.external',
    ]) {
      git(path, 'config', key, evil);
    }
    for (const hook of ['post-checkout', 'pre-receive', 'post-update', 'reference-transaction']) {
      writeFileSync(join(path, '.git', 'hooks', hook), `#!/bin/sh\ntouch ${dir}/ran\n`, { mode: 0o755 });
    }
    await mirrors.sync(project);
    expect(() => statSync(join(dir, 'ran'))).toThrow();
  });
});
