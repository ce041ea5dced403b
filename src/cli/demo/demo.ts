import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../../config';
import type { Agent, Project, Run } from '../../core/contract';
import { type Client, openClient } from '../client';
import { type Command, type Context, parse } from '../context';
import { type ExitCode, usage } from '../exit';
import { printRun, waysOn } from '../outcome';
import { paint } from '../screen';
import { fired, start } from '../start';
import { followed } from '../watch';
import { duration } from '../words';
import { demoAgents } from './agents';
import { check, goal, makeSample } from './sample';

/**
 * Shows a whole run on an empty data directory of its own, which is removed at the end (or kept, with --keep): a
 * sample repository with a failing test, three scripted agents, and what the checks say of their work.
 * Exit code 1 when the run did not come out as it should.
 */
export const demo: Command = async (args, context) => {
  const { values } = parse(args, {
    exit: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  });
  const began = performance.now();
  const place = makePlace(context.config.dataDir);
  try {
    const sample = join(place, 'howlong');
    await makeSample(sample);
    const service = await start(demoConfig(context.config, place));
    try {
      const code = await show(context, service, sample, began, !values.exit);
      if (!values.exit) {
        context.out.write(
          `The pages stay up until Ctrl-C:\n\n  ${paint(context.out, 'accent', `${service.loginUrl}&to=/runs/1`)}\n\n`,
        );
        await fired(context.interrupted);
      }
      return code;
    } finally {
      await service.stop();
    }
  } catch (error) {
    if (!context.interrupted.aborted) throw error;
    return 1;
  } finally {
    if (values.keep) context.out.write(`Kept in ${place}\n`);
    else rmSync(place, { recursive: true, force: true });
  }
};

/** Does the run and prints it; where the service `stays`, with the ways to the run's page and diffs. */
async function show(
  context: Context,
  service: { url: string; loginUrl: string; apiKey: string },
  sample: string,
  began: number,
  stays: boolean,
): Promise<ExitCode> {
  const { out } = context;
  const ready = performance.now();
  out.write(
    `${paint(out, 'strong', 'Bakeoff demo')}: one goal, three agents side by side, evidence for each.\n` +
      'The model is scripted: its answers were written beforehand. Everything else is real: the queue, the sandbox,\n' +
      'every edit and command, and the check, which the service itself runs on the base and on each patch.\n\n' +
      `Service    ${service.url}, ready in ${duration(ready - began)}\nSample     ${sample}\nGoal       ${goal}\nCheck      ${check.command}\n`,
  );
  const client = openClient(context.config, service.url, service.apiKey);
  const project = await client.call<Project>('POST', '/projects', {
    name: 'howlong',
    local_path: sample,
    checks: [check],
  });
  const agents = demoAgents();
  for (const agent of agents) {
    await client.call<Agent>('POST', '/agents', { ...agent, kind: 'builtin', provider: 'scripted' });
  }
  const started = performance.now();
  const created = await client.call<Run>('POST', '/runs', {
    project_id: project.id,
    name: 'Whole minutes, hours and days come out wrong',
    goal,
    task_type: 'coding',
    variations: agents.length,
    agents: agents.map((agent) => agent.name),
    options: { max_iterations: 2 },
  });
  out.write(`Watch it   ${service.loginUrl}&to=/runs/${created.id}\n\n`);
  await followed(context, client, created, false);
  const run = await ranked(client, created.id);
  const done = performance.now();
  out.write('\n');
  const settings = `BAKEOFF_URL=${service.url} BAKEOFF_DATA=${join(dirname(sample), 'data')} `;
  printRun(out, run, stays ? waysOn(run, service.url, settings) : []);
  const wrong = unexpected(run);
  out.write(
    `\nTiming:  service ready ${duration(ready - began)}, run ${duration(done - started)}, all ${duration(done - began)}\n${wrong.map((line) => `Not as expected: ${line}\n`).join('')}\n${realModel}`,
  );
  return wrong.length === 0 ? 0 : 1;
}

const realModel = `With a real model: set OPENAI_API_KEY (and OPENAI_BASE_URL for a compatible server), ANTHROPIC_API_KEY or OLLAMA_HOST, then
  ./bakeoff run --repo <URL or path> --goal "…" --check "<test command>" -n 3

`;

const verdictMs = 30_000;

/** The run once its variations are ranked, which takes a moment after its end. */
async function ranked(client: Client, id: number): Promise<Run> {
  for (const deadline = performance.now() + verdictMs; ; await Bun.sleep(100)) {
    const run = await client.run(id);
    if (run.verdict !== null || performance.now() > deadline) return run;
  }
}

/** What differs from what the three agents should come to: fixed, fixed, still failing, and ranked so. */
function unexpected(run: Run): string[] {
  const lines = run.status === 'completed' ? [] : [`the run is ${run.status}`];
  const base = run.base_checks[0];
  if (base?.exit_code !== 1) lines.push('the check did not fail on the base with exit code 1');
  for (const [index, result] of (['fixed', 'fixed', 'still_fails'] as const).entries()) {
    const variation = run.variations[index];
    const found = variation?.checks[0]?.result ?? 'no check';
    if (variation?.status !== 'completed')
      lines.push(`variation ${index + 1} is ${variation?.status ?? 'missing'}`);
    const place = run.verdict?.ranking.findIndex((one) => one.position === index + 1);
    if (place !== index) lines.push(`the verdict does not put variation ${index + 1} in place ${index + 1}`);
    if (found !== result) lines.push(`the check of variation ${index + 1} says ${found}, not ${result}`);
  }
  return lines;
}

/** A fresh folder under the data directory's `demo`, named after this process; those of dead processes go. */
function makePlace(dataDir: string): string {
  const demos = join(dataDir, 'demo');
  try {
    mkdirSync(demos, { recursive: true });
    for (const name of readdirSync(demos)) {
      const pid = Number(/^(\d+)-/.exec(name)?.[1]);
      if (pid > 0 && !alive(pid)) rmSync(join(demos, name), { recursive: true, force: true });
    }
    const place = mkdtempSync(join(demos, `${process.pid}-`));
    // Postgres and the sandbox run under other uids when this one is root.
    if (process.getuid?.() === 0) for (const path of [dataDir, demos, place]) chmodSync(path, 0o711);
    return place;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw usage(
      `cannot make a folder in ${demos}; choose another data directory with BAKEOFF_DATA (${reason})`,
    );
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Nothing of the person's own installation is touched or shown: no outside database or queue, no key, secret or address
 * of theirs, another port when theirs is taken.
 */
function demoConfig(config: Config, place: string): Config {
  return {
    ...config,
    dataDir: join(place, 'data'),
    databaseUrl: null,
    redisUrl: null,
    apiKey: null,
    secret: null,
    publicUrl: null,
    allowedHosts: [],
    localRoots: [place, ...config.localRoots],
    port: config.port !== 0 && free(config.host, config.port) ? config.port : 0,
    logLevel: config.logLevel === 'info' ? 'warn' : config.logLevel,
  };
}

function free(hostname: string, port: number): boolean {
  try {
    const socket = Bun.listen({ hostname, port, socket: { data() {} } });
    socket.stop(true);
    return true;
  } catch {
    return false;
  }
}
