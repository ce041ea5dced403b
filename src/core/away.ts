/** How long a database that is away is waited for, unless told otherwise. */
const awayLimitMs = 5 * 60_000;
const firstPauseMs = 50;
const longestPauseMs = 2_000;

/** What connections say when the other side is gone, or not there yet. */
const lost = new Set(
  (
    'CONNECTION_CLOSED CONNECTION_SILENT CONNECT_TIMEOUT ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT ' +
    'EHOSTUNREACH ENETUNREACH EHOSTDOWN ENETDOWN EAI_AGAIN ENOTFOUND'
  ).split(' '),
);
/**
 * What Postgres says when it will do it another time: shut down or starting (57P01–57P03), full of connections (53300)
 * or its disk full (53100),
 * a statement cut off for its time since the server was frozen or busy (57014), a transaction in which we said nothing
 * for too long (25P03), or lost to a concurrent one
 * (40001, 40P01). Class 08 is connections again.
 */
const later = /^(08...|57P01|57P02|57P03|53100|53300|57014|25P03|40001|40P01)$/;

/** Whether an operation failed because the database could not be reached or could not do it now: done again, it may go well. */
export function isAway(error: unknown): boolean {
  for (let one = error, depth = 0; one instanceof Error && depth < 5; one = one.cause, depth += 1) {
    const { code, syscall } = one as NodeJS.ErrnoException;
    if (code === undefined) continue;
    if (lost.has(code) || later.test(code)) return true;
    // The socket of a server that is being started again.
    if (code === 'ENOENT' && syscall !== undefined && /connect/.test(syscall)) return true;
  }
  return false;
}

export interface Patience {
  /** Gives up at once, with its reason. An attempt under way may still be carried out. */
  signal?: AbortSignal;
  /** Gives up with the last error after this long. */
  limitMs?: number;
  /** Hears of each attempt that failed. */
  onAway?: (error: Error) => void;
}

/**
 * Does a database operation, and does it again with growing pauses while the database is away (`isAway`). The operation
 * must be idempotent: when the connection breaks before the answer, nobody knows whether it was carried out.
 * @throws whatever else the operation throws, at once; the last error when the database is away for longer than `limitMs`
 */
export async function persist<T>(work: () => Promise<T>, patience: Patience = {}): Promise<T> {
  const { signal, limitMs = awayLimitMs, onAway } = patience;
  const begun = performance.now();
  for (let pause = firstPauseMs; ; pause = Math.min(pause * 2, longestPauseMs)) {
    signal?.throwIfAborted();
    try {
      return await unless(signal, work());
    } catch (error) {
      if (signal?.aborted || !isAway(error) || performance.now() - begun > limitMs) throw error;
      onAway?.(error as Error);
    }
    await unless(signal, Bun.sleep(pause * (0.5 + Math.random() / 2)));
  }
}

/** The promise's outcome, or the signal's reason as soon as it fires. */
async function unless<T>(signal: AbortSignal | undefined, promise: Promise<T>): Promise<T> {
  if (!signal) return promise;
  promise.catch(() => {}); // Whoever left does not hear of it.
  const left = Promise.withResolvers<never>();
  const leave = (): void => left.reject(signal.reason);
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  try {
    return await Promise.race([promise, left.promise]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
