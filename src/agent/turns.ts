/** One piece of work, done again and again, once at a time: whoever comes while it runs shares the next go with all who came. */
export class Turns<T> {
  private running: Promise<unknown> = Promise.resolve();
  private next: { result: Promise<T>; stop: AbortController; waiting: number } | null = null;

  /**
   * Resolves with a go that began after this call. The go is aborted when all who wait for it have aborted.
   * @throws AbortError when `signal` fires.
   */
  async join(work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    this.next ??= this.plan(work);
    const shared = this.next;
    shared.waiting += 1;
    try {
      return await unlessAborted(shared.result, signal);
    } finally {
      shared.waiting -= 1;
      if (shared.waiting === 0) {
        // Nobody may join what is being ended.
        if (this.next === shared) this.next = null;
        shared.stop.abort();
      }
    }
  }

  private plan(work: (signal: AbortSignal) => Promise<T>) {
    const stop = new AbortController();
    const result = this.running.then(() => {
      // From here on it may already have looked at the source: who comes now needs another.
      this.next = null;
      stop.signal.throwIfAborted();
      return work(stop.signal);
    });
    this.running = result.catch(() => {});
    return { result, stop, waiting: 0 };
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(new DOMException('The fetch is no longer waited for', 'AbortError'));
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
