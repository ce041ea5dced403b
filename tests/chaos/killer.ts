import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/wait';
import type { Fleet, Member } from './fleet';
import { steps } from './model';
import { look, type Phase, phases, type Sight, sparing } from './phase';

export type Victim = 'service' | 'worker' | 'redis' | 'postgres' | 'frozen';

export interface Kill {
  victim: Victim;
  /** Milliseconds since 1970. */
  at: number;
  /** What it was counted under, as the record shows it; null: nothing that was named ran there. */
  phase: Phase | null;
  /** What worked there, or, of Postgres, anywhere. */
  hit: Sight[];
}

export interface Killer {
  kills: Kill[];
  /** Kills of processes of ours, by what they hit. */
  byPhase(): Record<Phase, number>;
  /**
   * One kill, at one of the phases asked for, or else at one that has had few; resolves when it is done, with the victim
   * starting again. Null when there was no such moment in time.
   */
  strike(victim?: Exclude<Victim, 'frozen'>, ...aim: Phase[]): Promise<Kill | null>;
  /**
   * SIGSTOP to a worker, one at a time; SIGCONT when others have ended what it had. `inTransaction`: while it holds locks
   * in the database. Resolves when it has been seen to write nothing, and its environments are gone.
   */
  sleep(inTransaction: boolean): Promise<Kill | null>;
}

/** How often each is chosen, in hundredths. */
const shares: [Exclude<Victim, 'frozen'>, number][] = [
  ['worker', 78],
  ['service', 8],
  ['redis', 9],
  ['postgres', 5],
];
/** A cluster that is given no time to find out who is gone cannot take anything over. */
const postgresPauseMs = 15_000;
/** How long a moment is waited for: one that was asked for, and one that chance chose, before any other is taken. */
const askedMs = 60_000;
const chosenMs = 2_500;

export function openKiller(fleet: Fleet, random: () => number, faults: string[]): Killer {
  const kills: Kill[] = [];
  const busy = new Set<Victim>();
  let postgresAt = 0;
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];

  const byPhase = () => {
    const counts = Object.fromEntries(phases.map((phase) => [phase, 0])) as Record<Phase, number>;
    for (const kill of kills) if (kill.phase !== null && isOurs(kill.victim)) counts[kill.phase] += 1;
    return counts;
  };

  /** What has not had much more than its part: whatever begins again clones, and all kills would hit that. */
  const spare = (): Phase[] => {
    const counts = byPhase();
    const sum = Object.values(counts).reduce((a, b) => a + b, 0);
    return phases
      .filter((phase) => counts[phase] <= 3 + (1.5 * sum) / phases.length)
      .sort((a, b) => counts[a] - counts[b]);
  };

  /** What is aimed at: the one with the fewest kills, and some others by chance. */
  const wanted = (): Phase[] => spare().filter((_, i) => i === 0 || random() < 0.3);

  /**
   * Holds a process for some milliseconds to see where it is: what it had sent is written by then, and nothing moves
   * between the look and the kill.
   */
  const caught = async (member: Member, aim: readonly Phase[] | null): Promise<Sight[] | null> => {
    fleet.freeze(member);
    try {
      await Bun.sleep(4);
      const sights = await look(fleet, member.pid);
      const fits = aim === null ? sights.length > 0 : rarestOf(sights, aim) !== null;
      if (fits && sparing(member, sights)) return sights;
    } catch {
      // The database is away: nothing can be seen now.
    }
    fleet.thaw(member);
    return null;
  };

  /** Of what runs in a process, the phase that it is counted under. */
  const rarestOf = (sights: readonly Sight[], aim: readonly Phase[]): Phase | null => {
    const counts = byPhase();
    const seen = aim.filter((phase) => sights.some((sight) => sight.phase === phase));
    return seen.toSorted((a, b) => counts[a] - counts[b])[0] ?? null;
  };

  const strikeMember = async (
    kind: 'up' | 'worker',
    aim: readonly Phase[],
    asked: boolean,
  ): Promise<Kill | null> => {
    const deadline = Date.now() + (asked ? askedMs : chosenMs);
    while (Date.now() < deadline + 1_000) {
      const late = !asked && Date.now() > deadline;
      const sights = await look(fleet).catch(() => []);
      // While few ends were hit, those near their end are let come to it.
      const last = asked ? [] : sights.filter(({ answers }) => answers > steps / 2 && spare()[0] === 'final');
      const early = last.filter(({ phase }) => phase !== 'final');
      const able = fleet.members.filter(
        (one) => one.kind === kind && one.state === 'ready' && !early.some(({ pid }) => pid === one.pid),
      );
      const of = (test: (sight: Sight) => boolean) =>
        able.filter(
          (one) => sparing(one, sights) && sights.some((sight) => sight.pid === one.pid && test(sight)),
        );
      const near = of(({ phase }) =>
        aim.some((one) => one === phase || (one === 'before' && nearly.has(phase))),
      );
      const member = pick(late ? of(() => true) : near);
      if (member) {
        const hit = await caught(member, late ? spare() : aim);
        if (hit) {
          const at = Date.now();
          const phase = rarestOf(hit, late ? phases : aim);
          await fleet.kill(member);
          return note({ victim: kind === 'up' ? 'service' : 'worker', at, hit, phase });
        }
      }
      await Bun.sleep(5 + random() * 15);
    }
    return null;
  };

  const note = (kill: Kill): Kill => {
    kills.push(kill);
    return kill;
  };

  const strikeServer = async (victim: 'redis' | 'postgres', aim: readonly Phase[]): Promise<Kill | null> => {
    const server = victim === 'redis' ? fleet.redis : fleet.postgres;
    if (server === null) return null;
    if (busy.has(victim)) return null;
    busy.add(victim);
    try {
      const fits = (sights: Sight[]) =>
        sights.some(({ phase }) => (aim as string[]).includes(phase)) ? sights : null;
      const before =
        aim.length === 0
          ? await look(fleet)
          : await until(async () => fits(await look(fleet)), 'the moment', askedMs).catch(() => look(fleet));
      const phase = rarestOf(before, aim.length === 0 ? phases : aim);
      const at = Date.now();
      if (victim === 'postgres') postgresAt = at;
      await server.kill();
      await server.start();
      // Nothing that works is hurt by a queue that goes away.
      if (victim === 'redis') return note({ victim, at, phase, hit: [] });
      const after = await until(() => look(fleet).catch(() => null), 'Postgres to be back', 30_000);
      const hit = new Map([...after, ...before].map((one) => [`${one.label}/${one.position}`, one]));
      return note({ victim, at, phase, hit: [...hit.values()] });
    } finally {
      busy.delete(victim);
    }
  };

  /**
   * A worker that sleeps while others take its work over, and wakes when they have ended it: it may write nothing then,
   * and what it had running must go.
   */
  const strikeAsleep = async (inTransaction: boolean): Promise<Kill | null> => {
    if (busy.has('frozen')) return null;
    busy.add('frozen');
    try {
      const member = await until(
        async () => {
          const able = fleet.members.filter((one) => one.kind === 'worker' && one.state === 'ready');
          const one = pick(able);
          const hit = one ? await caught(one, null) : null;
          if (!one || !hit) return null;
          if (!inTransaction || ((await holds(fleet, 60)) && (await holds(fleet, 400)))) return { one, hit };
          fleet.thaw(one);
          return null;
        },
        'a worker to put to sleep',
        20_000,
      ).catch(() => null);
      if (member === null) return null;
      const { one, hit } = member;
      const kill = note({ victim: 'frozen', at: Date.now(), hit, phase: rarestOf(hit, phases) });
      const folders = workspacesOf(one);
      let before = '';
      try {
        await until(() => allEnded(fleet, hit), 'the end elsewhere of what a sleeping worker had', 300_000);
        before = await written(fleet, hit);
      } finally {
        fleet.thaw(one);
      }
      await until(
        () => folders.every((folder) => !workspacesOf(one).includes(folder)),
        'the environments of the woken worker to be gone',
        10_000,
      );
      await Bun.sleep(1_000);
      const after = await written(fleet, hit);
      if (after !== before) faults.push(`${one.name}, woken, wrote: ${before} became ${after}`);
      return kill;
    } finally {
      busy.delete('frozen');
    }
  };

  return {
    kills,
    byPhase,
    sleep: strikeAsleep,
    async strike(victim = weighted(random), ...aim) {
      try {
        if (victim === 'postgres' && Date.now() - postgresAt < postgresPauseMs) victim = 'worker';
        if (victim === 'redis' || victim === 'postgres') return await strikeServer(victim, aim);
        const asked = aim.length > 0;
        return await strikeMember(victim === 'service' ? 'up' : 'worker', asked ? aim : wanted(), asked);
      } catch (error) {
        faults.push(`the killer: ${error instanceof Error ? error.stack : String(error)}`);
        return null;
      }
    },
  };
}

/** From these the next model call is a moment away. */
const nearly = new Set<Sight['phase']>(['command', 'between', 'tool', 'cloning']);

/** Whether somebody holds locks in a transaction in which it does nothing, for that long. */
async function holds({ sql }: Fleet, ms: number): Promise<boolean> {
  await Bun.sleep(ms);
  const idle = await sql`
    select from pg_stat_activity a
    where state = 'idle in transaction' and state_change < now() - make_interval(secs => ${(ms * 0.8) / 1000})
      and (backend_xid is not null or exists (select from pg_locks l where l.pid = a.pid and locktype = 'advisory'))`.catch(
    () => [],
  );
  return idle.length > 0;
}

async function allEnded({ sql }: Fleet, hit: readonly Sight[]): Promise<boolean> {
  const ids = hit.map((one) => one.run);
  const open = await sql`
    select from runs where id in ${sql(ids)} and completed_at is null
    union all select from verdicts where run_id in ${sql(ids)} and status in ('wanted', 'judging')`.catch(
    () => [1],
  );
  return open.length === 0;
}

/** All that a worker could have changed of these runs. */
async function written({ sql }: Fleet, hit: readonly Sight[]): Promise<string> {
  const ids = hit.map((one) => one.run);
  const runs = await sql`select id, seq, updated_at from runs where id in ${sql(ids)} order by id`;
  const variations = await sql`
    select run_id, position, epoch, status, updated_at from variations where run_id in ${sql(ids)} order by id`;
  const last = await sql`
    select run_id, seq, variation, type, created_at from events e
    where run_id in ${sql(ids)} and seq > (select seq from runs where id = e.run_id) - 3 order by run_id, seq`;
  return JSON.stringify([runs, variations, last]);
}

function workspacesOf(member: Member): string[] {
  const folder = join(member.dir, 'workspaces');
  return existsSync(folder) ? readdirSync(folder) : [];
}

function isOurs(victim: Victim): boolean {
  return victim === 'service' || victim === 'worker' || victim === 'frozen';
}

function weighted(random: () => number): Exclude<Victim, 'frozen'> {
  let at = random() * 100;
  for (const [victim, share] of shares) {
    at -= share;
    if (at < 0) return victim;
  }
  return 'worker';
}

/** Numbers from 0 (inclusive) to 1 that follow from the seed: mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
