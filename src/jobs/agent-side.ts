import { isRefName } from '../agent/mirror';
import { priceOf } from '../agent/models/prices';
import { parseScenario } from '../agent/models/scripted';
import { inspectSource, SourceError, validateSource } from '../agent/source';
import type { Agent, Preflight } from '../core/contract';
import type { NewDirective } from '../core/directive';
import { BakeoffError, invalid } from '../core/errors';
import type { Source } from '../core/project';
import { placeOf } from '../forges/place';
import type { DeliveryHeaders } from '../forges/webhook';
import { testAgent } from './agent-test';
import { type Heard, hearForge } from './forge-news';
import { readHosts } from './hosts';
import { preflightRun, rebaseDirective } from './landing-preflight';
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
  /** @throws BakeoffError 422 naming `field` when it cannot be a branch, or a local source has no such one */
  checkBranch(source: Source, branch: string, field: string): Promise<void>;
  /** Whether a source's pull requests can be opened: its forge is one that the operator configured. */
  hasForge(source: Source): boolean;
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
  /** Whether a run's winner goes on top of a branch's present tip. @throws BakeoffError as `preflightRun` says */
  preflight(runId: number, target: string | null): Promise<Preflight>;
  /** The directive that asks the winner to rebase. @throws BakeoffError as `rebaseDirective` says */
  rebaseDirective(runId: number, target: string | null): Promise<NewDirective>;
  /** Takes what a forge says by itself. @throws BakeoffError as `hearForge` says */
  hearForge(forge: 'github' | 'forgejo', body: Uint8Array, headers: DeliveryHeaders): Promise<Heard>;
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
    async checkBranch(source, branch, field) {
      // Git has no branch HEAD, and would take `refs/…` for a branch of that name.
      if (!isRefName(branch) || branch === 'HEAD' || branch.startsWith('refs/'))
        throw invalid(field, `${branch.slice(0, 100)} cannot be a branch`);
      if (source.local_path === null) return;
      await explained(source, async () => {
        const { heads } = await inspectSource(source, config);
        if (!heads.includes(branch)) throw invalid(field, `The repository has no branch ${branch}`);
      });
    },
    hasForge: (source) => placeOf(source, config) !== null,
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
    preflight: (runId, target) => preflightRun(parts, runId, target),
    rebaseDirective: (runId, target) => rebaseDirective(parts, runId, target),
    hearForge: (forge, body, headers) => hearForge(parts, forge, body, headers),
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
