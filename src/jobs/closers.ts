import type { Log } from '../log';

/** Longer than this, nothing is waited for: what hangs ends with the process. The private Postgres sets its own limit. */
const eachMs = 8_500;

/** What is open, to be closed in reverse order. */
export class Closers {
  #open: { close: () => Promise<void> | void; ms: number }[] = [];
  #closing: Promise<void> | null = null;

  constructor(private readonly log: Log) {}

  push(close: () => Promise<void> | void, ms = eachMs): void {
    this.#open.push({ close, ms });
  }

  /** Closes all, once; one that fails or hangs does not keep the others open. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    for (const { close, ms } of this.#open.reverse()) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms);
      });
      try {
        await Promise.race([close(), late]);
      } catch (error) {
        this.log.warn('something did not close well', { error });
      } finally {
        clearTimeout(timer);
      }
    }
  }
}
