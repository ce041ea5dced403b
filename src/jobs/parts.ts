import type { Mirrors } from '../agent/mirror';
import type { Shared } from '../agent/shared';
import type { WorkspaceSource } from '../agent/workspace';
import type { Config } from '../config';
import type { Database } from '../core/db';
import type { Vault } from '../core/secret';
import type { Log } from '../log';

/** What a worker works with; made once a process. */
export interface Parts {
  config: Config;
  database: Database;
  vault: Vault;
  mirrors: Mirrors;
  workspaces: WorkspaceSource;
  log: Log;
  /** Checks of bases under way, by run. */
  baseChecks: Shared<string>;
  /** How long things are waited for, where not the defaults. */
  waits?: { pauseMs?: number; retryMs?: number };
  /** Hides the service's own secrets wherever their value turns up. */
  secrets: readonly (string | null)[];
}
