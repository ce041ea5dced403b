import { expect, test } from 'bun:test';
import { readConfig } from '../../src/config';
import { createProject } from '../../src/core/project';
import { startGitServer } from '../support/git-server';
import { makeRepository } from '../support/repository';
import { removeTemp } from '../support/temp';
import { command, done, edit, openBench } from './bench';

test('a run on a private repository uses the operator’s token, which neither agent nor record ever sees', async () => {
  const server = await startGitServer();
  const repository = makeRepository({ 'a.txt': 'one\n' });
  server.add('team/project', repository.path);
  const env = { FORGEJO_URL: server.url, FORGEJO_TOKEN: server.token, SSL_CERT_FILE: server.caFile };
  const { forges, forgeHosts, sslCertFile } = readConfig(env);
  const bench = await openBench(null, { forges, forgeHosts, sslCertFile });
  try {
    await bench.worker();
    const project = await createProject(bench.database, {
      ...{ name: 'private', repo_url: server.urlOf('team/project'), local_path: null },
      ...{ default_branch: null, checks: [] },
    });
    const look = command('env; cat .git/config; grep -rc secret- . ; ps -ef');
    const run = await bench.ended(
      await bench.start({ turns: [look, edit, done], run: { project_id: project.id } }),
      25_000,
    );
    expect([run.status, run.base_sha]).toEqual(['completed', repository.head]);
    const rows = await bench.database.sql`select * from projects`;
    const told = JSON.stringify([run, await bench.events(run.id), rows]);
    expect(told).toContain('tool.finished');
    expect(told).not.toContain(server.token);
  } finally {
    await bench.close();
    await server.stop();
    removeTemp(repository.path);
  }
}, 60_000);
