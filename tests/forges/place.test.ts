import { describe, expect, test } from 'bun:test';
import { readConfig } from '../../src/config';
import { forgeFor } from '../../src/forges/index';
import { credentialFor, placeOf, sameRepository, tokenFor } from '../../src/forges/place';

const config = readConfig({
  GITHUB_TOKEN: 'gh',
  FORGEJO_URL: 'https://git.lan:3000/forge/',
  FORGEJO_TOKEN: 'fj',
});
const at = (repo_url: string | null) => ({ repo_url });
const github = { kind: 'github', owner: 'a', repo: 'b.c' } as const;
const own = { kind: 'forgejo', owner: 'a', repo: 'b' } as const;

describe('a project’s forge', () => {
  test.each([
    ['https://github.com/a/b.c', github],
    ['https://github.com/a/b.c.git', github],
    ['https://GitHub.com/a/b.c/', github],
    ['ssh://git@github.com/a/b.c.git', github],
    ['git@github.com:a/b.c.git', github],
    ['https://git.lan:3000/forge/a/b.git', own],
    ['ssh://git@git.lan:2222/a/b.git', own],
    ['git@git.lan:a/b.git', own],
  ])('%s is known', (url, place) => {
    expect(placeOf(at(url), config)).toEqual(place);
    expect(forgeFor(at(url), config)).toMatchObject({
      kind: place.kind,
      repository: `${place.owner}/${place.repo}`,
    });
  });

  test.each([
    [null],
    ['http://github.com/a/b'],
    ['https://github.com.evil.example/a/b'],
    ['https://github.com:444/a/b'],
    ['https://github.com@evil.example/a/b'],
    ['https://github.com/a'],
    ['https://github.com/a/b/c'],
    ['https://github.com/../b'],
    ['https://github.com/a/b%2f..%2fc'],
    ['https://git.lan/forge/a/b'],
    ['https://git.lan:3000/a/b'],
    ['http://git.lan:3000/forge/a/b'],
    ['https://git.lan:3000/forge2/a/b'],
    ['not a url'],
    ['/srv/code'],
  ])('%s is none', (url) => {
    expect(placeOf(at(url), config)).toBe(null);
    expect(credentialFor(at(url), config)).toBe(null);
    expect(forgeFor(at(url), config)).toBe(null);
  });

  test('of an enterprise server is where its API says', () => {
    const ghe = readConfig({ GITHUB_API_URL: 'https://ghe.lan/api/v3', GITHUB_TOKEN: 'gh' });
    expect(placeOf(at('https://ghe.lan/a/b'), ghe)).toEqual({ kind: 'github', owner: 'a', repo: 'b' });
    expect(placeOf(at('https://github.com/a/b'), ghe)).toBe(null);
    expect(credentialFor(at('https://github.com/a/b'), ghe)).toBe(null);
    const tenant = readConfig({ GITHUB_API_URL: 'https://api.we.ghe.com' });
    expect(placeOf(at('https://we.ghe.com/a/b'), tenant)).toMatchObject({ owner: 'a' });
  });
});

test('a token is the project’s own, else the operator’s for that very place, and none over ssh', () => {
  const username = 'x-access-token';
  expect(credentialFor(at('https://github.com/a/b'), config)).toEqual({ username, token: 'gh' });
  expect(credentialFor(at('https://git.lan:3000/forge/a/b'), config)).toEqual({ username, token: 'fj' });
  const project = { repo_url: 'https://github.com/a/b', credential: { username: 'me', token: 'mine' } };
  expect(credentialFor(project, config)).toEqual({ username: 'me', token: 'mine' });
  expect(tokenFor(project, config)).toBe('mine');
  const elsewhere = { repo_url: 'https://else.example/x', credential: { token: 'mine' } };
  expect(credentialFor(elsewhere, config)).toEqual({ username, token: 'mine' });
  expect(credentialFor(at('git@github.com:a/b.git'), config)).toBe(null);
  expect(tokenFor(at('git@github.com:a/b.git'), config)).toBe('gh');
  expect(credentialFor(at('https://github.com/a/b'), readConfig({}))).toBe(null);
});

test('URLs of one repository are known for that', () => {
  const same = [
    'https://github.com/A/b',
    'https://github.com/a/b.git',
    'git@github.com:a/b.git',
    'ssh://git@github.com/a/b',
    'ssh://git@github.com:2222/a/b.git',
  ];
  for (const one of same)
    for (const other of same) expect([one, other, sameRepository(one, other)]).toEqual([one, other, true]);
  const others = ['https://github.com/a/c', 'https://gitlab.com/a/b', 'https://github.com:8443/a/b', 'x', ''];
  for (const other of others) expect([other, sameRepository(same[0]!, other)]).toEqual([other, false]);
});
