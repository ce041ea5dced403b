import { describe, expect, test } from 'bun:test';
import { createHmac } from 'node:crypto';
import { readNews, verifySignature, WebhookError } from '../../src/forges/webhook';

const secret = 'known to two';
const bytes = (payload: unknown) =>
  new TextEncoder().encode(typeof payload === 'string' ? payload : JSON.stringify(payload));
const digest = (body: Uint8Array, key = secret) => createHmac('sha256', key).update(body).digest('hex');
const sha = 'a'.repeat(40);
const repository = {
  full_name: 'team/project',
  clone_url: 'https://github.com/team/project.git',
  ssh_url: 'git@github.com:team/project.git',
  html_url: 'https://github.com/team/project',
};
const from = {
  delivery: 'd-1',
  repository: { name: 'team/project', urls: [repository.clone_url, repository.ssh_url, repository.html_url] },
};
const headers = {
  github: (event: string) => ({ 'x-github-delivery': 'd-1', 'x-github-event': event }),
  forgejo: (event: string) => ({
    ...{ 'x-forgejo-delivery': 'd-1', 'x-gitea-delivery': 'd-1', 'x-github-delivery': 'd-1' },
    ...{ 'x-forgejo-event': event, 'x-gitea-event': event, 'x-github-event': event },
  }),
};

describe('a signature', () => {
  test('of GitHub’s documentation is right', () => {
    const said = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
    const verify = (body: string) =>
      verifySignature('github', "It's a Secret to Everybody", bytes(body), { 'x-hub-signature-256': said });
    expect(verify('Hello, World!')).toBe(true);
    expect(verify('Hello, World')).toBe(false);
  });

  test('of Forgejo is taken under each of its names, the first that is there', () => {
    const body = bytes('{"a":1}');
    const [good, bad] = [digest(body), digest(body, 'other')];
    const verify = (said: Record<string, string>) => verifySignature('forgejo', secret, body, said);
    expect(verify({ 'x-forgejo-signature': good })).toBe(true);
    expect(verify({ 'x-gitea-signature': good })).toBe(true);
    expect(verify({ 'x-hub-signature-256': `sha256=${good}` })).toBe(true);
    expect(verify({ 'x-forgejo-signature': bad, 'x-gitea-signature': good })).toBe(false);
    expect(verify({ 'x-forgejo-signature': `sha256=${good}` })).toBe(false);
    expect(verifySignature('github', secret, body, { 'x-forgejo-signature': good })).toBe(false);
  });

  test('that is missing, cut, empty or of no secret is wrong', () => {
    const body = bytes('x');
    const good = `sha256=${digest(body)}`;
    const verify = (said: string, key = secret) =>
      verifySignature('github', key, body, { 'x-hub-signature-256': said });
    expect(verify(good)).toBe(true);
    expect(verify(good.toUpperCase().replace('SHA', 'sha'))).toBe(true);
    for (const said of [
      '',
      'sha256=',
      good.slice(0, -1),
      `${good}0`,
      digest(body),
      `sha1=${good}`,
      good.replace(/.$/, 'g'),
    ])
      expect([said, verify(said)]).toEqual([said, false]);
    expect(verifySignature('github', secret, body, {})).toBe(false);
    expect(verifySignature('github', '', body, { 'x-hub-signature-256': `sha256=${digest(body, '')}` })).toBe(
      false,
    );
  });
});

describe.each(['github', 'forgejo'] as const)('a delivery of %s', (forge) => {
  const read = (event: string, payload: unknown) => readNews(forge, bytes(payload), headers[forge](event));

  test('tells of a pull request', () => {
    const head = { ref: 'bakeoff/1-x', sha };
    const pull = (more: object) => ({
      action: 'closed',
      repository,
      pull_request: { number: 7, head, ...more },
    });
    expect(
      read('pull_request', pull({ state: 'open', merged: false, merge_commit_sha: 'f'.repeat(40) })),
    ).toEqual({
      ...from,
      kind: 'pull_request',
      pull: { number: 7, state: 'open', merged_sha: null, head: 'bakeoff/1-x', head_sha: sha },
    });
    expect(
      read('pull_request', pull({ state: 'closed', merged: true, merge_commit_sha: 'b'.repeat(40) })),
    ).toMatchObject({
      pull: { state: 'merged', merged_sha: 'b'.repeat(40) },
    });
    expect(read('pull_request', pull({ state: 'closed' }))).toMatchObject({ pull: { state: 'closed' } });
    const label = forge === 'github' ? 'team:bakeoff/1-x' : 'bakeoff/1-x';
    const gone = { label, ref: forge === 'github' ? 'bakeoff/1-x' : 'refs/pull/7/head', sha };
    expect(read('pull_request', pull({ state: 'closed', head: gone }))).toMatchObject({
      pull: { head: 'bakeoff/1-x' },
    });
    // A number that the database has no place for would fail in it, each time the forge sends it again.
    expect(() => read('pull_request', pull({ state: 'open', number: 2 ** 31 }))).toThrow('number is wrong');
  });

  test('tells of checks and of pushes, and of other things that they are none of ours', () => {
    expect(read('status', { repository, sha, state: 'success' })).toEqual({
      ...from,
      kind: 'checks',
      sha,
      branch: null,
    });
    const suite = { head_sha: sha, head_branch: 'b' };
    expect(read('check_suite', { repository, check_suite: suite })).toEqual({
      ...from,
      kind: 'checks',
      sha,
      branch: 'b',
    });
    expect(read('check_run', { repository, check_run: { head_sha: sha } })).toMatchObject({
      kind: 'checks',
      branch: null,
    });
    expect(read('push', { repository, ref: 'refs/heads/a/b', after: sha })).toEqual({
      ...from,
      kind: 'push',
      branch: 'a/b',
      after: sha,
    });
    expect(read('push', { repository, ref: 'refs/heads/a', after: '0'.repeat(40) })).toMatchObject({
      after: null,
    });
    expect(read('push', { repository, ref: 'refs/tags/v1', after: sha })).toMatchObject({
      kind: 'nothing',
      event: 'push',
    });
    const nothing = { delivery: 'd-1', kind: 'nothing', event: 'ping' } as const;
    expect(read('ping', { repository, zen: 'x' })).toEqual(nothing);
    // As a webhook of an organisation begins.
    expect(read('ping', { zen: 'x', organization: { login: 'team' } })).toEqual(nothing);
  });

  test('with a NUL in a name is refused, since the database has no place for it', () => {
    const name = 'bakeoff/1-\u0000';
    const pull = { number: 7, state: 'open', head: { ref: name, sha } };
    const wrong: [string, unknown][] = [
      ['pull_request', { repository, pull_request: pull }],
      ['push', { repository, ref: `refs/heads/${name}`, after: sha }],
      ['check_suite', { repository, check_suite: { head_sha: sha, head_branch: name } }],
      ['check_run', { repository, check_run: { head_sha: sha, head_branch: name } }],
      ['status', { repository: { ...repository, full_name: name }, sha }],
    ];
    for (const [event, payload] of wrong) expect(() => read(event, payload)).toThrow(WebhookError);
  });

  test('that is not what it says is refused in words', () => {
    const wrong: [string, unknown][] = [
      ['pull_request', { repository }],
      ['pull_request', { repository, pull_request: { number: '7', state: 'open', head: { ref: 'x', sha } } }],
      ['pull_request', { repository, pull_request: { number: 7, state: 'odd', head: { ref: 'x', sha } } }],
      ['push', { repository, ref: 'refs/heads/x', after: '--all' }],
      ['status', { repository, sha: 'main' }],
      ['push', { ref: 'refs/heads/x', after: sha }],
      ['status', []],
      ['ping', 'payload=%7B%7D'],
      ['ping', ''],
    ];
    for (const [event, payload] of wrong) expect(() => read(event, payload)).toThrow(WebhookError);
    const body = bytes({ repository });
    for (const said of [
      {},
      { [`x-${forge}-event`]: 'ping' },
      { ...headers[forge]('ping'), [`x-${forge}-delivery`]: 'a b' },
    ])
      expect(() => readNews(forge, body, said)).toThrow(WebhookError);
    expect(() => readNews(forge, new Uint8Array([0xff]), headers[forge]('ping'))).toThrow(WebhookError);
  });
});
