/** Gives work a signal that fires after `ms`: whoever asked over HTTP has gone by then. */
export async function bounded<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return work(AbortSignal.timeout(ms));
}
