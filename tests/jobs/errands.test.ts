import { expect, test } from 'bun:test';
import { type ErrandWork, startErrands } from '../../src/jobs/errands';
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
