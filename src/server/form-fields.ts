import { invalid } from '../core/errors';
import { cleanText } from '../core/text';

/** A form as a browser sends it. */
export function readForm(body: unknown): URLSearchParams {
  return new URLSearchParams(String(body ?? ''));
}

/** A form's text as it was typed, fit for Postgres: browsers send line breaks as CRLF. */
export function textOf(form: URLSearchParams, name: string): string {
  return cleanText((form.get(name) ?? '').replaceAll('\r\n', '\n')).trim();
}

/** @throws BakeoffError 422 */
export function whole(text: string | null): number {
  if (text !== null && /^\d{1,9}$/.test(text)) return Number(text);
  throw invalid('number', 'That is no whole number.');
}
