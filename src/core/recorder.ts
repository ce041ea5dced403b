import { persist, type Sql, type Tx } from './db';
import { appendClaimed, type Claim } from './event';
import type { Fact } from './fact';
import { mapStrings } from './text';

/** Facts wait this long for company… */
const lingerMs = 25;
/** …or until they weigh this much. */
const batchBytes = 64 * 1024;
/** More than this waiting means that Postgres does not keep up: the work is broken off rather than memory filled. */
const pendingLimitBytes = 32 * 1024 * 1024;

/** Facts that may be written together: a commit closes one and opens the next, so that nothing is said out of turn. */
interface Segment {
  facts: Fact[];
  bytes: number;
}

/**
 * Writes one claimed variation's facts, in the order they were said, in batches (invariant 2). While the database is
 * away it tries the same batch again, up to some minutes; numbered, a batch is written once, also when it was committed
 * and the answer was lost. Once a write is refused (`Fenced`) or fails for good, nothing more is written: `onFailure`
 * hears of it, and every later call rejects with it. One recorder to a claim: it numbers the batches of its epoch.
 */
export class Recorder {
  #segment: Segment = { facts: [], bytes: 0 };
  /** Bytes said and not yet written, over all segments. */
  #unwritten = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #tail: Promise<void> = Promise.resolve();
  #failure: Error | null = null;
  /** Fires when nothing more is to be written. */
  #over = new AbortController();
  /** The last number given to a batch. */
  #batch = 0;

  constructor(
    private readonly sql: Sql,
    private readonly claim: Claim,
    /** Hides secrets in everything that is recorded. */
    readonly mask: (text: string) => string,
    private readonly onFailure: (error: Error) => void,
    /** For how long a database that is away is waited for; the default is `persist`'s. */
    private readonly awayLimitMs?: number,
  ) {}

  /** Takes a fact; it is committed within some tens of milliseconds. */
  emit(fact: Fact): void {
    if (this.#failure) return;
    const masked = this.#masked(fact);
    const bytes = JSON.stringify(masked).length;
    this.#segment.facts.push(masked);
    this.#segment.bytes += bytes;
    this.#unwritten += bytes;
    if (this.#unwritten > pendingLimitBytes) {
      this.#fail(new Error('the database does not keep up with the events of this variation'));
    } else if (this.#segment.bytes >= batchBytes) {
      void this.flush().catch(() => {}); // #failure keeps it for the next caller.
    } else {
      this.#timer ??= setTimeout(() => void this.flush().catch(() => {}), lingerMs);
    }
  }

  /** Resolves once everything said so far is committed. */
  flush(): Promise<void> {
    this.#stopTimer();
    const segment = this.#segment;
    return this.#enqueue(async () => {
      const { facts, bytes } = empty(segment);
      if (facts.length > 0) await this.#write((batch) => appendClaimed(this.sql, this.claim, facts, batch));
      this.#unwritten -= bytes;
    });
  }

  /**
   * Commits everything said so far, then `facts` together with the change of state that `change` makes. `change` may be
   * called again, when the database broke off; what it did is then undone, or it is not called any more.
   */
  commit(facts: readonly Fact[], change: (tx: Tx) => Promise<void>): Promise<void> {
    this.#stopTimer();
    const masked = facts.map((fact) => this.#masked(fact));
    const segment = this.#segment;
    this.#segment = { facts: [], bytes: 0 };
    return this.#enqueue(async () => {
      const { facts: before, bytes } = empty(segment);
      await this.#write((batch) =>
        this.sql.begin(async (tx) => {
          const done = await appendClaimed(tx, this.claim, [...before, ...masked], batch);
          if (done === 'written') await change(tx);
        }),
      );
      this.#unwritten -= bytes;
    });
  }

  /** Writes under the next number, again and again while the database is away. */
  async #write(write: (batch: number) => Promise<unknown>): Promise<void> {
    this.#batch += 1;
    const batch = this.#batch;
    await persist(() => write(batch), {
      signal: this.#over.signal,
      ...(this.awayLimitMs === undefined ? {} : { limitMs: this.awayLimitMs }),
    });
  }

  /** One write after the other, so that facts keep their order. */
  #enqueue(write: () => Promise<void>): Promise<void> {
    const done = this.#tail.then(async () => {
      if (this.#failure) throw this.#failure;
      try {
        await write();
      } catch (error) {
        this.#fail(error as Error);
        throw error;
      }
    });
    this.#tail = done.catch(() => {});
    return done;
  }

  #masked(fact: Fact): Fact {
    return { type: fact.type, payload: mapStrings(fact.payload, this.mask) } as Fact;
  }

  #stopTimer(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #fail(error: Error): void {
    this.#stopTimer();
    empty(this.#segment);
    if (this.#failure) return;
    this.#failure = error;
    this.#over.abort(error);
    this.onFailure(error);
  }
}

function empty(segment: Segment): Segment {
  const bytes = segment.bytes;
  segment.bytes = 0;
  return { facts: segment.facts.splice(0), bytes };
}
