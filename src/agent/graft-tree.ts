import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkId, type Entry } from './compare';
import { git, gitText } from './git';

const maxTreeBytes = 256 * 2 ** 20;

/** Every file of a commit, by the bytes of its path, a character each. */
export async function readTree(
  mirror: string,
  commit: string,
  signal?: AbortSignal,
): Promise<Map<string, Entry>> {
  checkId(commit);
  const args = ['ls-tree', '-r', '-z', '--full-tree', '--end-of-options', commit];
  const said = await git(mirror, args, {
    env: { GIT_DIR: mirror },
    signal,
    maxOutputBytes: maxTreeBytes,
  });
  const tree = new Map<string, Entry>();
  for (const record of latin1(said).split('\0')) {
    const tab = record.indexOf('\t');
    const [mode = '', , blob = ''] = record.slice(0, tab).split(' ');
    if (tab !== -1) tree.set(record.slice(tab + 1), { mode, blob });
  }
  return tree;
}

/** What these blobs hold, a character a byte. @throws GitError `saidTooMuch` beyond `maxBytes` together */
export async function readTexts(
  mirror: string,
  blobs: readonly string[],
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  const asked = [...new Set(blobs)];
  if (asked.length === 0) return texts;
  const said = latin1(
    await git(mirror, ['cat-file', '--batch=%(objectsize)'], {
      env: { GIT_DIR: mirror },
      stdin: new TextEncoder().encode(asked.map((blob) => `${blob}\n`).join('')),
      signal,
      maxOutputBytes: maxBytes,
    }),
  );
  let at = 0;
  for (const blob of asked) {
    const end = said.indexOf('\n', at);
    const size = Number(said.slice(at, end));
    if (end === -1 || !Number.isInteger(size)) throw new Error(`git did not say what ${blob} holds`);
    texts.set(blob, said.slice(end + 1, end + 1 + size));
    at = end + 1 + size + 1;
  }
  return texts;
}

/**
 * The tree that `on` becomes with these files, written to the mirror without a work tree.
 * @param outcome by path; null: gone
 * @param contents of the blobs that the mirror may not have yet, by their ids
 */
export async function graftedTree(
  mirror: string,
  on: string,
  outcome: ReadonlyMap<string, Entry | null>,
  contents: ReadonlyMap<string, string>,
  signal?: AbortSignal,
): Promise<string> {
  // Both names are such as the mirror's tidying knows for what a killed process left.
  const index = join(mirror, `bakeoff-index-${randomUUID()}`);
  const folder = `${index}-blobs`;
  const env = { GIT_DIR: mirror, GIT_INDEX_FILE: index };
  try {
    await mkdir(folder);
    await writeBlobs(mirror, folder, contents, signal);
    await git(mirror, ['read-tree', on], { env, signal });
    // What goes first makes room for a folder of its name.
    const ordered = [...outcome].sort(([, a], [, b]) => Number(a !== null) - Number(b !== null));
    const records = ordered.map(
      ([path, entry]) => `${entry ? `${entry.mode} ${entry.blob}` : `0 ${'0'.repeat(on.length)}`}\t${path}\0`,
    );
    const stdin = Buffer.from(records.join(''), 'latin1');
    await git(mirror, ['update-index', '-z', '--index-info'], { env, signal, stdin });
    return await gitText(mirror, ['write-tree'], { env, signal });
  } finally {
    await Promise.all(
      [index, `${index}.lock`, folder].map((path) => rm(path, { recursive: true, force: true })),
    );
  }
}

async function writeBlobs(
  mirror: string,
  folder: string,
  contents: ReadonlyMap<string, string>,
  signal?: AbortSignal,
): Promise<void> {
  if (contents.size === 0) return;
  const ids = [...contents.keys()];
  for (const id of ids) await writeFile(join(folder, id), contents.get(id) ?? '', 'latin1');
  const args = ['hash-object', '-w', '--no-filters', '--stdin-paths'];
  const stdin = new TextEncoder().encode(ids.map((id) => `${id}\n`).join(''));
  const said = await gitText(folder, args, { env: { GIT_DIR: mirror }, signal, stdin });
  if (said !== ids.join('\n')) throw new Error('git gave other ids to the blobs of a graft');
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
