import type { Sql } from './db';
import { eventChannel, listEvents } from './event';
import { type Event, runEnds } from './fact';

/** Newest events of a run kept in memory for all its readers: at most so many, and so much of payload as JSON. */
const ringEvents = 1000;
const ringBytes = 8 * 1024 * 1024;
/** What a reader is handed at once; one event alone may be larger. */
const pageEvents = 500;
const pageBytes = 1024 * 1024;
/** A wake-up may be lost with a connection: a reader that was not woken for so long has the tail look. */
const pollMs = 2_000;
const changesMs = 250;
/** A transaction may take this long between its time and its notice. */
const marginS = 5;

/** One tail for each run that somebody reads: it reads new events once, for all readers. */
interface Tail {
  runId: number;
  readers: number;
  /** Consecutive; the last one is the newest event known. */
  ring: Kept[];
  bytes: number;
  /** Number of the newest event known; 0 before the first read. */
  last: number;
  /** The run has ended, and `last` is its newest event. */
  over: boolean;
  /** When the tail last looked; `performance.now()`. */
  looked: number;
  reading: Promise<void> | null;
  /** A wake-up came while reading: read once more. */
  again: boolean;
  waiting: Set<() => void>;
}

interface Kept {
  event: Event;
  bytes: number;
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
    const since = this.sql`now() - make_interval(secs => ${silentS + marginS})`;
    // Only live runs change, and those that ended meanwhile had a variation that did; both are found by an index.
    const rows = await this.sql<{ id: number }[]>`
      select id from runs where completed_at is null and updated_at > ${since}
      union select run_id from variations where completed_at > ${since}
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
        if (tail.last > cursor) continue;
        if (tail.over && !options.stayOpen) return;
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
      tail = {
        ...{ runId, readers: 0, ring: [], bytes: 0, last: 0, over: false, looked: 0 },
        ...{ reading: null, again: false, waiting: new Set() },
      };
      this.#tails.set(runId, tail);
    }
    tail.readers += 1;
    return tail;
  }

  /** What the reader has not seen: from the ring where it reaches back far enough, else from the table. */
  async #next(tail: Tail, cursor: number): Promise<Event[]> {
    if (cursor >= tail.last) return [];
    const first = tail.ring[0]?.event.seq;
    if (first !== undefined && cursor >= first - 1) return page(tail.ring, cursor - first + 1);
    return this.#list(tail.runId, cursor);
  }

  #list(runId: number, after: number): Promise<Event[]> {
    return listEvents({ sql: this.sql }, runId, { after, limit: pageEvents, bytes: pageBytes });
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
      const [row] = await this.sql<
        { seq: string; status: string }[]
      >`select seq, status from runs where id = ${tail.runId}`;
      const newest = Number(row?.seq ?? 0);
      // Only where the run stands now: readers page through its past themselves.
      if (tail.last === 0) tail.last = newest;
      // Started again, perhaps: nobody may take the new events and then leave by the old end.
      if (newest > tail.last) tail.over = false;
      while (tail.last < newest) {
        const events = await this.#list(tail.runId, tail.last);
        if (events.length === 0) break; // Deleted meanwhile; the next look says so.
        keep(tail, events);
        for (const wake of tail.waiting) wake();
      }
      // Events newer than the row was are said by their own notice, and so is what they made of the run.
      tail.over = !row || (runEnds.has(`run.${row.status}`) && tail.last === newest);
      tail.looked = performance.now();
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
    // Of many that wait, one looks for all.
    if (!woken && !signal.aborted && performance.now() - tail.looked > pollMs / 2) await this.#read(tail);
  }
}

/** Puts new events into the ring, and what is too much for it out. */
function keep(tail: Tail, events: readonly Event[]): void {
  for (const event of events) {
    const bytes = JSON.stringify(event.payload).length;
    tail.ring.push({ event, bytes });
    tail.bytes += bytes;
    tail.last = event.seq;
  }
  let out = 0;
  while (out < tail.ring.length && (tail.ring.length - out > ringEvents || tail.bytes > ringBytes)) {
    tail.bytes -= tail.ring[out]?.bytes ?? 0;
    out += 1;
  }
  tail.ring.splice(0, out);
}

function page(ring: readonly Kept[], from: number): Event[] {
  const events: Event[] = [];
  let bytes = 0;
  for (const kept of ring.slice(from, from + pageEvents)) {
    if (bytes >= pageBytes) break;
    events.push(kept.event);
    bytes += kept.bytes;
  }
  return events;
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
