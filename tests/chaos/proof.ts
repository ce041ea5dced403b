import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openSql } from '../../src/core/db';
import { until } from '../support/wait';
import type { Fleet } from './fleet';
import type { Kill } from './killer';
import type { Load } from './load';
import { diffsOf } from './load';
import { steps, token } from './model';
import { alive, childrenOf, processesWith } from './outside';
import type { Sight } from './phase';

/** What must hold at the end, with what speaks against it. */
export interface Finding {
  what: string;
  against: string[];
}

/** Looks at the record and the provider after all runs have ended. `sound` are the diffs of an undisturbed run. */
export async function proveRecord(
  fleet: Fleet,
  load: Load,
  kills: readonly Kill[],
  sound: readonly string[],
): Promise<Finding[]> {
  const { sql, model } = fleet;
  const ids = load.runs.map((run) => run.id);
  const labels = new Map(load.runs.map((run) => [run.id, run.label]));
  const runs = await sql<{ id: number; status: string; error: unknown; gapless: boolean; ends: number }[]>`
    select r.id, r.status, coalesce(r.error, (select v.error from variations v where v.run_id = r.id and v.error is not null limit 1)) as error,
      (select count(*) = r.seq and min(seq) = 1 and max(seq) = r.seq from events where run_id = r.id) as gapless,
      (select count(*)::int from events where run_id = r.id and type = 'run.completed') as ends
    from runs r where r.id in ${sql(ids)}`;
  const variations = await sql<Counted[]>`
    select v.run_id as run, v.position, v.status, v.error, v.losses, (v.usage->>'model_calls')::int as paid,
      (select count(*)::int from events e where e.run_id = v.run_id and e.variation = v.position and e.type = 'variation.completed') as ends,
      (select jsonb_agg(jsonb_build_array((e.payload->>'call')::int, extract(epoch from e.created_at) * 1000) order by e.seq)
        from events e where e.run_id = v.run_id and e.variation = v.position and e.type = 'model.responded') as answers
    from variations v where v.run_id in ${sql(ids)}`;
  const verdicts = await sql<{ id: number; given: number; told: number }[]>`
    select r.id, (select count(*)::int from verdicts where run_id = r.id and status = 'given') as given,
      (select count(*)::int from events where run_id = r.id and type = 'verdict.given') as told
    from runs r where r.id in ${sql(ids)}`;
  const nameOf = (row: Counted) => `${labels.get(row.run)}/${row.position}`;
  const struck = count(kills.flatMap((kill) => kill.hit.map((one) => `${one.label}/${one.position}`)));
  const frozen = new Set(
    kills
      .filter((kill) => kill.victim === 'frozen')
      .flatMap((kill) => kill.hit.map((one) => `${one.label}/${one.position}`)),
  );

  const dear: string[] = [];
  const again: string[] = [];
  const wrong: string[] = [];
  for (const row of variations) {
    const name = nameOf(row);
    const answers = row.answers ?? [];
    const calls = model.calls.get(name) ?? [];
    if (answers.some(([call], i) => call !== i + 1) || answers.length !== steps || row.paid !== steps)
      wrong.push(
        `${name}: ${answers.length} answers (${answers.map(([call]) => call)}), ${row.paid} counted`,
      );
    const allowed = answers.length + (struck.get(name) ?? 0);
    if (calls.length > allowed)
      dear.push(
        `${name}: ${calls.length} requests, ${answers.length} answers, ${struck.get(name) ?? 0} kills`,
      );
    for (const call of calls) {
      const recorded = answers[call.step]?.[1];
      // A process that slept may wake with a call of its own that others have made meanwhile.
      if (recorded !== undefined && call.at > recorded + 1 && !frozen.has(name))
        again.push(
          `${name}: step ${call.step} asked ${Math.round(call.at - recorded)} ms after its answer was recorded`,
        );
    }
  }

  const different: string[] = [];
  for (const run of load.runs) {
    const diffs = await diffsOf(fleet, run.id, sound.length);
    diffs.forEach((diff, i) => {
      if (diff !== sound[i])
        different.push(`${run.label}/${i + 1}: ${firstDifference(sound[i] ?? '', diff)}`);
    });
  }
  return [
    {
      what: 'every run is ranked, once',
      against: verdicts
        .filter(({ given, told }) => given !== told || given !== (sound.length > 1 ? 1 : 0))
        .map(({ id, given, told }) => `run ${id} has ${given} verdicts, told ${told} times`),
    },
    {
      what: 'every run is completed',
      against: runs
        .filter((run) => run.status !== 'completed')
        .map((run) => `${labels.get(run.id)} (run ${run.id}) is ${run.status}: ${JSON.stringify(run.error)}`)
        .concat(
          variations
            .filter((row) => row.status !== 'completed')
            .map((row) => {
              const mine = kills.filter((kill) =>
                kill.hit.some((one) => `${one.label}/${one.position}` === nameOf(row)),
              );
              const told = mine.map(({ victim, at, hit }) => {
                const one = hit.find((each) => `${each.label}/${each.position}` === nameOf(row));
                return `${victim} at ${new Date(at).toISOString()} with ${one?.losses} losses in ${one?.phase} of epoch ${one?.epoch}`;
              });
              return `${nameOf(row)} is ${row.status}: ${JSON.stringify(row.error)}; struck: ${told.join('; ')}`;
            }),
        ),
    },
    {
      what: 'every run ended once, and so did every variation',
      against: [
        ...runs.filter((run) => run.ends !== 1).map((run) => `${labels.get(run.id)} has ${run.ends} ends`),
        ...variations.filter((row) => row.ends !== 1).map((row) => `${nameOf(row)} has ${row.ends} ends`),
      ],
    },
    {
      what: 'every (run, seq) is gapless',
      against: runs.filter((run) => !run.gapless).map((run) => `${labels.get(run.id)}`),
    },
    { what: 'every answer is recorded once, in its place', against: wrong },
    { what: 'no recorded model call was asked again', against: again },
    { what: 'at most one unrecorded call for each variation and kill', against: dear },
    { what: 'the models were shown what an undisturbed run shows them', against: model.odd },
    { what: 'every diff equals that of an undisturbed run', against: different },
  ];
}

interface Counted {
  run: number;
  position: number;
  status: string;
  error: unknown;
  losses: number;
  paid: number;
  ends: number;
  /** Number of the call, and when it was recorded. */
  answers: [number, number][] | null;
}

/** Shuts the fleet down, and looks for what it has left anywhere. */
export async function proveEnd(fleet: Fleet): Promise<Finding[]> {
  const jobs: string[] = [];
  const counts = () =>
    fleet.call<{ counts: Record<string, number> }>('/queue/stats').then((said) => said.counts);
  const open = ['waiting', 'active', 'delayed', 'paused', 'prioritized'];
  await until(
    async () => {
      const now = await counts();
      return open.every((name) => (now[name] ?? 0) === 0);
    },
    'an empty queue',
    60_000,
  ).catch(async (error) => jobs.push(`${error}: ${JSON.stringify(await counts())}`));

  const working = fleet.members.flatMap((member) => childrenOf(member.pid)).filter(alive);
  const ends = await fleet.shutDown();
  const deadline = Date.now() + 5_000;
  const observer = openSql(fleet.postgres.url, { max: 1 });
  await fleet.sql.end({ timeout: 5 });
  const [left] = await until(
    async () => {
      const found = await observer<{ connections: number; locks: number }[]>`
        select (select count(*)::int from pg_stat_activity where application_name like 'bakeoff%' and pid <> pg_backend_pid()) as connections,
          (select count(*)::int from pg_locks where locktype = 'advisory') as locks`;
      return found[0]?.connections === 0 || Date.now() > deadline ? found : null;
    },
    'the count of connections',
    20_000,
  );
  await observer.end();
  const redisClients = (await fleet.redis?.clients()) ?? 0;
  await Promise.all([fleet.postgres.stop(), fleet.redis?.stop()]);
  const processes = processesWith(fleet.folder, token).map(({ pid, line }) => `${pid} ${line}`);
  const folders = fleet.members.flatMap(({ name, dir }) => {
    const workspaces = listed(join(dir, 'workspaces')).map((one) => `${name}: workspace ${one}`);
    const mirrors = join(dir, 'mirrors');
    const files = existsSync(mirrors) ? readdirSync(mirrors, { recursive: true, encoding: 'utf8' }) : [];
    return [
      ...workspaces,
      ...files.filter((one) => one.endsWith('.lock')).map((one) => `${name}: lock ${one}`),
    ];
  });
  return [
    {
      what: 'every process ends within 10 s of SIGTERM, with exit code 0',
      against: ends
        .filter(({ code, ms }) => code !== 0 || ms > 10_000)
        .map(({ name, code, ms }) => `${name}: code ${code} after ${ms} ms`),
    },
    {
      what: 'no process is left',
      against: [
        ...processes,
        ...working.filter(alive).map((pid) => `child ${pid} of a worker that had nothing to do`),
      ],
    },
    { what: 'no workspace and no lock of a mirror is left', against: folders },
    {
      what: 'no connection and no lock is left in the database',
      against: [
        ...(left?.connections ? [`${left.connections} connections to Postgres`] : []),
        ...(left?.locks ? [`${left.locks} advisory locks`] : []),
        ...(redisClients > 0 ? [`${redisClients} connections to Redis`] : []),
      ],
    },
    { what: 'no job is left', against: jobs },
    { what: 'no process ended by itself', against: fleet.faults },
  ];
}

/**
 * Milliseconds from each death of a worker until what it worked on went on elsewhere, on a workspace of its own; sorted.
 * What was struck again before that is counted from there.
 */
export async function recoveries({ sql }: Pick<Fleet, 'sql'>, kills: readonly Kill[]): Promise<number[]> {
  const times: number[] = [];
  for (const kill of kills) {
    if (kill.victim !== 'worker' && kill.victim !== 'service') continue;
    for (const one of kill.hit) {
      const [row] = await sql<{ at: Date }[]>`
        select created_at as at from events
        where run_id = ${one.run} and variation = ${one.position} and seq > ${one.seq} and type = 'workspace.ready'
        order by seq limit 1`;
      const same = (other: Sight) => other.run === one.run && other.position === one.position;
      const next =
        kills.find((other) => other.at > kill.at && other.hit.some(same))?.at ?? Number.POSITIVE_INFINITY;
      if (row && row.at.getTime() < next) times.push(row.at.getTime() - kill.at);
    }
  }
  return times.sort((a, b) => a - b);
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function count(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function listed(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function firstDifference(sound: string, other: string): string {
  const [a, b] = [sound.split('\n'), other.split('\n')];
  const at = a.findIndex((line, i) => line !== b[i]);
  return `line ${at + 1} is “${b[at]}” instead of “${a[at]}”`;
}
