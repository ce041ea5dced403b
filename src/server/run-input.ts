import type { RunOptions } from '../../drizzle/schema';
import { defaultAgent, findAgent } from '../core/agent';
import type { Agent } from '../core/contract';
import { readDependencies } from '../core/dependency';
import { BakeoffError, invalid, notYet } from '../core/errors';
import { getProject, projectOf, type Source } from '../core/project';
import { defaultOptions, type NewRun } from '../core/run';
import { requireBytes } from './body';
import { checkLanding, readLanding } from './landing-body';
import { type RunBody, readTime } from './run-body';
import type { Services } from './services';

/** What `POST /runs` and a run of a flow have in common: the other runs are the caller's. */
export type AnyBody = Omit<RunBody, 'depends_on' | 'base'> & { base?: unknown };

/** The runs that it depends on which are there already. */
export interface Others {
  depends_on: readonly number[];
  base_run: number | null;
}

const goalBytes = 100_000;
const metadataBytes = 16 * 1024;

/** A run as it was asked for, found to be right; its project may still have to be made. */
export type Asked = Omit<NewRun, 'project_id'> & { source: FoundSource };

/**
 * Finds out everything that can be known to be wrong with a single run before anything is made.
 * @param known its source, where that was looked at already
 * @throws BakeoffError of the contract
 */
export async function readRun(
  services: Services,
  body: AnyBody,
  others: Others,
  known?: FoundSource,
): Promise<Asked> {
  refuseOthers(body);
  const goal = (either(body, 'goal', 'prompt') ?? '').trim();
  if (goal === '') throw invalid('goal', 'goal is empty: say what should be true when it is done');
  if (Buffer.byteLength(JSON.stringify(body.metadata ?? {})) > metadataBytes)
    throw invalid('metadata', 'metadata is over 16 kB');
  requireBytes('goal', goal, goalBytes);
  const name = either(body, 'name', 'title')?.trim() || null;
  const variations = body.variations ?? 1;
  const agents = await agentsOf(services, body.agents, variations);
  const options = await optionsOf(services, body.options ?? {}, agents);
  const scheduled_at = body.scheduled_at === undefined ? null : readTime('scheduled_at', body.scheduled_at);
  const source = known ?? (await sourceOf(services, body));
  if (options.land) await checkLanding(services, source, options.land, 'options.land');
  const base = typeof body.base === 'string' && body.base.trim() !== '' ? body.base.trim() : null;
  await services.agentSide.checkBase(source, base);
  const project = source.project_id ?? (source.repo_url === null ? source.local_path : source.repo_url);
  await readDependencies(services.database.sql, { project, ...others });
  return {
    source,
    goal,
    name,
    description: body.description?.trim() || null,
    instructions: body.instructions?.trim() || null,
    variations,
    agents,
    run_type: body.run_type ?? 'agent',
    task_type: body.task_type ?? 'general',
    priority: body.priority ?? 5,
    base,
    context: body.context ?? [],
    metadata: body.metadata ?? {},
    options,
    scheduled_at,
    on_dependency_failure: body.on_dependency_failure ?? 'fail',
    ...others,
  };
}

/** From here on something is made: the project, at its first use. */
export async function withProject(services: Services, { source, ...run }: Asked): Promise<NewRun> {
  return { ...run, project_id: source.project_id ?? (await projectOf(services.database, source)) };
}

/** What is not built, and what only a run of several runs has. */
function refuseOthers(body: AnyBody): void {
  if (body.options?.executor !== undefined) throw notYet('options.executor', 'options.executor');
  for (const [field, type] of [
    ['goals', 'workflow'],
    ['stages', 'pipeline'],
  ] as const) {
    if (body[field] !== undefined)
      throw invalid(field, `Only a ${type} has ${field}: say run_type ${type} in POST /runs`);
  }
}

/** Options that contradict each other: without tools there are no commands, and a dry run changes nothing to be judged. */
function refuseNonsense({ mode, approval, dry_run, pick, stop_losers, land }: RunOptions): void {
  if (dry_run && pick === 'verdict')
    throw invalid('options.pick', 'A dry run changes nothing, so no verdict is given: a person picks');
  if (dry_run && stop_losers)
    throw invalid('options.stop_losers', 'A dry run runs no checks, so nothing passes them');
  if (dry_run && land) throw invalid('options.land', 'A dry run changes nothing that could land');
  if (mode !== 'patch') return;
  if (dry_run)
    throw invalid('options.dry_run', 'mode patch has nothing but its patch: it cannot be a dry run');
  if (approval === 'plan' || approval === 'commands')
    throw invalid(
      'options.approval',
      'mode patch has no plan and no commands: approval can be commit or none',
    );
}

/** A field under its name or its other name, not both. */
export function either(body: AnyBody, name: 'goal' | 'name', other: 'prompt' | 'title'): string | undefined {
  if (body[name] !== undefined && body[other] !== undefined)
    throw invalid(other, `${name} and ${other} are the same: give one`);
  return body[name] ?? body[other];
}

async function agentsOf(
  services: Services,
  wanted: (string | number)[] | undefined,
  variations: number,
): Promise<Agent[]> {
  if (wanted === undefined) {
    const agent = await defaultAgent(services.database, services.config.providers);
    if (agent) return [agent];
    throw invalid(
      'agents',
      'No model is configured: set OPENAI_API_KEY, ANTHROPIC_API_KEY or OLLAMA_HOST, or name an agent',
    );
  }
  if (wanted.length !== 1 && wanted.length !== variations) {
    throw invalid('agents', `Name one agent for all, or ${variations}, one for each variation`);
  }
  const found: Agent[] = [];
  for (const name of wanted) {
    const agent = await findAgent(services.database, name);
    if (!agent) throw invalid('agents', `There is no agent ${name}`);
    found.push(agent);
  }
  return found;
}

async function optionsOf(
  services: Services,
  asked: NonNullable<RunBody['options']>,
  agents: readonly Agent[],
): Promise<RunOptions> {
  const options: RunOptions = {
    dry_run: asked.dry_run ?? defaultOptions.dry_run,
    verbose: asked.verbose ?? defaultOptions.verbose,
    max_steps: asked.max_steps ?? defaultOptions.max_steps,
    max_retries: asked.max_retries ?? defaultOptions.max_retries,
    approval: asked.approval ?? defaultOptions.approval,
    mode: asked.mode ?? defaultOptions.mode,
    timeout_s: asked.timeout_s ?? defaultOptions.timeout_s,
    budget_usd: asked.budget_usd ?? defaultOptions.budget_usd,
    budget_tokens: asked.budget_tokens ?? defaultOptions.budget_tokens,
    max_iterations: asked.max_iterations ?? defaultOptions.max_iterations,
    stop_losers: asked.stop_losers ?? defaultOptions.stop_losers,
    pick: asked.pick ?? defaultOptions.pick,
    land: asked.land === undefined ? defaultOptions.land : readLanding(asked.land, 'options.land'),
  };
  refuseNonsense(options);
  const priceless = options.budget_usd === null ? undefined : await findPriceless(services, agents);
  if (priceless) {
    throw invalid(
      'options.budget_usd',
      `The price of ${priceless.model} is not known: give agent ${priceless.name} a price, or use budget_tokens`,
    );
  }
  return options;
}

/** An agent whose calls cost nobody knows what, among those named and those that may take over from them. */
export async function findPriceless(
  { agentSide, database }: Services,
  agents: readonly Agent[],
): Promise<Agent | undefined> {
  const names = [...new Set(agents.map((agent) => agent.fallback).filter((name) => name !== null))];
  const fallbacks = await Promise.all(names.map((name) => findAgent(database, name)));
  return [...agents, ...fallbacks.filter((one) => one !== null)].find((one) => !agentSide.hasPrice(one));
}

export type FoundSource = Source & { project_id: number | null };

/** The project named, or the source given: exactly one of them, and looked at. */
async function sourceOf(services: Services, body: AnyBody): Promise<FoundSource> {
  const url = body.repo_url ?? body.github_url;
  const given = [body.project_id, body.repo_url, body.github_url, body.local_path].filter(
    (one) => one !== undefined,
  );
  if (given.length !== 1)
    throw invalid('project_id', 'Give exactly one of project_id, repo_url and local_path');
  if (body.project_id !== undefined) {
    const project = await getProject(services.database, body.project_id).catch((error) => {
      throw error instanceof BakeoffError ? invalid('project_id', error.message) : error;
    });
    const source = asSource(project.repo_url, project.local_path);
    await services.agentSide.checkSource(source);
    return { ...source, project_id: project.id };
  }
  const source = asSource(url?.trim() ?? null, body.local_path ?? null);
  await services.agentSide.checkSource(source);
  return { ...source, project_id: null };
}

export function asSource(repoUrl: string | null, localPath: string | null): Source {
  if (repoUrl !== null) return { repo_url: repoUrl, local_path: null };
  if (localPath !== null) return { repo_url: null, local_path: localPath };
  throw invalid('repo_url', 'Give repo_url or local_path');
}
