import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type Budget, explainRefusal, type Refusal, reserve, warningsOf } from '../../src/core/budget';
import { Fenced } from '../../src/core/errors';
import type { Claim } from '../../src/core/event';
import { addUsage, type CallUsage, noUsage } from '../../src/core/usage';
import { freshDatabase, type TestDatabase } from '../support/database';
import { claimOne, makeRun } from './scene';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

const used = (input_tokens: number, cost_usd: number | null = 0): CallUsage => ({
  ...{ input_tokens, output_tokens: 0, cached_tokens: 0, reasoning_tokens: 0, cost_usd },
});

async function claims(count: number): Promise<Claim[]> {
  const run = await makeRun(database, count);
  const all: Claim[] = [];
  for (let position = 1; position <= count; position += 1) all.push(await claimOne(database, run, position));
  return all;
}

const ask = (claim: Claim, tokens: number, usd: number | null, budget: Budget): Promise<Refusal | null> =>
  database.sql.begin((tx) => reserve(tx, claim, { tokens, usd }, budget)) as Promise<Refusal | null>;
const settle = (claim: Claim, usage: CallUsage) =>
  database.sql.begin((tx) => addUsage(tx, claim.runId, claim.variationId, usage));

async function spent(claim: Claim): Promise<{ tokens: number; usd: number; reserved: number }> {
  const [row] = await database.sql<{ tokens: number; usd: number; reserved: number }[]>`
    select (usage->>'input_tokens')::float8 as tokens, (usage->>'cost_usd')::float8 as usd,
      (select sum(reserved_tokens)::float8 from variations where run_id = runs.id) as reserved
    from runs where id = ${claim.runId}`;
  return row!;
}

describe('a reservation', () => {
  test('without a budget is none', async () => {
    const [one] = await claims(1);
    expect(await ask(one!, 1e9, null, { budget_tokens: null, budget_usd: null })).toBeNull();
    expect((await spent(one!)).reserved).toBe(0);
  });

  test('counts the run and the calls under way of all its variations, at the very same time', async () => {
    const all = await claims(8);
    const budget = { budget_tokens: 500, budget_usd: null };
    const answers = await Promise.all(all.map((one) => ask(one, 100, null, budget)));
    const refused = answers.filter((one) => one !== null);
    expect(refused).toHaveLength(3);
    expect(refused[0]).toEqual({ kind: 'tokens', used: 0, limit: 500, reserved: 500, wanted: 100 });
    expect((await spent(all[0]!)).reserved).toBe(500);
  });

  test('is settled by the answer: what was not used is there for others', async () => {
    const [one, two] = await claims(2);
    const budget = { budget_tokens: 1000, budget_usd: null };
    expect(await ask(one!, 900, null, budget)).toBeNull();
    expect(await ask(two!, 900, null, budget)).not.toBeNull();
    await settle(one!, used(100));
    expect(await ask(two!, 900, null, budget)).toBeNull();
    await settle(two!, used(900));
    expect(await ask(one!, 1, null, budget)).toEqual({
      ...{ kind: 'tokens', used: 1000, limit: 1000, reserved: 0, wanted: 1 },
    });
    expect(await spent(one!)).toEqual({ tokens: 1000, usd: 0, reserved: 0 });
  });

  test('is replaced by the next call’s when there was no answer', async () => {
    const [one] = await claims(1);
    const budget = { budget_tokens: 10, budget_usd: 1 };
    await ask(one!, 10, 0.5, budget);
    expect(await ask(one!, 8, 0.9, budget)).toBeNull();
    expect((await spent(one!)).reserved).toBe(8);
  });

  test('of a variation that does not run any more stands in nobody’s way', async () => {
    const [one, two] = await claims(2);
    const budget = { budget_tokens: 100, budget_usd: null };
    await ask(one!, 100, null, budget);
    expect(await ask(two!, 1, null, budget)).not.toBeNull();
    await database.sql`update variations set status = 'queued' where id = ${one!.variationId}`;
    expect(await ask(two!, 100, null, budget)).toBeNull();
  });

  test('in dollars needs a price, of this call and of all before it', async () => {
    const [one, two] = await claims(2);
    const budget = { budget_tokens: null, budget_usd: 1 };
    expect(await ask(one!, 1, null, budget)).toMatchObject({ kind: 'usd', wanted: null });
    expect(await ask(one!, 1, 0.7, budget)).toBeNull();
    expect(await ask(two!, 1, 0.4, budget)).toEqual({
      ...{ kind: 'usd', used: 0, limit: 1, reserved: 0.7, wanted: 0.4 },
    });
    await settle(one!, used(1, null));
    const refusal = await ask(two!, 1, 0.1, budget);
    expect(refusal).toMatchObject({ kind: 'usd', wanted: null });
    expect(explainRefusal(refusal!)).toContain('not known');
  });

  test('is refused to a worker whose claim is over', async () => {
    const [one] = await claims(1);
    await database.sql`update variations set epoch = epoch + 1 where id = ${one!.variationId}`;
    expect(
      await ask(one!, 1, 0, { budget_tokens: 1, budget_usd: null }).catch((error) => error),
    ).toBeInstanceOf(Fenced);
  });
});

test('eight variations at once use up one budget and never go over it', async () => {
  const all = await claims(8);
  const budget = { budget_tokens: 20_000, budget_usd: 2 };
  let seed = 7;
  const random = (): number => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const refusals = await Promise.all(
    all.map(async (one) => {
      for (let calls = 0; calls < 200; calls += 1) {
        const refusal = await ask(one, 500, 0.05, budget);
        if (refusal) return refusal;
        const share = random();
        await settle(one, used(Math.ceil(500 * share), 0.05 * share));
      }
      return null;
    }),
  );
  expect(refusals).not.toContain(null);
  const { tokens, usd, reserved } = await spent(all[0]!);
  expect(reserved).toBe(0);
  expect(tokens).toBeLessThanOrEqual(20_000);
  expect(usd).toBeLessThanOrEqual(2);
  // Whoever was last found no room for one call more.
  expect(tokens > 19_500 || usd > 1.95).toBe(true);
});

describe('a warning', () => {
  const budget = { budget_tokens: 100, budget_usd: 1 };
  test('comes with the answer that crosses four fifths, once for each kind', () => {
    let sum: CallUsage = noUsage;
    const warned: string[] = [];
    for (let i = 0; i < 10; i += 1) {
      const answer = used(9, 0.1);
      sum = used(sum.input_tokens + 9, (sum.cost_usd ?? 0) + 0.1);
      for (const fact of warningsOf(sum, answer, budget))
        if (fact.type === 'budget.warned') warned.push(`${fact.payload.kind} ${fact.payload.used}`);
    }
    expect(warned).toEqual(['usd 0.7999999999999999', 'tokens 81']);
  });

  test('does not come without a budget, nor of a cost that is not known', () => {
    expect(warningsOf(used(90, null), used(90, null), { budget_tokens: null, budget_usd: 1 })).toEqual([]);
    expect(warningsOf(used(90), used(90), { budget_tokens: null, budget_usd: null })).toEqual([]);
  });
});
