import { createHash, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { VariationFailure } from '../../core/failure';
import { git, gitText } from '../git';
import type { Patch } from '../workspace';
import {
  isFile,
  isThere,
  readChanges,
  readText,
  type TreeChange,
  type TreeEntry,
  type Trees,
  textOf,
  treeChanges,
} from './changes';
import { restoreDeciding } from './judging/manifests';
import { type JudgingFile, judgingFiles } from './judging-files';

export interface BaseJudgesRequest extends Trees {
  /** What of the variation's change judges it: `judgesOf`. */
  files: readonly Pick<JudgingFile, 'path' | 'kind'>[];
}

/**
 * The files of a variation's change that judge it, when these are the commands of the project's checks.
 * @throws GitError; AbortError
 */
export async function judgesOf(trees: Trees, commands: readonly string[]): Promise<JudgingFile[]> {
  const { mirror, baseSha, signal } = trees;
  const changes = await readChanges(trees);
  const manifest = await readText({ mirror, sha: baseSha, signal }, 'package.json');
  return judgingFiles(changes, { commands, manifest });
}

const patchMs = 120_000;
const maxPatchBytes = 128 * 2 ** 20;

/**
 * The patch, against the base, of the variation's tree with what judges it put back as the base has it: what was changed
 * or deleted is the base's again, what was added is gone. Of a package.json only the keys that decide how checks run are
 * put back, so that a new dependency stays; one that cannot be read is put back whole. Work of the host on the bare
 * mirror, in an index of its own.
 * @throws VariationFailure `disk_full`; GitError; AbortError
 */
export async function withBaseJudges(request: BaseJudgesRequest): Promise<Patch> {
  const { mirror, baseSha, sha, signal } = request;
  const changes = await treeChanges(request);
  const index = join(mirror, `bakeoff-index-${randomUUID()}`);
  const options = { env: { GIT_DIR: mirror, GIT_INDEX_FILE: index }, signal };
  try {
    await git(mirror, ['read-tree', sha], options);
    const stdin = Buffer.from(await indexLines(request, changes), 'latin1');
    if (stdin.length > 0) await git(mirror, ['update-index', '-z', '--index-info'], { ...options, stdin });
    const wide = { ...options, timeoutMs: patchMs, maxOutputBytes: maxPatchBytes };
    const numstat = await git(mirror, [...diff, '--numstat', '-z', baseSha, '--'], wide);
    const bytes = await git(mirror, [...diff, '-p', '--binary', baseSha, '--'], wide);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { base_sha: baseSha, bytes, sha256, stat: { ...count(numstat), bytes: bytes.length } };
  } catch (error) {
    if (!(error instanceof Error) || !/No space left on device|ENOSPC/.test(error.message)) throw error;
    throw new VariationFailure('disk_full', 'The disk is full: the patch could not be made.', {
      cause: error,
    });
  } finally {
    await Promise.all([rm(index, { force: true }), rm(`${index}.lock`, { force: true })]);
  }
}

/** As the workspace's own patches are made. */
const diff = [
  ...[
    'diff-index',
    '--cached',
    '--full-index',
    '--no-renames',
    '--no-ext-diff',
    '--no-textconv',
    '--no-color',
  ],
  ...['--ignore-submodules=all', '--no-indent-heuristic', '--diff-algorithm=myers'],
  ...['--src-prefix=a/', '--dst-prefix=b/'],
];

/** What `update-index --index-info` is told; it makes room for a file itself where a folder stands, or the other way round. */
async function indexLines(request: BaseJudgesRequest, changes: readonly TreeChange[]): Promise<string> {
  const judging = new Map(request.files.map((file) => [file.path, file]));
  const lines: string[] = [];
  for (const change of changes) {
    const file = judging.get(change.path);
    if (!file) continue;
    const entry = (await partly(request, file, change)) ?? change.base;
    lines.push(`${entry.mode} ${entry.blob}\t${change.raw}\0`);
  }
  return lines.join('');
}

/** Null: the whole file is put back. */
async function partly(
  { mirror, signal }: BaseJudgesRequest,
  file: Pick<JudgingFile, 'kind'>,
  { path, base, patched }: TreeChange,
): Promise<TreeEntry | null> {
  if (file.kind !== 'runner' || !isFile(patched) || (isThere(base) && !isFile(base))) return null;
  const [before, after] = [await textOf({ mirror, signal }, base), await textOf({ mirror, signal }, patched)];
  if (before === undefined || typeof after !== 'string') return null;
  const text = restoreDeciding(path, before, after);
  if (text === null) return null;
  const stdin = new TextEncoder().encode(text);
  const blob = await gitText(mirror, ['hash-object', '-w', '--no-filters', '--stdin'], { signal, stdin });
  return { mode: patched.mode, blob };
}

function count(numstat: Uint8Array): { files: number; additions: number; deletions: number } {
  const stat = { files: 0, additions: 0, deletions: 0 };
  for (const line of Buffer.from(numstat).toString('latin1').split('\0')) {
    const numbers = /^(\d+|-)\t(\d+|-)\t/.exec(line);
    if (!numbers) continue;
    stat.files += 1;
    // A dash: binary, which has no lines.
    stat.additions += Number(numbers[1]) || 0;
    stat.deletions += Number(numbers[2]) || 0;
  }
  return stat;
}
