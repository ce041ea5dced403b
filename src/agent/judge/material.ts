import type { Model } from '../model';
import { fit } from '../tools/text';
import { harmless } from './fence';

/** What a variation made: its diff, or the text that is its result. */
export interface Work {
  kind: 'diff' | 'text';
  text: string;
}

/** A work as a model is shown it; quotations are looked for in this, and nowhere else. */
export interface Material extends Work {
  /** Something was left out, and the text says where. */
  cut: boolean;
}

/** Characters of a work that are looked at. */
const maxRead = 4_000_000;
/** Characters that one question shows of works at most: more is read with less care, and paid for all the same. */
const maxShown = 160_000;
/** A token is taken to be only two characters: code has three, Chinese fewer. */
const charsPerToken = 2;
/** Characters of a file that say anything: its headers and a few rows. */
const leastOfFile = 400;
/** For the rules and what is around the texts, in tokens. */
const aroundTokens = 2000;

/** Characters for all foreign text of one question to this model. */
export function roomIn(model: Model): number {
  const tokens = model.contextTokens * 0.9 - model.maxTokens - aroundTokens;
  return Math.max(4000, Math.min(maxShown, Math.floor(tokens * charsPerToken)));
}

/** A text of the people who ask, cut to its share. */
export function brief(text: string, limit: number): string {
  return fit(harmless(text).trim(), limit).text;
}

/**
 * Makes a work fit. Contents of binary files are left out. Of a diff that is too long each file has an equal share; what
 * a short one leaves goes to the others, so that one generated file does not hide the rest.
 * @param change done to the text as it would be shown: what is unseen in it could hide from a look before that
 */
export function toMaterial({ kind, text }: Work, limit: number, change = (whole: string) => whole): Material {
  let clean = change(harmless(text.slice(0, maxRead)));
  if (kind === 'diff') clean = withoutBinary(clean);
  if (clean.length <= limit) return { kind, text: clean, cut: text.length > maxRead };
  return { kind, text: kind === 'diff' ? fitFiles(clean, limit) : fit(clean, limit).text, cut: true };
}

/** What is put in the place of what is cut: by `fit`, and by `fitFiles` at the end. */
export const cutNotice = /^\[… (?:\d+ characters, \d+ lines cut here|\d+ files left out) …\]$/;

/** Rows of a diff have a sign, so a line that starts like a header is one. */
function filesOf(diff: string): string[] {
  return diff.split(/^(?=diff --git )/m);
}

function withoutBinary(diff: string): string {
  return filesOf(diff)
    .map((file) => file.replace(/^GIT binary patch\n[\s\S]*/m, 'Binary contents left out\n'))
    .join('');
}

/** Smallest first; where there are too many, the largest are left out as a whole. */
function fitFiles(diff: string, limit: number): string {
  const files = filesOf(diff);
  const shown: string[] = [];
  let left = limit;
  let waiting = files.length;
  for (const [index, file] of [...files.entries()].toSorted(([, a], [, b]) => a.length - b.length)) {
    if (left < leastOfFile) break;
    const own = fit(file, Math.max(leastOfFile, Math.floor(left / waiting))).text;
    left -= own.length;
    waiting--;
    shown[index] = own.endsWith('\n') ? own : `${own}\n`;
  }
  const whole = files.map((_, index) => shown[index] ?? '').join('');
  return waiting > 0 ? `${whole}[… ${waiting} files left out …]\n` : whole;
}
