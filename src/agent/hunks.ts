/** Lines `start` to `end` (from 0, `end` not included) of a start text, and what takes their place. */
export interface Block {
  start: number;
  end: number;
  /** Each with its line feed, if it has one. */
  lines: string[];
}

/** A hunk as git shows it: one or more changes with unchanged lines between and around them. */
export interface Hunk {
  blocks: Block[];
}

/** One file's part of a patch. A character is a byte. */
export interface FilePatch {
  binary: boolean;
  hunks: Hunk[];
}

/** The parts of a patch, one for each file, in its order. */
export function splitPatch(patch: Uint8Array): FilePatch[] {
  const text = Buffer.from(patch.buffer, patch.byteOffset, patch.byteLength).toString('latin1');
  // Every line of a hunk begins with one of ` +-\`, so at a line's start this is a header.
  const parts = text === '' ? [] : text.split(/(?<=\n)(?=diff --git )/);
  return parts.map((part) => {
    const lines = part.split('\n');
    const hunks: Hunk[] = [];
    let binary = false;
    for (let at = 1; at < lines.length; ) {
      const line = lines[at] ?? '';
      if (line.startsWith('@@ ')) at = readHunk(lines, at, hunks);
      else {
        if (/^(?:Binary files |GIT binary patch)/.test(line)) binary = true;
        at += 1;
      }
    }
    return { binary, hunks };
  });
}

/** Reads the hunk whose header is at `start`; returns where the next line is. */
function readHunk(lines: readonly string[], start: number, hunks: Hunk[]): number {
  const header = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(lines[start] ?? '');
  if (!header) throw new Error('git wrote a hunk without its numbers');
  let oldLeft = Number(header[2] ?? 1);
  let newLeft = Number(header[3] ?? 1);
  // Where a hunk has no old line at all, the header names the line before it.
  let old = Number(header[1]) - (oldLeft === 0 ? 0 : 1);
  const blocks: Block[] = [];
  let block: Block | null = null;
  let at = start + 1;
  for (; oldLeft > 0 || newLeft > 0; at++) {
    const line = lines[at];
    const sign = line?.[0];
    if (line === undefined || sign === undefined || !' +-'.includes(sign))
      throw new Error('git wrote a hunk shorter than its numbers');
    // Git says after a line that it has no line feed.
    const text = `${line.slice(1)}${lines[at + 1]?.startsWith('\\') ? '' : '\n'}`;
    if (lines[at + 1]?.startsWith('\\')) at += 1;
    if (sign === ' ') {
      block = null;
      old += 1;
    } else {
      if (!block) {
        block = { start: old, end: old, lines: [] };
        blocks.push(block);
      }
      if (sign === '-') {
        old += 1;
        block.end = old;
      } else block.lines.push(text);
    }
    if (sign !== '+') oldLeft -= 1;
    if (sign !== '-') newLeft -= 1;
  }
  hunks.push({ blocks });
  return at;
}

/** A change that somebody wants made, who is known by `owner`. */
export interface Wanted<Owner> extends Block {
  owner: Owner;
}

export type Combined<Owner> =
  | { ok: true; text: string }
  | { ok: false; clashes: { start: number; end: number; owners: Owner[] }[] };

/**
 * Carries out changes that are all against the same start text, in whatever order they are given. Where two of them
 * overlap or touch they clash, for which of both was meant to come first nobody can tell; those that are the same are
 * made once.
 */
export function combine<Owner>(start: string, wanted: readonly Wanted<Owner>[]): Combined<Owner> {
  const once = new Map<string, Block & { owners: Owner[] }>();
  for (const { owner, ...block } of wanted) {
    const key = `${block.start} ${block.end} ${block.lines.join('')}`;
    const known = once.get(key);
    if (known) known.owners.push(owner);
    else once.set(key, { ...block, owners: [owner] });
  }
  const blocks = [...once.values()].sort((a, b) => a.start - b.start || a.end - b.end);
  const clashes = clashesOf(blocks);
  if (clashes.length > 0) return { ok: false, clashes };
  const lines = linesOf(start);
  const out: string[] = [];
  let at = 0;
  for (const block of blocks) {
    for (; at < block.start; at++) out.push(lines[at] ?? '');
    for (const line of block.lines) out.push(line);
    at = block.end;
  }
  for (; at < lines.length; at++) out.push(lines[at] ?? '');
  return { ok: true, text: out.join('') };
}

/** Neighbours in order of their start that reach as far as the next. */
function clashesOf<Owner>(blocks: readonly (Block & { owners: Owner[] })[]) {
  const groups: { start: number; end: number; count: number; owners: Owner[] }[] = [];
  for (const { start, end, owners } of blocks) {
    const last = groups.at(-1);
    if (last && start <= last.end) {
      last.end = Math.max(last.end, end);
      last.count += 1;
      last.owners.push(...owners);
    } else groups.push({ start, end, count: 1, owners: [...owners] });
  }
  return groups.flatMap(({ count, ...group }) => (count > 1 ? [group] : []));
}

/** A text's lines, each with its line feed. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}
