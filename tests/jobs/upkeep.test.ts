import { expect, test } from 'bun:test';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Checkouts } from '../../src/agent/environments/checkout';
import { openSandbox } from '../../src/agent/environments/open';
import { Mirrors } from '../../src/agent/mirror';
import { deleteProject } from '../../src/core/project';
import { deleteRun } from '../../src/core/run';
import { changeSettings } from '../../src/core/settings';
import { stop } from '../../src/core/steer';
import { removeLeftovers, removeOld } from '../../src/jobs/upkeep';
import { openLog } from '../../src/log';
import { makeRun } from '../core/scene';
import { freshDatabase } from '../support/database';
import { git, makeRepository } from '../support/repository';
import { testConfig } from '../support/service';
import { removeTemp } from '../support/temp';

test('workspaces, results and mirrors go with what owned them; the rest stays', async () => {
  const database = await freshDatabase();
  const config = testConfig();
  const source = makeRepository({ 'a.txt': 'one\n' });
  try {
    const sandbox = await openSandbox(config);
    const workspaces = new Checkouts(join(config.dataDir, 'workspaces'), sandbox);
    const mirrors = new Mirrors({ dir: join(config.dataDir, 'mirrors'), config, sandbox });
    const parts = { database, config, workspaces, mirrors, log: openLog('silent') };
    const [project] = await database.sql<{ id: number }[]>`
      insert into projects (name, local_path) values ('one', ${source.path}) returning id`;
    const runs = [
      await makeRun(database, 1, { project_id: project!.id }),
      await makeRun(database, 1, { project_id: project!.id }),
    ];
    const { path: mirror } = await mirrors.sync({
      ...{ id: project!.id, repo_url: null, local_path: source.path, default_branch: null },
    });
    for (const run of runs) git(mirror, 'update-ref', `refs/bakeoff/${run}/1`, source.head);
    const left = join(config.dataDir, 'workspaces', 'run-1-1-1-work');
    mkdirSync(join(left, 'tree'), { recursive: true });
    const owned = await workspaces.open({ mirror, baseSha: source.head, id: 'run-2-1-1-work' });

    await stop(database, runs[0]!);
    await deleteRun(database, runs[0]!);
    await removeLeftovers(parts);
    expect(existsSync(left)).toBe(false);
    expect((await owned.environment.exec(['cat', 'a.txt'])).exit_code).toBe(0);
    expect(git(mirror, 'for-each-ref', '--format=%(refname)', 'refs/bakeoff')).toBe(
      `refs/bakeoff/${runs[1]}/1`,
    );
    await owned.remove();

    // The second run goes for its age; its project is then free to go, too.
    await stop(database, runs[1]!);
    await database.sql`update runs set completed_at = now() - interval '3 days'`;
    await removeOld(parts);
    expect(await database.sql`select id from runs`).toHaveLength(1);
    await changeSettings(database, { remove_after_days: 2 });
    await removeOld(parts);
    expect(await database.sql`select id from runs`).toHaveLength(0);
    await deleteProject(database, project!.id);
    await removeLeftovers(parts);
    expect(existsSync(mirror)).toBe(false);
  } finally {
    await database.drop();
    removeTemp(source.path);
    removeTemp(config.dataDir);
  }
}, 60_000);
