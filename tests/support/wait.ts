/** Waits until `look` gives something, looking often; fails with `what` after `limitMs`. */
export async function until<T>(
  look: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  what = 'the condition',
  limitMs = 15_000,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== null && seen !== false) return seen;
    if (Date.now() > deadline) throw new Error(`${what} did not come about within ${limitMs} ms`);
    await Bun.sleep(10);
  }
}
