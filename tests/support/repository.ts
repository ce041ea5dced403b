import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tempDir } from './temp';

/** Git as a test uses it: without the user's settings. Throws what git says when it fails. */
export function git(cwd: string, ...args: string[]): string {
  const done = Bun.spawnSync(
    ['git', '-c', 'commit.gpgsign=false', '-c', 'init.defaultBranch=main', ...args],
    {
      cwd,
      env: {
        PATH: process.env.PATH ?? '/usr/bin:/bin',
        HOME: '/nonexistent',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_AUTHOR_NAME: 'Test',
        GIT_AUTHOR_EMAIL: 'test@example.org',
        GIT_COMMITTER_NAME: 'Test',
        GIT_COMMITTER_EMAIL: 'test@example.org',
      },
    },
  );
  if (done.exitCode !== 0) throw new Error(`git ${args.join(' ')}: ${done.stderr.toString()}`);
  return done.stdout.toString().trim();
}

/** A repository with one commit of these files, under the system's temporary folder. */
export function makeRepository(files: Record<string, string>): { path: string; head: string } {
  const path = tempDir('repository');
  git(path, 'init', '-q');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  git(path, 'add', '-A');
  git(path, 'commit', '-q', '--allow-empty', '-m', 'first');
  return { path, head: git(path, 'rev-parse', 'HEAD') };
}
