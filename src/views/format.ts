/** How numbers and times are written on the pages: with their units, never bare (DESIGN.md). */

/** A status or result in words: `awaiting_approval` → `awaiting approval`. */
export function words(name: string): string {
  return name.replaceAll('_', ' ');
}

/** Seconds, roundly: `12 ms`, `0.4 s`, `11 s`, `4 min`, `3 h`, `2 d`. */
export function duration(seconds: number): string {
  if (seconds < 0.0005) return '0 s';
  if (seconds < 0.095) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds < 0.95 ? seconds.toFixed(1) : trimmed(seconds)} s`;
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** Seconds as a clock: `6:58`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const s = String(whole % 60).padStart(2, '0');
  const m = Math.floor(whole / 60) % 60;
  const h = Math.floor(whole / 3600);
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${s}` : `${m}:${s}`;
}

/** Seconds between two times; the second may be open. */
export function span(from: string, to: string | null, now: Date): number {
  return Math.max(0, ((to === null ? now.getTime() : Date.parse(to)) - Date.parse(from)) / 1000);
}

/** `just now`, `7 min ago`, `3 h ago`, `yesterday`, `12 November`. */
export function ago(iso: string, now: Date): string {
  const seconds = (now.getTime() - Date.parse(iso)) / 1000;
  if (seconds < 5) return 'just now';
  if (seconds < 24 * 3600) return `${duration(seconds)} ago`;
  if (seconds < 48 * 3600) return 'yesterday';
  const date = new Date(iso);
  const year = date.getUTCFullYear() === now.getUTCFullYear() ? '' : ` ${date.getUTCFullYear()}`;
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]}${year}`;
}

/** The whole time, for titles: `21 November 2026, 21:38:02 UTC`. */
export function moment(iso: string): string {
  const date = new Date(iso);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}, ${date.toISOString().slice(11, 19)} UTC`;
}

/** A time of day: `21:38:02 UTC`; with its date when that is not `now`'s. */
export function time(iso: string, now?: Date): string {
  const said = `${new Date(iso).toISOString().slice(11, 19)} UTC`;
  if (now === undefined || iso.slice(0, 10) === now.toISOString().slice(0, 10)) return said;
  return moment(iso).replace(/:\d\d UTC$/, ' UTC');
}

/** `$1.12`; under a cent with as many places as it takes to say something; null is a price nobody knows. */
export function money(usd: number | null): string {
  if (usd === null) return 'unknown';
  if (usd > 0 && usd < 0.01) return usd < 0.0001 ? '< $0.0001' : `$${usd.toFixed(4)}`;
  return `$${usd.toFixed(2)}`;
}

/** `980`, `61 k`, `1.2 M`. */
export function count(n: number): string {
  if (n < 1000) return String(n);
  if (n < 10_000) return `${trimmed(n / 1000)} k`;
  if (n < 999_500) return `${Math.round(n / 1000)} k`;
  return `${trimmed(n / 1_000_000)} M`;
}

/** `812 bytes`, `4.1 kB`, `2.3 MB`. */
export function bytes(n: number): string {
  if (n < 1000) return `${n} bytes`;
  return n < 999_500 ? `${trimmed(n / 1000)} kB` : `${trimmed(n / 1_000_000)} MB`;
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** `1 file`, `3 files`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** Cuts at a word, with an ellipsis. */
export function cut(text: string, length: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line.length <= length) return line;
  return `${line.slice(0, length).replace(/\s+\S{0,24}$/, '')}…`;
}

function trimmed(n: number): string {
  return n.toFixed(1).replace(/\.0$/, '');
}

const months = 'January February March April May June July August September October November December'.split(
  ' ',
);

/** A day (YYYY-MM-DD, UTC) as it stands below a chart: `21 Nov`. */
export function dayName(day: string): string {
  return new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' }).format(
    new Date(`${day}T00:00:00Z`),
  );
}
