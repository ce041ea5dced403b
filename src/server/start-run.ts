import { createHash } from 'node:crypto';
import { type Static, Type as t } from '@sinclair/typebox';
import { type RunOptions, runTypes, taskTypes } from '../../drizzle/schema';
import { defaultAgent, findAgent } from '../core/agent';
import type { Agent } from '../core/contract';
import { BakeoffError, invalid, notYet } from '../core/errors';
import { type Idempotency, recall } from '../core/idempotency';
import { getProject, projectOf, type Source } from '../core/project';
import { createRun, defaultOptions, type NewRun } from '../core/run';
import { cleanJson } from '../core/text';
import { fit } from './body';
import type { Services } from './services';

/** Ids are Postgres's integers. */
const maxId = 2 ** 31 - 1;
const strict = { additionalProperties: false } as const;
const line = (max: number) => t.String({ maxLength: max });
const oneOf = <T extends string>(values: readonly T[]) => t.Union(values.map((value) => t.Literal(value)));
/** In the contract, answered with 501 until it is built; its shape is its own issue's. */
const later = t.Optional(t.Unknown({ description: 'not built yet: 501 `not_yet`' }));

const agentRef = t.Union([
  t.Integer({ minimum: 1, maximum: maxId }),
  t.String({ minLength: 1, maxLength: 100 }),
]);

/** `POST /runs`, exactly as api.md has it; aliases included. */
export const runBody = t.Object(
  {
    project_id: t.Optional(t.Integer({ minimum: 1, maximum: maxId })),
    repo_url: t.Optional(line(2000)),
    github_url: t.Optional(line(2000)),
    local_path: t.Optional(line(4000)),
    goal: t.Optional(t.String({ maxLength: 100_000, description: 'What should be true when it is done' })),
    prompt: t.Optional(t.String({ maxLength: 100_000, description: 'the same as `goal`' })),
    name: t.Optional(line(200)),
    title: t.Optional(line(200)),
    description: t.Optional(line(100_000)),
    instructions: t.Optional(line(100_000)),
    variations: t.Optional(t.Integer({ minimum: 1, maximum: 16 })),
    agents: t.Optional(t.Array(agentRef, { minItems: 1, maxItems: 16 })),
    run_type: t.Optional(oneOf(runTypes)),
    task_type: t.Optional(oneOf(taskTypes)),
    priority: t.Optional(t.Integer({ minimum: 1, maximum: 10 })),
    base: t.Optional(t.Union([line(300), t.Object({ run: t.Integer() }, strict)])),
    context: t.Optional(
      t.Array(t.Object({ title: line(200), text: line(200_000) }, strict), { maxItems: 20 }),
    ),
    metadata: t.Optional(
      t.Unsafe<Record<string, unknown>>(t.Object({}, { description: 'any JSON object, 16 kB' })),
    ),
    options: t.Optional(
      t.Object(
        {
          dry_run: t.Optional(t.Boolean()),
          verbose: t.Optional(t.Boolean()),
          max_steps: t.Optional(t.Integer({ minimum: 1, maximum: 1000 })),
          timeout_s: t.Optional(t.Integer({ minimum: 1, maximum: 86_400 })),
          budget_usd: t.Optional(t.Number({ exclusiveMinimum: 0, maximum: 1_000_000 })),
          budget_tokens: t.Optional(t.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
          max_iterations: later,
          max_retries: later,
          mode: later,
          approval: later,
          stop_losers: later,
          pick: later,
          land: later,
          executor: later,
        },
        strict,
      ),
    ),
    goals: later,
    stages: later,
    scheduled_at: later,
    depends_on: later,
    on_dependency_failure: later,
  },
  {
    ...strict,
    examples: [
      {
        repo_url: 'https://github.com/acme/ledger.git',
        goal: 'Round refunds by the currency’s exponent',
        variations: 3,
      },
    ],
  },
);
export type RunBody = Static<typeof runBody>;

/**
 * Reads what is asked for where no route has done it: the page's form.
 * @throws BakeoffError 422
 */
export function parseRunBody(body: unknown): RunBody {
  return fit(runBody, cleanJson(body));
}

const laterFields = ['goals', 'stages', 'scheduled_at', 'depends_on', 'on_dependency_failure'] as const;
const laterOptions = [
  'max_iterations',
  'max_retries',
  'mode',
  'approval',
  'stop_losers',
  'pick',
  'land',
  'executor',
] as const;
const goalBytes = 100_000;
const metadataBytes = 16 * 1024;

/**
 * Starts a run as the API and the form ask for it: everything that can be known to be wrong is refused before anything
 * is made; then the run, then its jobs.
 * @returns the run's id, and whether the same idempotency key had made it before
 * @throws BakeoffError of the contract
 */
export async function startRun(
  services: Services,
  body: RunBody,
  idempotencyKey: string | null,
): Promise<{ id: number; existed: boolean }> {
  refuseLater(body);
  const idempotency = idempotencyOf(idempotencyKey, body);
  const before = await recall(services.database, 'runs', idempotency);
  if (before !== null) return { id: before, existed: true };
  const goal = (either(body, 'goal', 'prompt') ?? '').trim();
  if (goal === '') throw invalid('goal', 'goal is empty: say what should be true when it is done');
  if (Buffer.byteLength(JSON.stringify(body.metadata ?? {})) > metadataBytes)
    throw invalid('metadata', 'metadata is over 16 kB');
  if (Buffer.byteLength(goal) > goalBytes) throw invalid('goal', 'goal is over 100 kB');
  const name = either(body, 'name', 'title')?.trim() || null;
  const variations = body.variations ?? 1;
  const agents = await agentsOf(services, body.agents, variations);
  const options = await optionsOf(services, body.options ?? {}, agents);
  const source = await sourceOf(services, body);
  const base = typeof body.base === 'string' && body.base.trim() !== '' ? body.base.trim() : null;
  await services.agentSide.checkBase(source, base);

  const input: NewRun = {
    // Last of all: from here on something is made.
    project_id: source.project_id ?? (await projectOf(services.database, source)),
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
  };
  const made = await createRun(services.database, input, idempotency);
  if (!made.existed) await enqueue(services, made.id);
  return made;
}

/** Jobs follow the commit. Should the queue be away, the sweep makes them when it is back. */
async function enqueue({ database, queue, log }: Services, runId: number): Promise<void> {
  try {
    const rows = await database.sql<{ id: number; job_epoch: number; priority: number }[]>`
      select v.id, v.job_epoch, r.priority from variations v join runs r on r.id = v.run_id
      where v.run_id = ${runId} and v.status = 'queued' order by v.position`;
    await queue.add(rows);
  } catch (error) {
    log.warn('jobs could not be made; the sweep will', { run: runId, error: error as Error });
  }
}

export function idempotencyOf(key: string | null, body: unknown): Idempotency | undefined {
  if (key === null) return undefined;
  if (!/^[\x21-\x7e]{1,200}$/.test(key))
    throw invalid('Idempotency-Key', 'Idempotency-Key is not 1 to 200 visible ASCII characters');
  return { key, body_sha256: createHash('sha256').update(JSON.stringify(body)).digest('hex') };
}

function refuseLater(body: RunBody): void {
  for (const field of laterFields) if (body[field] !== undefined) throw notYet(field, field);
  for (const field of laterOptions) {
    if (body.options?.[field] !== undefined) throw notYet(`options.${field}`, `options.${field}`);
  }
  if (body.run_type === 'workflow' || body.run_type === 'pipeline')
    throw notYet(`run_type ${body.run_type}`, 'run_type');
  if (typeof body.base === 'object') throw notYet('base of another run', 'base');
}

/** A field under its name or its other name, not both. */
function either(body: RunBody, name: 'goal' | 'name', other: 'prompt' | 'title'): string | undefined {
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
    max_retries: defaultOptions.max_retries,
    approval: defaultOptions.approval,
    timeout_s: asked.timeout_s ?? defaultOptions.timeout_s,
    budget_usd: asked.budget_usd ?? defaultOptions.budget_usd,
    budget_tokens: asked.budget_tokens ?? defaultOptions.budget_tokens,
  };
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
async function findPriceless(
  { agentSide, database }: Services,
  agents: readonly Agent[],
): Promise<Agent | undefined> {
  const names = [...new Set(agents.map((agent) => agent.fallback).filter((name) => name !== null))];
  const fallbacks = await Promise.all(names.map((name) => findAgent(database, name)));
  return [...agents, ...fallbacks.filter((one) => one !== null)].find((one) => !agentSide.hasPrice(one));
}

type FoundSource = Source & { project_id: number | null };

/** The project named, or the source given: exactly one of them, and looked at. */
async function sourceOf(services: Services, body: RunBody): Promise<FoundSource> {
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
