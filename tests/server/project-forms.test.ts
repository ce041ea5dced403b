import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { dirname, join } from 'node:path';
import type { Page, Project, Run } from '../../src/core/contract';
import { storeDetectedChecks } from '../../src/core/project';
import { type Served, serve } from '../support/served';
import { until } from '../support/wait';
import { openRows } from './rows';

let served: Served;
beforeAll(async () => {
  served = await serve();
}, 60_000);
afterAll(() => served?.stop(), 30_000);

const read = (id: number) => served.api<Project>(`/projects/${id}`);
let count = 0;
async function make(change: Record<string, unknown> = {}): Promise<Project> {
  count += 1;
  return served.api<Project>('/projects', { name: `form ${count}`, local_path: served.sample, ...change });
}
/** An address that is looked up nowhere, since it is no name. */
const online = (n: number) => ({ local_path: undefined, repo_url: `https://9.9.9.9/acme/${n}.git` });

/** As a worker stores what it found in the repository of a project that nobody has said anything of. */
async function detect(
  id: number,
  checks = [{ name: 'found', command: 'make test', timeout_s: 300, required: true }],
) {
  const sql = openRows({ config: { dataDir: join(dirname(served.sample), 'data') } });
  try {
    expect(await storeDetectedChecks({ sql }, id, checks)).toBe(true);
  } finally {
    await sql.end();
  }
}

/** The fields of the page's form as a browser would send them back, and a change of some of them. */
async function fields(
  id: number,
  change: Record<string, string | null> = {},
): Promise<Record<string, string>> {
  const page = await (await served.get(`/projects/${id}`)).text();
  const form = new RegExp(`<form class="form" action="/projects/${id}"[^]*?</form>`).exec(page)?.[0] ?? '';
  const found: Record<string, string> = {};
  for (const [tag] of form.matchAll(/<input[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(tag)?.[1] ?? '';
    if (!tag.includes('type="checkbox"') || tag.includes(' checked'))
      found[name] = unescaped(/value="([^"]*)"/.exec(tag)?.[1]);
  }
  for (const [, name = '', value] of form.matchAll(
    /<textarea[^>]* name="([^"]*)"[^>]*>\n?([^<]*)<\/textarea>/g,
  ))
    found[name] = unescaped(value).replaceAll('\n', '\r\n');
  for (const [name, value] of Object.entries(change)) {
    if (value === null) delete found[name];
    else found[name] = value;
  }
  return found;
}

function unescaped(text = ''): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}

const save = async (id: number, change: Record<string, string | null> = {}) =>
  served.post(`/projects/${id}`, await fields(id, change));

/** What a page says below a field that it marks as wrong. */
function mistake(page: string, field: string): string {
  const marked = new RegExp(
    `id="(p-[^"]*)"[^>]* name="${field.replaceAll('.', '\\.')}"[^>]*aria-describedby="([^"]+)"`,
  ).exec(page);
  const at = marked?.[2] ?? (field === 'checks' ? 'p-checks-e' : 'nowhere');
  return unescaped(new RegExp(`id="${at}">.*?<span>([^<]*)</span>`).exec(page)?.[1]);
}

describe('the list of projects', () => {
  test('is empty in words, and adds one', async () => {
    expect(await (await served.get('/projects')).text()).toContain('No projects yet');
    const made = await served.post('/projects', { source: ` ${served.sample} `, name: '' });
    expect(made.headers.get('location')).toMatch(/^\/projects\/\d+$/);
    const page = await (await served.get(made.headers.get('location') ?? '')).text();
    expect(page).toContain('<h1>howlong</h1>');
    expect(page).toContain('No runs yet');
  });

  test.each([
    [{ source: '/nowhere/at/all' }, 'source', 'BAKEOFF_LOCAL_ROOTS'],
    [{ source: 'ftp://example.org/<b>' }, 'source', 'https://'],
    [{ source: '' }, 'source', ''],
    [{ name: 'howlong' }, 'name', 'already'],
  ])('comes back as it was, with what is wrong: %p', async (change, field, says) => {
    const sent = { source: served.sample, name: 'Keep <this>', ...change };
    const answer = await served.post('/projects', sent);
    const page = await answer.text();
    expect(answer.status).toBe(422);
    expect(page).toMatch(new RegExp(`aria-invalid="true"[^>]*aria-describedby="new-${field}-e"`));
    expect(page).toContain(says);
    if (!('name' in change)) expect(page).toContain('value="Keep &lt;this&gt;"');
    expect(page).not.toContain('<b>"');
  });

  test('has pages, each project once, and takes nonsense for the first', async () => {
    const { items: before } = await served.api<Page<Project>>('/projects?limit=200');
    for (let i = before.length; i < 27; i += 1) await make();
    const seen: string[] = [];
    let address: string | undefined = '/projects';
    while (address) {
      const page: string = await (await served.get(address)).text();
      seen.push(...[...page.matchAll(/<a href="(\/projects\/\d+)"/g)].map((match) => match[1] ?? ''));
      address = /href="(\/projects\?cursor=[^"]+)"/.exec(page)?.[1];
    }
    expect(seen.length).toBeGreaterThanOrEqual(27);
    expect(new Set(seen).size).toBe(seen.length);
    for (const cursor of ['zzz', '%00', 'W10']) {
      const answer = await served.get(`/projects?cursor=${cursor}`);
      expect(answer.status).toBe(200);
      expect(await answer.text()).not.toContain('First page');
    }
  });
});

describe('a project’s page', () => {
  test('saved as it came changes nothing: what was detected stays so', async () => {
    const { id } = await make({
      ...{ setup: 'one\ntwo', network: ['a.example', '*.b.example:443'], default_branch: 'main' },
      allowed_commands: ['npm test', 'printf "<&>"\nsecond line'],
      checks: [
        {
          name: ' tests\nand more',
          command: 'sh "a"\r\n&& b ',
          timeout_s: 7,
          required: false,
          report: 'r.xml',
        },
      ],
    });
    for (const project of [await read(id), await make(), await make({ checks: [] })]) {
      const answer = await save(project.id);
      expect(answer.headers.get('location')).toBe(`/projects/${project.id}?saved`);
      const { updated_at: _, ...now } = await read(project.id);
      expect(project).toMatchObject(now);
    }
  });

  test('changes what was changed, and brings everything back', async () => {
    const { id } = await make({
      checks: [
        { name: 'old', command: 'old' },
        { name: 'kept', command: 'kept' },
      ],
    });
    const answer = await save(id, {
      ...{
        name: 'renamed',
        setup: 'npm ci\r\nnpm run build',
        allowed_commands: 'npm test\r\n\r\n npm run * \r\nnpm test',
      },
      network: 'Packages.Example.org\r\n*.example.org:8443, packages.example.org',
      ...{ 'checks.0.name': '', 'checks.1.required': null, 'checks.1.report': './r/junit.xml' },
      ...{ 'checks.3.name': 'types', 'checks.3.command': 'tsc', 'checks.3.timeout_s': '60' },
    });
    expect(answer.status).toBe(303);
    const told = { timeout_s: 300, required: true };
    expect(await read(id)).toMatchObject({
      ...{ name: 'renamed', setup: 'npm ci\nnpm run build', allowed_commands: ['npm test', 'npm run *'] },
      ...{ network: ['packages.example.org', '*.example.org:8443'], checks_set: true },
      checks: [
        { ...told, name: 'kept', command: 'kept', required: false, report: 'r/junit.xml' },
        { ...told, name: 'types', command: 'tsc', timeout_s: 60 },
      ],
    });
    const page = await (await served.get(`/projects/${id}?saved`)).text();
    expect(page).toContain('Saved.');
    expect(page).toContain('<h1>renamed</h1>');
    await save(id, {
      setup: '',
      network: '',
      allowed_commands: '',
      'checks.0.name': '',
      'checks.1.name': '',
    });
    expect(await read(id)).toMatchObject({
      setup: null,
      network: [],
      allowed_commands: [],
      checks: [],
      checks_set: true,
    });
  });

  test('takes up checks that were detected when they are edited, kept or said to be none', async () => {
    const detected = async () => {
      const project = await make();
      await detect(project.id);
      expect(await read(project.id)).toMatchObject({ checks_set: false });
      return project.id;
    };
    const id = await detected();
    expect(await (await served.get(`/projects/${id}`)).text()).toContain('detected; edit to keep');
    await save(id, { name: 'only its name' });
    expect(await read(id)).toMatchObject({ name: 'only its name', checks_set: false });
    await save(id, { 'checks.0.timeout_s': '30' });
    expect(await read(id)).toMatchObject({ checks_set: true, checks: [{ name: 'found', timeout_s: 30 }] });
    await save(id, { checks_do: 'detect' });
    expect(await read(id)).toMatchObject({ checks_set: false, checks: [] });
    await save(id, { checks_do: 'keep' });
    expect(await read(id)).toMatchObject({ checks_set: true, checks: [] });

    const other = await detected();
    await save(other, { checks_do: 'keep' });
    expect(await read(other)).toMatchObject({ checks_set: true, checks: [{ name: 'found' }] });

    // What was found while the page was open is not taken back by saving it.
    const late = await make();
    const open = await fields(late.id, { setup: 'npm ci' });
    await detect(late.id, [{ name: 'late', command: 'x', timeout_s: 300, required: true }]);
    await served.post(`/projects/${late.id}`, open);
    expect(await read(late.id)).toMatchObject({
      setup: 'npm ci',
      checks_set: false,
      checks: [{ name: 'late' }],
    });
  });

  test.each([
    [{ name: ' ' }, 'name', 'name'],
    [{ name: 'howlong' }, 'name', 'already'],
    [{ name: 'x'.repeat(101) }, 'name', '100'],
    [{ default_branch: 'no-such-branch' }, 'default_branch', 'no-such-branch'],
    [{ setup: 'ä'.repeat(5001) }, 'setup', '10 kB'],
    [{ network: 'fine.example\nhttps://<b>.example/' }, 'network', 'leave out https://'],
    [{ network: '10.0.0.1' }, 'network', 'BAKEOFF_FORGE_HOSTS'],
    [{ network: Array.from({ length: 101 }, (_, i) => `h${i}.example`).join('\n') }, 'network', '100'],
    [{ allowed_commands: 'x'.repeat(1001) }, 'allowed_commands', '1000'],
    [{ 'checks.1.command': 'true' }, 'checks.1.name', 'name'],
    [{ 'checks.2.name': 'b' }, 'checks.2.command', 'what is run'],
    [{ 'checks.0.timeout_s': 'soon' }, 'checks.0.timeout_s', '3600'],
    [{ 'checks.0.timeout_s': '3601' }, 'checks.0.timeout_s', '3600'],
    [
      { 'checks.2.name': 'b', 'checks.2.command': 'b', 'checks.2.report': '../up' },
      'checks.2.report',
      'reports/junit.xml',
    ],
    [{ 'checks.2.name': 'first', 'checks.2.command': 'b' }, 'checks', 'first'],
  ] as [Record<string, string>, string, string][])(
    'comes back as it was typed, with what is wrong beside it: %p',
    async (change, field, says) => {
      const { id } = await make({ checks: [{ name: 'first', command: 'true' }] });
      const before = await read(id);
      const answer = await save(id, { setup: 'Keep <this> & that', ...change });
      const page = await answer.text();
      expect(change.name === 'howlong' ? 409 : 422).toBe(answer.status);
      expect(mistake(page, field)).toContain(says);
      if (!('setup' in change)) expect(page).toContain('Keep &lt;this&gt; &amp; that');
      for (const [name, typed] of Object.entries(change))
        if (typed.length < 100)
          expect({ name, kept: unescaped(page).includes(typed.trim()) }).toEqual({ name, kept: true });
      expect(page).not.toContain('<b>.example');
      expect(await read(id)).toEqual(before);
    },
  );

  test('takes any nonsense for a form', async () => {
    const { id } = await make();
    for (const body of [
      '',
      'checks_shown=1e9&checks_do=x',
      'checks_shown=-5&checks.19.name=a',
      '%00=%ff&name=a%00',
    ]) {
      const answer = await served.get(`/projects/${id}`, {
        ...{ method: 'POST', body },
        headers: { origin: served.service.url, 'content-type': 'application/x-www-form-urlencoded' },
      });
      expect([303, 422]).toContain(answer.status);
    }
  });

  test('sets, keeps, changes and removes a token without ever showing it', async () => {
    const token = 'forge-token-0123456789';
    const { id } = await make(online(1));
    const send = (change: Record<string, string>) =>
      served.post(`/projects/${id}/token`, { token: '', token_user: '', do: 'set', ...change });
    expect(await (await served.get(`/projects/${id}`)).text()).toContain(
      '<span class="muted">not set</span>',
    );

    for (const [wrong, field] of [
      [{}, 'token'],
      [{ token: 'two words' }, 'token'],
      [{ token, token_user: 'a:<b>' }, 'token_user'],
    ] as const) {
      const answer = await send(wrong);
      const page = await answer.text();
      expect(answer.status).toBe(422);
      expect(page).toMatch(new RegExp(`aria-invalid="true"[^>]*aria-describedby="p-${field}-e"`));
      expect(page).not.toContain(token);
      expect(page).not.toContain('two words');
      if (field === 'token_user') expect(page).toContain('value="a:&lt;b&gt;"');
    }
    expect(await read(id)).toMatchObject({ has_token: false });

    expect((await send({ token, token_user: 'ada' })).headers.get('location')).toBe(`/projects/${id}?saved`);
    expect(await read(id)).toMatchObject({ has_token: true, token_user: 'ada' });
    const page = await (await served.get(`/projects/${id}`)).text();
    expect(page).toContain('<span class="muted">set</span>');
    expect(page).not.toContain(token);
    await send({ token_user: 'grace' });
    expect(await read(id)).toMatchObject({ has_token: true, token_user: 'grace' });
    await send({ do: 'clear' });
    expect(await read(id)).toMatchObject({ has_token: false, token_user: null });
  });

  test('has no field for a token where none is of use', async () => {
    const { id } = await make();
    expect(await (await served.get(`/projects/${id}`)).text()).not.toContain('type="password"');
    expect((await served.post(`/projects/${id}/token`, { token: 'abcdefgh', do: 'set' })).status).toBe(422);
  });

  test('is removed once no run needs it, and says which does', async () => {
    const { id, name } = await make();
    const agents = ['hasty'];
    const run = await served.api<Run>('/runs', { project_id: id, goal: 'Correct it', agents });
    await until(
      async () => (await served.api<Run>(`/runs/${run.id}`)).completed_at !== null,
      'the end of the run',
    );
    const kept = await served.post(`/projects/${id}/delete`, {});
    expect(kept.status).toBe(409);
    const page = await kept.text();
    expect(page).toContain(`Could not remove ${name}.`);
    expect(page).toContain(`Run ${run.id} needs project ${id}`);
    // Its run is listed below, and in the list of projects.
    expect(page).toContain(`<a href="/runs/${run.id}">`);
    expect(await (await served.get('/projects')).text()).toContain(
      `<a href="/runs/${run.id}">#${run.id}</a>`,
    );

    const free = await make();
    const gone = await served.post(`/projects/${free.id}/delete`, {});
    expect(gone.headers.get('location')).toBe('/projects?removed');
    expect((await served.get(`/projects/${free.id}`)).status).toBe(404);
  }, 30_000);

  test.each(['/projects/999999', '/projects/x', '/projects/0'])(
    'that is not there is a page that says so: %s',
    async (path) => {
      for (const answer of [
        await served.get(path),
        await served.post(path, { name: 'x' }),
        await served.post(`${path}/token`, { token: 'x' }),
        await served.post(`${path}/delete`, {}),
      ]) {
        expect(answer.status).toBe(404);
        expect(await answer.text()).toStartWith('<!doctype html>');
      }
    },
  );

  test('refuses forms of another site', async () => {
    const { id } = await make();
    for (const path of ['/projects', `/projects/${id}`, `/projects/${id}/token`, `/projects/${id}/delete`]) {
      const headers = { origin: 'https://evil.example' };
      expect((await served.get(path, { method: 'POST', body: 'name=x', headers })).status).toBe(403);
    }
    expect((await read(id)).id).toBe(id);
  });
});
