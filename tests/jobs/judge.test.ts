import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createAgent } from '../../src/core/agent';
import { isAway, openDatabase } from '../../src/core/db';
import { changeSettings } from '../../src/core/settings';
import { seatJudge } from '../../src/jobs/judge';
import { newAgent, vault } from '../core/scene';
import { freshDatabase, type TestDatabase } from '../support/database';
import { testConfig } from '../support/service';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  await createAgent(database, vault, newAgent({ name: 'judge' }));
  await createAgent(database, vault, newAgent({ name: 'gone' }));
  await changeSettings(database, { judges: ['gone', 'judge'] });
  await database.sql`delete from agents where name = 'gone'`;
});
afterAll(() => database.drop());

const authors = [{ provider: 'scripted', model: 'another' }];
const config = testConfig();

test('a judge that is not there any more is passed over', async () => {
  expect((await seatJudge({ database, vault, config }, authors))?.agent).toBe('judge');
});

test('a database that is away is no reason to judge without one', async () => {
  // Nobody listens there.
  const away = openDatabase({ ...database.address, host: '127.0.0.1', port: 1 });
  const error = await seatJudge({ database: { ...away, sql: database.sql }, vault, config }, authors).then(
    (seat) => seat,
    (thrown) => thrown,
  );
  expect(isAway(error)).toBe(true);
  await away.close();
});
