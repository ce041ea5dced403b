import { afterAll, beforeAll, expect, test } from 'bun:test';
import { until } from '../support/wait';
import { type Fleet, openFleet } from './fleet';
import { openKiller, randomOf } from './killer';
import { diffsOf, ended, openLoad } from './load';
import { proveEnd, proveRecord } from './proof';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await openFleet({ workers: 2, concurrency: 3, redis: false, streamMs: 60 });
}, 60_000);
afterAll(() => fleet?.close());

test('with the queue in Postgres, its tables emptied and workers killed under load: nothing is lost, nothing is done twice', async () => {
  const load = await openLoad(fleet, 2);
  const killer = openKiller(fleet, randomOf(2), fleet.faults);
  const allEnded = () =>
    until(async () => (await ended(fleet, load)) === load.runs.length, 'the end of all runs', 60_000);
  await load.start('undisturbed');
  await allEnded();
  const sound = await diffsOf(fleet, load.runs[0]!.id, 2);
  for (let i = 1; i <= 3; i += 1) await load.start(`load${i}`);
  expect(await emptyQueue()).toBeGreaterThan(0);
  await killer.strike('worker', 'command', 'stream');
  expect(await emptyQueue()).toBeGreaterThan(0);
  await killer.strike('service', 'command', 'stream');
  await killer.strike('postgres');
  await allEnded();
  expect(killer.kills).toHaveLength(3);
  const findings = [...(await proveRecord(fleet, load, killer.kills, sound)), ...(await proveEnd(fleet))];
  expect(findings.flatMap(({ what, against }) => against.map((line) => `${what}: ${line}`))).toEqual([]);
}, 120_000);

/** Takes every row out of the queue's tables but their versions; how many tables these were. */
async function emptyQueue(): Promise<number> {
  const tables = await fleet.sql<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('public', 'drizzle', 'pg_catalog', 'information_schema') and tablename not like '%migration%'`;
  for (const { name } of tables) await fleet.sql.unsafe(`delete from ${name}`);
  return tables.length;
}
