import { decode } from '../../environment';
import { GitError, git } from '../../git';

/** The root of a commit's tree: what there is, and what its files say. */
export interface Root {
  /** Names of its files. */
  files: ReadonlySet<string>;
  folders: ReadonlySet<string>;
  /** The text of a file, of the root or one folder down; null where there is none, or it is longer than 256 kB. */
  read(path: string): Promise<string | null>;
  /** Names of the files of a folder; the empty path is the root. */
  list(folder: string): Promise<string[]>;
}

const maxListBytes = 8 * 2 ** 20;
const maxTextBytes = 256 * 1024;

/** Reads a commit's root. What is larger than a person's project is as if it were not there. */
export async function openRoot(mirror: string, sha: string, signal?: AbortSignal): Promise<Root> {
  const top = await listTree(mirror, sha, '', signal);
  const entriesOf = (folder: string) =>
    folder === '' ? Promise.resolve(top) : listTree(mirror, sha, folder, signal);
  return {
    files: new Set(top.filter((one) => one.isFile).map((one) => one.name)),
    folders: new Set(top.filter((one) => one.isFolder).map((one) => one.name)),
    async read(path) {
      const name = path.slice(path.lastIndexOf('/') + 1);
      const entries = await entriesOf(path.slice(0, -name.length - 1));
      const found = entries.find((one) => one.isFile && one.name === name);
      if (!found || found.size > maxTextBytes) return null;
      return decode(await git(mirror, ['cat-file', 'blob', found.id], { signal }));
    },
    async list(folder) {
      const entries = await entriesOf(folder);
      return entries.filter((one) => one.isFile).map((one) => one.name);
    },
  };
}

interface Entry {
  name: string;
  id: string;
  size: number;
  isFile: boolean;
  isFolder: boolean;
}

async function listTree(
  mirror: string,
  sha: string,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<Entry[]> {
  try {
    const args = ['ls-tree', '-z', '-l', '--full-tree', folder === '' ? sha : `${sha}:${folder}`];
    const bytes = await git(mirror, args, { signal, maxOutputBytes: maxListBytes });
    return Buffer.from(bytes)
      .toString('utf8')
      .split('\0')
      .flatMap((line) => {
        const entry = /^(\d{6}) (blob|tree|commit) ([0-9a-f]+) +(\d+|-)\t([\s\S]*)$/.exec(line);
        if (!entry) return [];
        const [, mode = '', type, id = '', size, name = ''] = entry;
        const isFile = mode === '100644' || mode === '100755';
        return [{ name, id, size: Number(size) || 0, isFile, isFolder: type === 'tree' }];
      });
  } catch (error) {
    // More than we asked for; or no such folder.
    if (error instanceof GitError && !error.timedOut && (error.exitCode === 0 || folder !== '')) return [];
    throw error;
  }
}
