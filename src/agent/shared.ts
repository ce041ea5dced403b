/**
 * Work that several want at the same time and that is done once for all of them: whoever asks while it is under way
 * waits for the same result. It is ended when nobody wants it any more.
 */
export class Shared<K> {
  #underWay = new Map<K, { result: Promise<void>; wanted: number; abort: AbortController }>();

  /**
   * @param signal this caller's own: when it fires, the call rejects with its reason, and the work ends if the caller
   * was the last.
   */
  async once(key: K, signal: AbortSignal, make: (signal: AbortSignal) => Promise<void>): Promise<void> {
    signal.throwIfAborted();
    const present = this.#underWay.get(key);
    const entry = present ?? this.#begin(key, make);
    entry.wanted += 1;
    const left = Promise.withResolvers<never>();
    const leave = (): void => left.reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    try {
      await Promise.race([entry.result, left.promise]);
    } finally {
      signal.removeEventListener('abort', leave);
      entry.wanted -= 1;
      if (entry.wanted === 0 && signal.aborted) {
        entry.abort.abort(signal.reason);
        await entry.result.catch(() => {}); // What was under way is dead before the last caller goes on.
      }
    }
  }

  #begin(key: K, make: (signal: AbortSignal) => Promise<void>) {
    const abort = new AbortController();
    const result = make(abort.signal).finally(() => {
      if (this.#underWay.get(key) === entry) this.#underWay.delete(key);
    });
    result.catch(() => {}); // Those who wait hear of it.
    const entry = { result, wanted: 0, abort };
    // An ended one takes no newcomers.
    abort.signal.addEventListener('abort', () => this.#underWay.delete(key));
    this.#underWay.set(key, entry);
    return entry;
  }
}
