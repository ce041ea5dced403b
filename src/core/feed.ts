import type { Sql } from './db';
import { eventChannel, listEvents } from './event';
import { type Event, runEnds } from './fact';

/** Newest events of a run kept in memory for all its readers. */
const ringEvents = 1000;
const pageEvents = 500;
/** A wake-up may be lost with a connection; nobody waits longer than this. */
const pollMs = 2_000;
const changesMs = 250;
/** A transaction may take this long between its time and its notice. */
const marginS = 5;

/** One tail for each run that somebody reads: it reads new events once, for all readers. */
interface Tail {
  runId: number;
  readers: number;
  /** Consecutive; the last one is the newest event known. */
  ring: Event[];
  /** Number of the newest event known; 0 before the first read. */
  last: number;
  reading: Promise<void> | null;
  /** A wake-up came while reading: read once more. */
  again: boolean;
  waiting: Set<() => void>;
}

/**
 * Tells readers of new events. One `LISTEN` for the process wakes one tail a run, and readers pull from it at their own
 * pace, so that a slow reader costs a cursor and no buffer: what it missed in the ring, it reads from the table.
 */
export class Feed {
  #tails = new Map<number, Tail>();
  #changed = new Set<{ runs: Set<number>; wake: () => void }>();
  #listener: { unlisten: () => Promise<void> } | null = null;
  /** When the last notice came, or the listener was connected; `performance.now()`. */
  #heard = 0;

  constructor(private readonly sql: Sql) {}

  async start(): Promise<void> {
    this.#listener = await this.sql.listen(
      eventChannel,
      (payload) => this.#woken(Number(payload)),
      () => void this.#connected().catch(() => {}), // The tails' next poll reads again.
    );
  }

  /** Also after a reconnection: what was said meanwhile was not heard. */
  async #connected(): Promise<void> {
    const silentS = this.#heard === 0 ? 0 : (performance.now() - this.#heard) / 1000;
    this.#heard = performance.now();
    for (const runId of this.#tails.keys()) this.#woken(runId);
    if (silentS === 0 || this.#changed.size === 0) return;
    const rows = await this.sql<{ id: number }[]>`
      select id from runs where updated_at > now() - make_interval(secs => ${silentS + marginS})
      order by id desc limit 500`;
    for (const { id } of rows) this.#woken(id);
  }

  async stop(): Promise<void> {
    await this.#listener?.unlisten();
  }

  /**
   * A run's events after `after`, in order, in batches, as they are committed; nothing missed, nothing twice. Ends
   * when the run is over and all of it was handed out, or when `signal` fires.
   */
  async *follow(
    runId: number,
    options: { after: number; signal: AbortSignal; stayOpen?: boolean },
  ): AsyncGenerator<Event[]> {
    const tail = this.#join(runId);
    let cursor = options.after;
    try {
      await this.#read(tail);
      while (!options.signal.aborted) {
        const events = await this.#next(tail, cursor);
        if (events.length > 0) {
          cursor = events.at(-1)?.seq ?? cursor;
          yield events;
          continue;
        }
        if (!options.stayOpen && (await this.#isOver(runId, cursor))) return;
        if (tail.last > cursor) continue;
        await this.#wait(tail, options.signal);
      }
    } finally {
      tail.readers -= 1;
      if (tail.readers === 0) this.#tails.delete(runId);
    }
  }

  /** Ids of the runs in which something happened, coalesced to four a second. */
  async *changes(options: { signal: AbortSignal }): AsyncGenerator<number[]> {
    const { signal } = options;
    const entry = { runs: new Set<number>(), wake: (): void => {} };
    this.#changed.add(entry);
    try {
      while (!signal.aborted) {
        if (entry.runs.size === 0) {
          await waitFor(
            (wake) => {
              entry.wake = wake;
            },
            signal,
            pollMs,
          );
        }
        if (entry.runs.size === 0) continue;
        const runs = [...entry.runs];
        entry.runs.clear();
        yield runs;
        await waitFor(() => {}, signal, changesMs);
      }
    } finally {
      this.#changed.delete(entry);
    }
  }

  #woken(runId: number): void {
    this.#heard = performance.now();
    for (const entry of this.#changed) {
      entry.runs.add(runId);
      entry.wake();
    }
    const tail = this.#tails.get(runId);
    if (tail) void this.#read(tail).catch(() => {}); // The next poll reads again.
  }

  #join(runId: number): Tail {
    let tail = this.#tails.get(runId);
    if (!tail) {
      tail = { runId, readers: 0, ring: [], last: 0, reading: null, again: false, waiting: new Set() };
      this.#tails.set(runId, tail);
    }
    tail.readers += 1;
    return tail;
  }

  /** What the reader has not seen: from the ring where it reaches back far enough, else from the table. */
  async #next(tail: Tail, cursor: number): Promise<Event[]> {
    const first = tail.ring[0]?.seq;
    if (first !== undefined && cursor >= first - 1)
      return tail.ring.slice(cursor - first + 1, cursor - first + 1 + pageEvents);
    if (cursor >= tail.last) return [];
    return listEvents({ sql: this.sql }, tail.runId, { after: cursor, limit: pageEvents });
  }

  /** Brings the tail up to date; callers at the same time share one read, and one more if they came during it. */
  #read(tail: Tail): Promise<void> {
    if (tail.reading) {
      tail.again = true;
      return tail.reading;
    }
    tail.reading = this.#readOn(tail).finally(() => {
      tail.reading = null;
    });
    return tail.reading;
  }

  async #readOn(tail: Tail): Promise<void> {
    do {
      tail.again = false;
      if (tail.last === 0) {
        // Only where the run stands now: readers page through its past themselves.
        const [row] = await this.sql<{ seq: string }[]>`select seq from runs where id = ${tail.runId}`;
        tail.last = Number(row?.seq ?? 0);
      } else {
        const events = await listEvents({ sql: this.sql }, tail.runId, {
          after: tail.last,
          limit: pageEvents,
        });
        tail.ring.push(...events);
        if (tail.ring.length > ringEvents) tail.ring.splice(0, tail.ring.length - ringEvents);
        tail.last = events.at(-1)?.seq ?? tail.last;
        if (events.length === pageEvents) tail.again = true;
      }
      for (const wake of tail.waiting) wake();
    } while (tail.again);
  }

  async #wait(tail: Tail, signal: AbortSignal): Promise<void> {
    let woken = false;
    let mine = (): void => {};
    await waitFor(
      (wake) => {
        mine = () => {
          woken = true;
          wake();
        };
        tail.waiting.add(mine);
      },
      signal,
      pollMs,
    );
    tail.waiting.delete(mine);
    if (!woken && !signal.aborted) await this.#read(tail);
  }

  /** The run has ended and the reader has its last event. */
  async #isOver(runId: number, cursor: number): Promise<boolean> {
    const [row] = await this.sql<
      { seq: string; status: string }[]
    >`select seq, status from runs where id = ${runId}`;
    if (!row) return true;
    return runEnds.has(`run.${row.status}`) && Number(row.seq) <= cursor;
  }
}

/** Resolves when woken, when `signal` fires, or after `ms`. */
function waitFor(give: (wake: () => void) => void, signal: AbortSignal, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    give(done);
  });
}
