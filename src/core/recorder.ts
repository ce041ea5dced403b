import type { Sql, Tx } from './db';
import { appendClaimed, type Claim } from './event';
import type { Fact } from './fact';
import { mapStrings } from './text';

/** Facts wait this long for company… */
const lingerMs = 25;
/** …or until they weigh this much. */
const batchBytes = 64 * 1024;
/** More than this waiting means that Postgres does not keep up: the work is broken off rather than memory filled. */
const pendingLimitBytes = 32 * 1024 * 1024;

/**
 * Writes one claimed variation's facts, in the order they were said, in batches (invariant 2). Once a write is refused
 * (`Fenced`) or fails, nothing more is written: `onFailure` hears of it, and every later call rejects with it.
 */
export class Recorder {
  #waiting: Fact[] = [];
  #bytes = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #tail: Promise<void> = Promise.resolve();
  #failure: Error | null = null;

  constructor(
    private readonly sql: Sql,
    private readonly claim: Claim,
    /** Hides secrets in everything that is recorded. */
    private readonly mask: (text: string) => string,
    private readonly onFailure: (error: Error) => void,
  ) {}

  /** Takes a fact; it is committed within some tens of milliseconds. */
  emit(fact: Fact): void {
    if (this.#failure) return;
    const masked = mapStrings(fact, this.mask) as Fact;
    this.#waiting.push(masked);
    this.#bytes += JSON.stringify(masked).length;
    if (this.#bytes > pendingLimitBytes) {
      this.#fail(new Error('the database does not keep up with the events of this variation'));
    } else if (this.#bytes >= batchBytes) {
      void this.flush().catch(() => {}); // #failure keeps it for the next caller.
    } else {
      this.#timer ??= setTimeout(() => void this.flush().catch(() => {}), lingerMs);
    }
  }

  /** Resolves once everything said so far is committed. */
  flush(): Promise<void> {
    return this.#enqueue(async () => {
      const facts = this.#take();
      if (facts.length > 0) await appendClaimed(this.sql, this.claim, facts);
    });
  }

  /** Commits everything said so far, then `facts` together with the change of state that `change` makes. */
  commit(facts: readonly Fact[], change: (tx: Tx) => Promise<void>): Promise<void> {
    const masked = facts.map((fact) => mapStrings(fact, this.mask) as Fact);
    return this.#enqueue(async () => {
      const before = this.#take();
      await this.sql.begin(async (tx) => {
        await appendClaimed(tx, this.claim, [...before, ...masked]);
        await change(tx);
      });
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

  #take(): Fact[] {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#bytes = 0;
    return this.#waiting.splice(0);
  }

  #fail(error: Error): void {
    this.#take();
    if (this.#failure) return;
    this.#failure = error;
    this.onFailure(error);
  }
}
