import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { Page, Project } from '../../src/core/contract';
import { openVault } from '../../src/core/secret';
import { tokenOf } from '../../src/core/token';
import { makeRepository } from '../support/repository';
import { startTestService, type TestService } from '../support/service';
import { openRows } from './rows';

const secret = 'a secret that only this test has, long enough';
const token = 'forge-token-Zm9vYmFy-0123456789';

let service: TestService;
let said = '';
const write = process.stderr.write.bind(process.stderr);
beforeAll(async () => {
  process.stderr.write = ((text: string | Uint8Array) => {
    said += String(text);
    return true;
  }) as typeof process.stderr.write;
  // Hosts that the operator names are not looked up.
  const forgeHosts = ['forge.test', '10.0.0.5', 'https://10.0.0.6:8443/', '[fd00::7]'];
  service = await startTestService({ forgeHosts, secret, logLevel: 'debug' });
}, 30_000);
afterAll(async () => {
  process.stderr.write = write;
  await service.remove();
});

let count = 0;
async function make(change: Record<string, unknown> = {}): Promise<Project> {
  count += 1;
  const { status, body } = await service.call<Project>('/projects', {
    ...{ name: `project ${count}`, repo_url: `https://forge.test/acme/${count}.git` },
    ...change,
  });
  expect({ status, body }).toMatchObject({ status: 201 });
  return body;
}

const change = (id: number, body: unknown) => service.call<Project>(`/projects/${id}`, body, 'PATCH');

/** What the database has of a project’s token, opened as a worker would. */
async function stored(id: number) {
  const sql = openRows(service);
  try {
    const [row] = await sql<{ token: Uint8Array | null }[]>`select token from projects where id = ${id}`;
    return { sealed: row?.token ?? null, opened: await tokenOf({ sql }, openVault(secret), id) };
  } finally {
    await sql.end();
  }
}

test('set-up, network and checks are kept as they are meant, and changed one by one', async () => {
  const made = await make({
    setup: 'npm ci\nnpm run build',
    network: [
      'Packages.EXAMPLE.org',
      'packages.example.org',
      '*.Example.org:08443',
      '10.0.0.5:80',
      '10.0.0.6:8443',
    ],
    checks: [{ name: 'tests', command: 'npm test', report: './reports//junit.xml' }],
  });
  expect(made).toMatchObject({
    setup: 'npm ci\nnpm run build',
    network: ['packages.example.org', '*.example.org:8443', '10.0.0.5:80', '10.0.0.6:8443'],
    checks: [
      { name: 'tests', command: 'npm test', timeout_s: 300, required: true, report: 'reports/junit.xml' },
    ],
    checks_set: true,
  });
  const { body: changed } = await change(made.id, { network: ['[FD00:0::7]:443', '8.8.8.8', 'a.org.'] });
  expect(changed).toEqual({
    ...made,
    network: ['[fd00::7]:443', '8.8.8.8', 'a.org'],
    updated_at: changed.updated_at,
  });
  expect((await change(made.id, { setup: null, network: [] })).body).toMatchObject({
    setup: null,
    network: [],
  });
  expect((await change(made.id, { network: ['10.0.0.6'] })).status).toBe(422);
});

test('checks that a person names are said to be theirs, also none; null has them detected again', async () => {
  expect((await make()).checks_set).toBe(false);
  expect((await make({ checks: null })).checks_set).toBe(false);
  const none = await make({ checks: [] });
  expect(none.checks_set).toBe(true);
  expect((await change(none.id, { name: 'renamed' })).body.checks_set).toBe(true);
  expect((await change(none.id, { checks: null })).body).toMatchObject({ checks_set: false, checks: [] });
  expect((await change(none.id, { checks: [] })).body).toMatchObject({ checks_set: true, checks: [] });
  const given = [{ name: 'a', command: 'true' }];
  expect((await change(none.id, { checks: given })).body).toMatchObject({ checks_set: true, checks: given });
});

test('a token is written, sealed, changed and cleared, and never read back, not even in a log', async () => {
  const made = await make({ token });
  expect(made).toMatchObject({ has_token: true, token_user: 'x-access-token' });
  const { sealed, opened } = await stored(made.id);
  expect(Buffer.from(sealed ?? []).includes(token)).toBe(false);
  expect(opened).toEqual({ username: 'x-access-token', token });

  expect((await change(made.id, { token_user: 'ada' })).body.token_user).toBe('ada');
  await change(made.id, { token: `${token}-2` });
  expect((await stored(made.id)).opened).toEqual({ username: 'ada', token: `${token}-2` });
  await change(made.id, { token_user: null });
  expect((await stored(made.id)).opened?.username).toBe('x-access-token');
  const both = await change(made.id, { token, token_user: 'grace' });
  expect(both.body).toMatchObject({ has_token: true, token_user: 'grace' });

  const list = await service.call<Page<Project>>('/projects?limit=200');
  for (const text of [made, both.body, list.body].map((one) => JSON.stringify(one))) {
    expect(text).not.toContain(token);
    expect(text).not.toContain('"token"');
  }
  expect((await change(made.id, { token: null })).body).toMatchObject({ has_token: false, token_user: null });
  expect(await stored(made.id)).toEqual({ sealed: null, opened: null });
  expect((await change(made.id, { token_user: 'ada' })).status).toBe(422);
  expect(said).not.toContain(token);
});

test('a token is refused where it would go nowhere, or in clear', async () => {
  const { path } = makeRepository({ 'a.txt': 'a\n' });
  for (const source of [
    { local_path: path },
    { repo_url: 'ssh://git@forge.test/a.git' },
    { repo_url: 'git@forge.test:a.git' },
    { repo_url: 'http://forge.test/a.git' },
  ]) {
    const project = { name: 'no use', ...source };
    const refused = await service.call('/projects', { ...project, token });
    expect(refused).toMatchObject({ status: 422, body: { error: { code: 'invalid', field: 'token' } } });
    expect(JSON.stringify(refused.body)).not.toContain(token);
    const { body } = await service.call<Project>('/projects', project);
    expect((await change(body.id, { token })).body).toMatchObject({ error: { field: 'token' } });
    expect((await change(body.id, { token: null })).status).toBe(200);
    await service.call(`/projects/${body.id}`, undefined, 'DELETE');
  }
});

test('a call that is sent again makes no second project, and says nothing of its token either', async () => {
  const body = { name: 'once', repo_url: 'https://forge.test/once.git', token };
  const send = () =>
    fetch(`${service.url}/api/v1/projects`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${service.apiKey}`,
        'content-type': 'application/json',
        'idempotency-key': 'once',
      },
      body: JSON.stringify(body),
    });
  const [first, second] = [await send(), await send()];
  expect([first.status, second.status]).toEqual([201, 200]);
  const texts = [await first.text(), await second.text()];
  expect(texts[0]).toBe(texts[1] ?? '');
  expect(texts[0]).not.toContain(token);
});
