import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { usage } from '../exit';
import { plain } from '../screen';

export const goal =
  'Whole minutes, hours and days come out wrong: `sh src/howlong.sh 60` says "60 s" where it should say "1 min". ' +
  'Find the cause, correct it, and make `sh tests/run.sh` pass. Leave the tests as they are.';
/** Its exit code is the evidence: 1 on the sample as it is. */
export const check = { name: 'tests', command: 'sh tests/run.sh', timeout_s: 60 };

/**
 * Makes the sample: a small git repository with an honest bug and tests that show it. Nothing of the person's git
 * settings plays a part in it.
 */
export async function makeSample(path: string): Promise<void> {
  for (const [name, source] of [
    ['README.md', 'README.md'],
    ['src/howlong.sh', 'howlong.sh'],
    ['tests/run.sh', 'run.sh'],
  ] as const) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), sampleFile(source));
  }
  await git(path, ['init', '--quiet']);
  await git(path, ['add', '--all']);
  await git(path, ['commit', '--quiet', '--no-verify', '--message', 'Write seconds the way people say them']);
}

/** A file that the sample is made of. */
export function sampleFile(name: string): string {
  return readFileSync(join(import.meta.dir, 'sample', name), 'utf8');
}

async function git(cwd: string, args: string[]): Promise<void> {
  const program = Bun.which('git');
  if (program === null) throw usage('git is missing; install it with the package manager of this system');
  const settings = ['commit.gpgsign=false', 'init.defaultBranch=main', 'core.hooksPath=/dev/null'];
  const child = Bun.spawn([program, ...settings.flatMap((setting) => ['-c', setting]), ...args], {
    cwd,
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: cwd,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TEMPLATE_DIR: '',
      GIT_TERMINAL_PROMPT: '0',
      GIT_AUTHOR_NAME: 'Bakeoff demo',
      GIT_AUTHOR_EMAIL: 'demo@example.invalid',
      GIT_COMMITTER_NAME: 'Bakeoff demo',
      GIT_COMMITTER_EMAIL: 'demo@example.invalid',
    },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
    timeout: 30_000,
  });
  const errors = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw usage(`git ${args[0]} failed: ${plain(errors).slice(0, 300)}`);
}
