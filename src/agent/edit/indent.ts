import { indentOf } from './lines';

/** The indentation of a quoted line, in the patch and in the file. */
export type Pair = readonly [patch: string, file: string];

/**
 * Indentation for added lines where the quoted ones were indented otherwise than the file: by the one rule (a shift,
 * tabs for spaces, another width) that explains all quoted lines. Lines already written the file's way, while those
 * quoted are not, stay. Null when it cannot be told.
 */
export function reindent(added: readonly string[], pairs: readonly Pair[]): string[] | null {
  if (pairs.every(([patch, file]) => patch === file)) return [...added];
  const indents = added.filter((line) => line.trim() !== '').map(indentOf);
  if (indents.length === 0 || written(indents, pairs)) return [...added];
  const rule = ruleOf(pairs, indents);
  const known = new Map<string, Set<string>>();
  for (const [patch, file] of pairs) known.set(patch, (known.get(patch) ?? new Set()).add(file));
  const done: string[] = [];
  for (const line of added) {
    if (line.trim() === '') {
      done.push(line);
      continue;
    }
    const indent = indentOf(line);
    const own = [...(known.get(indent) ?? [])];
    const put = rule
      ? rule(indent)
      : own.length === 1
        ? own[0]
        : own.length === 0 && fits(indent, pairs)
          ? indent
          : undefined;
    if (put === undefined) return null;
    done.push(put + line.slice(indent.length));
  }
  return done;
}

/** The added lines are in the file's style, of tabs or spaces, and the quoted ones are in the other. */
function written(indents: readonly string[], pairs: readonly Pair[]): boolean {
  const deep = indents.filter((indent) => indent !== '');
  const tabs = pairs.some(([, file]) => file.startsWith('\t'));
  const spaces = pairs.some(([, file]) => file.startsWith(' '));
  if (deep.length === 0 || tabs === spaces) return false;
  const own = tabs ? '\t' : ' ';
  const quoted = pairs.filter(([patch]) => patch !== '');
  return (
    deep.every((indent) => indent.startsWith(own)) &&
    quoted.length > 0 &&
    quoted.every(([patch]) => !patch.startsWith(own))
  );
}

/** An indentation that the file has as well, so that nothing speaks against it. */
function fits(indent: string, pairs: readonly Pair[]): boolean {
  const tabs = pairs.some(([, file]) => file.startsWith('\t'));
  const spaces = pairs.some(([, file]) => file.startsWith(' '));
  return indent === '' || (indent.startsWith('\t') ? tabs : spaces);
}

type Rule = (indent: string) => string | undefined;

function ruleOf(pairs: readonly Pair[], indents: readonly string[]): Rule | null {
  for (const convert of conversions(pairs)) {
    const shift = shiftOf(pairs.map(([patch, file]) => [convert(patch), file] as const));
    if (!shift) continue;
    const rule: Rule = (indent) => shift(convert(indent));
    if (
      pairs.every(([patch, file]) => rule(patch) === file) &&
      indents.every((indent) => rule(indent) !== undefined)
    )
      return rule;
  }
  return null;
}

const widths = [2, 4, 8, 3, 1, 5, 6, 7];

/** Ways to write an indentation otherwise: as it is, tabs as spaces, spaces as tabs, other widths. */
function conversions(pairs: readonly Pair[]): ((indent: string) => string)[] {
  const ways: ((indent: string) => string)[] = [(indent) => indent];
  if (pairs.some(([patch]) => patch.includes('\t'))) {
    for (const width of widths) ways.push((indent) => indent.replaceAll('\t', ' '.repeat(width)));
  }
  if (pairs.some(([, file]) => file.includes('\t'))) {
    for (const width of widths) ways.push((indent) => scaled(indent, width, '\t'));
  }
  for (const from of [4, 2, 8, 3]) {
    for (const to of [2, 4, 8, 3])
      if (from !== to) ways.push((indent) => scaled(indent, from, ' '.repeat(to)));
  }
  return ways;
}

function scaled(indent: string, width: number, unit: string): string {
  const spaces = /^ */.exec(indent)?.[0].length ?? 0;
  const whole = Math.floor(spaces / width);
  return unit.repeat(whole) + ' '.repeat(spaces - whole * width) + indent.slice(spaces);
}

/** The one prefix that all quoted lines lack, or have too much. */
function shiftOf(pairs: readonly Pair[]): Rule | null {
  const [first] = pairs;
  if (!first) return null;
  const [patch, file] = first;
  if (file.endsWith(patch)) {
    const more = file.slice(0, file.length - patch.length);
    return (indent) => more + indent;
  }
  if (patch.endsWith(file)) {
    const less = patch.slice(0, patch.length - file.length);
    return (indent) => (indent.startsWith(less) ? indent.slice(less.length) : undefined);
  }
  return null;
}

/** All quoted lines lack just one space: indented less, or without the mark of context. */
export function isMark(pairs: readonly Pair[]): boolean {
  return pairs.length > 0 && pairs.every(([patch, file]) => file === ` ${patch}`);
}

/**
 * Where context lacks one space, and nothing is removed, only the added lines tell why. `lost`: they are indented as
 * the file is, so the context has lost its marks. `kept`: they lack that space too. Null when they tell nothing.
 */
export function marks(added: readonly string[], file: readonly string[]): 'lost' | 'kept' | null {
  const own = new Set(file);
  // Blank lines are the same either way.
  if (added.every((line) => line.trim() === '')) return 'lost';
  const indents = added.filter((line) => line.trim() !== '').map(indentOf);
  const lost = indents.some((indent) => own.has(indent));
  const kept = indents.some((indent) => own.has(` ${indent}`));
  return lost === kept ? null : lost ? 'lost' : 'kept';
}
