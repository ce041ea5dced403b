/** What a command ends with: 0 done, 1 the run failed, 2 wrong usage or something missing, 3 no service. */
export type ExitCode = 0 | 1 | 2 | 3;

/** Ends the command with one line on standard error. */
export class Exit extends Error {
  override name = 'Exit';
  constructor(
    readonly code: ExitCode,
    message: string,
  ) {
    super(message);
  }
}

/** Wrong usage, or something missing; `message` names the remedy. */
export function usage(message: string): Exit {
  return new Exit(2, message);
}

/** A whole number from 1 that names something on the command line. */
export function positive(value: string | undefined, what: string, max = 2 ** 31 - 1): number {
  const number = value !== undefined && /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= 1 && number <= max)) {
    const given = value === undefined ? 'is missing' : `cannot be ${JSON.stringify(value)}`;
    throw usage(`${what} ${given}: a whole number from 1${max < 2 ** 31 - 1 ? ` to ${max}` : ''}`);
  }
  return number;
}
