import { persist, type Sql } from '../core/db';
import {
  claimErrand,
  countOfLost,
  type Errand,
  type ErrandTable,
  errandChannel,
  mostTries,
  putBack,
} from '../core/errand';
import { every } from './every';
import type { Parts } from './parts';

/** How a kind of errand is done. */
export interface ErrandWork {
  /** Does it, and records its end under the claim's epoch. What it throws may pass: it is done again, later. */
  run(parts: Parts, errand: Errand, signal: AbortSignal): Promise<void>;
  /** Records that it cannot be done; after the last try. */
  giveUp(parts: Parts, errand: Errand, error: Error): Promise<void>;
}

/** What an errand throws that is asked to come again, and when; anything else is done again after a pause of ours. */
export class Later extends Error {
  override name = 'Later';
  constructor(
    message: string,
    /** Milliseconds before which it is of no use. */
    readonly afterMs: number | null,
  ) {
    super(message);
  }
}

/** Errands of one kind that a process does at the same time. */
const atOnce = 2;
/** A call that went unheard is found by looking. */
const lookMs = 2_000;
const firstRetryMs = 2_000;
const longestRetryMs = 5 * 60_000;
const stopMs = 5_000;

/**
 * Does errands in this process as they are wanted, besides its variations.
 * @returns ends it: what is under way is given back, to be done again by whoever comes next
 */
export async function startErrands(
  parts: Parts,
  worker: string,
  kinds: Partial<Record<ErrandTable, ErrandWork>>,
): Promise<() => Promise<void>> {
  const { database, log } = parts;
  const stopping = new AbortController();
  const underWay = new Map<ErrandTable, Set<Promise<void>>>();
  const look = async (): Promise<void> => {
    for (const [table, work] of Object.entries(kinds) as [ErrandTable, ErrandWork][]) {
      const mine = underWay.get(table) ?? new Set();
      underWay.set(table, mine);
      while (mine.size < atOnce && !stopping.signal.aborted) {
        const errand = await claimErrand(database, table, worker);
        if (!errand) break;
        const done = doOne(parts, table, work, errand, stopping.signal)
          .catch((error) => log.error('an errand could not be settled', { table, errand: errand.id, error }))
          .finally(() => {
            mine.delete(done);
            wake();
          });
        mine.add(done);
      }
    }
  };
  const blind = (error: Error): void => log.debug('could not look for errands', { error });
  let looking: Promise<void> | null = null;
  let again = false;
  const wake = (): void => {
    if (stopping.signal.aborted) return;
    again = true;
    looking ??= (async () => {
      while (again) {
        again = false;
        await look().catch(blind);
      }
    })().finally(() => {
      looking = null;
    });
  };
  const listener = await (database.sql as Sql).listen(errandChannel, wake, wake);
  const stopLooking = every(lookMs, async () => wake(), blind);
  wake();
  return async () => {
    stopping.abort(new Error('the worker shuts down'));
    await stopLooking();
    await looking;
    const all = Promise.allSettled([...underWay.values()].flatMap((set) => [...set]));
    await Promise.race([all, Bun.sleep(stopMs)]);
    await listener.unlisten();
  };
}

async function doOne(
  parts: Parts,
  table: ErrandTable,
  work: ErrandWork,
  errand: Errand,
  signal: AbortSignal,
): Promise<void> {
  const told = { table, errand: errand.id, run: errand.run_id };
  const most = mostTries[table];
  const lost = countOfLost(table);
  try {
    // Its last try ended with its process.
    if (errand.tries >= most) throw new Error('It was broken off with its worker too often');
    await work.run(parts, errand, signal);
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    if (signal.aborted) return putBack(parts.database, table, errand, { delayMs: 0, counts: 0 });
    parts.log.warn('an errand failed', { ...told, tries: errand.tries, error });
    const later = error instanceof Later;
    const firstMs = parts.waits?.retryMs ?? firstRetryMs;
    const pauseMs = Math.min(firstMs * 2 ** Math.floor(errand.tries / (later ? 1 : lost)), longestRetryMs);
    const delayMs = Math.max(pauseMs, (later && error.afterMs) || 0);
    const counts = later ? Math.min(Math.max(1, Math.round(delayMs / longestRetryMs)), lost) : lost;
    // What cannot be recorded now would be left lying with a worker that lives.
    if (errand.tries + counts >= most) return persist(() => work.giveUp(parts, errand, error), { signal });
    await persist(() => putBack(parts.database, table, errand, { delayMs, counts }), { signal });
  }
}
