/** Does `action` again and again, one at a time; the returned function ends it and waits for the last one. */
export function every(
  ms: number,
  action: () => Promise<void>,
  onError: (error: Error) => void,
): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    last = action()
      .catch(onError)
      .finally(() => {
        busy = false;
      });
  }, ms);
  return async () => {
    clearInterval(timer);
    await last;
  };
}

/** Passes on what is said, but the same words not twice within `ms`. Remembers few words. */
export function seldom(ms: number, say: (error: Error) => void): (error: Error) => void {
  const said = new Map<string, number>();
  return (error) => {
    const now = performance.now();
    if (now - (said.get(error.message) ?? Number.NEGATIVE_INFINITY) < ms) return;
    if (said.size >= 100) said.clear();
    said.set(error.message, now);
    say(error);
  };
}
