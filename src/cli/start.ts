import type { Config } from '../config';
import { Exit } from './exit';

/** The service of this process. */
export interface Started {
  url: string;
  /** The address that sets the browser's cookie, and leads to the path in `&to=`. */
  loginUrl: string;
  apiKey: string;
  stop(): Promise<void>;
}

/**
 * Starts the service in this process. Loaded only here, so that commands that merely talk to one start fast.
 * @throws Exit 2 with one line for what keeps it from starting
 */
export async function start(config: Config): Promise<Started> {
  const { startService } = await import('../server/service');
  try {
    return await startService(config);
  } catch (error) {
    throw explained(error);
  }
}

/** Starts working the queue in this process, without pages or API; errors as with `start`. */
export async function startWorker(config: Config): Promise<{ stop(): Promise<void> }> {
  const { startWorkerProcess } = await import('../jobs/service');
  try {
    return await startWorkerProcess(config);
  } catch (error) {
    throw explained(error);
  }
}

function explained(error: unknown): unknown {
  return error instanceof Error && error.name === 'StartError' ? new Exit(2, error.message) : error;
}

/** Resolves when the signal fires. */
export function fired(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
