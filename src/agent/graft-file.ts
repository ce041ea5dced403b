import { createHash } from 'node:crypto';
import type { Entry } from './compare';
import { combine, type Wanted } from './hunks';

/** Where a part comes from; `hunk` is null for a whole file. */
export interface Origin {
  variation: number;
  hunk: number | null;
}

/** All that is wanted of one file. */
export interface GraftFile {
  path: string;
  /** What the parts are laid on; null: the file is not there. */
  start: Entry | null;
  /** The file as a variation has it; null: gone. */
  wholes: { from: Origin; entry: Entry | null }[];
  pieces: Wanted<Origin>[];
  /** Given to it by one of whom all hunks are taken; a file of its kind has no third. */
  mode: string | null;
}

export interface GraftConflict {
  path: string;
  /** Who wants different things there. Empty for a file of the start that stands in the way. */
  parts: Origin[];
  reason: string;
}

export type Decided =
  /** `content`: a blob that is still to be written, a character a byte. */
  { ok: true; entry: Entry | null; content: string | null } | { ok: false; conflicts: GraftConflict[] };

/** What becomes of a file, or what cannot be told. `text` is what `start` holds, where hunks are laid on it. */
export function decide(file: GraftFile, text: string): Decided {
  const { path, start, wholes, pieces } = file;
  const conflict = (from: readonly Origin[], reason: string) => ({ path, parts: sorted(from), reason });
  const outcomes = new Map<string, { entry: Entry | null; content: string | null }>();
  const keyOf = (entry: Entry | null) => (entry ? `${entry.mode} ${entry.blob}` : 'gone');
  for (const { entry } of wholes) outcomes.set(keyOf(entry), { entry, content: null });
  if (pieces.length > 0 && start) {
    const combined = combine(text, pieces);
    if (!combined.ok) {
      const { clashes } = combined;
      return {
        ok: false,
        conflicts: clashes.map((clash) => conflict(clash.owners, placeOf(clash.start, clash.end))),
      };
    }
    const blob = blobId(combined.text, start.blob.length);
    const entry = { mode: file.mode ?? start.mode, blob };
    if (!outcomes.has(keyOf(entry))) outcomes.set(keyOf(entry), { entry, content: combined.text });
  }
  const [outcome] = outcomes.values();
  if (outcome && outcomes.size === 1) return { ok: true, ...outcome };
  const from = [...wholes.map((one) => one.from), ...pieces.map((one) => one.owner)];
  const reason =
    pieces.length > 0
      ? 'A file that is taken whole leaves no room for hunks that make something else of it.'
      : 'Each makes something else of it, and it can be taken whole from one of them only.';
  return { ok: false, conflicts: [conflict(from, reason)] };
}

/** Lines are counted from 1 where people read them. */
function placeOf(start: number, end: number): string {
  if (start === end) {
    const where = start === 0 ? 'at the top' : `after line ${start}`;
    return `They put different lines in at the same place, ${where}.`;
  }
  const lines = end - start === 1 ? `line ${end}` : `lines ${start + 1} to ${end}`;
  return `They change the same lines, or lines next to each other: ${lines} of what the graft starts from.`;
}

/**
 * Files that would stand where others need a folder, once everything is as wanted.
 * @param tree what the parts are laid on, by path
 * @param outcome what becomes of the files that parts are of; null: gone
 */
export function crossings(
  tree: ReadonlyMap<string, Entry>,
  outcome: ReadonlyMap<string, Entry | null>,
  files: ReadonlyMap<string, GraftFile>,
): GraftConflict[] {
  const added = new Set([...outcome].flatMap(([path, entry]) => (entry && !tree.has(path) ? [path] : [])));
  if (added.size === 0) return [];
  const found = new Map<string, GraftConflict>();
  const stays = (path: string) => (outcome.has(path) ? outcome.get(path) !== null : tree.has(path));
  const originsOf = (path: string): Origin[] => {
    const file = files.get(path);
    return file ? [...file.wholes.map((one) => one.from), ...file.pieces.map((one) => one.owner)] : [];
  };
  for (const path of new Set([...tree.keys(), ...added])) {
    if (!stays(path)) continue;
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
      const above = path.slice(0, slash);
      if (found.has(above) || !stays(above) || !(added.has(above) || added.has(path))) continue;
      found.set(above, {
        path: utf8(above),
        parts: sorted([...originsOf(above), ...originsOf(path)]),
        reason: `It is a file, and ${JSON.stringify(utf8(path).slice(0, 200))} needs a folder of that name.`,
      });
    }
  }
  return [...found.values()];
}

/** The id that git gives to this content, in a repository whose ids are so long. */
function blobId(content: string, length: number): string {
  const bytes = Buffer.from(content, 'latin1');
  return createHash(length === 40 ? 'sha1' : 'sha256')
    .update(`blob ${bytes.length}\0`)
    .update(bytes)
    .digest('hex');
}

/** Each once, in an order that does not depend on how they were asked for. */
function sorted(from: readonly Origin[]): Origin[] {
  const once = new Map(from.map((one) => [`${one.variation} ${one.hunk}`, one]));
  return [...once.values()].sort((a, b) => a.variation - b.variation || (a.hunk ?? 0) - (b.hunk ?? 0));
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
