import { invalid } from '../core/errors';

/** Reads a request's query by name; a value that does not fit is 422 and names the parameter. */
export interface Query {
  /** Every value given, each one of `allowed`. */
  many<T extends string>(name: string, allowed: readonly T[]): T[];
  texts(name: string): string[];
  text(name: string): string | undefined;
  integer(name: string, min: number, max: number): number | undefined;
  integers(name: string): number[];
}

export function readQuery(request: Request): Query {
  const params = new URL(request.url).searchParams;
  const whole = (name: string, value: string, min: number, max: number): number => {
    const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= min && number <= max))
      throw invalid(name, `${name} is not a whole number from ${min} to ${max}`);
    return number;
  };
  const texts = (name: string): string[] => {
    const given = params.getAll(name).filter((value) => value !== '');
    // Postgres takes no NUL in text: nothing stored could match.
    if (given.some((value) => value.includes('\0'))) throw invalid(name, `${name} holds a NUL character`);
    return given;
  };
  return {
    texts,
    text: (name) => texts(name)[0],
    many: <T extends string>(name: string, allowed: readonly T[]): T[] =>
      texts(name).map((value) => {
        const found = allowed.find((one) => one === value);
        if (found === undefined) throw invalid(name, `${name} is not one of ${allowed.join(', ')}`);
        return found;
      }),
    integer: (name, min, max) => {
      const value = texts(name)[0];
      return value === undefined ? undefined : whole(name, value, min, max);
    },
    integers: (name) => texts(name).map((value) => whole(name, value, 1, 2 ** 31 - 1)),
  };
}

/** `limit` and `cursor` of a list. */
export function readPaging(query: Query): { limit: number; cursor?: string } {
  const cursor = query.text('cursor');
  return { limit: query.integer('limit', 1, 200) ?? 50, ...(cursor === undefined ? {} : { cursor }) };
}

/** A number in a path: an id or position; whatever else it is, there is nothing under it. */
export function readId(text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : -1;
}
