import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, type Context, parse } from './context';
import { type ExitCode, usage } from './exit';
import { paint, type Screen } from './screen';
import { duration } from './words';

const root = join(import.meta.dir, '..', '..');
const partMs = 5 * 60_000;
const suiteMs = 60 * 60_000;
const chaosMs = 6 * 60 * 60_000;
/** Test files at the same time: they mostly wait for programs that they started. */
const parallel = 2;
/** How long each test file took, as `--update-timings` has it written. */
const timings = 'tests/timings.json';
/** A quick run leaves out the slowest files, which together take this part of the time. */
const slowPart = 2 / 3;
/** What a test has started ends with it, at the latest this much later. */
const lingerMs = 5_000;

/** What needs no running program; done side by side, each shown whole when it ends. */
const parts: { name: string; argv: string[] }[] = [
  { name: 'type check', argv: ['node_modules/typescript/bin/tsc', '--noEmit', '--project', '.'] },
  { name: 'lint and format (Biome)', argv: ['node_modules/@biomejs/biome/bin/biome', 'check', '.'] },
  {
    name: 'escaping (xss-scan)',
    argv: ['node_modules/@kitajs/ts-html-plugin/dist/cli.js', '--project', 'tsconfig.json'],
  },
];

/**
 * Everything that must hold: type check, lint, xss-scan, then `bun test`. Words are handed to `bun test`, which then
 * runs alone. With `--quick`, without the slowest test files. With `--chaos`, only the long form of the crash suite. The last line of the output is
 * `N passed, N failed`; a part that fails counts as one, and so does a test that skips: nothing may.
 */
export const test: Command = async (args, context) => {
  if (args.includes('--chaos')) return runChaos(args, context);
  const words = args.filter((word) => word !== '--quick');
  const results = words.length === 0 ? await Promise.all(parts.map((part) => runPart(part, context))) : [];
  const without = words.length < args.length ? slowest() : [];
  const suite = await runSuite(
    [...words, ...without.map((file) => `--path-ignore-patterns=${file}`)],
    context,
  );
  if (without.length > 0) context.out.write(`Left out, as the slowest: ${without.join(' ')}\n`);
  const failed = suite.failed + results.filter((ok) => !ok).length;
  context.out.write(`${suite.passed} passed, ${failed} failed\n`);
  return failed === 0 && suite.passed > 0 ? 0 : 1;
};

function slowest(): string[] {
  const { files } = JSON.parse(readFileSync(join(root, timings), 'utf8')) as {
    files: Record<string, number>;
  };
  const all = Object.entries(files).toSorted(([, a], [, b]) => b - a);
  let left = slowPart * all.reduce((sum, [, ms]) => sum + ms, 0);
  const out: string[] = [];
  for (const [file, ms] of all) {
    if (left <= 0) break;
    left -= ms;
    out.push(file);
  }
  return out;
}

/** Kills with -9, by seed, for as many times as asked: tests/chaos, in a process of its own. */
async function runChaos(args: string[], { out, interrupted }: Context): Promise<ExitCode> {
  const text = { type: 'string' } as const;
  const { values } = parse(args, { chaos: { type: 'boolean' }, seed: text, kills: text });
  const given = (['seed', 'kills'] as const).flatMap((name) => {
    const value = values[name];
    if (value === undefined) return [];
    if (!/^\d{1,9}$/.test(value)) throw usage(`--${name} is a whole number`);
    return [`--${name}=${value}`];
  });
  const folder = temporaryFolder();
  try {
    const child = Bun.spawn(
      [
        ...['/usr/bin/env', `TMPDIR=${folder}`, process.execPath, '--env-file=/dev/null'],
        ...['tests/chaos/long.ts', ...given],
      ],
      { cwd: root, stdin: 'ignore', stdout: 'inherit', stderr: 'inherit', timeout: chaosMs },
    );
    // Told to end, it says what it has found so far.
    const end = () => child.kill('SIGTERM');
    interrupted.addEventListener('abort', end);
    const code = await child.exited;
    interrupted.removeEventListener('abort', end);
    const left = await leftBehind(folder);
    if (left.length === 0) return code === 0 ? 0 : 1;
    out.write(`The suite left processes behind:\n${left.join('\n')}\n0 passed, 1 failed\n`);
    return 1;
  } finally {
    removeFolder(folder);
  }
}

async function runPart(
  part: { name: string; argv: string[] },
  { out, interrupted }: Context,
): Promise<boolean> {
  const start = performance.now();
  const child = Bun.spawn([process.execPath, ...part.argv], {
    cwd: root,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: partMs,
    signal: interrupted,
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const ok = (await child.exited) === 0;
  say(out, part.name, ok, start);
  if (!ok) out.write(`${stdout}${stderr}\n`);
  return ok;
}

/** `bun test` with its own output; the counts come from its JUnit report, which no test's output can imitate. */
async function runSuite(
  args: string[],
  { out, interrupted }: Context,
): Promise<{ passed: number; failed: number }> {
  const start = performance.now();
  const folder = temporaryFolder();
  try {
    const report = join(folder, 'junit.xml');
    const child = Bun.spawn(
      [
        '/usr/bin/env',
        `TMPDIR=${folder}`,
        process.execPath,
        '--env-file=/dev/null',
        'test',
        '--timeout=30000',
        `--parallel=${parallel}`,
        '--no-isolate',
        // Not for the order: the slowest first would have those side by side that are hardest on the machine.
        ...(args.includes('--update-timings') ? [`--timings=${timings}`] : []),
        // In a log, what went well would bury what did not.
        ...(out.live ? [] : ['--only-failures']),
        '--reporter=junit',
        `--reporter-outfile=${report}`,
        ...args,
      ],
      {
        cwd: root,
        stdin: 'ignore',
        stdout: 'inherit',
        stderr: 'inherit',
        timeout: suiteMs,
        signal: interrupted,
      },
    );
    const code = await child.exited;
    const counts = countsOf(report);
    // A file that could not be loaded, or a suite that was killed, has no failed test to its name.
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
    say(out, 'tests (bun test)', counts.failed === 0, start);
    const left = await leftBehind(folder);
    if (left.length > 0) {
      out.write(`The tests left processes behind:\n${left.join('\n')}\n`);
      counts.failed += 1;
    }
    return counts;
  } finally {
    removeFolder(folder);
  }
}

/** Everything temporary lies in here, so that what a test leaves behind is seen, and gone. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bakeoff-test-'));
  chmodSync(folder, 0o755);
  return folder;
}

function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

/** Command lines of processes that name the suite's folder, once they have had time to end. Linux only. */
async function leftBehind(folder: string): Promise<string[]> {
  for (const deadline = Date.now() + lingerMs; ; await Bun.sleep(50)) {
    const found = commandLines().filter((line) => line.includes(folder));
    if (found.length === 0 || Date.now() > deadline) return found;
  }
}

function commandLines(): string[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => {
        try {
          return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`;
        } catch {
          return ''; // It has ended meanwhile.
        }
      });
  } catch {
    return []; // No /proc on this system.
  }
}

function countsOf(path: string): { passed: number; failed: number } {
  let head = '';
  try {
    head = /<testsuites\b[^>]*>/.exec(readFileSync(path, 'utf8'))?.[0] ?? '';
  } catch {
    return { passed: 0, failed: 0 };
  }
  const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = count('failures') + count('errors') + count('skipped');
  return { passed: count('tests') - failed, failed };
}

function say(out: Screen, name: string, ok: boolean, start: number): void {
  const word = ok ? paint(out, 'good', '✔ passed') : paint(out, 'bad', '✘ failed');
  out.write(`${word}  ${name}  ${duration(performance.now() - start)}\n`);
}
