import { namedFiles } from './judging/commands';
import { decidingChanges, isManifest } from './judging/manifests';
import { runnerReason } from './judging/runners';
import { testReason } from './judging/tests';

export { isManifest } from './judging/manifests';

/** What a patch does to one file. */
export interface FileChange {
  path: string;
  status: 'added' | 'modified' | 'deleted';
  /**
   * The texts of a manifest (`isManifest`) on the base and after the patch, null where it is not there. Without them a
   * manifest is taken to decide how checks run.
   */
  base?: string | null;
  patched?: string | null;
}

/** A file that judges the patch which changes it. */
export interface JudgingFile {
  path: string;
  /** A test (or what belongs to one), or what decides how checks run. */
  kind: 'test' | 'runner';
  change: FileChange['status'];
  /** For people: why it is one. */
  reason: string;
}

export interface Judged {
  /** Those of the project's checks. */
  commands: readonly string[];
  /** The base's package.json, as text: the commands may run its scripts. Null for none. */
  manifest: string | null;
}

/**
 * The files of a patch that judge it: tests, by the conventions of the usual languages; what configures runners and
 * linters; of manifests such as package.json only what decides how checks run (`scripts` …); and what the checks'
 * commands name. In the order of the changes. By names and texts alone: tests that stand inside of source files are not
 * seen.
 */
export function judgingFiles(changes: readonly FileChange[], judged: Judged): JudgingFile[] {
  const named = new Map(namedFiles(judged.commands, judged.manifest).map((one) => [one.path, one]));
  const above = new Set([...named.keys()].flatMap(foldersAbove));
  const vitest = [judged.manifest ?? '', ...judged.commands].some((text) => text.includes('vitest'));
  const found: JudgingFile[] = [];
  for (const change of changes) {
    const { path, status } = change;
    const add = (kind: JudgingFile['kind'], reason: string) =>
      found.push({ path, kind, change: status, reason });
    const runner = runnerReason(path) ?? (vitest && isViteConfig(path) ? 'configures Vitest' : null);
    const test = testReason(path);
    const command = named.get(path);
    if (runner !== null) add('runner', runner);
    else if (test !== null) add('test', test);
    else if (command && (command.as === 'configuration' || !isSource(path)))
      add('runner', `named by a check: ${command.command.slice(0, 200)}`);
    else if (above.has(path)) add('runner', 'stands where a check has its folder');
    else if (isManifest(path)) {
      const { base, patched } = change;
      const known = base !== undefined && patched !== undefined;
      const keys = known ? decidingChanges(path, base, patched) : undefined;
      if (keys === undefined) add('runner', 'decides how checks run');
      else if (keys.length > 0) add('runner', `decides how checks run: ${keys.join(', ').slice(0, 200)}`);
    }
  }
  return found;
}

/** A file or link of such a name takes the place of what a check names. */
function foldersAbove(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join('/'));
}

function isViteConfig(path: string): boolean {
  return /(?:^|\/)vite\.config\.[cm]?[jt]s$/.test(path);
}

/**
 * A check that runs the product itself (`node src/cli.js --selftest`) names what the patch is to change: with the base's
 * version of that, nothing could ever be fixed. Unless the name says that it is there to check.
 */
function isSource(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return /^(?:src|lib|app|cmd|pkg|internal)\//.test(path) && !/test|check|spec|lint|verify/i.test(name);
}
