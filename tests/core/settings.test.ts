import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createAgent, deleteAgent, updateAgent } from '../../src/core/agent';
import { changeSettings, noLimits, readSettings } from '../../src/core/settings';
import { freshDatabase, type TestDatabase } from '../support/database';
import { newAgent, vault } from './scene';

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
      judges: [],
    });
    await changeSettings(database, { limits: { per_agent: 3 } });
    await changeSettings(database, { limits: { all: 5 }, remove_after_days: 90 });
    const changed = await changeSettings(database, { limits: { per_agent: null } });
    expect(changed.limits).toEqual({ ...noLimits, all: 5 });
    expect(changed.remove_after_days).toBe(90);
  });

  test('name judges in their order: agents that are there, each once', async () => {
    const agents = ['anna', 'ben', 'cleo'];
    const ids = new Map<string, number>();
    for (const name of agents) ids.set(name, (await createAgent(database, vault, newAgent({ name }))).id);
    expect((await changeSettings(database, { judges: ['cleo', 'anna'] })).judges).toEqual(['cleo', 'anna']);
    for (const judges of [
      ['anna', 'nobody'],
      ['cleo', 'cleo'],
    ]) {
      const refused = await changeSettings(database, { judges, execution: false }).catch((error) => error);
      expect([refused.status, refused.field]).toEqual([422, 'judges.1']);
    }
    expect(await readSettings(database)).toMatchObject({ judges: ['cleo', 'anna'], execution: true });

    // A judge goes by its new name, and stays as long as it is named.
    await updateAgent(database, vault, ids.get('anna') ?? 0, { name: 'dora' });
    await updateAgent(database, vault, ids.get('ben') ?? 0, { name: 'anna' });
    expect((await readSettings(database)).judges).toEqual(['cleo', 'dora']);
    const kept = await deleteAgent(database, ids.get('cleo') ?? 0).catch((error) => error);
    expect([kept.status, kept.code]).toEqual([409, 'agent_in_use']);
    expect((await changeSettings(database, { judges: [] })).judges).toEqual([]);
    await deleteAgent(database, ids.get('cleo') ?? 0);
  });

  test('what the environment says holds until something is set, and what is set may be "never"', async () => {
    expect((await readSettings(database, { retention_days: 30 })).retention_days).toBe(30);
    await changeSettings(database, { retention_days: null });
    expect((await readSettings(database, { retention_days: 30 })).retention_days).toBeNull();
  });
});
