/** An error with a code of the contract (api.md): thrown low, mapped to HTTP in one place. */
export class BakeoffError extends Error {
  override name = 'BakeoffError';
  constructor(
    readonly code: string,
    message: string,
    /** HTTP status that says what kind of refusal this is. */
    readonly status: number,
    /** The request's field that is wrong, when there is one. */
    readonly field?: string,
    /** What a program can act on, besides; sent beside code and message. */
    readonly more?: Record<string, unknown>,
  ) {
    super(message);
  }
}

/** What was named is not there: 404 `<noun>_not_found`. */
export function notFound(
  noun: 'run' | 'variation' | 'project' | 'agent' | 'approval' | 'checkpoint' | 'landing',
  name: string | number,
): BakeoffError {
  // A path that holds no id is read as -1.
  const which = name === -1 ? `such ${noun}` : `${noun} ${name}`;
  return new BakeoffError(`${noun}_not_found`, `There is no ${which}`, 404);
}

/** Readable, but not valid: 422 `invalid`, naming the field. */
export function invalid(field: string, message: string, code = 'invalid'): BakeoffError {
  return new BakeoffError(code, message, 422, field);
}

/** The present state does not allow it: 409. */
export function conflict(code: string, message: string): BakeoffError {
  return new BakeoffError(code, message, 409);
}

/** In the contract, and not built yet: 501. Refused, never ignored. */
export function notYet(what: string, field?: string): BakeoffError {
  return new BakeoffError('not_yet', `${what} is not built yet`, 501, field);
}

/** A write by a worker that has lost its variation to a newer epoch. The worker drops the variation at once. */
export class Fenced extends Error {
  override name = 'Fenced';
  constructor(variationId: number, epoch: number) {
    super(`variation ${variationId} is past epoch ${epoch}`);
  }
}
