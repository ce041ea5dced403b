import { afterAll, beforeAll, expect, test } from 'bun:test';
import { changeSettings, readSettings } from '../../src/core/settings';
import { forgetDead, heartbeat, listWorkers, retire } from '../../src/core/worker';
import { freshDatabase, type TestDatabase } from '../support/database';
import { claimOne, makeRun } from './scene';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

const identity = (id: string) => ({
  ...{ id, host: 'here', pid: 7, concurrency: 2, version: '0', sandbox: 'bubblewrap', sandbox_detail: null },
});

test('workers are listed with what they work on, the living first; the dead are forgotten after a day', async () => {
  for (const id of ['worker-b', 'worker-a', 'worker-c']) await heartbeat(database, identity(id));
  await heartbeat(database, { ...identity('worker-a'), sandbox: 'none' });
  const runId = await makeRun(database, 2);
  await claimOne(database, runId, 1);
  await claimOne(database, runId, 2);
  await database.sql`update workers set heard_at = now() - interval '16 s' where id = 'worker-b'`;
  await database.sql`update workers set heard_at = now() - interval '25 h' where id = 'worker-c'`;
  const workers = await listWorkers(database);
  expect(workers.map((one) => [one.id, one.alive])).toEqual([
    ['worker-a', true],
    ['worker-b', false],
    ['worker-c', false],
  ]);
  expect(workers[0]).toMatchObject({
    sandbox: 'none',
    busy: [
      { run_id: runId, position: 1 },
      { run_id: runId, position: 2 },
    ],
  });
  await forgetDead(database);
  await retire(database, 'worker-a');
  expect((await listWorkers(database)).map((one) => one.id)).toEqual(['worker-b']);
});

test('settings have defaults, and keep what they were set to', async () => {
  expect(await readSettings(database)).toMatchObject({ execution: true });
  expect(await changeSettings(database, { execution: false })).toMatchObject({ execution: false });
  expect(await changeSettings(database, {})).toMatchObject({ execution: false });
  expect(await changeSettings(database, { execution: true })).toMatchObject({ execution: true });
});
