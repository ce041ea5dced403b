import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Run } from '../../src/core/contract';
import { git, makeRepository } from '../support/repository';
import { scenario, startTestService, type TestService } from '../support/service';
import { tempDir } from '../support/temp';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.remove());

test('a goal becomes a diff that applies to the base with plain git', async () => {
  const repository = makeRepository({
    'greet.sh': 'echo helo\n',
    'check.sh': 'sh greet.sh | grep -q hello\n',
  });
  const edit = { path: 'greet.sh', search: 'helo', replace: 'hello' };
  await service.call('/agents', {
    name: 'fixer',
    provider: 'scripted',
    scenario: scenario(
      { name: 'edit_file', arguments: edit },
      { name: 'run_command', arguments: { command: 'sh check.sh' } },
    ),
  });
  const project = await service.call<{ id: number }>('/projects', {
    local_path: repository.path,
    checks: [{ name: 'greeting', command: 'sh check.sh' }],
  });
  expect(project.status).toBe(201);
  const made = await service.call<Run>('/runs', {
    project_id: project.body.id,
    goal: 'Greet',
    agents: ['fixer'],
    variations: 2,
  });
  expect(made.status).toBe(201);
  expect(made.body.variations).toHaveLength(2);

  const run = await service.ended(made.body.id);
  expect(run.status).toBe('completed');
  expect(run.base_sha).toBe(repository.head);
  expect(run.base_checks).toMatchObject([{ name: 'greeting', result: 'failed', exit_code: 1 }]);
  for (const { position, checks, patch, status } of run.variations) {
    expect(status).toBe('completed');
    expect(checks).toMatchObject([{ result: 'fixed', exit_code: 0 }]);
    expect(patch).toMatchObject({ files: 1, additions: 1, deletions: 1 });
    const { body: diff } = await service.call<string>(`/runs/${run.id}/variations/${position}/diff`);
    const copy = tempDir('copy');
    git(copy, 'clone', '-q', repository.path, '.');
    await Bun.write(join(copy, 'the.diff'), diff);
    git(copy, 'apply', 'the.diff');
    expect(await Bun.file(join(copy, 'greet.sh')).text()).toBe('echo hello\n');
  }
  const mirror = join(service.config.dataDir, 'mirrors', `${run.project_id}.git`);
  expect(
    git(mirror, '-c', 'safe.directory=*', 'for-each-ref', '--format=%(refname)', 'refs/bakeoff').split('\n'),
  ).toEqual([`refs/bakeoff/${run.id}/1`, `refs/bakeoff/${run.id}/2`]);
  expect(readdirSync(join(service.config.dataDir, 'workspaces'))).toEqual([]);
});
