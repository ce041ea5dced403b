import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Value } from '@sinclair/typebox/value';
import { readConfig } from '../../src/config';
import type { Health, Landing, Preflight, Run } from '../../src/core/contract';
import type { Sql } from '../../src/core/db';
import { chooseWinner } from '../../src/core/winner';
import { errorSchema, runSchema } from '../../src/server/schemas';
import { landingSchema, preflightSchema } from '../../src/server/schemas-outcome';
import { type ForgeServer, startForgeServer } from '../support/forge-server';
import { git, makeRepository } from '../support/repository';
import { scenario, startTestService, type TestService } from '../support/service';
import { removeTemp } from '../support/temp';
import { until } from '../support/wait';
import { countRows, openRows } from './rows';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const secret = 'what the forge and we know';
const place = 'team/project';
let service: TestService;
let rows: Sql;
let forge: ForgeServer;
let work: { path: string; head: string };
/** A run of the forge's repository that has won, one of a local one, and one without a winner. */
const ids = { remote: 0, local: 0, bare: 0 };

beforeAll(async () => {
  forge = await startForgeServer('forgejo', place);
  work = makeRepository({ 'a.txt': 'one\n' });
  forge.git.add(place, work.path);
  const env = { FORGEJO_URL: forge.url, FORGEJO_TOKEN: forge.git.token, FORGEJO_WEBHOOK_SECRET: secret };
  const { forges, forgeHosts, sslCertFile } = readConfig({ ...env, SSL_CERT_FILE: forge.git.caFile });
  service = await startTestService({ forges, forgeHosts, sslCertFile });
  rows = openRows(service);
  const edit = { name: 'edit_file', arguments: { path: 'a.txt', search: 'one', replace: 'two' } };
  await service.call('/agents', { name: 'editor', provider: 'scripted', scenario: scenario(edit) });
  const start = async (source: object) => {
    const { body } = await service.call<Run>('/runs', { ...source, goal: 'Make it two', agents: ['editor'] });
    const run = await service.ended(body.id);
    expect(run.status).toBe('completed');
    return run.id;
  };
  ids.remote = await start({ repo_url: forge.git.urlOf(place) });
  ids.local = await start({ local_path: work.path });
  ids.bare = await start({ local_path: work.path });
  for (const id of [ids.remote, ids.local])
    await chooseWinner({ sql: rows }, id, { position: 1, by: 'person', note: null });
});
afterAll(async () => {
  await rows.end();
  await service.remove();
  await forge.stop();
  removeTemp(work.path);
});
beforeEach(() => {
  forge.faults = {};
});

const settled = (id: number): Promise<Landing> =>
  until(async () => {
    const { body } = await service.call<Landing>(`/runs/${id}/landing`);
    return /^(landed|failed|undone)$/.test(body.status) && body;
  }, 'the end of the landing');

/** Every refusal has the contract's shape, and leaves nothing behind. */
async function refused(answer: Promise<{ status: number; body: unknown }>, wanted: object): Promise<void> {
  const before = await countRows(rows);
  const { status, body } = await answer;
  expect(Value.Check(errorSchema, body)).toBe(true);
  expect({ status, ...(body as { error: object }).error }).toMatchObject(wanted);
  expect(await countRows(rows)).toEqual(before);
}

describe('a landing', () => {
  test('is asked for, seen on the run, and undone', async () => {
    const path = `/runs/${ids.remote}/landing`;
    await refused(service.call(path), { status: 404, code: 'landing_not_found' });
    const begun = await service.call<Landing>(path, { mode: 'pull_request', labels: ['bakeoff'] });
    expect(begun.status).toBe(202);
    expect(Value.Check(landingSchema, begun.body)).toBe(true);
    await refused(service.call(path, { mode: 'branch' }), { status: 409, code: 'already_landed' });
    const landing = await settled(ids.remote);
    expect(Value.Check(landingSchema, landing)).toBe(true);
    expect(landing).toMatchObject({ status: 'landed', pull_request: { number: 1, state: 'open' } });
    const { body: run } = await service.call<Run>(`/runs/${ids.remote}`);
    expect(Value.Check(runSchema, run)).toBe(true);
    expect(run.landing).toMatchObject({ id: landing.id, pull_request: { number: 1 } });
    const undone = await service.call<Landing>(path, undefined, 'DELETE');
    expect(undone.status).toBe(202);
    // A worker may have taken it before the answer was read.
    expect(undone.body.status).toMatch(/^(undo_wanted|undoing|undone)$/);
    expect(await settled(ids.remote)).toMatchObject({ status: 'undone' });
    expect(forge.pulls[0]?.state).toBe('closed');
    await refused(service.call(path, undefined, 'DELETE'), { status: 409, code: 'not_landed' });
  });

  test('is the same for the same Idempotency-Key', async () => {
    const ask = async (body: object) => {
      const answer = await fetch(`${service.url}/api/v1/runs/${ids.remote}/landing`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${service.apiKey}`,
          'content-type': 'application/json',
          'idempotency-key': 'land-it',
        },
        body: JSON.stringify(body),
      });
      return { status: answer.status, body: (await answer.json()) as Landing & { error: { code: string } } };
    };
    const first = await ask({ mode: 'branch' });
    const again = await ask({ mode: 'branch' });
    expect([first.status, again.status, again.body.id]).toEqual([202, 200, first.body.id]);
    expect((await ask({ mode: 'pull_request' })).body.error.code).toBe('idempotency_key_reused');
    expect((await settled(ids.remote)).status).toBe('landed');
    // The patch is there whatever became of it.
    const diff = await service.call<string>(`/runs/${ids.remote}/variations/1/diff`);
    expect(diff.body).toContain('+two');
    await service.call(`/runs/${ids.remote}/landing`, undefined, 'DELETE');
    await settled(ids.remote);
  });

  test('of nothing is refused', async () => {
    await refused(service.call('/runs/999999/landing', { mode: 'branch' }), {
      status: 404,
      code: 'run_not_found',
    });
    await refused(service.call('/runs/x/landing'), { status: 404, code: 'run_not_found' });
    await refused(service.call(`/runs/${ids.bare}/landing`, { mode: 'branch' }), {
      status: 409,
      code: 'no_winner',
    });
    await refused(service.call(`/runs/${ids.bare}/landing`, undefined, 'DELETE'), {
      ...{ status: 404, code: 'landing_not_found' },
    });
    await refused(service.call(`/runs/${ids.bare}/landing/preflight`), { status: 409, code: 'no_winner' });
    await refused(service.call(`/runs/${ids.bare}/landing/rebase`, {}), { status: 409, code: 'no_winner' });
  });

  const person = { name: 'Ada', email: 'ada@example.org' };
  test.each<[string, 'remote' | 'local', unknown, string | undefined]>([
    ['without a mode', 'local', {}, 'mode'],
    ['of an unknown mode', 'local', { mode: 'force' }, 'mode'],
    ['with an unknown field', 'local', { mode: 'branch', force: true }, 'force'],
    ['that merges into a remote repository', 'remote', { mode: 'merge' }, 'mode'],
    ['as a pull request of a local one', 'local', { mode: 'pull_request' }, 'mode'],
    ['for what is no branch', 'local', { mode: 'branch', target: 'a..b' }, 'target'],
    ['for an option of git', 'local', { mode: 'branch', target: '--upload-pack=x' }, 'target'],
    ['for a branch that is not there', 'local', { mode: 'branch', target: 'no-such' }, 'target'],
    ['for a whole ref', 'remote', { mode: 'branch', target: 'refs/heads/main' }, 'target'],
    ['with a title of two lines', 'local', { mode: 'branch', title: 'a\nb' }, 'title'],
    ['with a long title', 'local', { mode: 'branch', title: 'x'.repeat(251) }, 'title'],
    ['with labels of a branch', 'local', { mode: 'branch', labels: ['x'] }, 'labels'],
    ['with a title of no commit', 'local', { mode: 'branch', squash: false, title: 'x' }, 'title'],
    ['with a label of nothing', 'remote', { mode: 'pull_request', labels: [' '] }, 'labels.0'],
    ['with files that no merge brings along', 'local', { mode: 'branch', checkout: true }, 'checkout'],
    [
      'with an author of signs',
      'local',
      { mode: 'branch', author: { ...person, name: '<>' } },
      'author.name',
    ],
    [
      'with an address of none',
      'local',
      { mode: 'branch', author: { ...person, email: 'x' } },
      'author.email',
    ],
    [
      'with a co-author on two lines',
      'local',
      { mode: 'branch', co_authors: [{ ...person, name: 'a\nb' }] },
      'co_authors.0.name',
    ],
    ['that is a list', 'local', [], undefined],
  ])('%s is refused', async (_, which, body, field) => {
    const answer = service.call(`/runs/${ids[which]}/landing`, body);
    await refused(answer, { status: 422, code: 'invalid', ...(field === undefined ? {} : { field }) });
  });

  test('is looked at beforehand; the winner is asked to rebase where it must', async () => {
    const path = `/runs/${ids.local}/landing`;
    const clean = await service.call<Preflight>(`${path}/preflight`);
    expect(clean.status).toBe(200);
    expect(Value.Check(preflightSchema, clean.body)).toBe(true);
    expect(clean.body).toMatchObject({ clean: true, conflicts: [], target: 'main', target_sha: work.head });
    await refused(service.call(`${path}/rebase`, {}), { status: 409, code: 'nothing_to_rebase' });
    await refused(service.call(`${path}/preflight?target=no-such`), { status: 422, field: 'target' });
    await refused(service.call(`${path}/preflight?target=${'x'.repeat(300)}`), {
      status: 422,
      field: 'target',
    });
    await refused(service.call(`${path}/rebase`, { target: 5 }), { status: 422, field: 'target' });
    await refused(service.call('/runs/999999/landing/preflight?target=main'), { status: 404 });
    writeFileSync(join(work.path, 'a.txt'), 'ONE\n');
    git(work.path, 'commit', '-qam', 'ONE');
    const now = await service.call<Preflight>(`${path}/preflight?target=main`);
    expect(Value.Check(preflightSchema, now.body)).toBe(true);
    expect(now.body).toMatchObject({ clean: false, conflicts: ['a.txt'], conflict_count: 1 });
    const asked = await service.call<{ items: { position: number; text: string }[] }>(
      `${path}/rebase`,
      undefined,
      'POST',
    );
    expect(asked.status).toBe(201);
    expect(asked.body.items).toMatchObject([{ position: 1 }]);
    expect(asked.body.items[0]?.text).toContain('+ONE');
    const { body: run } = await service.call<Run>(`/runs/${ids.local}`);
    expect([run.winner, run.variations[0]?.iteration]).toEqual([null, 2]);
  });
});

describe('a webhook', () => {
  let delivery = 0;
  const payload = (number = 99) =>
    JSON.stringify({
      pull_request: {
        number,
        state: 'closed',
        merged: false,
        head: { ref: 'bakeoff/1-x', sha: 'a'.repeat(40) },
      },
      repository: { full_name: place, clone_url: `${forge.url}/${place}.git` },
    });
  const send = async (
    body: BodyInit,
    headers: Record<string, string> = {},
    { path = '/api/webhook/forgejo', signed = true } = {},
  ) => {
    const bytes = new Uint8Array(await new Response(body).arrayBuffer());
    delivery += 1;
    const answer = await fetch(`${service.url}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-forgejo-event': 'pull_request',
        'x-forgejo-delivery': `delivery-${delivery}`,
        ...(signed
          ? { 'x-forgejo-signature': createHmac('sha256', secret).update(bytes).digest('hex') }
          : {}),
        ...headers,
      },
      body: bytes,
    });
    return { status: answer.status, body: (await answer.json()) as unknown, headers: answer.headers };
  };

  test('is taken from who signs it, without a key and from wherever it comes; once', async () => {
    const said = await send(payload(), {
      origin: 'https://elsewhere.example',
      'sec-fetch-site': 'cross-site',
    });
    expect([said.status, said.body]).toEqual([200, { heard: 'nothing' }]);
    const same = { 'x-forgejo-delivery': 'the-same' };
    expect((await send(payload(), same)).body).toEqual({ heard: 'nothing' });
    expect((await send(payload(), same)).body).toEqual({ heard: 'known' });
    expect(said.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('is refused when its signature is missing, wrong, or of other bytes', async () => {
    const other = createHmac('sha256', secret).update('other').digest('hex');
    const wrong: Record<string, string>[] = [
      {},
      { 'x-forgejo-signature': other },
      { 'x-forgejo-signature': 'x' },
    ];
    for (const headers of wrong)
      await refused(send(payload(), headers, { signed: false }), { status: 401, code: 'bad_signature' });
    // Whoever has a key is no forge.
    const keyed = send(payload(), { authorization: `Bearer ${service.apiKey}` }, { signed: false });
    await refused(keyed, { status: 401, code: 'bad_signature' });
  });

  test('is refused when it cannot be read, or nobody has set it up', async () => {
    await refused(send('{'), { status: 422 });
    await refused(send('{}'), { status: 422 });
    await refused(send(payload(), { 'x-forgejo-delivery': '../x' }), { status: 422 });
    await refused(send(payload().replace('bakeoff/1-x', 'bakeoff/1-\\u0000')), { status: 422 });
    await refused(send(payload(), { 'content-type': 'application/x-www-form-urlencoded' }), { status: 415 });
    await refused(send(new Uint8Array([0xff, 0x00])), { status: 422 });
    await refused(send('x'.repeat(2 ** 20 + 1)), { status: 413, code: 'too_large' });
    await refused(send(payload(), {}, { path: '/api/webhook/github' }), {
      ...{ status: 503, code: 'webhook_not_configured' },
    });
  });

  test('that is too large is told so while it still comes, though it states no length', async () => {
    const piece = new Uint8Array(2 ** 20);
    // More than the server itself takes of any body.
    let left = 12;
    const endless = new ReadableStream({
      pull: (to) => (left-- > 0 ? to.enqueue(piece) : to.close()),
    });
    const answer = await fetch(`${service.url}/api/webhook/forgejo`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: endless,
    });
    expect([answer.status, await answer.json()]).toMatchObject([413, { error: { code: 'too_large' } }]);
  });

  test('is all that is open: what lies beside it wants a key, our name and our pages', async () => {
    for (const path of [
      '/api/webhook/github-actions',
      '/api/webhook/forgejo/x',
      '/api/webhook',
      '/api/v1/runs',
    ])
      await refused(send(payload(), {}, { path }), { status: 401, code: 'unauthorized' });
    const got = await fetch(`${service.url}/api/webhook/forgejo`);
    expect(got.status).toBe(401);
    await refused(send(payload(), { host: 'evil.example' }), { status: 403, code: 'host_refused' });
    const others = { origin: 'https://elsewhere.example', authorization: `Bearer ${service.apiKey}` };
    await refused(send('{}', others, { path: '/api/v1/runs' }), { status: 403, code: 'origin_refused' });
  });

  test('that comes too often is put off', async () => {
    const many = await Promise.all(Array.from({ length: 200 }, () => send('{}', {}, { signed: false })));
    const late = many.filter((one) => one.status === 429);
    expect(late.length).toBeGreaterThan(0);
    expect(late[0]?.body).toMatchObject({ error: { code: 'too_many_requests' } });
    expect(Number(late[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});

test('health tells of the forges that are configured', async () => {
  const health = (await (await fetch(`${service.url}/health`)).json()) as Health;
  expect(health.parts.forges).toMatchObject({ status: 'fine', detail: 'forgejo' });
  expect(JSON.stringify(health)).not.toContain(forge.git.token);
});
