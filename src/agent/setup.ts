/** A project's set-up command, as one workspace wants it. */
export interface SetupRequest {
  /** What `sh -c` runs in the workspace, before anything else. */
  command: string;
  /**
   * Where what it made is kept; made if missing. One folder to a project: who can write one project's code can make what
   * is found there, and no other project is to find it.
   */
  cacheDir: string;
  /** Milliseconds that the command may take; default 15 minutes. */
  timeoutMs?: number;
  /** Bytes that may be kept of what it made; default 8 GiB. */
  maxBytes?: number;
  /** For the record. An error of its own ends the opening of the workspace, and is thrown there. */
  onFact?: (fact: SetupFact) => void;
}

export type SetupFact =
  /** The command begins; or another workspace has begun it, and this one waits for what comes of it. */
  | { type: 'started'; waits: boolean }
  /** Of the command begun here. */
  | { type: 'output'; stream: 'stdout' | 'stderr'; text: string }
  /** The command ended, well or not; or, `cached`, what it made before lies in the workspace. Milliseconds. */
  | { type: 'finished'; cached: boolean; exit_code: number | null; duration_ms: number };

export const defaultSetupMs = 900_000;
export const defaultSetupBytes = 8 * 2 ** 30;
