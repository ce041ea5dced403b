import type { Database } from '../core/db';
import type { Claim } from '../core/event';

/** How often the time worked is written down: what a killed worker had spent is lost by no more than this. */
const everyMs = 5_000;

/**
 * Measures the time that a claimed variation is worked on, over all of its attempts, and says when it is up.
 * @param worked_ms what earlier attempts have spent
 */
export function startWatch(
  { sql }: Pick<Database, 'sql'>,
  claim: Claim,
  worked_ms: number,
  limitMs: number,
  onLimit: () => void,
): { stop(): Promise<void> } {
  const started = performance.now();
  const alarm = setTimeout(onLimit, Math.max(0, limitMs - worked_ms));
  const write = async (): Promise<void> => {
    const sum = Math.round(worked_ms + performance.now() - started);
    await sql`
      update variations set worked_ms = ${sum}
      where id = ${claim.variationId} and epoch = ${claim.epoch} and status = 'running'`;
  };
  let last: Promise<void> = Promise.resolve();
  const ticker = setInterval(() => {
    last = write().catch(() => {}); // The database may be away; the next one says it all.
  }, everyMs);
  return {
    stop: async () => {
      clearTimeout(alarm);
      clearInterval(ticker);
      await Promise.race([last.then(write).catch(() => {}), Bun.sleep(1_000)]);
    },
  };
}
