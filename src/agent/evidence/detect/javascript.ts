import type { Root } from './root';
import type { Candidate, Stack } from './stack';

interface PackageManager {
  /** Runs the script `test`. */
  test: string;
  /** Runs a script. */
  run: string;
  /** Runs a program of a dependency, and never fetches one. */
  exec: string;
  install: string;
  /** What it installs from, or what named it. */
  from: string;
}

/** package.json's scripts, by the package manager whose lock file there is. */
export async function javascript(root: Root): Promise<Stack | null> {
  const manifest = parse(await root.read('package.json'));
  if (manifest === null) return null;
  const by = packageManager(root, manifest);
  const checks: Candidate[] = [];
  const scripts = table(manifest.scripts);
  const script = (name: Candidate['name'], wanted: readonly string[]): string | null => {
    const found = wanted.find((one) => isScript(scripts[one]));
    if (found === undefined) return null;
    const command = found === 'test' ? by.test : `${by.run} ${found}`;
    const once = /\breact-scripts test\b/.test(String(scripts[found])) ? 'CI=true ' : '';
    checks.push({ name, command: once + command, from: 'package.json' });
    return String(scripts[found]);
  };
  const dependencies = { ...table(manifest.dependencies), ...table(manifest.devDependencies) };
  const tests = script('tests', ['test', 'tests', 'test:unit', 'unit']);
  if (tests === null && by.test.startsWith('bun ') && 'bun-types' in renamed(dependencies))
    checks.push({ name: 'tests', command: 'bun test', from: by.from });
  const types = script('types', ['typecheck', 'type-check', 'check-types', 'check:types', 'types', 'tsc']);
  const build = script('build', ['build']);
  script('lint', ['lint']);
  const compiles = [types, build, tests].some((text) => text !== null && /\btsc\b/.test(text));
  if (types === null && !compiles && root.files.has('tsconfig.json') && 'typescript' in dependencies)
    checks.push({ name: 'types', command: `${by.exec} tsc --noEmit`, from: 'tsconfig.json' });
  const needs = Object.keys(dependencies).length > 0;
  return { label: 'javascript', checks, setup: needs ? { command: by.install, from: by.from } : null };
}

function packageManager(root: Root, manifest: Record<string, unknown>): PackageManager {
  const lock = (...names: string[]) => names.find((name) => root.files.has(name));
  const named = /^(npm|yarn|pnpm|bun)@(\d*)/.exec(String(manifest.packageManager ?? ''));
  const is = (name: string, found: string | undefined) => (named ? named[1] === name : found !== undefined);
  const bun = lock('bun.lock', 'bun.lockb');
  if (is('bun', bun))
    return make('bun', 'bun x', bun, bun ? 'install --frozen-lockfile' : 'install', 'bun run test');
  const pnpm = lock('pnpm-lock.yaml');
  if (is('pnpm', pnpm))
    return make('pnpm', 'pnpm exec', pnpm, pnpm ? 'install --frozen-lockfile' : 'install');
  const yarn = lock('yarn.lock');
  if (is('yarn', yarn)) {
    const modern = root.files.has('.yarnrc.yml') || Number(named?.[2] ?? 0) > 1;
    const frozen = modern ? 'install --immutable' : 'install --frozen-lockfile';
    return make('yarn', 'yarn run', yarn, yarn ? frozen : 'install');
  }
  const npm = lock('package-lock.json', 'npm-shrinkwrap.json');
  return make('npm', 'npx --no-install', npm, npm ? 'ci' : 'install');
}

function make(
  name: string,
  exec: string,
  from = 'package.json',
  install: string,
  test = `${name} test`,
): PackageManager {
  return { test, run: `${name} run`, exec, install: `${name} ${install}`, from };
}

/** Not npm's own default, and nothing that waits for changes for ever. */
function isScript(text: unknown): boolean {
  if (typeof text !== 'string' || text.trim() === '' || /no test specified/.test(text)) return false;
  if (/\bng test\b/.test(text)) return /--watch[= ]false|--no-watch/.test(text);
  return !/(?:^|\s)(?:--watch(?:All)?(?:=true)?|watch)(?:\s|$)/.test(text);
}

/** Bun's types have two names. */
function renamed(dependencies: Record<string, unknown>): Record<string, unknown> {
  return '@types/bun' in dependencies ? { ...dependencies, 'bun-types': '' } : dependencies;
}

function parse(text: string | null): Record<string, unknown> | null {
  try {
    return text === null ? null : table(JSON.parse(text));
  } catch {
    return null; // Nothing that a package manager could read either.
  }
}

function table(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** deno.json's tasks, or Deno's own runner. */
export async function deno(root: Root): Promise<Stack | null> {
  const from = ['deno.json', 'deno.jsonc'].find((name) => root.files.has(name));
  if (from === undefined) return null;
  const text = (await root.read(from)) ?? '';
  const checks: Candidate[] = [];
  const task = (name: Candidate['name'], wanted: string) => {
    const found = new RegExp(`"tasks"\\s*:\\s*\\{[^{}]*"${wanted}"\\s*:`).test(text);
    if (found) checks.push({ name, command: `deno task ${wanted}`, from });
    return found;
  };
  if (!task('tests', 'test')) checks.push({ name: 'tests', command: 'deno test --allow-all', from });
  task('lint', 'lint');
  return { label: 'deno', checks, setup: { command: 'deno install', from } };
}
