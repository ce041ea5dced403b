import { expect, test } from 'bun:test';
import {
  isAllowed,
  readAllowedHost,
  readAllowedHosts,
  readAuthority,
} from '../../../src/agent/environments/allowed-hosts';

test.each([
  ['example.org', 'example.org', null],
  ['EXAMPLE.org.:443', 'example.org', 443],
  ['under_score.example:1', 'under_score.example', 1],
  ['127.0.0.1:65535', '127.0.0.1', 65535],
  // Whatever an address is written like, it is compared and connected to as one.
  ['127.1', '127.0.0.1', null],
  ['0x7f000001:80', '127.0.0.1', 80],
  ['2130706433', '127.0.0.1', null],
  ['[::1]:8080', '::1', 8080],
  ['[0:0:0:0:0:0:0:1]', '::1', null],
  ['[::ffff:127.0.0.1]', '::ffff:7f00:1', null],
])('%s is a host', (text, host, port) => {
  expect(readAuthority(text)).toEqual({ host, port });
});

test('hostile words are no host', () => {
  const texts = [
    ...[
      '',
      ' ',
      'a b',
      'a\n',
      '\na',
      'a\r\nHost: b',
      'a\0b',
      'a/b',
      'user@host',
      'a?b',
      'a#b',
      'a:b',
      'a:0',
      'a:65536',
    ],
    ...[
      'a:1:2',
      '::1',
      '[::1',
      '[::1]x',
      '[zz::1]',
      '-a',
      'a-',
      '.a',
      'a..b',
      '*',
      '*.a',
      'ä.example',
      '999.1.1.1',
    ],
    ...['a%2eb', 'x'.repeat(300), `${'x.'.repeat(200)}x`, '<script>', "a'b", '[]', ':80', '.'],
  ];
  expect(texts.filter((text) => readAuthority(text) !== null)).toEqual([]);
});

test('a list allows what it names, with its ports, and nothing else', () => {
  const allowed = readAllowedHosts(['example.org', '*.pkg.dev', 'git.example:8443', '10.0.0.1']);
  const is = (host: string, port = 443) => isAllowed(allowed, host, port);
  expect([is('example.org'), is('example.org', 80), is('example.org', 8080)]).toEqual([true, true, false]);
  expect([is('www.example.org'), is('badexample.org'), is('example.org.evil.com')]).toEqual([
    false,
    false,
    false,
  ]);
  expect([is('a.pkg.dev'), is('a.b.pkg.dev', 80), is('pkg.dev'), is('xpkg.dev')]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect([is('git.example', 8443), is('git.example')]).toEqual([true, false]);
  expect([is('10.0.0.1'), is('10.0.0.2')]).toEqual([true, false]);
  expect(isAllowed([], 'example.org', 443)).toBe(false);
});

test('an entry that names no host is refused', () => {
  for (const entry of [
    '',
    '*',
    '*.',
    '*.*',
    '**.a',
    'https://example.org',
    'a b',
    '*.10.0.0.1',
    '*.[::1]',
    'a:x',
  ])
    expect([entry, readAllowedHost(entry)]).toEqual([entry, null]);
  expect(() => readAllowedHosts(['example.org', 'https://x'])).toThrow(TypeError);
});
