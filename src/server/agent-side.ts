import type { Agent } from '../core/contract';
import type { Source } from '../core/project';

/** What the API asks of the agents' side, which it does not import: handed in at start. */
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
