import { describe, expect, test } from 'bun:test';
import type { Project } from '../../src/core/contract';
import type { ProjectFigures } from '../../src/core/project-figures';
import { entryOf } from '../../src/server/project-entry';
import { ProjectPage } from '../../src/views/project';
import type { ProjectEntry } from '../../src/views/project-entry';
import { ProjectsPage } from '../../src/views/projects';
import { project, run, shell } from './fixtures';

const evil = '"><script>x</script>';
const figures: ProjectFigures = {
  ...{ runs: 41, success_rate: 0.854 },
  last: { id: 212, status: 'failed', created_at: '2026-11-21T20:34:21.000Z' },
};

const page = (of: Project = project(), change: { entry?: Partial<ProjectEntry>; field?: string } = {}) =>
  ProjectPage({
    ...{
      shell: shell({ path: '/projects/3' }),
      project: of,
      figures,
      runs: { items: [run()], total: 41, next_cursor: 'x' },
    },
    entry: { ...entryOf(of), ...change.entry },
    ...(change.field === undefined ? {} : { error: { field: change.field, message: evil } }),
  });
const list = (items: Project[], change = {}) =>
  ProjectsPage({
    ...{ shell: shell({ path: '/projects' }), page: { items, total: items.length, next_cursor: null } },
    ...{ figures: new Map([[3, figures]]), older: false },
    ...change,
  });

describe('the list of projects', () => {
  test('says of each where it lives, what judges it and how it goes', async () => {
    const text = await list([
      project(),
      project({ id: 4, checks: [], repo_url: null, local_path: '/srv/x' }),
    ]);
    for (const said of [
      '<a href="/projects/3">ledgerline</a>',
      '1, detected',
      '41',
      '85 %',
      '#212',
      '7 min ago',
    ])
      expect(text).toContain(said);
    for (const said of ['/srv/x', 'to be detected', '<span class="muted">none</span>'])
      expect(text).toContain(said);
    expect(await list([project({ checks: [], checks_set: true })])).toContain('>none</td>');
    expect(text).toMatch(/<a href="\/projects" aria-current="page">/);
  });
});

describe('a project’s page', () => {
  test('says whether its checks were detected, and offers what else can be wished', async () => {
    const detected = await page();
    expect(detected).toContain('detected; edit to keep');
    expect(detected).toContain('value="keep"');
    expect(await page(project({ checks: [] }))).toContain('Without any they are detected at the first run.');
    const said = await page(project({ checks_set: true }));
    expect(said).toContain('value="detect"');
    expect(said).not.toContain('edit to keep');
  });

  test('has rows to spare, but not beyond twenty', async () => {
    const many = Array.from({ length: 19 }, (_, i) => ({
      name: `c${i}`,
      command: 'x',
      timeout_s: 5,
      required: true,
    }));
    const rows = async (checks: Project['checks']) =>
      (await page(project({ checks }))).match(/<fieldset class="check-row">/g)?.length;
    expect([await rows([]), await rows(many.slice(0, 3)), await rows(many)]).toEqual([2, 5, 20]);
  });

  test('tells that a token is set, and of its user only', async () => {
    expect(await page()).toContain('>Set</button>');
    const set = await page(project({ has_token: true, token_user: 'ada' }));
    for (const said of ['>set</span>', 'Another token', 'value="ada"', 'Remove the token'])
      expect(set).toContain(said);
    expect(set).toMatch(/<input id="p-token" name="token" type="password" autocomplete="new-password"\/?>/);
    const ssh = await page(project({ repo_url: 'git@forge.example:a.git' }));
    expect(ssh).not.toContain('type="password"');
  });

  test('has no id twice, a label for every field, and no hostile text', async () => {
    const poisoned = project({
      ...{ name: evil, repo_url: `https://${evil}`, default_branch: evil, setup: evil, network: [evil] },
      ...{ allowed_commands: [`</textarea>${evil}`], has_token: true, token_user: evil },
      checks: [{ name: evil, command: `</textarea>${evil}`, timeout_s: 1, required: true, report: evil }],
    });
    const pages = [
      await page(),
      await page(poisoned, { entry: { checks_were: evil } }),
      await list([poisoned], {
        sent: { entry: { source: evil, name: evil }, error: { field: 'source', message: evil } },
      }),
    ];
    for (const field of ['name', 'setup', 'network', 'checks', 'checks.0.name', 'checks.2.report'])
      pages.push(await page(poisoned, { field }));
    for (const text of pages) {
      expect(text).not.toContain('<script>');
      const ids = [...text.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]);
      expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
      const fields = text.matchAll(/<(?:input(?! type="hidden")|select|textarea)[^>]* id="([^"]+)"([^>]*)/g);
      for (const [, id, rest = ''] of fields)
        if (id !== 'keys-on' && !rest.includes('checkbox')) expect(text).toContain(`for="${id}"`);
      for (const [, id] of text.matchAll(/aria-describedby="([^"]+)"/g)) expect(ids).toContain(id);
    }
  });
});
