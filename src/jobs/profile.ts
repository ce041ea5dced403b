import type { ModelProfile } from '../agent/model';
import { type AgentWithKey, agentWithKey } from '../core/agent';
import { VariationFailure } from '../core/failure';
import { tokenOf } from '../core/token';
import type { Parts } from './parts';

type Needs = Pick<Parts, 'database' | 'vault' | 'config'>;

/** An agent as its model's adapter needs it, with its fallback's beside it. */
export async function toProfile(
  parts: Needs,
  agentId: number | string,
): Promise<{ profile: ModelProfile; instructions: string | null }> {
  const agent = await read(parts, agentId);
  const fallback = agent.fallback === null ? null : await read(parts, agent.fallback);
  return {
    profile: { ...single(agent), fallback: fallback ? { ...single(fallback), fallback: null } : null },
    instructions: agent.instructions,
  };
}

/** Every secret that working for this agent on this project can touch, to be masked in what is recorded. */
export async function secretsOf(
  parts: Needs,
  agentId: number,
  projectId: number,
): Promise<(string | null)[]> {
  const [{ profile }, token] = await Promise.all([
    toProfile(parts, agentId),
    tokenOf(parts.database, parts.vault, projectId),
  ]);
  return [profile.api_key, profile.fallback?.api_key ?? null, token?.token ?? null];
}

async function read({ database, vault, config }: Needs, nameOrId: string | number): Promise<AgentWithKey> {
  const agent = await agentWithKey(database, vault, config.providers, nameOrId);
  if (!agent) throw new VariationFailure('model_unavailable', `There is no agent ${nameOrId} any more`);
  return agent;
}

function single(agent: AgentWithKey): ModelProfile {
  const { provider, model, base_url, api_key, scenario, temperature, max_tokens, context_tokens, price } =
    agent;
  return {
    agent: agent.name,
    ...{ provider, model, base_url, api_key, scenario, temperature, max_tokens, context_tokens, price },
    fallback: null,
  };
}
