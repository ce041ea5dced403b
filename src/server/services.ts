import type { Config } from '../config';
import type { Database } from '../core/db';
import type { Feed } from '../core/feed';
import type { Vault } from '../core/secret';
import type { AgentSide } from '../jobs/agent-side';
import type { JobQueue } from '../jobs/queue';
import type { Results } from '../jobs/results';
import type { Worker } from '../jobs/worker';
import type { Log } from '../log';
import type { HealthWatch } from './health';

/** What routes and pages stand on; made once a process by `startService`. */
export interface Services {
  config: Config;
  version: string;
  database: Database;
  feed: Feed;
  queue: JobQueue;
  vault: Vault;
  log: Log;
  /** The key that scripts state. */
  apiKey: string;
  /** This process's own worker; null where it only serves. */
  worker: Worker | null;
  agentSide: AgentSide;
  results: Results;
  health: HealthWatch;
  /** Fires when the service stops, so that open streams end. */
  stopping: AbortSignal;
}
