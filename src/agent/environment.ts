export interface ExecOptions {
  /** Absent: an empty standard input. */
  stdin?: string | Uint8Array;
  /** A path inside the environment; default its workspace. */
  cwd?: string;
  /** Wall clock, milliseconds; default the environment's own limit. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Called with output as it comes, decoded, before any cut. */
  onOutput?: (stream: 'stdout' | 'stderr', text: string) => void;
  /** Bytes kept of each stream, head and tail; the middle is cut and the cut stated. Default 1 MiB. */
  maxOutputBytes?: number;
}

export interface ExecResult {
  /** Null when it was ended by a signal. */
  exit_code: number | null;
  signal: string | null;
  duration_ms: number;
  timed_out: boolean;
  /** Something of the output was cut. */
  truncated: boolean;
  stdout: Uint8Array;
  stderr: Uint8Array;
}

/**
 * Where a variation's commands run. It holds no secret (invariant 7), and `exec` is its one primitive: file tools go
 * through it too, so that they obey the same walls.
 */
export interface Environment {
  readonly kind: 'bubblewrap' | 'plain';
  /** The workspace's path as commands see it. */
  readonly root: string;
  /**
   * Runs one command to its end, its whole process tree dead when this resolves. Never rejects for what the command
   * does; a missing program is exit code 127.
   * @throws AbortError (a DOMException) when `signal` fires, after the tree is dead.
   */
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Ends everything that still runs in it. Idempotent. */
  destroy(): Promise<void>;
}

/** Limits of one environment. */
export interface Limits {
  memoryBytes: number;
  processes: number;
  fileBytes: number;
  cpuSeconds: number;
  tmpBytes: number;
  /** Wall clock of one command, milliseconds. */
  commandMs: number;
}

export const defaultLimits: Limits = {
  memoryBytes: 4 * 2 ** 30,
  processes: 512,
  fileBytes: 2 * 2 ** 30,
  cpuSeconds: 1800,
  tmpBytes: 2 ** 30,
  commandMs: 300_000,
};

/** Decodes output as a person reads it: broken UTF-8 becomes U+FFFD, NUL goes. */
export function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replaceAll('\u0000', '');
}
