import { isRefName } from '../agent/mirror';
import { priceOf } from '../agent/models/prices';
import { parseScenario } from '../agent/models/scripted';
import { inspectSource, SourceError, validateSource } from '../agent/source';
import type { Agent } from '../core/contract';
import { BakeoffError, invalid } from '../core/errors';
import type { Source } from '../core/project';
import { testAgent } from './agent-test';
import { readHosts } from './hosts';
import type { Parts } from './parts';

/** What the API asks of the agents' side, handed to it at start, since it imports none of them. */
export interface AgentSide {
  /**
   * Looks at a source before a project is made of it: a local one wholly, a remote one as far as that is known without
   * fetching it.
   * @throws BakeoffError 422 naming the field
   */
  checkSource(source: Source): Promise<void>;
  /** @throws BakeoffError 422 when a local source has no such branch, tag or commit */
  checkBase(source: Source, base: string | null): Promise<void>;
  /** @throws BakeoffError 422 naming the place in the scenario */
  checkScenario(scenario: unknown): void;
  /**
   * Hosts that environments may reach, as they are kept.
   * @throws BakeoffError 422 naming the place in the list
   */
  readHosts(hosts: readonly string[]): string[];
  /** Whether what a call costs is known: the agent's own price, or the table's. */
  hasPrice(agent: Agent): boolean;
  /** Makes one small model call. */
  testAgent(id: number): Promise<AgentTest>;
}

export interface AgentTest {
  ok: boolean;
  model: string;
  latency_ms: number | null;
  cost_usd: number | null;
  answer: string | null;
  error: { code: string; message: string } | null;
}

/** The agents' side as it is. */
export function openAgentSide(parts: Parts): AgentSide {
  const { config } = parts;
  return {
    async checkSource(source) {
      await explained(source, async () => {
        if (source.repo_url !== null) return void (await validateSource(source, config));
        const { empty } = await inspectSource(source, config);
        if (empty)
          throw invalid(
            'local_path',
            'The repository is empty: it has no commit to work on',
            'repository_empty',
          );
      });
    },
    async checkBase(source, base) {
      if (base === null || /^[0-9a-f]{4,64}$/i.test(base)) return;
      if (!isRefName(base)) {
        throw invalid('base', `${base.slice(0, 100)} cannot be a branch, tag or commit`, 'base_not_found');
      }
      if (source.local_path === null) return;
      await explained(source, async () => {
        const { heads, tags } = await inspectSource(source, config);
        if (!heads.includes(base) && !tags.includes(base)) {
          throw invalid('base', `The repository has no branch, tag or commit ${base}`, 'base_not_found');
        }
      });
    },
    checkScenario(scenario) {
      try {
        parseScenario(scenario);
      } catch (error) {
        throw invalid('scenario', (error as Error).message);
      }
    },
    readHosts: (hosts) => readHosts(hosts, config),
    hasPrice: ({ provider, model, price }) => priceOf({ provider, model, price }) !== null,
    testAgent: (id) => testAgent(parts, id),
  };
}

async function explained(source: Source, look: () => Promise<void>): Promise<void> {
  try {
    await look();
  } catch (error) {
    if (error instanceof BakeoffError || !(error instanceof SourceError)) throw error;
    const field = source.repo_url !== null ? 'repo_url' : 'local_path';
    throw new BakeoffError('repository_refused', error.message, 422, field);
  }
}
