import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { getRun } from '../../src/core/run';
import { stop } from '../../src/core/steer';
import { gapless } from '../core/scene';
import { until } from '../support/wait';
import { type Bench, command, done, edit, openBench, ownSeconds, processesWith, typesOf } from './bench';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

async function working(runId: number, seconds: string, processes: number): Promise<void> {
  await until(() => processesWith(seconds).length >= processes, 'the command and its children');
  await until(async () => typesOf(await bench.events(runId)).includes('tool.started'), 'its event');
}

describe('a stop', () => {
  test('reaches a running command in under a second, its whole process tree dead', async () => {
    const worker = await bench.worker();
    const times: number[] = [];
    for (let i = 0; i < 2; i += 1) {
      const seconds = ownSeconds(86_031 + i);
      const tree = `sleep ${seconds} & setsid sleep ${seconds} & (trap '' TERM INT; sleep ${seconds}) & sleep ${seconds}`;
      const runId = await bench.start({ turns: [edit, command(tree), done] });
      await working(runId, seconds, 4);
      const started = performance.now();
      await stop(bench.database, runId);
      const run = await until(async () => {
        const found = await getRun(bench.database, runId);
        return found.completed_at !== null && found;
      });
      times.push(performance.now() - started);
      expect(processesWith(seconds)).toEqual([]);
      expect([run.status, run.error?.code, run.variations[0]!.status]).toEqual([
        'stopped',
        'stopped',
        'stopped',
      ]);
      // What it did before is kept.
      expect(run.variations[0]!.patch?.files).toBe(1);
      expect(gapless(await bench.events(runId))).toBe(true);
    }
    expect(Math.max(...times)).toBeLessThan(1_000);
    expect(readdirSync(bench.workspacesDir)).toEqual([]);
    await worker.stop();
  }, 30_000);

  test('reaches a model that is thinking, also when the notice of it was lost', async () => {
    const worker = await bench.worker();
    const runId = await bench.start({ turns: [{ ...done, delay_ms: 30_000 }] });
    await until(async () => typesOf(await bench.events(runId)).includes('model.requested'), 'the question');
    // As a stop whose notice went astray leaves it.
    await bench.database.sql`update variations set wanted = 'stop' where run_id = ${runId}`;
    const started = performance.now();
    expect((await bench.ended(runId)).status).toBe('stopped');
    expect(performance.now() - started).toBeLessThan(1_500);
    await worker.stop();
  }, 30_000);

  test('of one variation does not hurt the others, nor the check of the base that all wait for', async () => {
    const worker = await bench.worker();
    const seconds = ownSeconds(0.7321);
    const runId = await bench.start({
      variations: 3,
      turns: [edit, done],
      checks: [{ name: 'slow', command: `sleep ${seconds}` }],
    });
    await until(() => processesWith(seconds).length > 0, 'the check of the base');
    const events = await bench.events(runId);
    // The one that began the check is the one that is stopped.
    const first = events.find((event) => event.type === 'variation.started')?.variation ?? 1;
    await stop(bench.database, runId, first);
    const run = await bench.ended(runId);
    expect(run.status).toBe('completed');
    expect(run.base_checks.map((check) => check.result)).toEqual(['passed']);
    for (const variation of run.variations) {
      expect(variation.status).toBe(variation.position === first ? 'stopped' : 'completed');
      if (variation.position !== first)
        expect(variation.checks.map((check) => check.result)).toEqual(['passes']);
    }
    const onBase = (await bench.events(runId)).filter(
      (event) => event.type === 'check.finished' && event.variation === null,
    );
    expect(onBase).toHaveLength(1);
    await worker.stop();
  }, 30_000);
});

describe('a worker that is asked to end', () => {
  test('gives back what runs and the next one finishes it, as the same attempt', async () => {
    const worker = await bench.worker();
    const seconds = ownSeconds(2.7719);
    const runId = await bench.start({
      turns: [edit, command(`sleep ${seconds}`), done],
      checks: [{ name: 'c', command: 'true' }],
    });
    await working(runId, seconds, 1);
    const started = performance.now();
    await worker.stop();
    expect(performance.now() - started).toBeLessThan(2_500);
    expect(processesWith(seconds)).toEqual([]);
    expect(readdirSync(bench.workspacesDir)).toEqual([]);
    expect((await getRun(bench.database, runId)).status).toBe('queued');
    await bench.sweep();
    const next = await bench.worker();
    const run = await bench.ended(runId);
    expect([run.status, run.variations[0]!.attempt, run.variations[0]!.checks.length]).toEqual([
      'completed',
      1,
      1,
    ]);
    const types = typesOf(await bench.events(runId));
    expect(types.filter((type) => type === 'variation.started')).toHaveLength(2);
    expect(types.filter((type) => type === 'run.completed')).toHaveLength(1);
    // The answer that asked for the command is not paid for again; the command itself is run again.
    expect(run.usage.model_calls).toBe(3);
    expect(types.filter((type) => type === 'tool.repeated')).toHaveLength(1);
    expect(gapless(await bench.events(runId))).toBe(true);
    await next.stop();
  }, 30_000);
});
