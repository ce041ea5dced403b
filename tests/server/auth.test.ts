import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { Value } from '@sinclair/typebox/value';
import { openVault } from '../../src/core/secret';
import { cookieName, enter, entryToken, type Gate, isKnown } from '../../src/server/auth';
import { errorSchema } from '../../src/server/schemas';
import { startTestService, type TestService } from '../support/service';

let service: TestService;
let cookie: string;
beforeAll(async () => {
  service = await startTestService({
    allowedHosts: ['Bakeoff.Example'],
    publicUrl: 'https://bakeoff.example.org/',
  });
  const token = new URL(service.loginUrl).search;
  const answer = await fetch(`${service.url}/enter${token}`, { redirect: 'manual' });
  cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}, 30_000);
afterAll(() => service.remove());

const ask = (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
  fetch(`${service.url}${path}`, { redirect: 'manual', ...init, headers });
const bearer = () => ({ authorization: `Bearer ${service.apiKey}` });

const closed = [
  ...['/', '/feed', '/runs/1', '/runs/1/feed', '/tasks/1', '/docs', '/openapi.json', '/metrics', '/nothing'],
  ...['/queues', '/queues/', '/queues/api/queues', '/queues/static/js/main.js'],
  ...[
    '/api/v1/runs',
    '/api/v1/runs/1/stream',
    '/api/v1/agents',
    '/api/v1/settings',
    '/api/v1/webhooks',
    '/api/v1/nothing',
  ],
  ...[
    '//api/v1/runs',
    '/API/v1/runs',
    '/health/',
    '/health/x',
    '/enter/x',
    '/assets/../api/v1/runs',
    '/assets%2f..%2f',
  ],
];

describe('without a key', () => {
  test('nothing is open but health, the link and the files of the pages', async () => {
    for (const path of closed) {
      for (const headers of [{}, { accept: 'text/html' }] as Record<string, string>[]) {
        const answer = await ask(path, headers);
        expect({ path, status: answer.status }).toEqual({ path, status: 401 });
        expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      }
    }
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
      expect((await ask('/api/v1/runs', {}, { method })).status).toBe(401);
  });

  test.each([
    ['a wrong key', 'Bearer wrong-key-0123456789'],
    ['no key', 'Bearer '],
    ['a key in another scheme', 'Basic KEY'],
    ['a key without a scheme', 'KEY'],
    ['two keys', 'Bearer KEY KEY'],
    ['half a key', 'Bearer HALF'],
    ['a scheme run together', 'BearerKEY'],
  ])('%s is refused', async (_, stated) => {
    const { apiKey } = service;
    const authorization = stated.replace('HALF', apiKey.slice(0, -1)).replaceAll('KEY', apiKey);
    const answer = await ask('/api/v1/runs', { authorization });
    expect(answer.status).toBe(401);
    const text = await answer.text();
    expect(Value.Check(errorSchema, JSON.parse(text))).toBe(true);
    expect(text).not.toContain(apiKey.slice(0, -1));
  });

  test('a key in the address is no key', async () => {
    for (const query of ['token', 'key', 'api_key', 'access_token'])
      expect((await ask(`/api/v1/runs?${query}=${service.apiKey}`)).status).toBe(401);
  });

  test('health is open and tells no secret, no path and no address', async () => {
    const answer = await ask('/health');
    const text = await answer.text();
    expect(answer.status).toBe(200);
    for (const hidden of [service.apiKey, service.config.dataDir, 'password', 'sock'])
      expect(text).not.toContain(hidden);
  });
});

test('the key is stated as Bearer, in whatever case', async () => {
  for (const scheme of ['Bearer', 'bearer', 'BEARER'])
    expect((await ask('/api/v1/runs', { authorization: `${scheme} ${service.apiKey}` })).status).toBe(200);
});

describe('the printed link', () => {
  test('sets a signed cookie that scripts of a page cannot read, and leads to the first page', async () => {
    const answer = await ask(`/enter${new URL(service.loginUrl).search}`);
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe('/');
    const set = answer.headers.get('set-cookie') ?? '';
    for (const part of ['HttpOnly', 'SameSite=Lax', 'Path=/', 'Secure']) expect(set).toContain(part);
    expect(set).not.toContain(service.apiKey);
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    expect((await ask('/api/v1/runs', { cookie })).status).toBe(200);
    expect((await ask('/', { cookie: `a=b; ${cookie}; c=d` })).status).toBe(200);
  });

  test.each([
    ['//evil.example'],
    ['/\\evil.example'],
    ['https://evil.example'],
    ['javascript:alert(1)'],
    ['/\t/evil.example'],
    ['/x\r\nset-cookie: a=b'],
    [' /runs'],
    ['evil.example'],
    [''],
  ])('leads nowhere else: %j', async (to) => {
    const answer = await ask(`/enter${new URL(service.loginUrl).search}&to=${encodeURIComponent(to)}`);
    expect(answer.headers.get('location')).toBe('/');
    expect(answer.headers.get('set-cookie')).not.toContain('a=b');
  });

  test('leads to a path of ours', async () => {
    const answer = await ask(
      `/enter${new URL(service.loginUrl).search}&to=${encodeURIComponent('/runs/3?v=2')}`,
    );
    expect(answer.headers.get('location')).toBe('/runs/3?v=2');
  });

  test.each([[''], ['?token='], ['?token=wrong'], ['?to=/runs/1']])(
    'with %j is refused and sets nothing',
    async (query) => {
      const answer = await ask(`/enter${query}`);
      expect(answer.status).toBe(403);
      expect(answer.headers.get('set-cookie')).toBeNull();
    },
  );
});

describe('a cookie', () => {
  const gate = (change: Partial<Gate> = {}): Gate => ({
    apiKey: 'key-0123456789abcdef',
    vault: openVault('a secret of at least thirty-two characters'),
    hosts: new Set(['localhost']),
    publicUrl: null,
    ...change,
  });
  const now = Date.UTC(2026, 0, 1);
  const cookieOf = (at: Gate): string => {
    const answer = enter(new Request(`http://localhost/enter?token=${entryToken(at)}`), at, now);
    return (answer?.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  };
  const known = (text: string, at = gate(), time = now) =>
    isKnown(new Request('http://localhost/', { headers: { cookie: text } }), at, time);

  test('is good for its time, and not a moment longer', () => {
    expect(known(cookieOf(gate()))).toBe(true);
    expect(known(cookieOf(gate()), gate(), now + 89 * 86_400_000)).toBe(true);
    expect(known(cookieOf(gate()), gate(), now + 90 * 86_400_000)).toBe(false);
  });

  test('is void once it is changed, or the key or secret is another', () => {
    const good = cookieOf(gate());
    const [name = '', value = ''] = good.split('=');
    const [until = '', signature = ''] = value.split('.');
    for (const bad of [
      `${name}=${Number(until) + 1}.${signature}`,
      `${name}=${until}0.${signature}`,
      `${name}=${until}.${signature.replace(/.$/, (last) => (last === '0' ? '1' : '0'))}`,
      `${name}=${until}.`,
      `${name}=${until}`,
      `bakeoff=Infinity.${signature}`,
      `${name}=${until}.${signature}.${signature}`,
      `${name}=`,
      name,
      `other=${until}.${signature}`,
    ])
      expect({ bad, known: known(bad) }).toEqual({ bad, known: false });
    expect(known(good, gate({ apiKey: 'another-0123456789ab' }))).toBe(false);
    const other = gate({ vault: openVault('another secret of thirty-two characters') });
    expect(known(good, other)).toBe(false);
    expect(known(good.replace(name, cookieName(other)), other)).toBe(false);
  });

  test('of one service stays when another on the same host sets its own', () => {
    const other = gate({ vault: openVault('another secret of thirty-two characters') });
    const jar = new Map([gate(), other].map((at) => cookieOf(at).split('=') as [string, string]));
    expect(jar.size).toBe(2);
    const sent = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    expect([known(sent), known(sent, other)]).toEqual([true, true]);
  });

  test('does not help a wrong key', async () => {
    expect((await ask('/api/v1/runs', { cookie, authorization: 'Bearer wrong' })).status).toBe(401);
  });
});

describe('a request', () => {
  test.each([
    ['evil.example'],
    ['evil.example:3001'],
    ['localhost.evil.example'],
    ['127.0.0.1.evil.example'],
    ['127.0.0.2'],
    ['localhost@evil.example'],
    ['0.0.0.0'],
  ])('that calls us %s is refused, key or not', async (host) => {
    for (const path of ['/', '/health', '/api/v1/runs', `/enter${new URL(service.loginUrl).search}`]) {
      const answer = await ask(path, { ...bearer(), host });
      expect(answer.status).toBe(403);
      expect(answer.headers.get('set-cookie')).toBeNull();
    }
  });

  test('may call us by loopback’s names, ours, and those that the operator adds', async () => {
    for (const host of [
      'localhost',
      'LOCALHOST:1',
      '127.0.0.1:99',
      '[::1]:80',
      'bakeoff.example',
      'bakeoff.example.org',
    ])
      expect({ host, status: (await ask('/api/v1/runs', { ...bearer(), host })).status }).toEqual({
        host,
        status: 200,
      });
  });

  test.each([
    [{ origin: 'https://evil.example' }],
    [{ origin: 'null' }],
    [{ origin: '' }],
    [{ origin: 'http://127.0.0.1:1' }],
    [{ origin: 'http://localhost' }],
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
  ] as Record<string, string>[][])('that changes something from the page %j is refused', async (headers) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      for (const path of [
        '/runs',
        '/theme',
        '/api/v1/runs',
        '/api/v1/settings',
        '/queues/api/queues/variations/pause',
      ]) {
        const answer = await ask(
          path,
          { cookie, 'content-type': 'application/json', ...headers },
          { method, body: '{}' },
        );
        expect({ path, status: answer.status }).toEqual({ path, status: 403 });
      }
    }
    expect((await ask('/api/v1/runs', { cookie, ...headers })).status).toBe(200);
  });

  test('that changes something from our own page is let through', async () => {
    for (const origin of [service.url, 'https://bakeoff.example.org']) {
      const answer = await ask(
        '/api/v1/settings',
        { cookie, 'content-type': 'application/json', origin, 'sec-fetch-site': 'same-origin' },
        { method: 'PATCH', body: '{}' },
      );
      expect(answer.status).toBe(200);
    }
  });

  test('of a form that another page could send makes no run', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=b',
    ]) {
      const answer = await ask(
        '/api/v1/runs',
        { cookie, 'content-type': type },
        { method: 'POST', body: '{"goal":"x"}' },
      );
      expect(answer.status).toBe(415);
    }
  });

  test('HEAD says what GET says, without the body', async () => {
    for (const path of ['/', '/health', '/api/v1/runs', '/metrics']) {
      const answer = await ask(path, bearer(), { method: 'HEAD' });
      expect({ path, status: answer.status, text: await answer.text() }).toEqual({
        path,
        status: 200,
        text: '',
      });
    }
  });
});

test('every answer brings the headers that keep a browser safe, refusals too', async () => {
  const asset = /\/assets\/[^"]+/.exec(await (await ask('/', { cookie })).text())?.[0] ?? '';
  const tag = (await ask(asset)).headers.get('etag') ?? '';
  const paths: [path: string, headers?: Record<string, string>, init?: RequestInit][] = [
    ...[
      '/',
      '/docs',
      '/runs/999',
      '/nothing',
      '/health',
      '/metrics',
      '/openapi.json',
      '/queues',
      '/queues/api/queues',
    ].map((path): [string, Record<string, string>] => [path, { cookie }]),
    ['/'],
    ['/', { accept: 'text/html' }],
    ['/api/v1/runs', bearer()],
    ['/api/v1/runs/999', bearer()],
    ['/api/v1/runs?limit=0', bearer()],
    ['/api/v1/webhooks', bearer()],
    ['/api/v1/runs', { host: 'evil.example' }],
    ['/enter'],
    [`/enter${new URL(service.loginUrl).search}`],
    [asset],
    [asset, { 'if-none-match': tag }],
    ['/assets/nothing'],
    ['/api/v1/runs', { ...bearer(), 'content-type': 'application/json' }, { method: 'POST', body: '{' }],
    [
      '/api/v1/runs',
      { ...bearer(), 'content-type': 'application/json' },
      { method: 'POST', body: 'x'.repeat(5 * 2 ** 20) },
    ],
  ];
  for (const [path, headers, init] of paths) {
    const answer = await ask(path, headers, init);
    const told = Object.fromEntries(
      ['x-content-type-options', 'referrer-policy', 'x-frame-options', 'content-security-policy'].map(
        (name) => [name, answer.headers.get(name) !== null],
      ),
    );
    expect({ path, status: answer.status, ...told }).toEqual({
      ...{ path, status: answer.status, 'x-content-type-options': true, 'referrer-policy': true },
      ...{ 'x-frame-options': true, 'content-security-policy': true },
    });
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect(answer.headers.get('x-powered-by')).toBeNull();
    await answer.body?.cancel();
  }
});
