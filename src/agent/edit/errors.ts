import { excerpt } from './excerpt';

export type Reason =
  | 'no_patch'
  | 'malformed'
  | 'cut_off'
  | 'placeholder'
  | 'path'
  | 'missing'
  | 'exists'
  | 'ambiguous'
  | 'not_found'
  | 'already_applied'
  | 'unanchored'
  | 'conflict'
  | 'no_change'
  | 'too_large';

/**
 * Why a patch was refused, in words for the one who wrote it: what, where, and one thing to do next. Nothing was
 * changed when this is thrown.
 */
export class EditError extends Error {
  override name = 'EditError';
  constructor(
    readonly reason: Reason,
    message: string,
    readonly path: string | null = null,
  ) {
    super(message);
  }
}

/** One line of foreign text, short enough for a message. */
export function shown(text: string, limit = 160): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  const line = text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/g, '\ufffd');
  return line.length > limit ? `${line.slice(0, limit).toWellFormed()}…` : line;
}

/** The lines of a file around a place, for a message; at most 30. */
export function region(lines: readonly string[], first: number, last: number): string {
  return excerpt(
    lines.map((line) => line.replace(/\r$/, '')),
    first,
    Math.min(last, first + 26),
    2,
  );
}
