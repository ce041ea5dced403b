import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment, ExecOptions } from '../../../src/agent/environment';
import { decode } from '../../../src/agent/environment';
import { removeTree } from '../../../src/agent/environments/remove';
import { type Config, readConfig } from '../../../src/config';

/** A folder of one test file, its configuration, and its end. */
export function scratch(): { dir: string; config: Config; end: () => Promise<void> } {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'bakeoff-test-')));
  // As root, commands run under another uid and must get through.
  chmodSync(dir, 0o711);
  const config = { ...readConfig({ HOME: dir, BAKEOFF_DATA: join(dir, 'data') }), localRoots: [dir] };
  return { dir, config, end: () => removeTree(dir) };
}

/** Git as a person would run it, with nobody's configuration. */
export function git(cwd: string, ...args: string[]): string {
  const identity = [
    '-c',
    'user.name=test',
    '-c',
    'user.email=test@localhost',
    '-c',
    'init.defaultBranch=main',
  ];
  return execFileSync('git', [...identity, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: '/nonexistent',
      GIT_CONFIG_NOSYSTEM: '1',
      LC_ALL: 'C',
    },
  }).trimEnd();
}

export function commitAll(cwd: string, message = 'change'): string {
  git(cwd, 'add', '-A', '-f');
  git(cwd, 'commit', '-q', '--allow-empty', '-m', message);
  return git(cwd, 'rev-parse', 'HEAD');
}

/** Runs a shell script and reads its output as text. */
export async function sh(environment: Environment, script: string, options?: ExecOptions) {
  const result = await environment.exec(['sh', '-c', script], options);
  return { ...result, stdout: decode(result.stdout), stderr: decode(result.stderr) };
}

/** Waits until something is so, at most five seconds. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 5000; Date.now() < end; await Bun.sleep(10)) {
    if (await isSo()) return;
  }
  throw new Error(`not within 5 s: ${what}`);
}

/** Processes of this machine whose command line holds the word. */
export function processesWith(word: string): number {
  const lines = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(word) && !line.startsWith('ps ')).length;
}
