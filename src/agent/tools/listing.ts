import { decode } from '../environment';
import { locate, refuseUnless, shell } from './files';
import { withoutCodes } from './text';
import type { ToolContext } from './tool';

const maxBytes = 8 * 2 ** 20;

/**
 * The files under a folder, relative to it, in order: known to git and new ones, ignored ones not; without git
 * everything. At most 8 MiB of names.
 * @throws Refused when there is no such folder.
 */
export async function listPaths(
  context: Pick<ToolContext, 'environment' | 'signal'>,
  folder: string,
): Promise<string[]> {
  const script = `${locate}
[ -d "$f" ] || exit 47
cd -- "$f" || exit 46
{ git ls-files -z --cached --others --exclude-standard 2>/dev/null ||
  find . -name .git -prune -o \\( -type f -o -type l \\) -print0; } | head -c "$2"`;
  const result = await shell(context, script, [folder, String(maxBytes)], { keep: maxBytes });
  refuseUnless(result, folder);
  const names = decodeNames(result.stdout);
  return [...new Set(names.map((name) => withoutCodes(name.replace(/^\.\//, '').replace(/[\n\t]/g, '?'))))]
    .filter((name) => name !== '')
    .sort();
}

/** Names end with NUL; a last one without it was cut off. */
function decodeNames(bytes: Uint8Array): string[] {
  const end = bytes.lastIndexOf(0);
  if (end === -1) return [];
  // Decoded as one text, with a stand-in that no name can hold: `decode` drops NUL.
  const text = decode(bytes.subarray(0, end).map((byte) => (byte === 0 ? 10 : byte === 10 ? 63 : byte)));
  return text.split('\n');
}

interface Folder {
  folders: Map<string, Folder>;
  files: string[];
  /** Files in it and below. */
  count: number;
  open: boolean;
}

/**
 * Draws files as an indented tree of at most `maxChars`. Folders are opened level by level, small ones first, for as
 * long as there is room; the others are one line with the number of their files.
 */
export function drawTree(
  paths: readonly string[],
  maxChars: number,
  maxDepth = 64,
): { text: string; complete: boolean } {
  const root = plant(paths);
  root.open = true;
  let room = maxChars - cost(root, 0);
  let complete = true;
  if (room < 0) return { text: widest(root, maxChars), complete: false };
  let level = [...root.folders.values()];
  for (let depth = 1; level.length > 0; depth++) {
    const next: Folder[] = [];
    for (const folder of level.toSorted((a, b) => a.count - b.count)) {
      const price = cost(folder, depth);
      if (depth >= maxDepth || price > room) {
        complete = false;
        continue;
      }
      room -= price;
      folder.open = true;
      next.push(...folder.folders.values());
    }
    level = next;
  }
  return { text: draw(root, 0).join('\n'), complete };
}

function plant(paths: readonly string[]): Folder {
  const folder = (): Folder => ({ folders: new Map(), files: [], count: 0, open: false });
  const root = folder();
  for (const path of paths) {
    const parts = path.split('/');
    const file = parts.pop() ?? '';
    let at = root;
    at.count++;
    for (const part of parts) {
      const next = at.folders.get(part) ?? folder();
      at.folders.set(part, next);
      at = next;
      at.count++;
    }
    at.files.push(file);
  }
  return root;
}

/** Characters that opening it adds. */
function cost(folder: Folder, depth: number): number {
  let sum = 0;
  for (const name of folder.folders.keys()) sum += name.length + 2 * depth + 20;
  for (const name of folder.files) sum += name.length + 2 * depth + 1;
  return sum;
}

function draw(folder: Folder, depth: number): string[] {
  const indent = '  '.repeat(depth);
  const lines: string[] = [];
  for (const [name, child] of folder.folders) {
    const files = child.count === 1 ? '1 file' : `${child.count} files`;
    lines.push(child.open ? `${indent}${name}/` : `${indent}${name}/ (${files})`);
    if (child.open) lines.push(...draw(child, depth + 1));
  }
  for (const name of folder.files) lines.push(indent + name);
  return lines;
}

/** A root too full to show: its largest folders and first files, as many as there is room for. */
function widest(root: Folder, maxChars: number): string {
  const folders = [...root.folders].toSorted((a, b) => b[1].count - a[1].count);
  const lines = [...folders.map(([name, child]) => `${name}/ (${child.count} files)`), ...root.files];
  let room = maxChars - 60;
  const end = lines.findIndex((line) => {
    room -= line.length + 1;
    return room < 0;
  });
  const shown = end === -1 ? lines : lines.slice(0, end);
  return [...shown, `[… ${lines.length - shown.length} more entries here]`].join('\n');
}
