import { cleanText } from '../models/conversation';
import { oneLine } from '../tools/text';

/** A value of a model's JSON under one of its likely names. */
export function under(value: unknown, ...names: string[]): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value).map(([name, own]) => [name.toLowerCase(), own] as const);
  for (const name of names) {
    const found = entries.find(([own]) => own === name);
    if (found) return found[1];
  }
  return undefined;
}

/** Yes and no, however a model writes them; null when it is neither. */
export function yesOrNo(value: unknown): boolean | null {
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' ? value.trim().toLowerCase() : '';
  if (['yes', 'true', 'met'].includes(word)) return true;
  return ['no', 'false', 'not met', 'unmet'].includes(word) ? false : null;
}

/** At most `most` distinct sentences of a list, each on one line of at most `limit` characters; null when it is no list. */
export function sentences(value: unknown, most: number, limit: number): string[] | null {
  if (!Array.isArray(value)) return null;
  const lines = value.slice(0, 100).flatMap((one) => sentence(one, limit) || []);
  return [...new Set(lines)].slice(0, most);
}

export function sentence(value: unknown, limit: number): string {
  return typeof value === 'string' ? oneLine(cleanText(value), limit) : '';
}
