import { expect, test } from 'bun:test';
import { errandChannel } from '../../src/core/errand';
import { type ErrandWork, Later, startErrands } from '../../src/jobs/errands';
import { makeRun } from '../core/scene';
import { until } from '../support/wait';
import { openBench } from './bench';

test('an errand that took its process with it each time is given up, not begun again', async () => {
  const bench = await openBench();
  const begun: number[] = [];
  const given: number[] = [];
  const work: ErrandWork = {
    run: async (_parts, { id }) => void begun.push(id),
    giveUp: async (_parts, { id }) => void given.push(id),
  };
  try {
    const ids: number[] = [];
    for (const tries of [0, 7, 8]) {
      const [row] = await bench.database.sql<{ id: number }[]>`
        insert into verdicts (run_id, tries) values (${await makeRun(bench.database, 1)}, ${tries}) returning id`;
      ids.push(row!.id);
    }
    const stop = await startErrands(bench.parts, 'w', { verdicts: work });
    try {
      await until(async () => begun.length + given.length === ids.length, 'the errands', 10_000);
    } finally {
      await stop();
    }
    expect([begun.toSorted(), given]).toEqual([ids.slice(0, 2), ids.slice(2)]);
  } finally {
    await bench.close();
  }
}, 30_000);

test('a landing that is asked to come again is tried for a day, a mistake eight times, and a verdict no longer', async () => {
  const bench = await openBench();
  const { sql } = bench.database;
  const given: string[] = [];
  const fails = (name: string, error: Error): ErrandWork => ({
    run: async () => {
      throw error;
    },
    giveUp: async (_parts, { tries }) => void given.push(`${name} ${tries}`),
  });
  /** Seconds of each pause until it is given up; nobody waits for them. */
  const pauses = async (table: 'landings' | 'verdicts', error: Error): Promise<number[]> => {
    const run = await makeRun(bench.database, 1);
    const [row] =
      table === 'landings'
        ? await sql<
            { id: number }[]
          >`insert into landings (run_id, variation, request) values (${run}, 1, '{}') returning id`
        : await sql<{ id: number }[]>`insert into verdicts (run_id) values (${run}) returning id`;
    const found: number[] = [];
    const before = given.length;
    const stop = await startErrands(bench.parts, 'w', { [table]: fails(table, error) });
    try {
      for (;;) {
        const pause = await until(async () => {
          if (given.length > before) return 'over';
          const [waiting] = await sql<{ s: number }[]>`
            select extract(epoch from not_before - now())::float as s from ${sql(table)}
            where id = ${row!.id} and not_before > now()`;
          return waiting?.s;
        }, 'a pause');
        if (pause === 'over') break;
        found.push(pause);
        await sql`update ${sql(table)} set not_before = null where id = ${row!.id}`;
        await sql`select pg_notify(${errandChannel}, '')`;
      }
    } finally {
      await stop();
    }
    await sql`delete from ${sql(table)} where id = ${row!.id}`;
    return found;
  };
  try {
    const day = await pauses('landings', new Later('down', null));
    const hours = day.reduce((sum, s) => sum + s, 0) / 3600;
    expect([Math.max(...day) < 301, hours > 23.5 && hours < 24.5]).toEqual([true, true]);
    const full = await pauses('landings', new Later('full', 3_600_000));
    expect([full.length > 22, full.length < 26]).toEqual([true, true]);
    expect(await pauses('landings', new Error('a mistake'))).toHaveLength(7);
    expect(await pauses('verdicts', new Later('down', 3_600_000))).toHaveLength(7);
  } finally {
    await bench.close();
  }
}, 60_000);
