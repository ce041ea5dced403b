/** Waits; rejects with AbortError as soon as the signal fires. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/** What every wait here rejects with when it is called off, whatever reason the signal carries. */
export function abortError(): DOMException {
  return new DOMException('The model call was called off', 'AbortError');
}

/** The real wait. Leaves no timer and no listener behind. */
export const sleep: Sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(abortError());
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', stop, { once: true });
    function done() {
      signal.removeEventListener('abort', stop);
      resolve();
    }
    function stop() {
      clearTimeout(timer);
      reject(abortError());
    }
  });
