import { EditError } from './errors';
import { fileText, textOf } from './lines';
import { withEnd } from './merge';
import { type Operation, type Tier, tiers } from './model';
import { clean, refuseBarred, resolveNew } from './paths';
import { oldLines } from './place';
import { isPlaceholder } from './placeholder';
import type { State } from './state';
import { placeholder, update } from './update';

export interface Report {
  /** The least exact tier that any hunk needed. */
  tier: Tier;
  hunks: number;
  /** Hunks left out because the file has what they bring. */
  already: number;
  /** For people and models: what was done to each file. */
  lines: string[];
}

/** What was done, in words; null when nothing was to do. */
export function carryOutOne(
  operation: Operation,
  path: string | null,
  state: State,
  report: Report,
): string | null {
  const { action, format, hunks, executable } = operation;
  if (path !== null) refuseBarred(path, state);
  if (action === 'create') return create(operation, state, report);
  if (action === 'replace') return replace(operation, path, state, report);
  if (path === null || !state.has(path)) {
    if (action === 'update' && format === 'unified diff' && hunks.length === 1 && isNew(operation))
      return create(operation, state, report);
    throw missing(operation, state);
  }
  if (action === 'delete') return remove(operation, path, state, report);
  const target = action === 'update' ? path : freshTarget(operation, path, state);
  const done = update(path, state.text(path), hunks, format);
  report.hunks += done.applied;
  report.already += done.already;
  if (done.tier !== null) report.tier = worse(report.tier, done.tier);
  if (action === 'update') {
    if (done.applied === 0) return null;
    state.set(path, done.text, executable);
    const note = done.tier === 'exact' ? '' : `, fitted by ${done.tier}`;
    const left = done.already > 0 ? `, ${done.already} already there` : '';
    return `${path}: ${done.applied} ${done.applied === 1 ? 'hunk' : 'hunks'} applied${note}${left}`;
  }
  if (action === 'rename') state.set(path, null);
  state.set(target, done.text, executable);
  return `${path}: ${action === 'rename' ? 'moved' : 'copied'} to ${target}`;
}

/** Only additions, for a file that is not there. */
function isNew({ hunks: [hunk] }: Operation): boolean {
  return (
    hunk !== undefined &&
    hunk.lines.length > 0 &&
    (hunk.start === null || hunk.start <= 1) &&
    oldLines(hunk.lines).every((line) => line.trim() === '')
  );
}

function create(operation: Operation, state: State, report: Report): string | null {
  const name = operation.names.at(-1) ?? '';
  const path = resolveNew(name, operation.format === 'unified diff', state);
  refuseBarred(path, state);
  for (const other of state.paths())
    if (other.startsWith(`${path}/`)) throw exists(path, 'a folder of that name is there');
  const text = textOf(contentOf(operation, path));
  report.hunks++;
  if (!state.has(path)) {
    state.set(path, text, operation.executable);
    return `${path}: created`;
  }
  const before = state.text(path);
  if (before === text) {
    report.already++;
    return null;
  }
  if (before !== '') {
    throw operation.format === 'search/replace'
      ? new EditError(
          'unanchored',
          `${path}: the part to search for is empty, and the file is not. Nothing was changed. Quote the lines that are to be replaced.`,
          path,
        )
      : exists(path, 'it is there already, with other content');
  }
  state.set(path, text, operation.executable);
  return `${path}: filled`;
}

function exists(path: string, why: string): EditError {
  return new EditError(
    'exists',
    `${path}: ${why}, so it cannot be created. Nothing was changed. To change a file, quote the lines of it that change.`,
    path,
  );
}

function contentOf({ content, hunks, names }: Operation, path: string): { lines: string[]; ended: boolean } {
  const lines =
    content?.lines ??
    hunks.flatMap((hunk) => hunk.lines.filter((line) => line.op === '+').map((line) => line.text));
  const left = hunks.flatMap((hunk) => hunk.lines).find((line) => line.op !== '+' && line.text.trim() !== '');
  if (left) {
    throw new EditError(
      'malformed',
      `${names.at(-1)}: a new file has only added lines, and "${left.text.slice(0, 80)}" is none. Nothing was changed. Put "+" before every line.`,
      path,
    );
  }
  refusePlaceholder(lines, path, new Set());
  const last = hunks.at(-1)?.lines.findLast((line) => line.op === '+');
  // Line ends that only come from how the patch was sent.
  const returns = lines.length > 0 && lines.every((line) => line.endsWith('\r'));
  return {
    lines: returns ? lines.map((line) => withEnd(line, false)) : lines,
    ended: last ? !last.unended : true,
  };
}

function refusePlaceholder(lines: readonly string[], path: string, known: ReadonlySet<string>): void {
  const found = lines.find((line) => isPlaceholder(line, path) && !known.has(line.trim()));
  if (found !== undefined) throw placeholder(path, `${path}: the text`, found);
}

/** A whole file in the place of what is there. Its line ends, byte order mark and final newline are kept. */
function replace(operation: Operation, path: string | null, state: State, report: Report): string | null {
  if (path === null || !state.has(path)) return create({ ...operation, action: 'create' }, state, report);
  const lines = operation.content?.lines ?? [];
  const after = wholeText(lines, state.text(path), path);
  report.hunks++;
  if (after === state.text(path)) return null;
  state.set(path, after);
  return `${path}: replaced`;
}

function wholeText(lines: readonly string[], before: string, path: string): string {
  const old = fileText(before);
  refusePlaceholder(lines, path, new Set(old.lines.map((line) => line.trim())));
  const counted = old.ended ? old.lines : old.lines.slice(0, -1);
  const crlf = counted.length > 0 && counted.every((line) => line.endsWith('\r'));
  const none = counted.every((line) => !line.endsWith('\r'));
  const out = lines.map((line) => (crlf || none ? withEnd(line, crlf) : line));
  if (before.startsWith('\ufeff') && out[0] !== undefined && !out[0].startsWith('\ufeff'))
    out[0] = `\ufeff${out[0]}`;
  return textOf({
    lines: old.ended || out.length === 0 ? out : [...out.slice(0, -1), withEnd(out.at(-1) ?? '', false)],
    ended: old.ended,
  });
}

function remove({ hunks }: Operation, path: string, state: State, report: Report): string {
  const text = state.text(path);
  if (hunks.length > 0) {
    const whole = hunks.flatMap((hunk) => oldLines(hunk.lines));
    const { lines } = fileText(text);
    const at = Array.from({ length: Math.max(whole.length, lines.length) }, (_, line) => line).find(
      (line) => whole[line]?.trimEnd() !== lines[line]?.trimEnd(),
    );
    if (at !== undefined) {
      const own =
        lines[at] === undefined ? '(the file ends before it)' : `${at + 1}: ${lines[at]?.slice(0, 160)}`;
      const theirs = whole[at] === undefined ? '(the patch ends before it)' : whole[at]?.slice(0, 160);
      throw new EditError(
        'not_found',
        `${path}: the file is not what the patch would delete. Nothing was changed. The first line that differs:\n  patch: ${theirs}\n  file:  ${own}\nQuote the whole file as it is, or change only what you mean.`,
        path,
      );
    }
  }
  report.hunks += Math.max(1, hunks.length);
  state.set(path, null);
  return `${path}: deleted`;
}

function freshTarget({ target, format }: Operation, path: string, state: State): string {
  const to = resolveNew(target ?? '', false, state);
  refuseBarred(to, state);
  if (to === path) return path;
  if (state.has(to)) throw exists(to, `${path} cannot go there: a file is there already`);
  for (const other of state.paths())
    if (other.startsWith(`${to}/`)) throw exists(to, `a folder of that name is there (${format})`);
  return to;
}

function missing({ names, action }: Operation, state: State): EditError {
  const name = names.at(-1) ?? '';
  const path = clean(name.replace(/^[ab]\//, ''));
  const base = path.split('/').at(-1) ?? '';
  const near = [...state.paths()].filter((other) => other.split('/').at(-1) === base).slice(0, 5);
  const hint =
    near.length > 0
      ? `There is ${near.join(', ')}.`
      : 'Look up the path, or make the file with a patch against /dev/null.';
  return new EditError(
    'missing',
    `${path}: there is no such file to ${action}. Nothing was changed. ${hint}`,
    path,
  );
}

function worse(one: Tier, two: Tier): Tier {
  return tiers.indexOf(two) > tiers.indexOf(one) ? two : one;
}
