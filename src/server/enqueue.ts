import { type QueuedVariation, queuedOf } from '../core/variation';
import type { Services } from './services';

/** Jobs of what a run has queued; they follow the commit. Should the queue be away, the sweep makes them when it is back. */
export function enqueue(services: Services, runId: number): Promise<void> {
  return tell(services, runId, (rows) => services.queue.add(rows));
}

/** Puts a run's jobs in their new place after its priority has changed. */
export function reprioritize(services: Services, runId: number): Promise<void> {
  return tell(services, runId, (rows) => services.queue.reprioritize(rows));
}

async function tell(
  { database, log }: Services,
  runId: number,
  say: (rows: QueuedVariation[]) => Promise<void>,
): Promise<void> {
  try {
    await say(await queuedOf(database, runId));
  } catch (error) {
    log.warn('the queue could not be told; the sweep will', { run: runId, error: error as Error });
  }
}
