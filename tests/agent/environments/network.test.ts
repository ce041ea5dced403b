import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment, Limits } from '../../../src/agent/environment';
import { openSandbox } from '../../../src/agent/environments/open';
import type { Denied } from '../../../src/agent/environments/proxy';
import type { Sandbox } from '../../../src/agent/environments/sandbox';
import { readable } from '../../../src/agent/environments/way-out';
import { certificate, key } from './certificate';
import { scratch, sh } from './support';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const { dir, config, end } = scratch();
/** Loopback, and not among the names that go without the proxy. */
const host = '127.0.0.2';
let sandbox: Sandbox;
let web: ReturnType<typeof Bun.serve>;
let tls: ReturnType<typeof Bun.serve>;
let secret: ReturnType<typeof Bun.serve>;
const opened: Environment[] = [];
let count = 0;

beforeAll(async () => {
  const serve = (words: string, more = {}) =>
    Bun.serve({ hostname: host, port: 0, fetch: () => new Response(words), ...more });
  web = serve('hello from the web\n');
  tls = serve('hello under seal\n', { tls: { key, cert: certificate } });
  secret = serve('nobody should read this\n');
  sandbox = await openSandbox({ ...config, forgeHosts: [host] });
});
afterAll(async () => {
  await Promise.all(opened.map((environment) => environment.destroy()));
  await Promise.all([web, tls, secret].map((server) => server.stop(true)));
  await end();
});

async function open(hosts: string[], limits?: Partial<Limits>) {
  const folder = join(config.dataDir, `w${++count}`);
  const [workspace, home] = [join(folder, 'tree'), join(folder, 'home')];
  for (const path of [workspace, home]) await sandbox.makeFolder(path);
  const denied: Denied[] = [];
  const network = { hosts, folder: join(folder, 'net'), onDenied: (one: Denied) => denied.push(one) };
  const environment = sandbox.open({ workspace, home, network, limits });
  opened.push(environment);
  return { environment, folder, workspace, home, denied };
}

/** Bun lies inside already: a client that goes by the variables, as package managers do. */
const fetched = (url: string, more = '') =>
  `/run/bakeoff/bun -e 'const r = await fetch("${url}"${more}); console.log(r.status, await r.text())' 2>&1`;

test('what goes by the variables reaches the allowed hosts, in the clear and under TLS, and no other', async () => {
  const { environment, denied } = await open([`${host}:${web.port}`, `${host}:${tls.port}`]);
  const plain = await sh(environment, fetched(`http://${host}:${web.port}/`));
  expect(plain.stdout).toBe('200 hello from the web\n\n');
  // Whose certificate it is, is not what this is about.
  const sealed = await sh(
    environment,
    fetched(`https://${host}:${tls.port}/`, ', { tls: { rejectUnauthorized: false } }'),
  );
  expect(sealed.stdout).toBe('200 hello under seal\n\n');
  expect(denied).toEqual([]);
  const other = await sh(environment, fetched(`http://${host}:${secret.port}/`));
  expect(other.stdout).toContain('not among the hosts that this project allows');
  await sh(environment, fetched('https://elsewhere.example/'));
  expect(denied).toEqual([
    { host, port: Number(secret.port), reason: 'not_allowed' },
    { host: 'elsewhere.example', port: 443, reason: 'not_allowed' },
  ]);
});

test('a private address that the operator has not named stays closed', async () => {
  const { environment, denied } = await open(['127.0.0.3']);
  expect((await sh(environment, fetched('http://127.0.0.3/'))).stdout).toContain('403');
  expect(denied).toEqual([{ host: '127.0.0.3', port: 80, reason: 'private_address' }]);
});

test('there is no way around the proxy, and with no list no proxy', async () => {
  const direct = `bash -c 'exec 3<>/dev/tcp/${host}/${web.port}' 2>&1 || echo closed; grep -c : /proc/net/dev; ls /run/bakeoff 2>&1`;
  const allowed = await open([`${host}:${web.port}`]);
  const way = await sh(allowed.environment, direct);
  expect(way.stdout).toContain('closed\n1\n');
  expect((await sh(allowed.environment, 'touch /run/bakeoff/net/x || echo refused')).stdout).toBe(
    'refused\n',
  );
  const none = await open([]);
  const closed = await sh(none.environment, `${direct}; env`);
  expect(closed.stdout).toContain('closed\n1\nls: ');
  expect(closed.stdout).not.toContain('proxy');
  expect(readdirSync(none.folder).sort()).toEqual(['home', 'tree']);
});

test('many commands at once each have their way', async () => {
  const { environment } = await open([`${host}:${web.port}`]);
  const url = `http://${host}:${web.port}/`;
  const all = await Promise.all(Array.from({ length: 6 }, () => sh(environment, fetched(url))));
  expect(all.map((one) => one.stdout)).toEqual(all.map(() => '200 hello from the web\n\n'));
});

test('what lies in the workspace or the home does not come between', async () => {
  const { environment, workspace, home } = await open([`${host}:${web.port}`]);
  for (const folder of [workspace, home]) {
    writeFileSync(join(folder, 'bunfig.toml'), 'preload = ["./evil.ts"]\n');
    writeFileSync(join(folder, '.bunfig.toml'), 'preload = ["./evil.ts"]\n');
    writeFileSync(join(folder, '.env'), 'http_proxy=http://127.0.0.1:1\n');
    writeFileSync(join(folder, 'evil.ts'), 'throw new Error("evil ran");\n');
  }
  const said = await sh(environment, 'echo works');
  expect([said.stdout, said.stderr]).toEqual(['works\n', '']);
});

test('too little memory for the way out is said, not passed over', async () => {
  const { environment } = await open(['example.org'], { memoryBytes: 20e6 });
  expect(await sh(environment, 'echo works')).toMatchObject({
    exit_code: 126,
    stdout: '',
    stderr: expect.stringContaining('too little memory'),
  });
});

test('a host that cannot be read is refused, and the next command is not kept from trying', async () => {
  const { environment } = await open(['https://example.org']);
  for (const _ of [1, 2]) await expect(sh(environment, 'true')).rejects.toThrow(TypeError);
});

test('the proxy ends with the environment', async () => {
  const { environment, folder } = await open(['example.org']);
  await sh(environment, 'true');
  expect(readdirSync(join(folder, 'net'))).toEqual(['proxy']);
  expect(statSync(join(folder, 'net')).mode & 0o007).toBe(0);
  await environment.destroy();
  expect(readdirSync(join(folder, 'net'))).toEqual([]);
});

test('a home lasts from one command to the next, and programs in it are found', async () => {
  const { environment, home } = await open([]);
  await sh(
    environment,
    `mkdir -p ~/.local/bin && printf '#!/bin/sh\\necho mine' >~/.local/bin/mine && chmod +x ~/.local/bin/mine`,
  );
  expect((await sh(environment, 'mine; echo $HOME')).stdout).toBe('mine\n/home/agent\n');
  expect(readFileSync(join(home, '.local', 'bin', 'mine'), 'utf8')).toContain('echo mine');
});

test('a Bun that commands cannot get at is copied to where they can, once', async () => {
  const [closed, folder] = [join(dir, 'closed'), join(dir, 'programs')];
  mkdirSync(closed, { mode: 0o700 });
  mkdirSync(folder);
  const path = join(closed, 'bun');
  writeFileSync(path, '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(folder, 'bun-of-another-time'), 'old');
  expect(await readable(path, 'bun', folder, false)).toBe(path);
  const copy = await readable(path, 'bun', folder, true);
  expect(readdirSync(folder)).toEqual([copy.slice(folder.length + 1)]);
  expect(statSync(copy).mode & 0o777).toBe(0o755);
  const inode = statSync(copy).ino;
  expect(await readable(path, 'bun', folder, true)).toBe(copy);
  expect(statSync(copy).ino).toBe(inode);
  expect(await readable('/bin/sh', 'sh', folder, true)).toBe('/bin/sh');
});
