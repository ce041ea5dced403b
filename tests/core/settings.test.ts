import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { changeSettings, noLimits, readSettings } from '../../src/core/settings';
import { freshDatabase, type TestDatabase } from '../support/database';

let database: TestDatabase;
beforeEach(async () => {
  database = await freshDatabase();
});
afterEach(() => database.drop());

describe('settings', () => {
  test('have no limits at first; a change of one leaves the others', async () => {
    expect(await readSettings(database)).toEqual({
      execution: true,
      limits: noLimits,
      retention_days: null,
      remove_after_days: null,
    });
    await changeSettings(database, { limits: { per_agent: 3 } });
    await changeSettings(database, { limits: { all: 5 }, remove_after_days: 90 });
    const changed = await changeSettings(database, { limits: { per_agent: null } });
    expect(changed.limits).toEqual({ ...noLimits, all: 5 });
    expect(changed.remove_after_days).toBe(90);
  });

  test('what the environment says holds until something is set, and what is set may be "never"', async () => {
    expect((await readSettings(database, { retention_days: 30 })).retention_days).toBe(30);
    await changeSettings(database, { retention_days: null });
    expect((await readSettings(database, { retention_days: 30 })).retention_days).toBeNull();
  });
});
