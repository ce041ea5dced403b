import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createAgent } from '../../src/core/agent';
import { type Claimed, claim, claimNext, finish } from '../../src/core/claim';
import { letIn } from '../../src/core/limit';
import { changeSettings } from '../../src/core/settings';
import { listQueued } from '../../src/core/variation';
import { heartbeat } from '../../src/core/worker';
import { freshDatabase, type TestDatabase } from '../support/database';
import { makeRun, newAgent, variationIds, vault } from './scene';

let database: TestDatabase;
beforeEach(async () => {
  database = await freshDatabase();
  for (const id of ['worker-a', 'worker-b']) await heartbeat(database, worker(id));
});
afterEach(() => database.drop());

function worker(id: string) {
  return { id, host: 'here', pid: 1, concurrency: 1, version: '0', sandbox: 'none', sandbox_detail: null };
}

/** All that the queue would give out now, taken one after the other, as by workers with room for everything. */
async function takeAll(name = 'worker-a'): Promise<Claimed[]> {
  const taken: Claimed[] = [];
  for (const { id, job_epoch } of await listQueued(database)) {
    const one = await claim(database, id, job_epoch, name);
    if (one) taken.push(one);
  }
  return taken;
}

const end = (one: Claimed) =>
  finish(database.sql, one, { status: 'failed', error: { code: 'internal', message: 'over' } });

async function heldOf(): Promise<Record<string, number>> {
  const rows = await database.sql<{ held: string; n: number }[]>`
    select held, count(*)::int as n from variations where held is not null group by held`;
  return Object.fromEntries(rows.map((row) => [row.held, row.n]));
}

async function running(): Promise<number> {
  const [row] = await database.sql<{ n: number }[]>`
    select count(*)::int as n from variations where status = 'running'`;
  return row!.n;
}

describe('a limit', () => {
  test('over all holds exactly under many claims at the same time', async () => {
    await changeSettings(database, { limits: { all: 7 } });
    const ids: number[] = [];
    for (let i = 0; i < 5; i += 1) ids.push(...(await variationIds(database, await makeRun(database, 10))));
    const claims = await Promise.all(ids.map((id) => claim(database, id, 0, 'worker-a')));
    expect(claims.filter((one) => one !== null)).toHaveLength(7);
    expect(await running()).toBe(7);
    expect(await heldOf()).toEqual({ all: 43 });
    expect(await listQueued(database)).toEqual([]);
  });

  test('never overstepped while variations end, are let in and begin; all have their turn', async () => {
    await changeSettings(database, { limits: { all: 3 } });
    for (let i = 0; i < 3; i += 1) await makeRun(database, 8);
    let most = 0;
    let done = 0;
    const queue: { id: number; job_epoch: number }[] = [...(await listQueued(database))];
    const work = async (): Promise<void> => {
      while (done < 24) {
        const job = queue.shift();
        if (!job) {
          queue.push(...(await letIn(database)));
          continue;
        }
        const taken = await claim(database, job.id, job.job_epoch, 'worker-a');
        if (!taken) continue;
        most = Math.max(most, await running());
        await end(taken);
        done += 1;
        queue.push(...(await letIn(database)));
      }
    };
    await Promise.all(Array.from({ length: 6 }, work));
    expect([done, most <= 3, await running()]).toEqual([24, true, 0]);
    expect(await heldOf()).toEqual({});
  });

  test('per project, agent and provider counts only its own', async () => {
    const bert = await createAgent(database, vault, newAgent({ name: 'bert', provider: 'ollama' }));
    const anna = await createAgent(database, vault, newAgent());
    const agents = [
      { ...anna, name: 'anna', model: 'script-1' },
      { ...bert, name: 'bert', model: 'script-1' },
    ];
    const run = await makeRun(database, 4, { agents: [agents[0]!, agents[0]!, agents[1]!, agents[1]!] });
    const [one, two, three, four] = await variationIds(database, run);
    const take = (id: number) => claim(database, id, 0, 'worker-a');
    await changeSettings(database, { limits: { per_agent: 1 } });
    expect([(await take(one!)) !== null, await take(two!), (await take(three!)) !== null]).toEqual([
      true,
      null,
      true,
    ]);
    await changeSettings(database, { limits: { per_agent: null, per_provider: 1 } });
    expect(await take(four!)).toBeNull();
    expect(await heldOf()).toEqual({ agent: 1, provider: 1 });
    await changeSettings(database, { limits: { per_provider: null, per_project: 2 } });
    expect(await letIn(database)).toEqual([]);
    await changeSettings(database, { limits: { per_project: 3 } });
    expect((await letIn(database)).map((each) => each.id)).toEqual([two!]);
    await changeSettings(database, { limits: { per_project: null } });
    expect((await letIn(database)).map((each) => each.id)).toEqual([four!]);
  });

  test('lets the next in as soon as one has ended: a new job, and the old one finds nothing to do', async () => {
    await changeSettings(database, { limits: { all: 1 } });
    const [first, second] = await variationIds(database, await makeRun(database, 2));
    const taken = await claim(database, first!, 0, 'worker-a');
    expect(await claim(database, second!, 0, 'worker-a')).toBeNull();
    expect(await letIn(database)).toEqual([]);
    await end(taken!);
    const [let_in] = await letIn(database);
    expect(let_in).toEqual({ id: second!, job_epoch: 1, priority: 5, rank: 1, delay_ms: 0 });
    expect(await letIn(database)).toEqual([]);
    expect(await listQueued(database)).toEqual([let_in!]);
    expect(await claim(database, second!, 0, 'worker-a')).toBeNull();
    expect(await claim(database, second!, 1, 'worker-a')).not.toBeNull();
  });

  test('a place is kept for what is on its way and more urgent', async () => {
    await changeSettings(database, { limits: { all: 1 } });
    const low = await variationIds(database, await makeRun(database, 1, { priority: 1 }));
    const busy = await claimNext(database, 'worker-a');
    const [held] = await variationIds(database, await makeRun(database, 1, { priority: 2 }));
    expect(await claim(database, held!, 0, 'worker-a')).toBeNull();
    const urgent = await makeRun(database, 1, { priority: 9 });
    await end(busy!);
    expect(await letIn(database)).toEqual([]);
    const next = await claimNext(database, 'worker-a');
    expect(next?.runId).toBe(urgent);
    await end(next!);
    expect((await letIn(database)).map((one) => one.id)).toEqual([held!]);
    expect(low).toHaveLength(1);
  });

  test('whatever many a project has waiting, another project has its turn', async () => {
    await changeSettings(database, { limits: { per_project: 1 } });
    for (let i = 0; i < 7; i += 1) await makeRun(database, 16, { priority: 9 });
    const first = await takeAll();
    expect(first).toHaveLength(1);
    await database.sql`insert into projects (name, repo_url) values ('other', 'https://example.org/other.git')`;
    const [project] = await database.sql<{ id: number }[]>`select id from projects where name = 'other'`;
    const small = await makeRun(database, 1, { priority: 1, project_id: project!.id });
    const [id] = await variationIds(database, small);
    await database.sql`update variations set held = 'project' where id = ${id!}`;
    expect((await letIn(database)).map((one) => one.id)).toEqual([id!]);
  });
});

describe('the order', () => {
  test('a run of one begins before the third of a run of sixteen', async () => {
    const big = await makeRun(database, 16);
    const small = await makeRun(database, 1);
    const order: number[] = [];
    for (
      let taken = await claimNext(database, 'worker-a');
      taken;
      taken = await claimNext(database, 'worker-a')
    )
      order.push(taken.runId);
    expect(order).toHaveLength(17);
    expect(order.indexOf(small)).toBe(1);
    expect(order.filter((one) => one === big)).toHaveLength(16);
  });

  test('is the same for what was held under a limit', async () => {
    await changeSettings(database, { limits: { all: 2 } });
    const big = await makeRun(database, 16);
    const running = await takeAll();
    const small = await makeRun(database, 1);
    await takeAll();
    const order: number[] = [];
    for (let one = running.shift(); one; one = running.shift()) {
      order.push(one.runId);
      await end(one);
      for (const { id, job_epoch } of await letIn(database)) {
        const next = await claim(database, id, job_epoch, 'worker-a');
        if (next) running.push(next);
      }
    }
    expect(order).toHaveLength(17);
    expect(order.indexOf(small)).toBeLessThan(3);
    expect(order.filter((one) => one === big)).toHaveLength(16);
  });
});

describe('what has lost a worker', () => {
  test('never runs beside another such on one worker; on a second worker it does', async () => {
    const [one, two, three, sound] = await variationIds(database, await makeRun(database, 4));
    await database.sql`update variations set losses = 1 where id in (${one!}, ${two!}, ${three!})`;
    const claims = await Promise.all([one!, two!, three!].map((id) => claim(database, id, 0, 'worker-a')));
    expect(claims.filter((each) => each !== null)).toHaveLength(1);
    expect(await claim(database, sound!, 0, 'worker-a')).not.toBeNull();
    expect(await heldOf()).toEqual({ suspect: 2 });
    const [next, ...others] = await letIn(database);
    expect(others).toEqual([]);
    // It counts as on its way to the second worker, so the third waits.
    expect(await letIn(database)).toEqual([]);
    expect(await claim(database, next!.id, next!.job_epoch, 'worker-b')).not.toBeNull();
    expect(await letIn(database)).toEqual([]);
    await end(claims.find((each) => each !== null)!);
    expect(await letIn(database)).toHaveLength(1);
  });
});
