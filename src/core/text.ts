/**
 * Makes foreign text fit for Postgres and JSON: NUL becomes U+FFFD (Postgres refuses it in text and jsonb), and so
 * do lone surrogates (refused in jsonb).
 */
export function cleanText(text: string): string {
  return text.replaceAll('\u0000', '\uFFFD').toWellFormed();
}

/** `cleanText` for every string and key in a JSON value. */
export function cleanJson(value: unknown): unknown {
  return mapStrings(value, cleanText);
}

/** The same JSON value with `change` done to every string and key in it. */
export function mapStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((one) => mapStrings(one, change));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [change(key), mapStrings(one, change)]),
    );
  }
  return value;
}
