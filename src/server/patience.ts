import type { Database } from '../core/db';

/** How long a request may go unanswered before Postgres is looked at, and how long that look may take. */
export interface Patience {
  waitMs: number;
  lookMs: number;
}

const usual: Patience = { waitMs: 5_000, lookMs: 2_000 };

/**
 * Answers `instead` in place of a request that hangs since Postgres does: a connection that is open and silent has no limit
 * of its own. A request that is only slow is left to its work. What it did in the end is for the record to say.
 */
export async function patiently(
  work: Promise<Response>,
  { sql }: Pick<Database, 'sql'>,
  instead: () => Response,
  { waitMs, lookMs }: Patience = usual,
): Promise<Response> {
  for (;;) {
    const done = await within(work, waitMs);
    if (done !== null) return done;
    const looked = await within(
      sql`select 1`.then(
        () => true,
        () => true, // An error is an answer: the work will meet it too.
      ),
      lookMs,
    );
    if (looked === null) return instead();
  }
}

/** What comes within the time; null when it does not. */
async function within<T>(work: Promise<T>, ms: number): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
