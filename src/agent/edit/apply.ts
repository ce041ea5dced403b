import { EditError, type Reason } from './errors';
import { readPatch } from './formats';
import type { Operation } from './model';
import { carryOutOne, type Report } from './operate';
import { refuseHostile, resolveExisting, resolveNew } from './paths';
import { type Change, type Options, State } from './state';

export type { Report } from './operate';
export type { Change, Options } from './state';

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
    const done = carryOutOne(operation, path, state, report);
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
