import { join } from 'node:path';
import { git } from './environments/support';

/** A file as a test has it: content, a character a byte, and its mode. */
export interface TestFile {
  content: string;
  mode?: '100644' | '100755' | '120000' | '160000';
}
export type Files = Record<string, TestFile | string>;

let made = 0;

/** An empty bare repository in this folder. */
export function bareMirror(dir: string): string {
  const mirror = join(dir, `mirror-${++made}.git`);
  git(dir, 'init', '-q', '--bare', mirror);
  return mirror;
}

/** Commits of these files, and of no others, each a child of the first; in one go. Returns their ids. */
export function commits(mirror: string, ...trees: Files[]): string[] {
  const parts: string[] = [];
  const data = (bytes: string) => `data ${bytes.length}\n${bytes}\n`;
  for (const [i, files] of trees.entries()) {
    parts.push(
      `commit refs/heads/c${++made}\nmark :${i + 1}\ncommitter t <t@localhost> ${1700000000 + i} +0000\n`,
    );
    parts.push(data('x'), i === 0 ? '' : 'from :1\n', 'deleteall\n');
    for (const [path, file] of Object.entries(files)) {
      const { content, mode = '100644' } = typeof file === 'string' ? { content: file } : file;
      const quoted = `"${Buffer.from(path).toString('latin1').replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;
      if (mode === '160000') parts.push(`M 160000 ${content} ${quoted}\n`);
      else parts.push(`M ${mode} inline ${quoted}\n`, data(content));
    }
    parts.push('\n');
  }
  parts.push(...trees.map((_, i) => `get-mark :${i + 1}\n`));
  return run(mirror, ['fast-import', '--quiet', '--force'], Buffer.from(parts.join(''), 'latin1'))
    .stdout.toString()
    .trim()
    .split('\n');
}

/** What plain `git apply` makes of patches, one after the other, on a commit: a tree; null where one does not apply. */
export function applied(mirror: string, base: string, ...patches: Uint8Array[]): string | null {
  const env = { GIT_INDEX_FILE: join(mirror, `test-index-${++made}`) };
  run(mirror, ['read-tree', base], null, env);
  for (const patch of patches) {
    if (patch.length === 0) continue;
    if (run(mirror, ['apply', '--cached', '--whitespace=nowarn', '-'], patch, env, true).exitCode !== 0)
      return null;
  }
  return run(mirror, ['write-tree'], null, env).stdout.toString().trim();
}

export function treeOf(mirror: string, commit: string): string {
  return git(mirror, 'rev-parse', `${commit}^{tree}`);
}

/** A file's bytes in a commit or tree, a character each. */
export function contentOf(mirror: string, commit: string, path: string): string {
  return run(mirror, ['cat-file', 'blob', `${commit}:${path}`]).stdout.toString('latin1');
}

function run(
  cwd: string,
  args: string[],
  stdin: Uint8Array | null = null,
  env: Record<string, string> = {},
  mayFail = false,
) {
  const done = Bun.spawnSync(['git', ...args], {
    ...{ cwd, stdin: stdin ?? undefined, stderr: 'pipe', stdout: 'pipe' },
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: '/nonexistent',
      GIT_CONFIG_NOSYSTEM: '1',
      LC_ALL: 'C',
      ...env,
    },
  });
  if (done.exitCode !== 0 && !mayFail) throw new Error(`git ${args.join(' ')}: ${done.stderr.toString()}`);
  return done;
}
