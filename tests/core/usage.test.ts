import { expect, test } from 'bun:test';
import { addUsage, type CallUsage, noUsage } from '../../src/core/usage';
import { freshDatabase } from '../support/database';
import { makeRun, variationIds } from './scene';

const answer: CallUsage = {
  input_tokens: 100,
  output_tokens: 10,
  cached_tokens: 50,
  reasoning_tokens: 5,
  cost_usd: 0.25,
};

test('usage is summed on the variation and on its run, by many at the same time', async () => {
  const database = await freshDatabase();
  try {
    const runId = await makeRun(database, 2);
    const ids = await variationIds(database, runId);
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        database.sql.begin((tx) => addUsage(tx, runId, ids[i % 2]!, answer)),
      ),
    );
    const [run] = await database.sql`select usage from runs where id = ${runId}`;
    expect(run?.usage).toEqual({
      ...{ input_tokens: 1000, output_tokens: 100, cached_tokens: 500, reasoning_tokens: 50 },
      ...{ model_calls: 10, cost_usd: 2.5 },
    });
    const rows = await database.sql`select usage from variations where run_id = ${runId}`;
    expect(rows.map((row) => [row.usage.model_calls, row.usage.cost_usd])).toEqual([
      [5, 1.25],
      [5, 1.25],
    ]);
  } finally {
    await database.drop();
  }
});

test('a price that is not known makes the sum unknown for good, and no other sum', async () => {
  const database = await freshDatabase();
  try {
    const runId = await makeRun(database, 2);
    const [first, second] = await variationIds(database, runId);
    const add = (id: number, usage: CallUsage) => database.sql.begin((tx) => addUsage(tx, runId, id, usage));
    expect((await add(second!, answer)).cost_usd).toBe(0.25);
    expect((await add(first!, { ...answer, cost_usd: null })).cost_usd).toBeNull();
    const sum = await add(first!, answer);
    expect([sum.cost_usd, sum.input_tokens, sum.model_calls]).toEqual([null, 300, 3]);
    const rows =
      await database.sql`select usage->'cost_usd' as cost from variations where run_id = ${runId} order by position`;
    expect(rows.map((row) => row.cost)).toEqual([null, 0.25]);
    expect(noUsage.cost_usd).toBe(0);
  } finally {
    await database.drop();
  }
});
