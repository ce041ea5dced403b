import { BakeoffError } from '../core/errors';

/**
 * Gives work a signal that fires after `ms`: whoever asked over HTTP has gone by then.
 * @throws BakeoffError 503 when it took that long
 */
export async function bounded<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(ms);
  try {
    return await work(signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new BakeoffError('repository_unavailable', `The repository took longer than ${ms / 1000} s`, 503);
  }
}
