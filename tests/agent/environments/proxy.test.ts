import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, readdirSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Denied, openProxy, type ProxyOptions } from '../../../src/agent/environments/proxy';
import { scratch, until } from './support';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const { dir, end } = scratch();
/** Sends back what it is sent, and says what it was. */
let echo: Server;
let echoPort = 0;
const heard: string[] = [];
const talking = new Set<Socket>();
let web: ReturnType<typeof Bun.serve>;
let count = 0;

beforeAll(async () => {
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    talking.add(socket);
    socket.on('close', () => talking.delete(socket)).on('error', () => {});
    socket.on('data', (chunk: Buffer) => heard.push(chunk.toString('latin1')));
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  echoPort = (echo.address() as { port: number }).port;
  web = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      const headers = Object.fromEntries(request.headers);
      return Response.json({ method: request.method, pathname, search, headers, body: await request.text() });
    },
  });
});
afterAll(async () => {
  for (const socket of talking) socket.destroy();
  echo.close();
  await web.stop(true);
  await end();
});

/** A proxy for one test; the folder's path is longer than a socket's may be. */
async function open(options: Omit<ProxyOptions, 'folder' | 'named'> & { named?: string[] }) {
  const folder = join(dir, 'a-long-name-'.repeat(10), String(++count));
  mkdirSync(folder, { recursive: true });
  const denied: Denied[] = [];
  const onDenied = options.onDenied ?? ((one: Denied) => denied.push(one));
  const proxy = await openProxy({ named: [], ...options, folder, onDenied });
  return { folder, denied, close: () => proxy.close(), [Symbol.asyncDispose]: () => proxy.close() };
}

type Opened = Awaited<ReturnType<typeof open>>;

/** A client of the proxy: what it was told until now, and until the proxy had no more to say. */
async function client({ folder }: Pick<Opened, 'folder'>, text = '') {
  const here = process.cwd();
  // For the same reason as above, from the folder itself.
  process.chdir(folder);
  const socket = connect({ path: 'proxy', allowHalfOpen: true });
  process.chdir(here);
  const told = { text: '' };
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    told.text += chunk;
  });
  const ended = new Promise<void>((resolve) => socket.on('end', resolve).on('close', () => resolve()));
  socket.on('error', () => {}).write(text);
  const all = async (): Promise<string> => {
    await ended;
    socket.destroy();
    return told.text;
  };
  return { socket, told, all };
}

const ask = async (proxy: Opened, text: string) => await (await client(proxy, text)).all();

test('carries a tunnel both ways, whole, also through a half that is closed', async () => {
  await using proxy = await open({ hosts: [`127.0.0.1:${echoPort}`], named: ['127.0.0.1'] });
  const one = await client(proxy, `CONNECT 127.0.0.1:${echoPort} HTTP/1.1\r\nHost: x\r\n\r\nat once;`);
  await until('it answers', () => one.told.text.endsWith('at once;'));
  expect(one.told.text).toBe('HTTP/1.1 200 Connection established\r\n\r\nat once;');
  const large = 'x'.repeat(5_000_000);
  one.socket.end(large);
  expect((await one.all()).endsWith(`at once;${large}`)).toBe(true);
  expect(proxy.denied).toEqual([]);
});

test('carries a request by its URL as the host wants it, and says that nothing follows', async () => {
  const host = `127.0.0.1:${web.port}`;
  await using proxy = await open({ hosts: [host], named: [host] });
  const said = await client(
    proxy,
    `POST http://${host}/a/b?c=d HTTP/1.1\r\nHost: evil.example\r\nProxy-Authorization: Basic eDp5\r\nProxy-Connection: keep-alive\r\n` +
      `Connection: keep-alive\r\nX-Own: 1\r\nContent-Length: 4\r\n\r\nbody`,
  );
  await until('it answers', () => said.told.text.endsWith('}'));
  said.socket.destroy();
  const [head = '', body = ''] = said.told.text.split('\r\n\r\n');
  expect(head).toStartWith('HTTP/1.1 200 ');
  expect(head.match(/^connection:.*$/gim)).toEqual(['Connection: close']);
  const seen = JSON.parse(body) as { headers: Record<string, string> };
  expect(seen).toMatchObject({ method: 'POST', pathname: '/a/b', search: '?c=d', body: 'body' });
  expect(seen.headers).toMatchObject({ host, connection: 'close', 'x-own': '1' });
  expect(Object.keys(seen.headers).filter((name) => name.startsWith('proxy'))).toEqual([]);
});

test('refuses what the project does not name, and tells of it once', async () => {
  const looked: string[] = [];
  await using proxy = await open({
    hosts: ['example.org', '*.example.org:8443'],
    lookup: async (host) => {
      looked.push(host);
      return [];
    },
  });
  for (const target of [
    'other.example:443',
    'example.org:8443',
    'example.org.evil.com:443',
    'OTHER.example.:443',
  ]) {
    expect(await ask(proxy, `CONNECT ${target} HTTP/1.1\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 403 .*\r\n\r\nBakeoff: .* is not among the hosts that this project allows\.\n$/s,
    );
  }
  expect(await ask(proxy, 'GET http://plain.example/x HTTP/1.1\r\n\r\n')).toStartWith('HTTP/1.1 403 ');
  expect(proxy.denied).toEqual([
    { host: 'other.example', port: 443, reason: 'not_allowed' },
    { host: 'example.org', port: 8443, reason: 'not_allowed' },
    { host: 'example.org.evil.com', port: 443, reason: 'not_allowed' },
    { host: 'plain.example', port: 80, reason: 'not_allowed' },
  ]);
  // No name server hears of them either.
  expect(looked).toEqual([]);
});

test('refuses addresses of this machine and of private networks, whatever they are called', async () => {
  const addresses: Record<string, string[]> = {
    'private.example': ['10.1.2.3'],
    'both.example': ['93.184.216.34', '192.168.0.1'],
    'six.example': ['::1'],
    'mapped.example': ['::ffff:127.0.0.1'],
    'meta.example': ['169.254.169.254'],
  };
  const names = Object.keys(addresses);
  await using proxy = await open({
    hosts: [...names, 'localhost', '127.0.0.1', '[::1]', '0.0.0.0'],
    lookup: async (host) => addresses[host] ?? ['127.0.0.1'],
  });
  for (const host of [...names, 'localhost', '127.0.0.1', '127.1', '0x7f.1', '[::1]', '[::]', '0.0.0.0']) {
    expect([host, await ask(proxy, `CONNECT ${host}:80 HTTP/1.1\r\n\r\n`)]).toEqual([
      host,
      expect.stringMatching(/^HTTP\/1\.1 403 /),
    ]);
  }
  expect(new Set(proxy.denied.map((one) => one.reason))).toEqual(new Set(['private_address', 'not_allowed']));
  expect(proxy.denied.filter((one) => one.reason === 'not_allowed')).toEqual([
    { host: '::', port: 80, reason: 'not_allowed' },
  ]);
  expect(heard.join('')).not.toContain('CONNECT');
});

test('a public address of this machine is its own all the same', async () => {
  const { networkInterfaces } = await import('node:os');
  const { isOwnAddress } = await import('../../../src/agent/addresses');
  const own = Object.values(networkInterfaces()).flatMap((all) => all?.map((one) => one.address) ?? []);
  expect(own.length).toBeGreaterThan(0);
  expect(own.filter((address) => !isOwnAddress(address))).toEqual([]);
  expect([isOwnAddress('93.184.216.34'), isOwnAddress('2606:2800:220:1::1')]).toEqual([false, false]);
});

test('connects to the very address that was checked: a name that changes its mind is asked once', async () => {
  let asked = 0;
  // The name is unknown to the system, and the second answer would be another: only the first can have been used.
  await using proxy = await open({
    hosts: [`rebinding.example:${echoPort}`],
    named: [`rebinding.example:${echoPort}`],
    lookup: async () => (asked++ === 0 ? ['127.0.0.1'] : ['127.0.0.2']),
  });
  const one = await client(proxy, `CONNECT rebinding.example:${echoPort} HTTP/1.1\r\n\r\nhello`);
  await until('it answers', () => one.told.text.endsWith('hello'));
  one.socket.destroy();
  expect(asked).toBe(1);
});

test('tries the next address of a name when one does not answer', async () => {
  await using proxy = await open({
    hosts: [`many.example:${echoPort}`],
    named: ['many.example'],
    lookup: async () => ['127.0.0.2', '127.0.0.3', '127.0.0.1'],
  });
  const one = await client(proxy, `CONNECT many.example:${echoPort} HTTP/1.1\r\n\r\nhello`);
  await until('it answers', () => one.told.text.endsWith('hello'));
  one.socket.destroy();
});

test('says why a host that is allowed cannot be reached', async () => {
  await using proxy = await open({
    hosts: ['nowhere.example', 'slow.example', '127.0.0.1:1'],
    named: ['127.0.0.1'],
    lookup: async (host) => {
      if (host === 'slow.example') return new Promise(() => {});
      throw Object.assign(new Error('no'), { code: 'ENOTFOUND' });
    },
    limits: { lookupMs: 50 },
  });
  const said = async (host: string) => await ask(proxy, `CONNECT ${host} HTTP/1.1\r\n\r\n`);
  expect(await said('nowhere.example:443')).toContain('502 Bad Gateway');
  expect(await said('nowhere.example:443')).toContain('nowhere.example is not known (ENOTFOUND)');
  expect(await said('slow.example:443')).toContain('is not known');
  expect(await said('127.0.0.1:1')).toContain('cannot be reached: ECONNREFUSED');
  // What fails is not what is denied.
  expect(proxy.denied).toEqual([]);
});

test.each([
  ['GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['CONNECT example.org HTTP/1.1\r\n\r\n'],
  ['CONNECT exa mple.org:443 HTTP/1.1\r\n\r\n'],
  ['CONNECT user@example.org:443 HTTP/1.1\r\n\r\n'],
  ['GET https://example.org/ HTTP/1.1\r\n\r\n'],
  ['GET http://user:pass@example.org/ HTTP/1.1\r\n\r\n'],
  ['GET http://example.org/ HTTP/1.1\r\nA : b\r\n\r\n'],
  ['GET http://example.org/ HTTP/1.1\r\nA: b\r\n folded\r\n\r\n'],
  ['GET http://example.org/ HTTP/1.1\r\nA: b\nHost: c\r\n\r\n'],
  ['GET http://example.org/ HTTP/1.1\r\nA: b\rHost: c\r\n\r\n'],
  ['GET http://example.org/ HTTP/2\r\n\r\n'],
  ['\x16\x03\x01\x02\x00\x01\r\n\r\n'],
])('%j is no request', async (text) => {
  await using proxy = await open({ hosts: ['example.org'], lookup: async () => ['127.0.0.1'] });
  expect(await ask(proxy, text)).toStartWith('HTTP/1.1 400 ');
  expect(proxy.denied).toEqual([]);
});

test('heads, connections and waits are limited', async () => {
  await using proxy = await open({
    hosts: [`127.0.0.1:${echoPort}`],
    named: ['127.0.0.1'],
    limits: { headMs: 200, idleMs: 200, connections: 2, headBytes: 1000 },
  });
  expect(await ask(proxy, `CONNECT x:1 HTTP/1.1\r\n${'A: b\r\n'.repeat(300)}`)).toStartWith('HTTP/1.1 431 ');
  expect(await ask(proxy, 'CONNECT x')).toStartWith('HTTP/1.1 408 ');
  const idle = await client(proxy, `CONNECT 127.0.0.1:${echoPort} HTTP/1.1\r\n\r\n`);
  await until('it is connected', () => idle.told.text.includes('200'));
  const second = await client(proxy);
  expect(await ask(proxy, 'CONNECT x:1 HTTP/1.1\r\n\r\n')).toStartWith('HTTP/1.1 503 ');
  await Promise.all([idle.all(), second.all()]);
  await until('nothing is left', () => talking.size === 0);
});

test('tells of a hundred denials, then that there are more', async () => {
  await using proxy = await open({ hosts: ['example.org'] });
  const one = (at: number) => ask(proxy, `CONNECT h${at}.example:443 HTTP/1.1\r\n\r\n`);
  for (let at = 0; at < 110; at += 10)
    await Promise.all(Array.from({ length: 10 }, (_, more) => one(at + more)));
  expect(proxy.denied.length).toBe(101);
  expect(proxy.denied.filter((denied) => denied.reason === 'too_many').length).toBe(1);
  expect(proxy.denied.at(-1)?.reason).toBe('too_many');
});

test('whoever records denials may fail', async () => {
  await using proxy = await open({
    hosts: ['example.org'],
    onDenied: () => {
      throw new Error('fenced');
    },
  });
  expect(await ask(proxy, 'CONNECT other.example:443 HTTP/1.1\r\n\r\n')).toStartWith('HTTP/1.1 403 ');
});

test('closing it ends what is under way, and leaves no socket', async () => {
  const proxy = await open({ hosts: [`127.0.0.1:${echoPort}`], named: ['127.0.0.1'] });
  const one = await client(proxy, `CONNECT 127.0.0.1:${echoPort} HTTP/1.1\r\n\r\n`);
  await until('it is connected', () => one.told.text.includes('200'));
  await Promise.all([proxy.close(), proxy.close()]);
  await one.all();
  await until('nothing is left', () => talking.size === 0);
  expect(readdirSync(proxy.folder)).toEqual([]);
});
