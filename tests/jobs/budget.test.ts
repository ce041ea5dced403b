import { expect, test } from 'bun:test';
import { command, done, openBench } from './bench';

test('eight variations at work on one budget never go over it; who finds no room is stopped, and told why', async () => {
  const bench = await openBench();
  try {
    await bench.worker({ concurrency: 8 });
    const turns = [...Array.from({ length: 6 }, (_, at) => command(`echo ${at}`)), done];
    const price = { input: 2, output: 10, cached: 2 };
    // All eight would use half as much again.
    const budget_tokens = 90_000;
    const run = await bench.start({
      variations: 8,
      turns,
      agent: { price, max_tokens: 2000 },
      options: { budget_tokens, budget_usd: 0.5 },
    });
    const { usage, variations } = await bench.ended(run, 60_000);
    const used = usage.input_tokens + usage.output_tokens;
    expect(used).toBeLessThanOrEqual(budget_tokens);
    expect(usage.cost_usd).toBeLessThanOrEqual(0.5);
    const stopped = variations.filter((one) => one.status === 'stopped');
    expect(stopped.map((one) => one.error?.code)).toContain('budget_exceeded');
    expect(stopped.length + variations.filter((one) => one.status === 'completed').length).toBe(8);
    const events = await bench.events(run);
    const calls = events.filter((event) => event.type === 'model.responded');
    expect(usage.model_calls).toBe(calls.length);
    for (const kind of ['tokens', 'usd']) {
      const warned = events.filter((event) => event.type === 'budget.warned' && event.payload.kind === kind);
      const limit = kind === 'tokens' ? budget_tokens : 0.5;
      const sum = kind === 'tokens' ? used : (usage.cost_usd ?? 0);
      expect(warned).toHaveLength(sum >= limit * 0.8 ? 1 : 0);
    }
    const [left] = await bench.database.sql<{ reserved: number }[]>`
      select sum(reserved_tokens)::float8 as reserved from variations where run_id = ${run} and status = 'running'`;
    expect(left?.reserved ?? 0).toBe(0);
  } finally {
    await bench.close();
  }
}, 90_000);
