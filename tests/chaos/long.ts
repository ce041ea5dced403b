import { parseArgs } from 'node:util';
import { until } from '../support/wait';
import { openFleet } from './fleet';
import { openKiller, randomOf } from './killer';
import { diffsOf, ended, openLoad } from './load';
import { phaseNames, phases } from './phase';
import { type Finding, percentile, proveEnd, proveRecord, recoveries } from './proof';

// The long form of the crash suite: `./bakeoff test --chaos [--seed N] [--kills N]`.
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    kills: { type: 'string', default: '1000' },
    workers: { type: 'string', default: '12' },
    variations: { type: 'string', default: '16' },
    pause: { type: 'string', default: '450' },
    backend: { type: 'string', default: 'redis' },
  },
});
const [seed, target] = [Number(values.seed), Number(values.kills)];
const say = (text: string) => process.stdout.write(`${text}\n`);
const perRun = 2;
const began = Date.now();
const seconds = () => `${((Date.now() - began) / 1000).toFixed(0)} s`;

say(`Chaos with seed ${seed}: ${target} kills`);
const random = randomOf(seed);
// Two at a time, since a moment is waited for.
const fleet = await openFleet({
  ...{ workers: Number(values.workers), concurrency: 2, redis: values.backend === 'redis', streamMs: 150 },
});
const findings: Finding[] = [];
let stop = false;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    stop = true;
  });
}
try {
  const load = await openLoad(fleet, perRun);
  await load.start('undisturbed');
  await until(async () => (await ended(fleet, load)) === 1, 'the end of the undisturbed run', 60_000);
  const sound = await diffsOf(fleet, load.runs[0]!.id, perRun);

  const killer = openKiller(fleet, random, fleet.faults);
  const { kills } = killer;
  let made = 0;
  let told = 0;
  const feed = async (): Promise<void> => {
    while (!stop && kills.length < target) {
      const under = load.runs.length - (await ended(fleet, load).catch(() => load.runs.length));
      if (under * perRun < Number(values.variations)) await load.start(`load${++made}`);
      else await Bun.sleep(100);
    }
  };
  const feeding = feed().catch((error) => fleet.faults.push(`the load: ${error}`));
  const started = Date.now();
  const progress = setInterval(() => {
    const rate = kills.length / ((Date.now() - started) / 1000);
    const counts = Object.entries(killer.byPhase()).map(([phase, count]) => `${phase} ${count}`);
    say(
      `${seconds()}: ${kills.length} kills (${rate.toFixed(2)}/s; ${counts.join(', ')}), ${load.runs.length} runs`,
    );
    for (const fault of fleet.faults.slice(told)) say(`  ${fault}`);
    told = fleet.faults.length;
  }, 15_000);
  const striker = async (): Promise<void> => {
    while (!stop && kills.length < target) {
      const pause = -Math.log(1 - random()) * Number(values.pause);
      const [kill] = await Promise.all([killer.strike(), Bun.sleep(Math.min(pause, 3_000))]);
      if (kill === null) await Bun.sleep(50);
    }
  };
  const sleeper = async (): Promise<void> => {
    while (!stop && kills.length < target) {
      await killer.sleep(random() < 0.5).catch((error) => fleet.faults.push(`the sleeper: ${error}`));
      await Bun.sleep(5_000);
    }
  };
  const sleeping = sleeper();
  await Promise.all([striker(), striker()]);
  await sleeping;
  const lasted = (Date.now() - started) / 1000;
  await feeding;
  say(`${seconds()}: the last kill is made; waiting for ${load.runs.length} runs to end`);
  const quiet = Date.now();
  await until(
    async () => (await ended(fleet, load)) === load.runs.length,
    'the end of all runs',
    180_000,
  ).catch((error) => say(String(error)));
  clearInterval(progress);
  say(`${seconds()}: all quiet after ${((Date.now() - quiet) / 1000).toFixed(1)} s`);
  findings.push(...(await proveRecord(fleet, load, kills, sound)));
  const times = await recoveries(fleet, kills);
  const answers = load.runs.length * perRun * 20;

  say(
    `\n${kills.length} kills in ${lasted.toFixed(0)} s: ${(kills.length / lasted).toFixed(2)} a second, seed ${seed}`,
  );
  for (const victim of ['service', 'worker', 'frozen', 'redis', 'postgres'] as const)
    say(`  ${victim.padEnd(28)} ${kills.filter((kill) => kill.victim === victim).length}`);
  say('Kills of service and workers, by what they hit:');
  const counts = killer.byPhase();
  for (const phase of phases) say(`  ${phaseNames[phase].padEnd(28)} ${counts[phase]}`);
  say(`${load.runs.length} runs; ${fleet.model.total() - answers} model calls made again of ${answers}`);
  say(
    `From a death to going on elsewhere: p50 ${percentile(times, 0.5)} ms, p95 ${percentile(times, 0.95)} ms, of ${times.length}`,
  );
  const enough = Math.min(20, Math.floor(target / 50));
  findings.push({
    what: `at least ${enough} kills in each phase`,
    against: phases
      .filter((phase) => counts[phase] < enough)
      .map((phase) => `${phaseNames[phase]}: ${counts[phase]}`),
  });
  findings.push({
    what: 'work goes on within 10 s of a death (p50)',
    against: percentile(times, 0.5) < 10_000 ? [] : [`p50 is ${percentile(times, 0.5)} ms`],
  });
  findings.push(...(await proveEnd(fleet)));
} catch (error) {
  const states = fleet.members.map(({ name, state, pid }) => `${name} (${pid}) is ${state}`);
  const said = String(error instanceof Error ? error.stack : error);
  findings.push({ what: 'the suite itself', against: [said, ...states, ...fleet.faults] });
} finally {
  const errors = findings.some(({ against }) => against.length > 0) ? fleet.errors() : [];
  for (const line of errors.slice(-20)) say(`  ${line}`);
  await fleet.close();
}
let failed = 0;
for (const { what, against } of findings) {
  if (against.length > 0) failed += 1;
  say(`${against.length === 0 ? '✔' : '✘'} ${what}`);
  for (const line of against.slice(0, 10)) say(`    ${line}`);
  if (against.length > 10) say(`    … and ${against.length - 10} more`);
}
say(`${findings.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
