import { afterAll, beforeAll, expect, test } from 'bun:test';
import { until } from '../support/wait';
import { type Fleet, openFleet } from './fleet';
import { type Killer, openKiller, randomOf } from './killer';
import { diffsOf, ended, type Load, openLoad } from './load';
import { token } from './model';
import { processesWith } from './outside';
import { type Phase, phases } from './phase';
import { type Finding, percentile, proveEnd, proveRecord, recoveries } from './proof';

// The quick form of the crash suite; `./bakeoff test --chaos` is the long one.
const variations = 2;
let fleet: Fleet;
let load: Load;
let killer: Killer;
let sound: string[] = [];
let made = 0;

beforeAll(async () => {
  fleet = await openFleet({ workers: 3, concurrency: 4, redis: true, streamMs: 60 });
  load = await openLoad(fleet, variations);
  killer = openKiller(fleet, randomOf(4), fleet.faults);
  await load.start('undisturbed');
  await allEnded();
  sound = await diffsOf(fleet, load.runs[0]!.id, variations);
}, 60_000);
afterAll(() => fleet?.close());

const allEnded = () =>
  until(async () => (await ended(fleet, load)) === load.runs.length, 'the end of all runs', 60_000);

/** So many runs in flight. */
async function feed(count: number): Promise<void> {
  const under = load.runs.length - (await ended(fleet, load));
  for (let i = under; i < count; i += 1) await load.start(`load${++made}`);
}

/** Goes on feeding until told to end: a moment may be longer in coming than three runs last. */
function keepFed(count: number): () => Promise<void> {
  let over = false;
  const fed = (async () => {
    while (!over) {
      // Postgres may be away, and is fed the next time round.
      await feed(count).catch(() => undefined);
      await Bun.sleep(100);
    }
  })();
  return async () => {
    over = true;
    await fed;
  };
}

function against(findings: readonly Finding[]): string[] {
  return findings.flatMap((finding) => finding.against.map((line) => `${finding.what}: ${line}`));
}

test('kill -9 of service, workers, Redis and Postgres at every phase: all is done, once, as if nothing had been', async () => {
  await feed(3);
  const asleep = killer.sleep(false);
  const strikes: ['worker' | 'service' | 'redis' | 'postgres', ...Phase[]][] = [
    ['worker', 'stream'],
    ['redis'],
    ['worker', 'command'],
    ['service', 'stream', 'command', 'between', 'before'],
    ['worker', 'cloning'],
    ['postgres'],
    ['worker', 'between'],
    ['worker', 'before'],
    ['redis'],
    ['worker', 'stream', 'command'],
    ['worker', 'final'],
    ['service', 'final', 'stream', 'command'],
  ];
  const unfed = keepFed(3);
  try {
    for (const [victim, ...aim] of strikes)
      expect([victim, aim, (await killer.strike(victim, ...aim))?.victim]).toEqual([victim, aim, victim]);
  } finally {
    await unfed();
  }
  await asleep;
  await allEnded();
  expect(phases.filter((phase) => killer.byPhase()[phase] === 0)).toEqual([]);
  expect(killer.kills).toHaveLength(strikes.length + 1);
  expect(killer.kills.filter((kill) => kill.victim === 'frozen')).toHaveLength(1);
  expect(against(await proveRecord(fleet, load, killer.kills, sound))).toEqual([]);
  const times = await recoveries(fleet, killer.kills);
  expect(times.length).toBeGreaterThan(3);
  expect(percentile(times, 0.5)).toBeLessThan(10_000);
}, 300_000);

test('FLUSHALL, and a Redis that starts empty, under load: nothing is lost, nothing is done twice', async () => {
  await feed(3);
  const { redis } = fleet;
  await redis?.flush();
  await feed(3);
  await redis?.kill();
  redis?.forget();
  await redis?.start();
  await allEnded();
  expect(against(await proveRecord(fleet, load, killer.kills, sound))).toEqual([]);
}, 60_000);

test('a stop reaches the processes of another worker in under a second', async () => {
  const commands = () => processesWith(token).filter(({ line }) => line.includes('sleep'));
  const took: number[] = [];
  // The machine may be busy with something else: once is enough.
  while (took.length < 3 && !took.some((ms) => ms < 1_000)) {
    await load.start('stopped');
    const run = load.runs.pop()!;
    await until(() => commands().length > 0, 'a command');
    const began = performance.now();
    await fleet.call(`/runs/${run.id}/stop`, {});
    await until(async () => {
      const rows = await fleet.sql`select from runs where id = ${run.id} and status = 'stopped'`;
      return rows.length > 0 && commands().length === 0;
    });
    took.push(performance.now() - began);
  }
  expect(Math.min(...took)).toBeLessThan(1_000);
}, 60_000);

test('in the end nothing is left: no process, workspace, lock, connection or job', async () => {
  expect(against(await proveEnd(fleet))).toEqual([]);
}, 60_000);
