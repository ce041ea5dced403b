import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Value } from '@sinclair/typebox/value';
import fc from 'fast-check';
import type { Run } from '../../src/core/contract';
import type { Sql } from '../../src/core/db';
import { errorSchema, runSchema } from '../../src/server/schemas';
import { git, makeRepository } from '../support/repository';
import { startTestService, type TestService } from '../support/service';
import { tempDir } from '../support/temp';
import { countRows, openRows } from './rows';

let service: TestService;
let rows: Sql;
let repository: string;
let outside: string;
let root: string;

beforeAll(async () => {
  root = tempDir('roots');
  outside = makeRepository({ 'a.txt': 'a\n' }).path;
  repository = join(root, 'repository');
  git(root, 'clone', '-q', outside, 'repository');
  symlinkSync(outside, join(root, 'link'));
  mkdirSync(join(root, 'plain'));
  mkdirSync(join(root, 'empty'));
  git(join(root, 'empty'), 'init', '-q');
  writeFileSync(join(root, 'file'), 'x');
  service = await startTestService({ localRoots: [root] });
  rows = openRows(service);
  // Nothing runs here, so that nothing but the calls changes a row.
  await service.call('/settings', { execution: false }, 'PATCH');
  await service.call('/agents', {
    name: 'quiet',
    provider: 'scripted',
    scenario: { turns: [{ text: 'hi' }] },
  });
  await service.call('/agents', {
    name: 'priceless',
    provider: 'openai',
    model: 'nobody-knows-it',
    api_key: 'x',
  });
  await service.call('/agents', {
    name: 'priced, its fallback not',
    provider: 'scripted',
    scenario: { turns: [{ text: 'hi' }] },
    fallback: 'priceless',
  });
}, 30_000);
afterAll(async () => {
  await rows.end();
  await service.remove();
});

interface Answer {
  status: number;
  text: string;
  body: { error: { code: string; message: string; field?: string } };
}

/** A call with a body exactly as given. */
async function send(
  path: string,
  text: BodyInit | null,
  headers: Record<string, string> = {},
  method = 'POST',
): Promise<Answer> {
  const answer = await fetch(`${service.url}${path}`, {
    method,
    body: text,
    headers: { authorization: `Bearer ${service.apiKey}`, 'content-type': 'application/json', ...headers },
  });
  const said = await answer.text();
  expect(answer.headers.get('content-type')).toStartWith('application/json');
  return { status: answer.status, text: said, body: JSON.parse(said) };
}

const post = (path: string, body: unknown) => send(`/api/v1${path}`, JSON.stringify(body));

/** Every refusal has the contract's shape, tells nothing of the inside, and leaves nothing behind. */
async function refused(
  call: () => Promise<Answer>,
  status: number,
  code?: string,
  field?: string,
): Promise<void> {
  const before = await countRows(rows);
  const answer = await call();
  expect({ status: answer.status, ...answer.body.error }).toMatchObject({
    status,
    ...(code === undefined ? {} : { code }),
    ...(field === undefined ? {} : { field }),
  });
  expect(Value.Check(errorSchema, answer.body)).toBe(true);
  expect(answer.text).not.toMatch(/\bat \/|node_modules|\.ts:\d|select "|insert into/);
  expect(await countRows(rows)).toEqual(before);
}

const run = (change: Record<string, unknown> = {}) => ({
  local_path: repository,
  goal: 'Do it',
  agents: ['quiet'],
  ...change,
});

describe('a body that cannot be read', () => {
  const deep = '['.repeat(200_000);
  test.each([
    ['broken off', '{"goal":', 400, 'unreadable'],
    ['empty', '', 400, 'unreadable'],
    ['two values', '{}{}', 400, 'unreadable'],
    ['single quotes', "{'goal': 1}", 400, 'unreadable'],
    ['not closed, deep', deep, 400, 'unreadable'],
    ['closed, deep', deep + ']'.repeat(200_000), 400, 'unreadable'],
    ['null', 'null', 422, 'invalid'],
    ['a list', '[]', 422, 'invalid'],
    ['a string', '"goal"', 422, 'invalid'],
    ['a number', '3', 422, 'invalid'],
    ['over 4 MiB', JSON.stringify({ goal: 'x'.repeat(5 * 2 ** 20) }), 413, 'too_large'],
  ])('%s', async (_, text, status, code) => {
    const started = performance.now();
    for (const path of ['/runs', '/projects', '/agents'])
      await refused(() => send(`/api/v1${path}`, text), status, code);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('bytes that are not UTF-8', async () => {
    await refused(
      () => send('/api/v1/runs', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])),
      400,
      'unreadable',
    );
  });

  test.each([
    ['text/plain'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
    ['application/json-patch+json'],
    ['application/json; charset=utf-16'],
    ['text/json'],
  ])('of type %s is 415, chunked or not', async (type) => {
    const text = JSON.stringify(run());
    await refused(() => send('/api/v1/runs', text, { 'content-type': type }), 415, 'not_json');
    const stream = new Blob([text]).stream();
    await refused(() => send('/api/v1/runs', stream, { 'content-type': type }), 415, 'not_json');
  });

  test.each([['application/json'], ['application/json; charset=utf-8'], ['Application/JSON;charset=UTF-8']])(
    'of type %s is read',
    async (type) => {
      await refused(() => send('/api/v1/runs', '{}', { 'content-type': type }), 422, 'invalid', 'goal');
    },
  );
});

describe('a run', () => {
  const long = 'x'.repeat(100_001);
  const ada = { name: 'Ada', email: 'ada@example.org' };
  const landings: [what: string, change: Record<string, unknown>, field: string][] = [
    ['a landing without mode', { mode: undefined }, 'mode'],
    ['a mode of its own to land', { mode: 'push' }, 'mode'],
    ['an unknown field of a landing', { force: true }, 'force'],
    ['a pull request to a folder', { mode: 'pull_request' }, 'mode'],
    ['a target that is an option', { target: '--force' }, 'target'],
    ['a target that climbs', { target: '../main' }, 'target'],
    ['a target with a line break', { target: 'ma\nin' }, 'target'],
    ['a target that is a whole ref', { target: 'refs/heads/main' }, 'target'],
    ['HEAD as a target', { target: 'HEAD' }, 'target'],
    ['a target that is not there', { target: 'nowhere' }, 'target'],
    ['a target of 251', { target: 'x'.repeat(251) }, 'target'],
    ['a title of two lines', { title: 'a\nb' }, 'title'],
    ['a title of 251', { title: 'x'.repeat(251) }, 'title'],
    ['a body over 60,000', { body: 'x'.repeat(60_001) }, 'body'],
    ['labels of a branch', { labels: ['a'] }, 'labels'],
    ['a label of blanks', { labels: [' '] }, 'labels.0'],
    ['a label of two lines', { labels: ['fine', 'a\nb'] }, 'labels.1'],
    ['21 labels', { labels: Array(21).fill('a') }, 'labels'],
    ['a checkout of a branch', { checkout: true }, 'checkout'],
    ['an author without address', { author: { name: 'Ada' } }, 'author.email'],
    ['an author of two lines', { author: { ...ada, name: 'Ada\nSigned-off-by: x' } }, 'author.name'],
    ['an author of signs', { author: { ...ada, name: ' . ' } }, 'author.name'],
    ['an author who ends early', { author: { ...ada, name: 'Ada <x@y>' } }, 'author.name'],
    ['an address of two lines', { author: { ...ada, email: 'a@b\nc' } }, 'author.email'],
    ['an address that ends early', { author: { ...ada, email: 'a@b> <c@d' } }, 'author.email'],
    ['a co-author without name', { co_authors: [ada, { ...ada, name: ' ' }] }, 'co_authors.1.name'],
    ['11 co-authors', { co_authors: Array(11).fill(ada) }, 'co_authors'],
  ];
  const wrong: [what: string, change: Record<string, unknown>, field: string, code?: string][] = [
    ['no goal', { goal: undefined }, 'goal'],
    ['an empty goal', { goal: '' }, 'goal'],
    ['a goal of blanks', { goal: ' \n\t ' }, 'goal'],
    ['a goal over 100 kB', { goal: long }, 'goal'],
    ['a goal over 100 kB in few characters', { goal: '€'.repeat(40_000) }, 'goal'],
    ['a goal that is a number', { goal: 3 }, 'goal'],
    ['goal and prompt', { prompt: 'x' }, 'prompt'],
    ['name and title', { name: 'a', title: 'b' }, 'title'],
    ['an unknown field', { gaol: 'x' }, 'gaol'],
    ['a field of prototypes', JSON.parse('{"__proto__": {"goal": "x"}}'), '__proto__'],
    ['an unknown option', { options: { max_step: 3 } }, 'options.max_step'],
    ['an unknown field of context', { context: [{ title: 'a', text: 'b', x: 1 }] }, 'context.0.x'],
    ['0 variations', { variations: 0 }, 'variations'],
    ['17 variations', { variations: 17 }, 'variations'],
    ['2.5 variations', { variations: 2.5 }, 'variations'],
    ['variations in words', { variations: '3' }, 'variations'],
    ['no agent of that name', { agents: ['nobody'] }, 'agents'],
    ['an agent of blanks', { agents: ['quiet '] }, 'agents'],
    ['an agent with NUL', { agents: ['quiet\0'] }, 'agents'],
    ['no agents', { agents: [] }, 'agents'],
    ['two agents for three', { variations: 3, agents: ['quiet', 'quiet'] }, 'agents'],
    ['agents as a word', { agents: 'quiet' }, 'agents'],
    ['an agent id that is none', { agents: [999_999] }, 'agents'],
    ['an agent id beyond Postgres', { agents: [99_999_999_999] }, 'agents.0'],
    ['none of its default agents', { agents: undefined }, 'agents'],
    ['priority 0', { priority: 0 }, 'priority'],
    ['priority 11', { priority: 11 }, 'priority'],
    ['a task type of its own', { task_type: 'cooking' }, 'task_type'],
    ['a run type of its own', { run_type: 'swarm' }, 'run_type'],
    ['null for a name', { name: null }, 'name'],
    ['a name over 200', { name: 'x'.repeat(201) }, 'name'],
    ['metadata as a list', { metadata: [1] }, 'metadata'],
    ['metadata over 16 kB', { metadata: { a: 'x'.repeat(17_000) } }, 'metadata'],
    ['metadata over 16 kB in few characters', { metadata: { a: '€'.repeat(6_000) } }, 'metadata'],
    ['0 steps', { options: { max_steps: 0 } }, 'options.max_steps'],
    ['endless steps', { options: { max_steps: 1e300 } }, 'options.max_steps'],
    ['a budget of 0', { options: { budget_usd: 0 } }, 'options.budget_usd'],
    ['a budget in words', { options: { budget_usd: '5' } }, 'options.budget_usd'],
    ['endless tokens', { options: { budget_tokens: 1e300 } }, 'options.budget_tokens'],
    [
      'a budget where no price is known',
      { agents: ['priceless'], options: { budget_usd: 1 } },
      'options.budget_usd',
    ],
    [
      'a budget in dollars that a fallback could not keep',
      { agents: ['priced, its fallback not'], options: { budget_usd: 1 } },
      'options.budget_usd',
    ],
    ['a base that is an option', { base: '--upload-pack=touch /tmp/x' }, 'base', 'base_not_found'],
    ['a base that is a range', { base: 'a..b' }, 'base', 'base_not_found'],
    ['a base with control characters', { base: 'a\u0001b' }, 'base', 'base_not_found'],
    ['a base with a line break', { base: 'main\nx' }, 'base', 'base_not_found'],
    ['a base with NUL', { base: 'ma\0in' }, 'base', 'base_not_found'],
    ['a base that climbs', { base: '../../etc/passwd' }, 'base', 'base_not_found'],
    ['a base that is not there', { base: 'no-such-branch' }, 'base', 'base_not_found'],
    ['a base of 301', { base: 'x'.repeat(301) }, 'base'],
    ['a base of no run', { base: { run: 999_999 } }, 'base'],
    ['a base of a run by name', { base: { run: 'first' } }, 'base'],
    ['retries below nothing', { options: { max_retries: -1 } }, 'options.max_retries'],
    ['endless retries', { options: { max_retries: 11 } }, 'options.max_retries'],
    ['a mode of its own', { options: { mode: 'magic' } }, 'options.mode'],
    ['an approval of its own', { options: { approval: 'all' } }, 'options.approval'],
    ['a time in words', { scheduled_at: 'tomorrow' }, 'scheduled_at'],
    ['a time without zone', { scheduled_at: '2030-01-01T00:00:00' }, 'scheduled_at'],
    ['a day that is none', { scheduled_at: '2030-02-30T00:00:00Z' }, 'scheduled_at'],
    ['a time beyond years', { scheduled_at: '+275760-09-13T00:00:00Z' }, 'scheduled_at'],
    ['a time as a number', { scheduled_at: 1 }, 'scheduled_at'],
    ['a dependency that is none', { depends_on: [999_999] }, 'depends_on'],
    ['a dependency beyond Postgres', { depends_on: [99_999_999_999] }, 'depends_on.0'],
    ['a dependency by name', { depends_on: ['first'] }, 'depends_on.0'],
    ['dependencies without end', { depends_on: Array.from({ length: 5000 }, () => 1) }, 'depends_on'],
    ['another way to fail', { on_dependency_failure: 'ignore' }, 'on_dependency_failure'],
    ['goals', { goals: ['a', 'b'] }, 'goals'],
    ['stages', { stages: [{ task_type: 'coding' }] }, 'stages'],
    ['a workflow without goals', { run_type: 'workflow' }, 'goals'],
    ['0 iterations', { options: { max_iterations: 0 } }, 'options.max_iterations'],
    ['21 iterations', { options: { max_iterations: 21 } }, 'options.max_iterations'],
    ['losers in words', { options: { stop_losers: 'yes' } }, 'options.stop_losers'],
    ['another picker', { options: { pick: 'dice' } }, 'options.pick'],
    ['a dry run that is ranked', { options: { dry_run: true, pick: 'verdict' } }, 'options.pick'],
    ['a dry run with losers', { options: { dry_run: true, stop_losers: true } }, 'options.stop_losers'],
    ['a dry run that lands', { options: { dry_run: true, land: { mode: 'branch' } } }, 'options.land'],
    ...landings.map(([what, change, field]): [string, Record<string, unknown>, string] => {
      return [what, { options: { land: { mode: 'branch', ...change } } }, `options.land.${field}`];
    }),
  ];
  test.each(wrong)('with %s', async (_, change, field, code = 'invalid') => {
    await refused(() => post('/runs', run(change)), 422, code, field);
  });

  const sources: [what: string, source: () => Record<string, unknown>, field: string][] = [
    ['no source', () => ({}), 'project_id'],
    ['two sources', () => ({ local_path: repository, repo_url: 'https://example.org/a.git' }), 'project_id'],
    [
      'two names of one source',
      () => ({ github_url: 'https://example.org/a.git', repo_url: 'https://example.org/a.git' }),
      'project_id',
    ],
    ['a project that is none', () => ({ project_id: 999_999 }), 'project_id'],
    ['project 0', () => ({ project_id: 0 }), 'project_id'],
    ['a project beyond Postgres', () => ({ project_id: 99_999_999_999 }), 'project_id'],
    ['a password in the URL', () => ({ repo_url: 'https://user:secret@example.org/a.git' }), 'repo_url'],
    ['a token in the URL', () => ({ repo_url: 'https://ghp_token@example.org/a.git' }), 'repo_url'],
    ['file:', () => ({ repo_url: 'file:///etc' }), 'repo_url'],
    ['ext:', () => ({ repo_url: 'ext::sh -c touch% /tmp/x' }), 'repo_url'],
    ['an option', () => ({ repo_url: '--upload-pack=touch /tmp/x' }), 'repo_url'],
    ['a path as a URL', () => ({ repo_url: repository }), 'repo_url'],
    ['loopback', () => ({ repo_url: 'https://127.0.0.1/a.git' }), 'repo_url'],
    ['loopback in disguise', () => ({ repo_url: 'https://0x7f000001/a.git' }), 'repo_url'],
    ['loopback by name', () => ({ repo_url: 'https://localhost/a.git' }), 'repo_url'],
    ['loopback of IPv6', () => ({ repo_url: 'https://[::1]/a.git' }), 'repo_url'],
    ['loopback within IPv6', () => ({ repo_url: 'https://[::ffff:127.0.0.1]/a.git' }), 'repo_url'],
    ['a private address', () => ({ repo_url: 'https://10.0.0.1/a.git' }), 'repo_url'],
    ['the metadata address', () => ({ repo_url: 'https://169.254.169.254/latest' }), 'repo_url'],
    ['plain http', () => ({ repo_url: 'http://example.org/a.git' }), 'repo_url'],
    ['ssh to a private address', () => ({ repo_url: 'git@10.0.0.1:a.git' }), 'repo_url'],
    ['an empty URL', () => ({ repo_url: '' }), 'repo_url'],
    ['a path outside the roots', () => ({ local_path: outside }), 'local_path'],
    ['the root of all', () => ({ local_path: '/' }), 'local_path'],
    [
      'a path that climbs out',
      () => ({ local_path: join(repository, '..', '..', '..', 'etc') }),
      'local_path',
    ],
    ['a relative path', () => ({ local_path: 'repository' }), 'local_path'],
    ['a path with NUL', () => ({ local_path: `${repository}\0` }), 'local_path'],
    ['a path that is not there', () => ({ local_path: join(root, 'nothing') }), 'local_path'],
    ['a folder that is no repository', () => ({ local_path: join(root, 'plain') }), 'local_path'],
    ['a file', () => ({ local_path: join(root, 'file') }), 'local_path'],
    ['a link that leads out', () => ({ local_path: join(root, 'link') }), 'local_path'],
    ['a repository without a commit', () => ({ local_path: join(root, 'empty') }), 'local_path'],
  ];
  test.each(sources)('from %s', async (_, source, field) => {
    await refused(
      () => post('/runs', { goal: 'Do it', agents: ['quiet'], ...source() }),
      422,
      undefined,
      field,
    );
    if (field === 'project_id') return;
    await refused(() => post('/projects', source()), 422, undefined, field);
  });

  test('that asks for an executor is told that it is not built yet', async () => {
    await refused(() => post('/runs', run({ options: { executor: 1 } })), 501, 'not_yet', 'options.executor');
  });

  test('takes any text and any metadata as they are, but for NUL and broken surrogates', async () => {
    const metadata = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"x":1}},"a\\nb":[null,1.5,"\\u0000"],"":{}}',
    );
    const { status, body } = await service.call<Run>(
      '/runs',
      run({ goal: ' a\0b \ud800 \u{1f600} ', metadata }),
    );
    expect(status).toBe(201);
    expect(body.goal).toBe('a\uFFFDb \uFFFD \u{1f600}');
    expect(JSON.stringify(body.metadata)).toBe(
      JSON.stringify(
        JSON.parse(
          '{"":{},"a\\nb":[null,1.5,"\\ufffd"],"__proto__":{"polluted":1},"constructor":{"prototype":{"x":1}}}',
        ),
      ),
    );
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    await service.call(`/runs/${body.id}/stop`, undefined, 'POST');
  });

  test('of whatever nonsense is an answer of the contract', async () => {
    const junk = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.string({ unit: 'binary', maxLength: 40 }));
    const field = fc.constantFrom(
      ...[
        'goal',
        'prompt',
        'name',
        'description',
        'instructions',
        'variations',
        'agents',
        'priority',
        'base',
        'context',
      ],
      ...[
        'metadata',
        'options',
        'project_id',
        'repo_url',
        'local_path',
        'task_type',
        'run_type',
        'depends_on',
        'goals',
        'stages',
        'zzz',
      ],
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(field, junk, { maxKeys: 4 }), fc.boolean(), async (change, whole) => {
        const answer = await service.call('/runs', whole ? run(change) : change);
        expect([201, 422, 501]).toContain(answer.status);
        expect(Value.Check(answer.status === 201 ? runSchema : errorSchema, answer.body)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});

describe('a project', () => {
  const local = (change: Record<string, unknown>) => ({ local_path: repository, name: 'other', ...change });
  test.each([
    [{ name: '' }, 'name'],
    [{ name: '  ' }, 'name'],
    [{ nam: 'x' }, 'nam'],
    [{ default_branch: '--x' }, 'default_branch'],
    [{ default_branch: 'nowhere' }, 'default_branch'],
    [{ default_branch: 'a\0' }, 'default_branch'],
    [{ checks: [{ name: 'a' }] }, 'checks.0.command'],
    [{ checks: [{ name: 'a', command: '' }] }, 'checks.0.command'],
    [{ checks: [{ name: 'a', command: 'x', timeout_s: 0 }] }, 'checks.0.timeout_s'],
    [
      {
        checks: [
          { name: 'a', command: 'x' },
          { name: 'a', command: 'y' },
        ],
      },
      'checks',
    ],
    [{ checks: Array(21).fill({ name: 'a', command: 'x' }) }, 'checks'],
    [{ allowed_commands: 'true' }, 'allowed_commands'],
    [{ allowed_commands: [' '] }, 'allowed_commands.0'],
    [{ allowed_commands: ['true', 'true'] }, 'allowed_commands'],
    [{ allowed_commands: ['x'.repeat(1001)] }, 'allowed_commands.0'],
    [{ allowed_commands: Array.from({ length: 201 }, (_, i) => `c${i}`) }, 'allowed_commands'],
    [{ checks: 'npm test' }, 'checks'],
    ...['', '/etc/passwd', '../x.xml', 'a/../../x', '.', 'a\nb', '.git/config', 'a\\b', 'x'.repeat(501)].map(
      (report) => [{ checks: [{ name: 'a', command: 'x', report }] }, 'checks.0.report'] as const,
    ),
    [{ setup: '' }, 'setup'],
    [{ setup: ' \n' }, 'setup'],
    [{ setup: ['npm ci'] }, 'setup'],
    [{ setup: 'x'.repeat(10_001) }, 'setup'],
    [{ setup: 'ä'.repeat(5001) }, 'setup'],
    [{ network: 'example.org' }, 'network'],
    [{ network: null }, 'network'],
    [{ network: ['example.org', 7] }, 'network.1'],
    [{ network: Array(101).fill('example.org') }, 'network'],
    ...[
      ...['', ' ', 'https://example.org', 'example.org/path', '//example.org', 'a b', 'user@example.org'],
      ...['*', '*.org', 'a.*.org', '*example.org', '-a.org', 'a..org', '.org', 'ex\0.org', 'bücher.example'],
      ...['example.org:', 'example.org:0', 'example.org:65536', 'example.org:http', 'a.org:1:2', '::1'],
      ...[
        '1.2.3',
        '127.1',
        '2130706433',
        '0x7f000001',
        '0x7f.1',
        '1.2.3.4.5',
        '*.1.2.3.4',
        '[1.2.3.4]',
        '[::1',
      ],
      ...['127.0.0.1', '10.0.0.1:443', '192.168.1.1', '169.254.169.254', '[::1]', '[fd00::1]:443'],
      ...['[::ffff:10.0.0.1]', 'localhost', 'LOCALHOST:80', 'a.localhost', '*.a.localhost', 'localhost.'],
    ].map((host) => [{ network: ['example.org', host] }, 'network.1'] as const),
    [{ token: 'x'.repeat(20) }, 'token'],
    [{ token: '' }, 'token'],
    [{ token: 'a b' }, 'token'],
    [{ token: 'a\nb' }, 'token'],
    [{ token: 'x'.repeat(2001) }, 'token'],
    [{ token: 7 }, 'token'],
    [{ token_user: 'ada' }, 'token_user'],
    [{ token: null, token_user: 'ada' }, 'token_user'],
    [{ token_user: 'a:b' }, 'token_user'],
  ])('with %j', async (change, field) => {
    await refused(() => post('/projects', local(change)), 422, undefined, field);
  });

  test('with an executor is not built yet', async () => {
    await refused(() => post('/projects', local({ executor: 'docker' })), 501, 'not_yet', 'executor');
  });

  test('keeps its name when the new one is nothing, or taken', async () => {
    const { body } = await service.call<{ id: number }>('/projects', local({ name: 'kept\0' }));
    await service.call('/projects', local({ name: 'taken' }));
    const patch = (change: unknown) =>
      send(`/api/v1/projects/${body.id}`, JSON.stringify(change), {}, 'PATCH');
    await refused(() => patch({ name: ' ' }), 422, 'invalid', 'name');
    await refused(() => patch({ name: 'taken' }), 409, 'name_taken');
    await refused(() => patch({ default_branch: 'nowhere' }), 422, 'base_not_found', 'default_branch');
    await refused(() => patch({ local_path: '/' }), 422, 'invalid', 'local_path');
    expect((await service.call(`/projects/${body.id}`)).body).toMatchObject({ name: 'kept\uFFFD' });
  });
});

describe('an agent', () => {
  const agent = (change: Record<string, unknown>) => ({
    name: 'new',
    provider: 'openai',
    model: 'm',
    ...change,
  });
  test.each([
    [{ name: undefined }, 'name'],
    [{ name: ' x' }, 'name'],
    [{ provider: 'nobody' }, 'provider'],
    [{ model: undefined }, 'model'],
    [{ model: '' }, 'model'],
    [{ temperature: 3 }, 'temperature'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ max_tokens: '5' }, 'max_tokens'],
    [{ base_url: 'file:///etc/passwd' }, 'base_url'],
    [{ base_url: 'https://user:pass@example.org' }, 'base_url'],
    [{ base_url: 'nonsense' }, 'base_url'],
    [{ fallback: 'nobody' }, 'fallback'],
    [{ fallback: 'new' }, 'fallback'],
    [{ price: { input: -1, output: 1, cached: 1 } }, 'price'],
    [{ price: { input: 1 } }, 'price'],
    [{ scenario: { turns: [] } }, 'scenario'],
    [{ provider: 'scripted' }, 'scenario'],
    [{ provider: 'scripted', scenario: { turns: [{ txt: 1 }] } }, 'scenario'],
    [{ key: 'x' }, 'key'],
  ])('with %j', async (change, field) => {
    const answer = await post('/agents', agent(change));
    expect(answer.status).toBe(422);
    expect(answer.body.error.field).toStartWith(field);
    await refused(() => post('/agents', agent(change)), 422);
  });

  test('of kind acp is not built yet', async () => {
    await refused(() => post('/agents', agent({ kind: 'acp' })), 501, 'not_yet', 'kind');
  });

  test('with NUL in its texts is made without it', async () => {
    const { status, body } = await service.call('/agents', {
      ...agent({ name: 'nul', provider: 'scripted', instructions: 'a\0' }),
      scenario: { turns: [{ text: '\0' }] },
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ instructions: 'a\uFFFD', scenario: { turns: [{ text: '\uFFFD' }] } });
  });

  test('of a taken name', async () => {
    await refused(() => post('/agents', agent({ name: 'quiet' })), 409, 'name_taken');
  });
});

describe('settings', () => {
  test.each([
    [{ execution: 'no' }, 'execution'],
    [{ execution: null }, 'execution'],
    [{ excution: true }, 'excution'],
    [{ limits: null }, 'limits'],
    [{ limits: 3 }, 'limits'],
    [{ limits: { all: 0 } }, 'limits.all'],
    [{ limits: { all: 1.5 } }, 'limits.all'],
    [{ limits: { per_agent: '3' } }, 'limits.per_agent'],
    [{ limits: { per_provider: 1e300 } }, 'limits.per_provider'],
    [{ limits: { per_user: 3 } }, 'limits.per_user'],
    [{ retention_days: 0 }, 'retention_days'],
    [{ retention_days: -1 }, 'retention_days'],
    [{ remove_after_days: 1e9 }, 'remove_after_days'],
    [{ remove_after_days: 'never' }, 'remove_after_days'],
    [{ judges: 'quiet' }, 'judges'],
    [{ judges: null }, 'judges'],
    [{ judges: ['quiet', 'nobody'] }, 'judges.1'],
    [{ judges: ['quiet', 'quiet'] }, 'judges.1'],
    [{ judges: [''] }, 'judges.0'],
    [{ judges: ['\0'] }, 'judges.0'],
    [{ judges: [1] }, 'judges.0'],
    [{ judges: Array(11).fill('quiet') }, 'judges'],
  ])('%j', async (change, field) => {
    await refused(() => send('/api/v1/settings', JSON.stringify(change), {}, 'PATCH'), 422, 'invalid', field);
  });
});

describe('steering', () => {
  let id: number;
  beforeAll(async () => {
    const made = await service.call<Run>('/runs', run({ variations: 2 }));
    id = made.body.id;
  });
  afterAll(async () => {
    await service.call(`/runs/${id}/stop`, undefined, 'POST');
  });

  const long = (bytes: number) => '€'.repeat(Math.ceil((bytes + 1) / 3));
  const wrong: [path: string, body: unknown, field: string][] = [
    ['directives', {}, 'text'],
    ['directives', { text: '' }, 'text'],
    ['directives', { text: ' \n ' }, 'text'],
    ['directives', { text: 3 }, 'text'],
    ['directives', { text: 'x'.repeat(20_001) }, 'text'],
    ['directives', { text: long(20_000) }, 'text'],
    ['directives', { text: 'a', variations: [] }, 'variations'],
    ['directives', { text: 'a', variations: [1, 1] }, 'variations'],
    ['directives', { text: 'a', variations: 1 }, 'variations'],
    ['directives', { text: 'a', variations: [0] }, 'variations.0'],
    ['directives', { text: 'a', variations: [99_999_999_999] }, 'variations.0'],
    ['directives', { text: 'a', variations: Array.from({ length: 101 }, (_, i) => i + 1) }, 'variations'],
    ['directives', { text: 'a', variations: [1, 3] }, 'variations'],
    ['directives', { text: 'a', path: '' }, 'path'],
    ['directives', { text: 'a', path: 'x'.repeat(4001) }, 'path'],
    ['directives', { text: 'a', line: 1 }, 'line'],
    ['directives', { text: 'a', path: 'a', line: 0 }, 'line'],
    ['directives', { text: 'a', to: 'all' }, 'to'],
    ['directive', { text: '' }, 'text'],
    ['pause', { reason: 'x' }, 'reason'],
    ['resume', { position: 1 }, 'position'],
    ['stop', { force: true }, 'force'],
    ['variations/1/pause', { x: 1 }, 'x'],
    ['retry', { from: 'here' }, 'from'],
    ['retry', { form: 'start' }, 'form'],
    ['variations/1/retry', { from: null }, 'from'],
    ['variations/1/rollback', {}, 'checkpoint'],
    ['variations/1/rollback', { checkpoint: -1 }, 'checkpoint'],
    ['variations/1/rollback', { checkpoint: 1.5 }, 'checkpoint'],
    ['variations/1/rollback', { checkpoint: 1e300 }, 'checkpoint'],
    ['variations/1/rollback', { checkpoint: '1' }, 'checkpoint'],
    ['variations/1/fork', {}, 'checkpoint'],
    ['variations/1/fork', { checkpoint: 99_999_999_999 }, 'checkpoint'],
    ['variations/1/fork', { checkpoint: 0, agent: 'nobody' }, 'agent'],
    ['variations/1/fork', { checkpoint: 0, agent: '\0' }, 'agent'],
    ['variations/1/fork', { checkpoint: 0, agent: 99_999_999_999 }, 'agent'],
    ['variations/1/fork', { checkpoint: 0, agent: ['quiet'] }, 'agent'],
    ['variations/1/fork', { checkpoint: 0, directive: ' ' }, 'directive'],
    ['variations/1/fork', { checkpoint: 0, directive: long(20_000) }, 'directive'],
    ['variations/1/fork', { checkpoint: 0, agents: ['quiet'] }, 'agents'],
    ['approvals/1', {}, 'decision'],
    ['approvals/1', { decision: 'yes' }, 'decision'],
    ['approvals/1', { decision: 'deny', comment: long(10_000) }, 'comment'],
    ['approvals/1', { decision: 'deny', plan: 'x' }, 'plan'],
    ['approvals/1', { decision: 'approve', plan: ' ' }, 'plan'],
    ['approvals/1', { decision: 'approve', plan: long(50_000) }, 'plan'],
    ['approvals/1', { decision: 'approve', because: 'x' }, 'because'],
  ];
  test.each(wrong)('%s with %j', async (path, body, field) => {
    await refused(() => post(`/runs/${id}/${path}`, body), 422, 'invalid', field);
  });

  test.each([
    ['directives', 400],
    ['retry', 400],
    ['pause', 400],
    ['variations/1/rollback', 400],
    ['approvals/1', 400],
  ])('%s with a body that cannot be read', async (path, status) => {
    await refused(() => send(`/api/v1/runs/${id}/${path}`, '{"text":'), status, 'unreadable');
    await refused(() => send(`/api/v1/runs/${id}/${path}`, '[]'), 422, 'invalid');
    await refused(
      () => send(`/api/v1/runs/${id}/${path}`, 'text=x', { 'content-type': 'text/plain' }),
      415,
      'not_json',
    );
  });

  test.each([
    [{ name: '' }, 'name'],
    [{ name: '  ' }, 'name'],
    [{ name: null }, 'name'],
    [{ name: 'x'.repeat(201) }, 'name'],
    [{ priority: 0 }, 'priority'],
    [{ priority: 11 }, 'priority'],
    [{ priority: '9' }, 'priority'],
    [{ scheduled_at: 'now' }, 'scheduled_at'],
    [{ scheduled_at: '2030-13-01T00:00:00Z' }, 'scheduled_at'],
    [{ metadata: [1] }, 'metadata'],
    [{ metadata: { a: 'x'.repeat(17_000) } }, 'metadata'],
    [{ goal: 'another' }, 'goal'],
    [{ status: 'completed' }, 'status'],
  ])('a change of %j', async (change, field) => {
    const patch = () => send(`/api/v1/runs/${id}`, JSON.stringify(change), {}, 'PATCH');
    await refused(patch, 422, 'invalid', field);
  });

  // The repository is not made yet when these are listed.
  const flowRun = (change: Record<string, unknown>) => ({ ...run(change), local_path: '<repository>' });
  test.each([
    [{}, 'runs'],
    [{ runs: [] }, 'runs'],
    [{ runs: {} }, 'runs'],
    [{ runs: [flowRun({})] }, 'runs.0.key'],
    [{ runs: [flowRun({ key: 'a b' })] }, 'runs.0.key'],
    [{ runs: [flowRun({ key: 'a', goal: '' })] }, 'runs.0.goal'],
    [{ runs: [flowRun({ key: 'a' }), flowRun({ key: 'a' })] }, 'runs.0.key'],
    [{ runs: [flowRun({ key: 'a', depends_on: ['b'] })] }, 'runs.0.depends_on'],
    [{ runs: [flowRun({ key: 'a', depends_on: ['a'] })] }, 'runs', 'cycle'],
    [
      { runs: [flowRun({ key: 'a', depends_on: ['b'] }), flowRun({ key: 'b', depends_on: ['a'] })] },
      'runs',
      'cycle',
    ],
    [{ runs: [flowRun({ key: 'a' }), flowRun({ key: 'b', base: { run: 'c' } })] }, 'runs.1.base'],
    [{ runs: [flowRun({ key: 'a' }), flowRun({ key: 'b', agents: ['nobody'] })] }, 'runs.1.agents'],
    [{ runs: Array.from({ length: 51 }, (_, i) => flowRun({ key: `k${i}` })) }, 'runs'],
    [{ runs: [flowRun({ key: 'a' })], name: 'x' }, 'name'],
  ] as [unknown, string, string?][])('a flow like %j', async (body, field, code = 'invalid') => {
    const text = JSON.stringify(body).replaceAll('<repository>', repository);
    await refused(() => send('/api/v1/flows', text), 422, code, field);
  });

  test('of whatever nonsense is an answer of the contract', async () => {
    const junk = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.string({ unit: 'binary', maxLength: 20 }));
    const fields = ['text', 'variations', 'path', 'line', 'from', 'checkpoint', 'agent', 'directive'];
    const body = fc.dictionary(fc.constantFrom(...fields, 'decision', 'comment', 'plan', 'zzz'), junk, {
      maxKeys: 3,
    });
    const paths = ['directives', 'retry', 'pause', 'approvals/1'];
    const path = fc.constantFrom(
      ...paths,
      ...['rollback', 'fork', 'retry'].map((one) => `variations/2/${one}`),
    );
    await fc.assert(
      fc.asyncProperty(path, body, async (at, change) => {
        const answer = await post(`/runs/${id}/${at}`, change);
        expect([201, 202, 404, 409, 422]).toContain(answer.status);
        if (answer.status >= 300) expect(Value.Check(errorSchema, answer.body)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});

describe('an address', () => {
  test('with an id that is none is 404', async () => {
    const ids = [
      '0',
      '-1',
      '1e9',
      '999999999',
      '99999999999',
      'abc',
      '%00',
      '%',
      '%2e%2e',
      "'",
      '1;drop',
      '%201',
      '٣',
      'NaN',
      '1.0',
      '0x1',
    ];
    for (const id of ids) {
      for (const path of [
        ...[
          `/runs/${id}`,
          `/runs/${id}/events`,
          `/runs/${id}/stream`,
          `/runs/${id}/transcript`,
          `/runs/${id}/variations`,
        ],
        ...[
          `/runs/${id}/variations/1`,
          `/runs/${id}/variations/1/diff`,
          `/runs/${id}/variations/1/diff?checkpoint=0`,
          `/runs/${id}/variations/1/checkpoints`,
          `/runs/${id}/approvals`,
          `/runs/${id}/directives`,
          `/tasks/${id}`,
          `/tasks/${id}/outputs`,
        ],
        ...[`/tasks/${id}/variations/1/outputs`, `/projects/${id}`, `/agents/${id}`],
      ]) {
        const answer = await service.call<{ error: { code: string } }>(path);
        expect({ path, status: answer.status }).toEqual({ path, status: 404 });
        expect(Value.Check(errorSchema, answer.body)).toBe(true);
      }
      for (const verb of ['pause', 'resume', 'stop', 'retry']) {
        for (const path of [`/runs/${id}/${verb}`, `/runs/${id}/variations/1/${verb}`]) {
          expect({ path, status: (await service.call(path, undefined, 'POST')).status }).toEqual({
            path,
            status: 404,
          });
        }
      }
      expect((await service.call(`/agents/${id}/test`, undefined, 'POST')).status).toBe(404);
      for (const [path, body] of [
        [`/runs/${id}/directives`, { text: 'x' }],
        [`/runs/${id}/approvals/1`, { decision: 'approve' }],
        [`/runs/${id}/variations/1/rollback`, { checkpoint: 0 }],
        [`/runs/${id}/variations/1/fork`, { checkpoint: 0 }],
      ] as const) {
        expect({ path, status: (await post(path, body)).status }).toEqual({ path, status: 404 });
      }
      expect((await service.call(`/runs/${id}`, { priority: 3 }, 'PATCH')).status).toBe(404);
      for (const path of [`/projects/${id}`, `/agents/${id}`, `/runs/${id}`]) {
        expect({ path, status: (await service.call(path, undefined, 'DELETE')).status }).toEqual({
          path,
          status: 404,
        });
      }
    }
  });

  test.each([
    ['/runs?limit=0', 'limit'],
    ['/runs?limit=201', 'limit'],
    ['/runs?limit=ten', 'limit'],
    ['/runs?limit=1e1', 'limit'],
    ['/runs?cursor=zzz', 'cursor'],
    ['/runs?cursor=%00', 'cursor'],
    [`/runs?cursor=${cursor('[1e400,1,1]')}`, 'cursor'],
    [`/runs?cursor=${cursor([1.5, 1.5, 1.5])}`, 'cursor'],
    [`/runs?cursor=${cursor(['1', '1', '1'])}`, 'cursor'],
    [`/runs?cursor=${cursor([1])}`, 'cursor'],
    [`/projects?cursor=${cursor([1.5])}`, 'cursor'],
    [`/agents?cursor=${cursor(['a'])}`, 'cursor'],
    ['/runs?status=done', 'status'],
    ['/runs?status=queued&status=done', 'status'],
    ['/runs?task_type=x', 'task_type'],
    ['/runs?run_type=x', 'run_type'],
    ['/runs?sort=x', 'sort'],
    ['/runs?project_id=x', 'project_id'],
    ['/runs?project_id=99999999999', 'project_id'],
    ['/runs?q=%00', 'q'],
    ['/runs?agent=%00', 'agent'],
    ['/runs/1/events?after=-1', 'after'],
    ['/runs/1/events?after=99999999999999999', 'after'],
    ['/runs/1/events?limit=1000', 'limit'],
    ['/runs/1/events?type=%00', 'type'],
    ['/runs/1/events?variation=0', 'variation'],
    ['/runs/1/stream?after=x', 'after'],
    ['/runs/1/variations/1/diff?checkpoint=x', 'checkpoint'],
    ['/runs/1/variations/1/diff?checkpoint=-1', 'checkpoint'],
    ['/runs/1/variations/1/diff?checkpoint=99999999999', 'checkpoint'],
    ['/runs/1/variations/1/diff?path=%00', 'path'],
    [`/runs/1/variations/1/diff?path=${'x'.repeat(4097)}`, 'path'],
    ['/runs/1/approvals?limit=0', 'limit'],
    ['/runs/1/directives?cursor=zzz', 'cursor'],
    ['/runs/1/variations/1/checkpoints?limit=201', 'limit'],
    ['/tasks/1/outputs?output_type=x', 'output_type'],
    ['/tasks/1/outputs?after=x', 'after'],
  ])('%s is 422', async (path, field) => {
    await refused(() => send(`/api/v1${path}`, null, {}, 'GET'), 422, 'invalid', field);
  });

  test('with a cursor beyond every number is an answer all the same', async () => {
    for (const value of [2 ** 31, 1e12, 2 ** 53 - 1, -1, -(2 ** 53) + 1]) {
      for (const path of [
        `/projects?cursor=${cursor([value])}`,
        `/agents?cursor=${cursor([value])}`,
        `/runs?cursor=${cursor([value, value, value])}`,
      ]) {
        expect([200, 422]).toContain((await service.call(path)).status);
      }
    }
  });

  test('of a method it does not know is 404 in JSON', async () => {
    for (const [method, path] of [
      ['PUT', '/runs'],
      ['DELETE', '/runs'],
      ['POST', '/stats'],
      ['PATCH', '/nothing'],
      ['OPTIONS', '/runs'],
    ] as const) {
      const answer = await service.call(path, undefined, method);
      expect(answer.status).toBe(404);
      expect(Value.Check(errorSchema, answer.body)).toBe(true);
    }
  });
});

function cursor(key: unknown): string {
  return Buffer.from(typeof key === 'string' ? key : JSON.stringify(key)).toString('base64url');
}

describe('a call that is not built yet', () => {
  test.each([
    ...['/api-keys', '/users', '/webhooks'].flatMap((path) => [
      ['GET', path],
      ['POST', path],
    ]),
    ...[
      ['DELETE', '/api-keys/1'],
      ['PATCH', '/users/1'],
      ['DELETE', '/webhooks/1'],
    ],
  ] as [string, string][])('%s %s is 501', async (method, path) => {
    const body = method === 'GET' || method === 'DELETE' ? undefined : {};
    const answer = await service.call<{ error: { code: string } }>(path, body, method);
    expect([answer.status, answer.body.error.code]).toEqual([501, 'not_yet']);
  });

  test.each([['github-actions']])('POST /api/webhook/%s is 501', async (name) => {
    await refused(() => send(`/api/webhook/${name}`, '{}'), 501, 'not_yet');
  });
});
