import { basename, resolve } from 'node:path';
import { approvalModes, pickers, taskTypes } from '../../drizzle/schema';
import type { Page, Project, Run } from '../core/contract';
import { type Client, openClient } from './client';
import { type Command, type Context, parse, service } from './context';
import { Exit, positive, usage } from './exit';
import { modeOf } from './land';
import { settled } from './landing';
import { waysBack, waysOn } from './outcome';
import { json as asJson } from './screen';
import { type Started, start } from './start';
import { pendingFor } from './waiting';
import { followed, report } from './watch';

/** Starts a run on any repository and follows it to its end; starts a service for it where none answers. */
export const run: Command = async (args, context) => {
  const { values } = parse(args, {
    repo: { type: 'string' },
    goal: { type: 'string' },
    variations: { type: 'string', short: 'n', default: '1' },
    agent: { type: 'string', multiple: true },
    base: { type: 'string' },
    check: { type: 'string', multiple: true },
    name: { type: 'string' },
    'task-type': { type: 'string' },
    priority: { type: 'string' },
    approval: { type: 'string' },
    at: { type: 'string' },
    after: { type: 'string', multiple: true },
    timeout: { type: 'string' },
    'max-steps': { type: 'string' },
    iterations: { type: 'string' },
    'stop-losers': { type: 'boolean', default: false },
    pick: { type: 'string' },
    land: { type: 'string' },
    target: { type: 'string' },
    detach: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  });
  if (!values.repo) throw usage('which repository? --repo <git URL or local path>');
  if (!values.goal?.trim()) throw usage('what is to be done? --goal "…"');
  if (values['task-type'] !== undefined && !taskTypes.some((type) => type === values['task-type'])) {
    throw usage(`--task-type is one of ${taskTypes.join(', ')}`);
  }
  if (values.approval !== undefined && !approvalModes.some((mode) => mode === values.approval)) {
    throw usage(`--approval is one of ${approvalModes.join(', ')}`);
  }
  if (values.pick !== undefined && !pickers.some((one) => one === values.pick)) {
    throw usage(`--pick is one of ${pickers.join(', ')}`);
  }
  if (values.target !== undefined && values.land === undefined)
    throw usage('--target is the branch that --land is for: name how it lands');
  const source = sourceOf(values.repo, context.from);
  const options = {
    ...(values.timeout === undefined ? {} : { timeout_s: positive(values.timeout, '--timeout') }),
    ...(values['max-steps'] === undefined ? {} : { max_steps: positive(values['max-steps'], '--max-steps') }),
    ...(values.approval === undefined ? {} : { approval: values.approval }),
    ...(values.iterations === undefined
      ? {}
      : { max_iterations: positive(values.iterations, '--iterations', 20) }),
    ...(values['stop-losers'] ? { stop_losers: true } : {}),
    ...(values.pick === undefined ? {} : { pick: values.pick }),
    ...(values.land === undefined
      ? {}
      : {
          land: {
            mode: modeOf(values.land, '--land'),
            ...(values.target === undefined ? {} : { target: values.target }),
          },
        }),
  };
  const body = {
    goal: values.goal,
    variations: positive(values.variations, '-n', 16),
    ...(values.agent === undefined ? {} : { agents: values.agent }),
    ...(values.name === undefined ? {} : { name: values.name }),
    ...(values.base === undefined ? {} : { base: values.base }),
    ...(values['task-type'] === undefined ? {} : { task_type: values['task-type'] }),
    ...(values.priority === undefined ? {} : { priority: positive(values.priority, '--priority', 10) }),
    ...(values.at === undefined ? {} : { scheduled_at: timeOf(values.at) }),
    ...(values.after === undefined ? {} : { depends_on: values.after.map((id) => positive(id, '--after')) }),
    ...(Object.keys(options).length === 0 ? {} : { options }),
  };

  const { client, own } = await reach(context, source, values.detach);
  try {
    const checks = values.check ?? [];
    const where =
      checks.length === 0 ? source : { project_id: (await projectFor(client, source, checks)).id };
    const created = await client.call<Run>('POST', '/runs', { ...where, ...body });
    if (values.detach) {
      if (values.json) context.out.write(asJson(created));
      else {
        const state = created.status === 'pending' ? `waits for ${pendingFor(created)}` : 'is queued';
        context.out.write(`Run ${created.id} ${state}: ${client.url}/runs/${created.id}\n`);
      }
      return 0;
    }
    const aside = values.json ? context.err : context.out;
    const page = `/runs/${created.id}`;
    aside.write(`Run ${created.id}: ${own === null ? client.url + page : `${own.loginUrl}&to=${page}`}\n`);
    aside.write(created.status === 'pending' ? `It waits for ${pendingFor(created)}\n\n` : '\n');
    try {
      const last = await settled(context, client, await followed(context, client, created, values.json));
      const ways = own === null ? waysOn(last, client.url) : waysBack(last);
      const code = report(context, last, values.json, ways);
      return last.landing?.status === 'failed' ? 1 : code;
    } catch (error) {
      if (!context.interrupted.aborted) throw error;
      throw new Exit(
        1,
        own === null
          ? `stopped watching; the run goes on. ./bakeoff watch ${created.id} comes back to it, ./bakeoff stop ${created.id} ends it`
          : `stopped; run ${created.id} goes on when the service is started again: ./bakeoff up`,
      );
    }
  } finally {
    await own?.stop();
  }
};

type Source = { repo_url: string } | { local_path: string };

/** `scheme://…` and `user@host:path` are URLs; everything else is a folder, relative to where the person is. */
function sourceOf(repo: string, from: string): Source {
  const isUrl = /^[a-z][a-z0-9+.-]*:\/\//i.test(repo) || /^[\w.-]+@[\w.-]+:/.test(repo);
  return isUrl ? { repo_url: repo } : { local_path: resolve(from, repo) };
}

/** A time as ISO 8601 has it; without a zone it is this machine's. */
function timeOf(text: string): string {
  const time = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$/.test(text) ? new Date(text.replace(' ', 'T')) : null;
  if (time === null || Number.isNaN(time.getTime()))
    throw usage(`--at cannot be ${JSON.stringify(text)}: a time like 2030-05-01T09:00`);
  return time.toISOString();
}

/** The running service; where none answers, one of this process, which may use the folder named by hand. */
async function reach(
  context: Context,
  source: Source,
  detach: boolean,
): Promise<{ client: Client; own: Started | null }> {
  const client = service(context);
  if (await client.answers()) return { client, own: null };
  if (context.serviceUrl !== null)
    throw new Exit(3, `no service answers at ${context.serviceUrl} (BAKEOFF_URL)`);
  if (detach) throw new Exit(3, `no service answers at ${client.url}, and --detach needs one: ./bakeoff up`);
  context.err.write(`No service answers at ${client.url}: starting one for this run\n`);
  const { config } = context;
  const localRoots = 'local_path' in source ? [...config.localRoots, source.local_path] : config.localRoots;
  const logLevel = config.logLevel === 'info' ? 'warn' : config.logLevel;
  const own = await start({ ...config, localRoots, logLevel });
  return { client: openClient(config, own.url, own.apiKey), own };
}

/** The project of this source with exactly these checks: found, or made under a free name. */
async function projectFor(client: Client, source: Source, commands: string[]): Promise<Project> {
  const checks = commands.map((command, index) => ({ name: `check ${index + 1}`, command }));
  const location = 'repo_url' in source ? source.repo_url : source.local_path;
  const name = basename(location.replace(/[/.]+$/, '')).replace(/\.git$/, '') || 'project';
  const taken = new Set<string>();
  for (let cursor: string | null = null, more = true; more; more = cursor !== null) {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page<Project> = await client.call('GET', `/projects?limit=200${query}`);
    for (const project of page.items) {
      const same =
        (project.repo_url ?? project.local_path) === location &&
        project.checks.length === checks.length &&
        checks.every((check, index) => project.checks[index]?.command === check.command);
      if (same) return project;
      taken.add(project.name);
    }
    cursor = page.next_cursor;
  }
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name} ${number}`;
  return client.call<Project>('POST', '/projects', { name: free, ...source, checks });
}
