import { invalid } from '../core/errors';
import { cleanText } from '../core/text';

/** A form as a browser sends it, fit for Postgres. */
export function readForm(body: unknown): URLSearchParams {
  return cleaned(new URLSearchParams(String(body ?? '')));
}

/** What a page's address says, fit for Postgres. */
export function searchOf(address: string): URLSearchParams {
  return cleaned(new URL(address).searchParams);
}

function cleaned(fields: URLSearchParams): URLSearchParams {
  return new URLSearchParams([...fields].map(([name, value]) => [name, cleanText(value)]));
}

/** A form's text as it was typed: browsers send line breaks as CRLF. */
export function textOf(form: URLSearchParams, name: string): string {
  return (form.get(name) ?? '').replaceAll('\r\n', '\n').trim();
}

/** @throws BakeoffError 422 */
export function whole(text: string | null): number {
  if (text !== null && /^\d{1,9}$/.test(text)) return Number(text);
  throw invalid('number', 'That is no whole number.');
}
