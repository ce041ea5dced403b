import type { Root } from './root';
import type { Candidate, Stack } from './stack';

export async function cargo(root: Root): Promise<Stack | null> {
  const text = await root.read('Cargo.toml');
  if (text === null) return null;
  const from = 'Cargo.toml';
  const all = /^\[workspace(?:\.\w+)*\]/m.test(text) ? ' --workspace' : '';
  const checks: Candidate[] = [{ name: 'tests', command: `cargo test${all}`, from }];
  const clippy = ['clippy.toml', '.clippy.toml'].find((name) => root.files.has(name));
  if (clippy || /^\[(?:workspace\.)?lints(?:\.clippy)?\]/m.test(text))
    checks.push({ name: 'lint', command: `cargo clippy${all} --all-targets`, from: clippy ?? from });
  const locked = root.files.has('Cargo.lock');
  const setup = locked
    ? { command: 'cargo fetch --locked', from: 'Cargo.lock' }
    : { command: 'cargo fetch', from };
  return { label: 'rust', checks, setup };
}

export async function go(root: Root): Promise<Stack | null> {
  if (!root.files.has('go.mod')) return null;
  const from = 'go.mod';
  const checks: Candidate[] = [
    { name: 'tests', command: 'go test ./...', from },
    { name: 'vet', command: 'go vet ./...', from },
  ];
  const setup = root.files.has('go.sum') ? { command: 'go mod download', from: 'go.sum' } : null;
  return { label: 'go', checks, setup };
}

export async function gradle(root: Root): Promise<Stack | null> {
  const from = first(root, 'build.gradle', 'build.gradle.kts', 'settings.gradle', 'settings.gradle.kts');
  if (from === null) return null;
  const program = root.files.has('gradlew') ? './gradlew' : 'gradle';
  const checks: Candidate[] = [{ name: 'tests', command: `${program} test --console=plain`, from }];
  return { label: 'gradle', checks, setup: { command: `${program} testClasses --console=plain`, from } };
}

export async function maven(root: Root): Promise<Stack | null> {
  const from = 'pom.xml';
  if (!root.files.has(from)) return null;
  const program = root.files.has('mvnw') ? './mvnw' : 'mvn';
  const checks: Candidate[] = [{ name: 'tests', command: `${program} -B test`, from }];
  return { label: 'maven', checks, setup: { command: `${program} -B dependency:go-offline`, from } };
}

export async function ruby(root: Root): Promise<Stack | null> {
  const bundled = first(root, 'Gemfile');
  const from = first(root, '.rspec', 'Rakefile') ?? bundled;
  if (from === null) return null;
  const run = bundled === null ? '' : 'bundle exec ';
  const checks: Candidate[] = [];
  if (root.files.has('.rspec') || root.folders.has('spec')) {
    checks.push({ name: 'tests', command: `${run}rspec`, from: first(root, '.rspec') ?? 'spec' });
  } else if (root.folders.has('test') && root.files.has('Rakefile')) {
    checks.push({ name: 'tests', command: `${run}rake test`, from: 'Rakefile' });
  }
  const rubocop = first(root, '.rubocop.yml');
  if (rubocop !== null) checks.push({ name: 'lint', command: `${run}rubocop`, from: rubocop });
  const setup =
    bundled === null ? null : { command: 'bundle install', from: first(root, 'Gemfile.lock') ?? bundled };
  return { label: 'ruby', checks, setup };
}

export async function elixir(root: Root): Promise<Stack | null> {
  const from = 'mix.exs';
  if (!root.files.has(from)) return null;
  const checks: Candidate[] = [{ name: 'tests', command: 'mix test', from }];
  if (root.files.has('.credo.exs')) checks.push({ name: 'lint', command: 'mix credo', from: '.credo.exs' });
  return { label: 'elixir', checks, setup: { command: 'mix deps.get', from } };
}

export async function php(root: Root): Promise<Stack | null> {
  const text = await root.read('composer.json');
  if (text === null) return null;
  const checks: Candidate[] = [];
  const phpunit = first(root, 'phpunit.xml', 'phpunit.xml.dist', 'phpunit.dist.xml');
  if (/"scripts"\s*:\s*\{[^{}]*"test"\s*:/.test(text))
    checks.push({ name: 'tests', command: 'composer test', from: 'composer.json' });
  else if (phpunit !== null) checks.push({ name: 'tests', command: 'vendor/bin/phpunit', from: phpunit });
  const phpstan = first(root, 'phpstan.neon', 'phpstan.neon.dist', 'phpstan.dist.neon');
  if (phpstan !== null) checks.push({ name: 'types', command: 'vendor/bin/phpstan analyse', from: phpstan });
  const from = first(root, 'composer.lock') ?? 'composer.json';
  return { label: 'php', checks, setup: { command: 'composer install --no-interaction', from } };
}

function first(root: Root, ...names: string[]): string | null {
  return names.find((name) => root.files.has(name)) ?? null;
}
