import { asc, count, eq, sql } from 'drizzle-orm';
import { agents, type Price, type Provider, variations } from '../../drizzle/schema';
import type { Config } from '../config';
import type { Agent, Page } from './contract';
import { readCursor, writeCursor } from './cursor';
import type { Database, Tx } from './db';
import { conflict, invalid, notFound } from './errors';
import type { Idempotency } from './idempotency';
import { remember } from './idempotency';
import { isUniqueViolation } from './project';
import type { Vault } from './secret';
import { readSettings, renameJudge } from './settings';

export interface NewAgent {
  name: string;
  provider: Provider;
  model: string;
  base_url: string | null;
  /** In clear; sealed before it is stored. */
  api_key: string | null;
  scenario: unknown;
  instructions: string | null;
  temperature: number;
  max_tokens: number;
  context_tokens: number;
  fallback: string | null;
  price: Price | null;
}

/** An agent with its secret in clear, for the worker that makes its model. Never logged, never recorded. */
export interface AgentWithKey extends Agent {
  api_key: string | null;
}

/** @throws BakeoffError 409 when the name is taken, 422 when the fallback is not there. */
export async function createAgent(
  { sql }: Pick<Database, 'sql'>,
  vault: Vault,
  input: NewAgent,
  idempotency?: Idempotency,
): Promise<{ id: number; existed: boolean }> {
  return sql.begin((tx) =>
    remember(tx, 'agents', idempotency, async () => {
      await requireFallback(tx, input.name, input.fallback);
      return insertAgent(tx, vault, input, false);
    }),
  );
}

async function insertAgent(tx: Tx, vault: Vault, input: NewAgent, fromEnvironment: boolean): Promise<number> {
  const row = {
    ...input,
    api_key: input.api_key === null ? null : vault.seal(input.api_key),
    scenario: input.scenario === null ? null : tx.json(input.scenario as { [key: string]: string }),
    price: input.price === null ? null : tx.json({ ...input.price }),
    from_environment: fromEnvironment,
  };
  const [made] = await tx<
    { id: number }[]
  >`insert into agents ${tx(row)} on conflict (name) do nothing returning id`;
  if (!made) throw conflict('name_taken', `There is an agent ${input.name} already`);
  return made.id;
}

/** A chain of fallbacks must end: an agent may name only one that names none. */
async function requireFallback(tx: Tx, name: string, fallback: string | null): Promise<void> {
  if (fallback === null) return;
  if (fallback === name) throw invalid('fallback', 'An agent cannot be its own fallback');
  const [row] = await tx<{ fallback: string | null }[]>`select fallback from agents where name = ${fallback}`;
  if (!row) throw invalid('fallback', `There is no agent ${fallback}`);
  if (row.fallback !== null)
    throw invalid('fallback', `${fallback} has a fallback itself; name one that has none`);
  const [before] = await tx<{ name: string }[]>`select name from agents where fallback = ${name} limit 1`;
  if (before)
    throw invalid('fallback', `${name} is the fallback of ${before.name}, so it can have none itself`);
}

/**
 * Keeps one agent for each provider that the environment configures: OpenAI (with Anthropic as its fallback), Anthropic,
 * Ollama. Their keys are read from the environment at each use and never stored.
 */
export async function ensureEnvironmentAgents(
  { sql }: Pick<Database, 'sql'>,
  vault: Vault,
  providers: Config['providers'],
  ollamaModel: string,
): Promise<void> {
  const wanted: NewAgent[] = [];
  if (providers.anthropic) wanted.push(environmentAgent('anthropic', 'claude-sonnet-4-6', 200_000, null));
  if (providers.openai) {
    wanted.push(environmentAgent('openai', 'gpt-5.5', 400_000, providers.anthropic ? 'anthropic' : null));
  }
  // A long answer would leave half of so small a context for everything else.
  if (providers.ollama) wanted.push(environmentAgent('ollama', ollamaModel, 32_000, null, 4_096));
  await sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(hashtextextended('environment agents', 0))`;
    for (const agent of wanted) {
      const [found] = await tx`select id from agents where name = ${agent.name}`;
      if (!found) await insertAgent(tx, vault, agent, true);
    }
    const names = wanted.map((one) => one.name);
    // A key that came later; what a person has changed since stays as it is.
    await tx`
      update agents set fallback = 'anthropic'
      where name = 'openai' and from_environment and fallback is null and updated_at = created_at
        and 'anthropic' = any(${names}::text[])
        and not exists (select 1 from agents where name = 'anthropic' and fallback is not null)`;
    await tx`
      update agents set fallback = null
      where from_environment and fallback is not null and not (fallback = any(${names}::text[]))`;
  });
}

function environmentAgent(
  provider: Provider,
  model: string,
  context: number,
  fallback: string | null,
  answer = 16_384,
): NewAgent {
  return {
    name: provider,
    provider,
    model,
    base_url: null,
    api_key: null,
    scenario: null,
    instructions: null,
    temperature: 0,
    max_tokens: answer,
    context_tokens: context,
    fallback,
    price: null,
  };
}

/** The agent of a run that names none: OpenAI, else Anthropic, else Ollama, whichever the environment has; never scripted. */
export async function defaultAgent(
  { db }: Pick<Database, 'db'>,
  providers: Config['providers'],
): Promise<Agent | null> {
  for (const name of ['openai', 'anthropic', 'ollama'] as const) {
    const agent = providers[name] ? await findAgent({ db }, name) : null;
    if (agent?.provider === name) return agent;
  }
  return null;
}

/** By name or, when it is a number, by id. */
export async function findAgent(
  { db }: Pick<Database, 'db'>,
  nameOrId: string | number,
): Promise<Agent | null> {
  const where = typeof nameOrId === 'number' ? eq(agents.id, nameOrId) : eq(agents.name, nameOrId);
  const [row] = await db.select().from(agents).where(where);
  return row ? toAgent(row) : null;
}

/** @throws BakeoffError 404 */
export async function getAgent({ db }: Pick<Database, 'db'>, id: number): Promise<Agent> {
  const agent = await findAgent({ db }, id);
  if (!agent) throw notFound('agent', id);
  return agent;
}

/**
 * The agent with its key: its own, or the environment's for its provider when it has none and talks to the provider's
 * own address.
 */
export async function agentWithKey(
  { db }: Pick<Database, 'db'>,
  vault: Vault,
  providers: Config['providers'],
  nameOrId: string | number,
): Promise<AgentWithKey | null> {
  const where = typeof nameOrId === 'number' ? eq(agents.id, nameOrId) : eq(agents.name, nameOrId);
  const [row] = await db.select().from(agents).where(where);
  if (!row) return null;
  const agent = toAgent(row);
  const own = row.api_key === null ? null : vault.open(row.api_key);
  const environment = agent.provider === 'scripted' ? null : providers[agent.provider];
  // A key of the environment goes to the environment's address only: an agent made over the API could name any.
  const environmentKey =
    environment && 'apiKey' in environment && agent.base_url === null ? environment.apiKey : null;
  return {
    ...agent,
    base_url: agent.base_url ?? environment?.baseUrl ?? null,
    api_key: own ?? environmentKey,
  };
}

export async function listAgents(
  { db }: Pick<Database, 'db'>,
  { limit = 50, cursor }: { limit?: number; cursor?: string } = {},
): Promise<Page<Agent>> {
  const after = cursor ? (readCursor(cursor, ['integer'])[0] ?? null) : null;
  const [rows, [counted]] = await Promise.all([
    db
      .select()
      .from(agents)
      .where(after === null ? undefined : sql`${agents.id} > ${after}::bigint`)
      .orderBy(asc(agents.id))
      .limit(limit + 1),
    db.select({ total: count() }).from(agents),
  ]);
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    items: rows.slice(0, limit).map(toAgent),
    total: counted?.total ?? 0,
    next_cursor: last ? writeCursor([last.id]) : null,
  };
}

/** @throws BakeoffError 404, 409 when the name is taken, 422 when the fallback is not there. */
export async function updateAgent(
  database: Pick<Database, 'db' | 'sql'>,
  vault: Vault,
  id: number,
  change: Partial<NewAgent>,
): Promise<Agent> {
  const current = await getAgent(database, id);
  const { api_key, ...rest } = change;
  if (change.fallback !== undefined) {
    await database.sql.begin((tx) => requireFallback(tx, current.name, change.fallback ?? null));
  }
  try {
    return await database.db.transaction(async (tx) => {
      const [row] = await tx
        .update(agents)
        .set({
          ...rest,
          ...(api_key === undefined ? {} : { api_key: api_key === null ? null : vault.seal(api_key) }),
          updated_at: new Date(),
        })
        .where(eq(agents.id, id))
        .returning();
      if (!row) throw notFound('agent', id);
      // Those that lean on it go on leaning on it.
      if (row.name !== current.name) {
        await tx.update(agents).set({ fallback: row.name }).where(eq(agents.fallback, current.name));
        await renameJudge(tx, current.name, row.name);
      }
      return toAgent(row);
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw conflict('name_taken', `There is an agent ${change.name} already`);
    throw error;
  }
}

/** @throws BakeoffError 404, or 409 while runs, other agents or the settings need it. */
export async function deleteAgent(
  { db, sql: client }: Pick<Database, 'db' | 'sql'>,
  id: number,
): Promise<void> {
  const agent = await getAgent({ db }, id);
  const [used] = await db
    .select({ run: variations.run_id })
    .from(variations)
    .where(eq(variations.agent_id, id))
    .limit(1);
  if (used) throw conflict('agent_in_use', `Run ${used.run} needs agent ${agent.name}`);
  const [named] = await db
    .select({ name: agents.name })
    .from(agents)
    .where(eq(agents.fallback, agent.name))
    .limit(1);
  if (named) throw conflict('agent_in_use', `Agent ${named.name} names ${agent.name} as its fallback`);
  if ((await readSettings({ sql: client })).judges.includes(agent.name))
    throw conflict('agent_in_use', `The settings name ${agent.name} as a judge`);
  await db.delete(agents).where(eq(agents.id, id));
}

function toAgent(row: typeof agents.$inferSelect): Agent {
  const { api_key, created_at, updated_at, ...rest } = row;
  return {
    ...rest,
    has_api_key: api_key !== null,
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
  };
}
