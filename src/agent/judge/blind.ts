import { familyWords } from './family';

/** Who made a work: what a judge must not learn. */
export interface Author {
  agent: string;
  model: string;
}

/** Shorter names stand in too many words of code. */
const leastChars = 3;
const hidden = '[name]';
/** Where Bakeoff keeps results, and what it calls their branches. */
const places = /\brefs\/bakeoff\/[\w./-]+|\bbakeoff\/\d+[\w-]*/g;

/**
 * Takes the authors' names out of what a judge is shown: their agents, their models, and what these are commonly called,
 * wherever they stand as words. What the goal itself mentions stays, for it gives nobody away.
 */
export function hideNames(authors: readonly Author[], goal: string): (text: string) => string {
  const names = new Set(
    authors
      .flatMap(({ agent, model }) => [agent, model, model.split('/').at(-1) ?? '', ...familyWords(model)])
      .map((name) => name.trim().toLowerCase())
      .filter((name) => name.length >= leastChars),
  );
  const shown = [...names]
    .filter((name) => !word([name]).test(goal))
    .toSorted((a, b) => b.length - a.length || (a < b ? -1 : 1));
  const all = shown.length > 0 ? word(shown) : null;
  return (text) => {
    const placeless = text.replace(places, hidden);
    return all ? placeless.replace(all, hidden) : placeless;
  };
}

function word(names: readonly string[]): RegExp {
  const each = names.map((name) => name.replace(/[^\p{L}\p{N}]/gu, literally));
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${each.join('|')})(?![\\p{L}\\p{N}])`, 'giu');
}

function literally(letter: string): string {
  return `\\u{${letter.codePointAt(0)?.toString(16)}}`;
}
