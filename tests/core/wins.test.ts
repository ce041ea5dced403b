import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { TaskType } from '../../drizzle/schema';
import { createAgent } from '../../src/core/agent';
import { openSql } from '../../src/core/db';
import { likely } from '../../src/core/likely';
import { readWins } from '../../src/core/wins';
import { freshDatabase, type TestDatabase } from '../support/database';
import { makeRun, newAgent, vault } from './scene';

let database: TestDatabase;
let agents: Record<'anna' | 'ben' | 'cleo', { id: number; name: string; model: string }>;
beforeEach(async () => {
  database = await freshDatabase();
  const make = async (name: string, model: string) => ({
    ...(await createAgent(database, vault, newAgent({ name, model }))),
    ...{ name, model },
  });
  agents = {
    anna: await make('anna', 'm-1'),
    ben: await make('ben', 'm-2'),
    cleo: await make('cleo', 'm-1'),
  };
});
afterEach(() => database.drop());

type Name = keyof typeof agents;
interface Given {
  by: Name[];
  winner?: number;
  /** Rankings of verdicts, in the order that they were asked for; null is one that is not given yet. */
  verdicts?: (number[] | null)[];
  graft?: Name;
  task_type?: TaskType;
  daysAgo?: number;
  /** By position; null is a price that nobody knows. */
  costs?: (number | null)[];
}

/** A run as it stands at its end; a ranking is the rank of each position. */
async function contest({
  by,
  winner,
  verdicts = [],
  graft,
  task_type = 'coding',
  daysAgo = 0,
  costs,
}: Given) {
  const { sql } = database;
  const id = await makeRun(database, by.length, { agents: by.map((name) => agents[name]), task_type });
  await sql`
    update runs set winner = ${winner ?? null}, created_at = now() - make_interval(days => ${daysAgo}) where id = ${id}`;
  if (graft)
    await sql`
      insert into variations (run_id, position, agent_id, kind) values (${id}, ${by.length + 1}, ${agents[graft].id}, 'graft')`;
  for (const [i, cost] of (costs ?? []).entries())
    await sql`
      update variations set usage = usage || ${sql.json({ cost_usd: cost })} where run_id = ${id} and position = ${i + 1}`;
  for (const ranks of verdicts) {
    const verdict = ranks && { ranking: ranks.map((rank, i) => ({ position: i + 1, rank })) };
    await sql`
      insert into verdicts (run_id, status, verdict)
      values (${id}, ${verdict ? 'given' : 'wanted'}, ${verdict && sql.json(verdict)})`;
  }
  return id;
}

/** Wins of contests, by agent; and by task type where there is more than one. */
async function told(): Promise<Record<string, string>> {
  const { wins } = await readWins(database);
  return Object.fromEntries(
    wins.map((one) => [`${one.agent} ${one.task_type}`, `${one.wins} of ${one.runs}`]),
  );
}

test('without a contest nothing is told', async () => {
  expect(await readWins(database)).toEqual({ wins: [], wins_by_week: [] });
  await contest({ by: ['anna', 'ben'] });
  expect(await readWins(database)).toEqual({ wins: [], wins_by_week: [] });
});

test('a chosen winner counts before a verdict; without one a sole first place does, of the newest given', async () => {
  await contest({ by: ['anna', 'ben'], winner: 2, verdicts: [[1, 2]] });
  expect(await told()).toEqual({ 'anna coding': '0 of 1', 'ben coding': '1 of 1' });
  await contest({ by: ['anna', 'ben'], verdicts: [[2, 1], [1, 2], null] });
  expect(await told()).toEqual({ 'anna coding': '1 of 2', 'ben coding': '1 of 2' });
  // A tie is nobody's, also where an older verdict was none; and nonsense neither.
  await contest({
    by: ['anna', 'ben'],
    verdicts: [
      [1, 2],
      [1, 1],
    ],
  });
  await contest({ by: ['anna', 'ben'], verdicts: [[]] });
  await contest({ by: ['anna', 'ben'], verdicts: [null] });
  const odd = await contest({ by: ['anna', 'ben'], verdicts: [[1, 2]] });
  await database.sql`
    update verdicts set verdict = '{"ranking": [{"position": "1", "rank": 1}, 7, null]}' where run_id = ${odd}`;
  expect(await told()).toEqual({ 'anna coding': '1 of 2', 'ben coding': '1 of 2' });
});

test('an agent takes part once with all its variations, and is no rival of its own', async () => {
  await contest({ by: ['anna', 'ben', 'anna'], winner: 3 });
  await contest({ by: ['anna', 'anna'], winner: 1 });
  await contest({ by: ['cleo'], winner: 1 });
  expect(await told()).toEqual({ 'anna coding': '1 of 1', 'ben coding': '0 of 1' });
  // Two agents of one model are two.
  await contest({ by: ['anna', 'cleo'], winner: 2, task_type: 'review' });
  expect(await told()).toMatchObject({ 'anna review': '0 of 1', 'cleo review': '1 of 1' });
});

test('what a graft wins is no agent’s, and a graft makes no rival', async () => {
  await contest({ by: ['anna', 'ben'], graft: 'anna', winner: 3 });
  await contest({ by: ['anna', 'ben'], graft: 'ben', verdicts: [[2, 3, 1]] });
  await contest({ by: ['anna'], graft: 'ben', winner: 1 });
  expect(await told()).toEqual({});
  await contest({ by: ['anna', 'ben'], graft: 'ben', winner: 1 });
  expect(await told()).toEqual({ 'anna coding': '1 of 1', 'ben coding': '0 of 1' });
});

test('each has its rate with the likely range, its model and what it cost', async () => {
  for (const winner of [1, 1, 2]) await contest({ by: ['anna', 'ben'], winner, costs: [0.5, 0.25] });
  const [anna, ben] = (await readWins(database)).wins;
  const [low, high] = likely(2, 3);
  expect(anna).toEqual({
    ...{ agent: 'anna', model: 'm-1', task_type: 'coding', runs: 3, wins: 2, rate: 2 / 3, low, high },
    cost_usd: 1.5,
  });
  expect(ben).toMatchObject({ agent: 'ben', model: 'm-2', wins: 1, cost_usd: 0.75 });
  await contest({ by: ['anna', 'ben'], winner: 1, costs: [0.5, null] });
  expect((await readWins(database)).wins.map((one) => one.cost_usd)).toEqual([2, null]);
});

test('weeks begin on Monday, and what is older than ninety days is not told', async () => {
  const monday = (daysAgo: number): string => {
    const day = new Date(Date.now() - daysAgo * 86_400_000);
    return new Date(day.getTime() - ((day.getUTCDay() + 6) % 7) * 86_400_000).toISOString().slice(0, 10);
  };
  const now = monday(0);
  await contest({ by: ['anna', 'ben'], winner: 1 });
  await contest({ by: ['anna', 'ben'], winner: 2 });
  await contest({ by: ['anna', 'ben'], winner: 2, daysAgo: 60 });
  await contest({ by: ['anna', 'ben'], winner: 2, daysAgo: 91 });
  // The day may have changed meanwhile.
  if (monday(0) !== now) return;
  expect((await readWins(database)).wins_by_week).toEqual([
    { week: monday(60), agent: 'anna', model: 'm-1', runs: 1, wins: 0 },
    { week: monday(60), agent: 'ben', model: 'm-2', runs: 1, wins: 1 },
    { week: now, agent: 'anna', model: 'm-1', runs: 2, wins: 1 },
    { week: now, agent: 'ben', model: 'm-2', runs: 2, wins: 1 },
  ]);
});

test('of very many agents those with the most contests are told', async () => {
  const { sql } = database;
  for (let i = 0; i < 2; i += 1) await contest({ by: ['anna', 'ben'], winner: 1 });
  await sql`
    insert into agents (name, provider, model) select 'many-' || n, 'scripted', 'm' from generate_series(1, 60) n`;
  const id = await contest({ by: ['anna', 'ben'], winner: 1 });
  await sql`
    insert into variations (run_id, position, agent_id)
    select ${id}, 2 + row_number() over (order by id), id from agents where name like 'many-%'`;
  const { wins } = await readWins(database);
  expect(wins).toHaveLength(50);
  expect(wins.filter((one) => one.runs === 3).map((one) => one.agent)).toEqual(['anna', 'ben']);
});

test('what is read does not grow with the installation: no table is read as a whole', async () => {
  // One connection, so that what it has counted is written when it is asked.
  const sql = openSql(database.address, { max: 1 });
  try {
    await sql`insert into projects (name, repo_url) values ('p', 'https://example.org/p.git')`;
    await sql`
      insert into runs (project_id, name, goal, status, options, created_at, winner)
      select 1, 'r', 'g', 'completed', '{}', now() - make_interval(days => n % 2000), case when n % 2 = 0 then 1 end
      from generate_series(1, 4000) n`;
    await sql`
      insert into variations (run_id, position, agent_id)
      select r.id, p, (select min(id) from agents) + p - 1 from runs r, generate_series(1, 2) p`;
    const verdict = { ranking: [{ position: 2, rank: 1 }] };
    await sql`insert into verdicts (run_id, status, verdict) select id, 'given', ${sql.json(verdict)} from runs`;
    await sql`analyze runs, variations, verdicts`;
    const scans = async () => {
      await sql`select pg_stat_force_next_flush()`;
      return sql<{ table: string; whole: number }[]>`
        select relname as table, seq_scan::int as whole from pg_stat_user_tables
        where relname in ('runs', 'variations', 'verdicts') order by 1`;
    };
    const before = await scans();
    const { wins } = await readWins({ sql });
    expect(wins.map((one) => [one.agent, one.wins, one.runs])).toEqual([
      ['anna', 90, 180],
      ['ben', 90, 180],
    ]);
    expect(await scans()).toEqual(before);
  } finally {
    await sql.end();
  }
});

test('a likely range holds the rate, and is wide where little was seen', () => {
  expect(likely(0, 0)).toEqual([0, 1]);
  const [low, high] = likely(27, 41);
  expect([low, high].map((share) => Math.round(share * 100))).toEqual([51, 78]);
  expect(likely(0, 5)[0]).toBe(0);
  expect(likely(5, 5)[1]).toBe(1);
  const [few, many] = [likely(3, 6), likely(300, 600)].map(([from, to]) => to - from);
  expect(few ?? 0).toBeGreaterThan(5 * (many ?? 1));
});
