import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isPrivateAddress } from '../../src/agent/addresses';
import { redact } from '../../src/agent/git';
import { inspectSource, validateSource } from '../../src/agent/source';
import { commitAll, git, scratch } from './environments/support';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const { dir, config, end } = scratch();
const roots = join(dir, 'roots');
const allowed = {
  ...config,
  localRoots: [roots],
  forgeHosts: ['forge.example:3000', 'Git.lan', '127.0.0.1:3000'],
};
mkdirSync(roots);
afterAll(end);

const byUrl = (repo_url: string) => validateSource({ repo_url, local_path: null }, allowed);
const byPath = (local_path: string) => validateSource({ repo_url: null, local_path }, allowed);

describe('a URL', () => {
  test.each([
    ['https://user:password@example.com/x', 'password'],
    ['https://token@example.com/x', 'credentials'],
    ['ssh://git:password@example.com/x', 'password'],
    ['http://example.com/x', 'http'],
    ['http://forge.example:3001/x', 'http'],
    ['file:///etc', 'local_path'],
    ['/etc', 'local_path'],
    ['git://example.com/x', 'https://'],
    ['ext::sh -c id', 'space'],
    ['ext::id', 'https://'],
    ['--upload-pack=id', 'dash'],
    ['-x@host:y', 'dash'],
    ['git@-oProxyCommand=x:y', 'https://'],
    ['ssh://-oProxyCommand=x/y', ''],
    ['ssh://git@host;id/y', ''],
    ['https://example.com/a\nb', 'control'],
    ['https://', 'https://'],
    ['', 'https://'],
  ])('%j is refused in words', async (url, word) => {
    const refused = await byUrl(url).catch((error: Error) => error);
    expect(refused).toHaveProperty('name', 'SourceError');
    expect(String(refused)).toContain(word);
    expect(String(refused)).not.toContain(':password');
  });

  test.each([
    'https://localhost/x',
    'https://127.0.0.1/x',
    'https://127.1/x',
    'https://2130706433/x',
    'https://[::1]/x',
    'https://[::ffff:10.0.0.1]/x',
    'https://10.0.0.1/x',
    'https://169.254.169.254/latest',
    'https://100.64.0.1/x',
    'https://[fd00::1]/x',
    'ssh://git@192.168.1.1/x',
    'git@127.0.0.1:x',
    'git@localhost:x',
    'https://0.0.0.0/x',
    'https://127.0.0.1:3001/x',
  ])('%s is not reached unless the operator names the host', async (url) => {
    const refused = await byUrl(url).catch((error: Error) => error);
    expect(refused).toMatchObject({
      name: 'SourceError',
      message: expect.stringContaining('BAKEOFF_FORGE_HOSTS'),
    });
  });

  test('of a host that the operator names is taken, with its port when one is named', async () => {
    for (const url of [
      'http://forge.example:3000/a/b',
      'https://forge.example:3000/a',
      'ssh://git@git.lan/x',
      'git@git.lan:x',
      'http://127.0.0.1:3000/x',
    ]) {
      expect((await byUrl(url)).url).toBe(url);
    }
  });

  test('pins the address that was checked, and allows its one protocol', async () => {
    const ssh = await byUrl('ssh://git@1.1.1.1:2222/x');
    expect(ssh.env.GIT_ALLOW_PROTOCOL).toBe('ssh');
    expect(ssh.env.GIT_SSH_COMMAND).toContain('HostName=1.1.1.1');
    expect(await byUrl('https://1.1.1.1/x')).toEqual({
      url: 'https://1.1.1.1/x',
      options: [],
      flags: [],
      env: { GIT_ALLOW_PROTOCOL: 'https' },
    });
  });
});

describe('a local path', () => {
  test('must be a repository under the allowed folders, links followed', async () => {
    const inside = join(roots, 'repo');
    mkdirSync(inside);
    git(inside, 'init', '-q');
    const outside = join(dir, 'outside');
    mkdirSync(outside);
    git(outside, 'init', '-q');
    symlinkSync(outside, join(roots, 'link'));
    mkdirSync(join(roots, 'pointing'));
    writeFileSync(join(roots, 'pointing', '.git'), `gitdir: ${outside}/.git\n`);
    mkdirSync(join(roots, 'plain'));
    git(roots, 'clone', '-q', '--bare', inside, 'bare.git');
    expect((await byPath(inside)).url).toBe(join(inside, '.git'));
    expect((await byPath(join(roots, 'bare.git'))).env).toEqual({ GIT_ALLOW_PROTOCOL: 'file' });
    const refused = [
      outside,
      join(roots, 'link'),
      join(roots, 'pointing'),
      `${roots}/../outside`,
      '/etc',
      `${roots}x`,
      join(roots, 'none'),
    ];
    for (const path of refused) {
      const said = await byPath(path).catch((error: Error) => error);
      expect([path, said]).toMatchObject([
        path,
        { name: 'SourceError', message: expect.stringContaining('BAKEOFF_LOCAL_ROOTS') },
      ]);
    }
    await expect(byPath('relative')).rejects.toThrow('absolute');
    await expect(byPath(join(roots, 'plain'))).rejects.toThrow('git init');
  });

  test('may not lead git to another repository from within', async () => {
    const secret = join(dir, 'secret');
    mkdirSync(secret);
    git(secret, 'init', '-q');
    const sha = commitAll(secret, 'secret');
    const make = (name: string) => {
      const path = join(roots, name);
      mkdirSync(path);
      git(path, 'init', '-q');
      return join(path, '.git');
    };
    const relink = (folder: string, name: string, to = join(secret, '.git', name)) => {
      rmSync(join(folder, name), { recursive: true, force: true });
      symlinkSync(to, join(folder, name));
    };
    writeFileSync(join(make('borrows'), 'objects', 'info', 'alternates'), `${secret}/.git/objects\n`);
    writeFileSync(join(make('quotes'), 'objects', 'info', 'alternates'), `"${secret}/.git/objects"\n`);
    writeFileSync(join(make('shares'), 'commondir'), `${secret}/.git\n`);
    for (const name of ['objects', 'refs', 'HEAD', 'packed-refs', 'config'])
      relink(make(`links-${name}`), name);
    relink(
      join(make('links-deep'), 'objects'),
      sha.slice(0, 2),
      join(secret, '.git', 'objects', sha.slice(0, 2)),
    );
    const stepping = make('links-twice');
    mkdirSync(join(roots, 'step'));
    symlinkSync(join(secret, '.git', 'objects', 'pack'), join(roots, 'step', 'pack'));
    relink(stepping, 'objects', join(roots, 'step'));
    // What git reads otherwise than it seems: padded, cut at a NUL, up through a link, objects that are the folder itself.
    writeFileSync(join(make('pads'), 'commondir'), `${secret}/.git${'\n'.repeat(70_000)}`);
    writeFileSync(join(make('cuts'), 'commondir'), `${secret}/.git\0x`);
    writeFileSync(join(make('cuts-too'), 'objects', 'info', 'alternates'), `${secret}/.git/objects\0x`);
    const winding = make('winds');
    mkdirSync(join(secret, 'in'));
    symlinkSync(join(secret, 'in'), join(winding, 'way'));
    writeFileSync(join(winding, 'commondir'), 'way/../.git');
    const turning = make('turns');
    relink(turning, 'objects', '.');
    writeFileSync(join(turning, 'info', 'alternates'), `${secret}/.git/objects\n`);
    const tricks = 'pads cuts cuts-too winds turns';
    const names =
      'borrows quotes shares links-objects links-refs links-HEAD links-config links-deep links-twice';
    for (const name of `${names} ${tricks}`.split(' ')) {
      const said = await byPath(join(roots, name)).catch((error: Error) => error);
      expect([name, said]).toMatchObject([
        name,
        { name: 'SourceError', message: expect.stringContaining('BAKEOFF_LOCAL_ROOTS') },
      ]);
    }
  });

  test('is the very folder that was looked at, not one of a name like it', async () => {
    const secret = join(dir, 'hidden');
    mkdirSync(secret);
    git(secret, 'init', '-q');
    commitAll(secret, 'hidden');
    mkdirSync(join(roots, 'foo', '.git'), { recursive: true });
    symlinkSync(join(secret, '.git'), join(roots, 'foo.git'));
    const source = { repo_url: null, local_path: join(roots, 'foo') };
    await expect(inspectSource(source, allowed)).rejects.toThrow('cannot be read');
  });

  test('may be a worktree, or borrow objects, within the allowed folders', async () => {
    const path = join(roots, 'lender');
    mkdirSync(path);
    git(path, 'init', '-q');
    commitAll(path, 'first');
    git(path, 'worktree', 'add', '-q', '-b', 'side', join(roots, 'tree'));
    git(roots, 'clone', '-q', '--shared', path, join(roots, 'borrower'));
    for (const name of ['tree', 'borrower']) {
      const source = { repo_url: null, local_path: join(roots, name) };
      expect((await inspectSource(source, allowed)).heads).toContain('main');
    }
  });

  test('is none of the mirrors and workspaces of the service, wherever they lie', async () => {
    const mirror = join(roots, 'data', 'mirrors', '1.git');
    mkdirSync(mirror, { recursive: true });
    git(mirror, 'init', '-q', '--bare');
    const source = { repo_url: null, local_path: mirror };
    const config = { ...allowed, dataDir: join(roots, 'data') };
    await expect(validateSource(source, config)).rejects.toThrow('BAKEOFF_LOCAL_ROOTS');
  });

  test('is inspected: empty, or its branches, tags and head', async () => {
    const path = join(roots, 'inspected');
    mkdirSync(path);
    git(path, 'init', '-q');
    const source = { repo_url: null, local_path: path };
    expect(await inspectSource(source, allowed)).toEqual({ empty: true, heads: [], tags: [], head: null });
    commitAll(path, 'first');
    git(path, 'branch', 'a/b');
    git(path, 'tag', '-a', '-m', 'x', 'v1');
    expect(await inspectSource(source, allowed)).toEqual({
      empty: false,
      heads: ['a/b', 'main'],
      tags: ['v1'],
      head: 'main',
    });
  });
});

test('private addresses are known in every spelling', () => {
  const inside =
    '10.1.2.3 127.0.0.1 0.0.0.0 100.64.1.1 169.254.1.1 172.16.0.1 192.168.0.1 224.0.0.1 255.255.255.255 ::1 :: fe80::1%eth0 fd12::1 ff02::1 ::ffff:127.0.0.1 ::ffff:7f00:1 64:ff9b::a00:1 2002:7f00:1:: 2001:db8::1 nonsense';
  for (const address of inside.split(' '))
    expect([address, isPrivateAddress(address)]).toEqual([address, true]);
  for (const address of '1.1.1.1 172.32.0.1 100.128.0.1 2606:4700::1111 ::ffff:1.1.1.1'.split(' ')) {
    expect([address, isPrivateAddress(address)]).toEqual([address, false]);
  }
});

test('credentials are taken out of what git says', () => {
  expect(redact("fatal: 'https://me:tok@host/x' and ssh://git:pw@h/y")).toBe(
    "fatal: 'https://***@host/x' and ssh://***@h/y",
  );
});
