import { EditError, type Reason } from './errors';
import { readPatch } from './formats';
import { fileText, textOf } from './lines';
import { withEnd } from './merge';
import type { Operation, Tier } from './model';
import { clean, refuseBarred, refuseHostile, resolveExisting, resolveNew, type Tree } from './paths';
import { oldLines } from './place';
import { isPlaceholder } from './placeholder';
import { placeholder, update } from './update';

export interface Options {
  /** Files that are there besides the given ones. Naming one that is to be changed is an error of the caller. */
  paths?: Iterable<string>;
  /** Symbolic links and submodules, by path. */
  barred?: Iterable<string>;
}

export interface Change {
  path: string;
  /** Null: it was not there. */
  before: string | null;
  /** Null: it is gone. */
  after: string | null;
  /** What the patch says of the file's mode. */
  executable: boolean | null;
}

export interface Report {
  /** The least exact tier that any hunk needed. */
  tier: Tier;
  hunks: number;
  /** Hunks left out because the file has what they bring. */
  already: number;
  /** For people and models: what was done to each file. */
  lines: string[];
}

export type Applied =
  | { ok: true; files: Record<string, string>; changes: Change[]; report: Report }
  | { ok: false; error: { reason: Reason; message: string; path: string | null } };

/** Characters of a patch, and of one file, that are looked at. */
const limit = 64 * 2 ** 20;

/**
 * Applies a patch in any of the known formats to texts: all of it, or nothing. Pure: what is given is not changed,
 * and nothing is read or written. Whatever the patch holds, this returns.
 */
export function applyEdits(
  files: Readonly<Record<string, string>>,
  patch: string,
  options: Options = {},
): Applied {
  try {
    const state = new State(files, options);
    const report = carryOut(readBounded(patch), state);
    return { ok: true, files: state.files(), changes: state.changes(), report };
  } catch (error) {
    if (!(error instanceof EditError)) throw error;
    return { ok: false, error: { reason: error.reason, message: error.message, path: error.path } };
  }
}

/** The files that have to be given to `applyEdits` of those that are there. @throws EditError as it would be refused. */
export function needed(patch: string, options: Required<Options>): string[] {
  const state = new State({}, options);
  const found = new Set<string>();
  for (const operation of readBounded(patch)) {
    refuseNames(operation);
    const path = operation.action === 'create' ? null : resolveExisting(operation.names, state);
    if (path !== null) found.add(path);
    for (const name of [operation.target, operation.names.at(-1)]) {
      const fresh = name == null ? '' : resolveNew(name, operation.format === 'unified diff', state);
      if (state.has(fresh)) found.add(fresh);
    }
  }
  return [...found];
}

function readBounded(patch: string): Operation[] {
  if (patch.length > limit) throw new EditError('too_large', 'The patch is too large. Send it in parts.');
  return readPatch(patch);
}

class State implements Tree {
  readonly barred: ReadonlySet<string>;
  private readonly given: Map<string, string>;
  private readonly others: ReadonlySet<string>;
  private readonly now = new Map<string, { text: string | null; executable: boolean | null }>();

  constructor(files: Readonly<Record<string, string>>, { paths = [], barred = [] }: Options) {
    this.given = new Map(Object.entries(files));
    this.others = new Set(paths);
    this.barred = new Set([...barred].map(clean));
  }

  has(path: string): boolean {
    const changed = this.now.get(path);
    return changed ? changed.text !== null : this.given.has(path) || this.others.has(path);
  }

  *paths(): Iterable<string> {
    for (const path of new Set([...this.given.keys(), ...this.others, ...this.now.keys()]))
      if (this.has(path)) yield path;
  }

  text(path: string): string {
    const text = this.now.get(path)?.text ?? this.given.get(path);
    if (text === undefined) throw new TypeError(`the text of ${path} was not given`);
    return text;
  }

  set(path: string, text: string | null, executable: boolean | null = null): void {
    this.now.set(path, { text, executable });
  }

  changes(): Change[] {
    return [...this.now]
      .map(([path, { text, executable }]) => ({
        path,
        before: this.given.get(path) ?? null,
        after: text,
        executable,
      }))
      .filter((change) => change.before !== change.after);
  }

  files(): Record<string, string> {
    const all = new Map(this.given);
    for (const [path, { text }] of this.now) {
      if (text === null) all.delete(path);
      else all.set(path, text);
    }
    return Object.fromEntries(all);
  }
}

function refuseNames(operation: Operation): void {
  for (const name of [...operation.names, ...(operation.target === null ? [] : [operation.target])])
    refuseHostile(name);
}

function carryOut(operations: readonly Operation[], state: State): Report {
  // Names first: nothing of the content matters if one of them is out of bounds.
  for (const operation of operations) refuseNames(operation);
  const report: Report = { tier: 'exact', hunks: 0, already: 0, lines: [] };
  let same: string | null = null;
  for (const { operation, path } of gathered(operations, state)) {
    const done = one(operation, path, state, report);
    if (done === null) same ??= path ?? operation.names[0] ?? null;
    else report.lines.push(done);
  }
  if (report.lines.length > 0) return report;
  const why = report.already > 0 || same === null ? 'already_applied' : 'no_change';
  const path = same ?? operations[0]?.names.at(-1) ?? null;
  throw new EditError(
    why,
    why === 'already_applied'
      ? `${path}: this was already applied; the file has the new lines. Nothing was changed, and nothing is left to do here.`
      : `${path}: the patch changes nothing: what it puts in is what it takes out, or is already there. Nothing was changed.`,
    path,
  );
}

interface Gathered {
  operation: Operation;
  /** The file it is about; null when it is to be made. */
  path: string | null;
}

/** Operations with their files. All hunks of one file come together, so that all are placed against the original. */
function gathered(operations: readonly Operation[], state: State): Gathered[] {
  const done: Gathered[] = [];
  for (const operation of operations) {
    const path = operation.action === 'create' ? null : resolveExisting(operation.names, state);
    const last = path === null ? undefined : done.findLast((each) => each.path === path);
    if (last?.operation.action === 'update' && operation.action === 'update') {
      last.operation = { ...last.operation, hunks: [...last.operation.hunks, ...operation.hunks] };
    } else {
      done.push({ operation, path });
    }
  }
  return done;
}

/** What was done, in words; null when nothing was to do. */
function one(operation: Operation, path: string | null, state: State, report: Report): string | null {
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
  const order: Tier[] = [
    'exact',
    'line ends',
    'trailing space',
    'punctuation',
    'indentation',
    'spaces',
    'context',
  ];
  return order.indexOf(two) > order.indexOf(one) ? two : one;
}
