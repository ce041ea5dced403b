import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { priceOf } from '../../src/agent/models/prices';
import { readConfig } from '../../src/config';
import {
  agentWithKey,
  createAgent,
  defaultAgent,
  deleteAgent,
  ensureEnvironmentAgents,
  findAgent,
  getAgent,
  listAgents,
  updateAgent,
} from '../../src/core/agent';
import { freshDatabase, type TestDatabase } from '../support/database';
import { makeRun, newAgent, vault } from './scene';

const none = readConfig({}).providers;
const secret = 'sk-plaintext-that-must-not-be-found';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

async function refusal(action: Promise<unknown>): Promise<[string, number, string | undefined]> {
  const error = await action.then(
    () => ({ code: 'allowed', status: 200, field: undefined }),
    (thrown) => thrown,
  );
  return [error.code, error.status, error.field];
}

describe('an agent’s key', () => {
  test('is sealed at rest, never in what is listed, and given to the worker only', async () => {
    const { id } = await createAgent(
      database,
      vault,
      newAgent({ name: 'keyed', provider: 'openai', api_key: secret }),
    );
    await updateAgent(database, vault, id, { instructions: 'Be brief.' });
    const [row] = await database.sql<{ text: string; hex: string }[]>`
      select a::text as text, encode(api_key, 'hex') as hex from agents a where id = ${id}`;
    expect(row!.text).not.toContain(secret);
    expect(row!.hex).not.toContain(Buffer.from(secret).toString('hex'));
    expect(row!.text).not.toContain(Buffer.from(secret).toString('hex'));
    const shown = [
      await getAgent(database, id),
      await findAgent(database, 'keyed'),
      await listAgents(database),
    ];
    expect(JSON.stringify(shown)).not.toContain(secret);
    expect(shown[0]).toMatchObject({ has_api_key: true, instructions: 'Be brief.' });
    expect(shown[0]).not.toHaveProperty('api_key');
    expect((await agentWithKey(database, vault, none, id))?.api_key).toBe(secret);
    await updateAgent(database, vault, id, { api_key: `${secret}-2` });
    expect((await agentWithKey(database, vault, none, 'keyed'))?.api_key).toBe(`${secret}-2`);
    const bare = await updateAgent(database, vault, id, { api_key: null });
    expect(bare.has_api_key).toBe(false);
  });

  test('of the environment goes to the provider’s own address only', async () => {
    const providers = readConfig({
      OPENAI_API_KEY: secret,
      OPENAI_BASE_URL: 'http://127.0.0.1:1/v1',
    }).providers;
    const own = await createAgent(database, vault, newAgent({ name: 'own', provider: 'openai' }));
    expect(await agentWithKey(database, vault, providers, own.id)).toMatchObject({
      api_key: secret,
      base_url: 'http://127.0.0.1:1/v1',
    });
    const elsewhere = newAgent({ name: 'elsewhere', provider: 'openai', base_url: 'http://evil.example/v1' });
    await createAgent(database, vault, elsewhere);
    expect((await agentWithKey(database, vault, providers, 'elsewhere'))?.api_key).toBeNull();
    await createAgent(database, vault, newAgent({ name: 'script' }));
    expect((await agentWithKey(database, vault, providers, 'script'))?.api_key).toBeNull();
    expect(await agentWithKey(database, vault, providers, 'nobody')).toBeNull();
  });
});

describe('a fallback', () => {
  test('must be there, be another, and have none itself', async () => {
    await createAgent(database, vault, newAgent({ name: 'end' }));
    const make = (name: string, fallback: string) =>
      refusal(createAgent(database, vault, newAgent({ name, fallback })));
    expect(await make('f1', 'nobody')).toEqual(['invalid', 422, 'fallback']);
    expect(await make('f1', 'f1')).toEqual(['invalid', 422, 'fallback']);
    expect(await make('f1', 'end')).toEqual(['allowed', 200, undefined]);
    expect(await make('f2', 'f1')).toEqual(['invalid', 422, 'fallback']);
    const f1 = await findAgent(database, 'f1');
    const end = await findAgent(database, 'end');
    expect(await refusal(updateAgent(database, vault, f1!.id, { fallback: 'f1' }))).toEqual([
      'invalid',
      422,
      'fallback',
    ]);
    // A chain may not be made from its other end either.
    await createAgent(database, vault, newAgent({ name: 'third' }));
    expect(await refusal(updateAgent(database, vault, end!.id, { fallback: 'third' }))).toEqual([
      'invalid',
      422,
      'fallback',
    ]);
    expect((await updateAgent(database, vault, f1!.id, { fallback: null })).fallback).toBeNull();
  });

  test('stays the same agent when it gets another name', async () => {
    const { id } = await createAgent(database, vault, newAgent({ name: 'old name' }));
    await createAgent(database, vault, newAgent({ name: 'leans on it', fallback: 'old name' }));
    await updateAgent(database, vault, id, { name: 'new name' });
    expect((await findAgent(database, 'leans on it'))?.fallback).toBe('new name');
  });
});

test('names are taken once', async () => {
  await createAgent(database, vault, newAgent({ name: 'twice' }));
  const other = await createAgent(database, vault, newAgent({ name: 'once' }));
  expect(await refusal(createAgent(database, vault, newAgent({ name: 'twice' })))).toEqual([
    'name_taken',
    409,
    undefined,
  ]);
  expect(await refusal(updateAgent(database, vault, other.id, { name: 'twice' }))).toEqual([
    'name_taken',
    409,
    undefined,
  ]);
  expect(await refusal(updateAgent(database, vault, 999_999, { name: 'x' }))).toEqual([
    'agent_not_found',
    404,
    undefined,
  ]);
});

test('an agent that runs or other agents need is not deleted', async () => {
  const used = await createAgent(database, vault, newAgent({ name: 'used' }));
  await makeRun(database, 1, { agents: [{ id: used.id, name: 'used', model: 'script-1' }] });
  expect((await refusal(deleteAgent(database, used.id)))[0]).toBe('agent_in_use');
  const behind = await createAgent(database, vault, newAgent({ name: 'behind' }));
  const before = await createAgent(database, vault, newAgent({ name: 'before', fallback: 'behind' }));
  expect((await refusal(deleteAgent(database, behind.id)))[0]).toBe('agent_in_use');
  await deleteAgent(database, before.id);
  await deleteAgent(database, behind.id);
  expect((await refusal(deleteAgent(database, behind.id)))[1]).toBe(404);
});

test('a page follows the other, and the total counts all', async () => {
  const { total } = await listAgents(database);
  const names: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof listAgents>> = await listAgents(database, {
      limit: 3,
      ...(cursor ? { cursor } : {}),
    });
    expect(page.total).toBe(total);
    names.push(...page.items.map((agent) => agent.name));
    cursor = page.next_cursor;
  } while (cursor);
  expect(names).toHaveLength(total);
  expect(new Set(names).size).toBe(total);
});

describe('agents of the environment', () => {
  test('are there from the start, once, keep what a person changed, and the default is never a scripted one', async () => {
    const fresh = await freshDatabase();
    try {
      const all = readConfig({
        OPENAI_API_KEY: secret,
        ANTHROPIC_API_KEY: secret,
        OLLAMA_HOST: 'localhost',
      }).providers;
      await createAgent(fresh, vault, newAgent({ name: 'script' }));
      expect(await defaultAgent(fresh, none)).toBeNull();
      await Promise.all([1, 2, 3].map(() => ensureEnvironmentAgents(fresh, vault, all, 'qwen')));
      const { items } = await listAgents(fresh);
      expect(
        items
          .filter((agent) => agent.from_environment)
          .map((agent) => [agent.name, agent.fallback])
          .sort(),
      ).toEqual([
        ['anthropic', null],
        ['ollama', null],
        ['openai', 'anthropic'],
      ]);
      const ollama = await findAgent(fresh, 'ollama');
      expect(ollama?.max_tokens).toBeLessThanOrEqual(ollama!.context_tokens / 4);
      const [stored] = await fresh.sql`select count(api_key)::int as keys from agents`;
      expect(stored).toEqual({ keys: 0 });
      expect((await defaultAgent(fresh, all))?.name).toBe('openai');
      const openai = await findAgent(fresh, 'openai');
      // Without a price no budget in dollars could be kept.
      for (const name of ['openai', 'anthropic'] as const) {
        const { provider, model, price } = (await findAgent(fresh, name))!;
        expect(priceOf({ provider, model, price })).not.toBeNull();
      }
      // The second key goes, and comes back.
      await ensureEnvironmentAgents(fresh, vault, { ...all, anthropic: null }, 'qwen');
      expect((await findAgent(fresh, 'openai'))?.fallback).toBeNull();
      await ensureEnvironmentAgents(fresh, vault, all, 'qwen');
      expect((await findAgent(fresh, 'openai'))?.fallback).toBe('anthropic');
      await updateAgent(fresh, vault, openai!.id, { model: 'mine' });
      await ensureEnvironmentAgents(fresh, vault, { ...all, anthropic: null }, 'qwen');
      expect(await findAgent(fresh, 'openai')).toMatchObject({ model: 'mine', fallback: null });
      expect((await defaultAgent(fresh, { ...none, ollama: all.ollama }))?.name).toBe('ollama');
      expect((await defaultAgent(fresh, { ...none, anthropic: all.anthropic }))?.name).toBe('anthropic');
    } finally {
      await fresh.drop();
    }
  });
});
