import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Detected, detectChecks } from '../../../src/agent/evidence/detect';
import { git, makeRepository } from '../../support/repository';
import { removeTemp } from '../../support/temp';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const made: string[] = [];
afterEach(() => {
  for (const path of made.splice(0)) removeTemp(path);
});

type Files = Record<string, string>;

async function detect(files: Files): Promise<Detected> {
  const { path, head } = makeRepository(files);
  made.push(path);
  return await detectChecks(join(path, '.git'), head);
}

/** `name: command`, with a `?` behind what is not required. */
const short = ({ checks, setup }: Detected) => [
  ...checks.map(({ name, command, required }) => `${name}${required ? '' : '?'}: ${command}`),
  ...(setup === null ? [] : [`setup: ${setup}`]),
];

/** A module's run, which ends as a shell's command that is not there where there is no such module. */
const module = (python: string, words: string) =>
  `${python} -c 'import ${words.split(' ')[0]}' || exit 127; ${python} -m ${words}`;

const json = (value: object) => JSON.stringify(value);
const scripts = { test: 'jest', typecheck: 'tsc', build: 'vite build', lint: 'eslint .', start: 'node .' };
const dependencies = { a: '1' };

describe('the checks of a project', () => {
  test.each<[what: string, files: Files, found: string[]]>([
    [
      'npm',
      { 'package.json': json({ scripts, dependencies }), 'package-lock.json': '{}' },
      [
        'tests: npm test',
        'types: npm run typecheck',
        'build: npm run build',
        'lint?: npm run lint',
        'setup: npm ci',
      ],
    ],
    [
      'yarn',
      { 'package.json': json({ scripts: { test: 'x', tsc: 'tsc' }, dependencies }), 'yarn.lock': '' },
      ['tests: yarn test', 'types: yarn run tsc', 'setup: yarn install --frozen-lockfile'],
    ],
    [
      'yarn, the modern one',
      { 'package.json': json({ scripts: { test: 'x' }, dependencies }), 'yarn.lock': '', '.yarnrc.yml': '' },
      ['tests: yarn test', 'setup: yarn install --immutable'],
    ],
    [
      'pnpm',
      {
        'package.json': json({ scripts: { test: 'x', 'type-check': 'tsc' }, dependencies }),
        'pnpm-lock.yaml': '',
      },
      ['tests: pnpm test', 'types: pnpm run type-check', 'setup: pnpm install --frozen-lockfile'],
    ],
    [
      'bun',
      { 'package.json': json({ scripts: { test: 'x' }, dependencies }), 'bun.lock': '' },
      ['tests: bun run test', 'setup: bun install --frozen-lockfile'],
    ],
    [
      'bun without a script',
      { 'package.json': json({ devDependencies: { '@types/bun': '1' } }), 'bun.lockb': '' },
      ['tests: bun test', 'setup: bun install --frozen-lockfile'],
    ],
    [
      'a package manager by name, without a lock file',
      { 'package.json': json({ packageManager: 'pnpm@9.1.0', scripts: { test: 'x' }, dependencies }) },
      ['tests: pnpm test', 'setup: pnpm install'],
    ],
    ['no dependencies', { 'package.json': json({ scripts: { test: 'node --test' } }) }, ['tests: npm test']],
    [
      'a TypeScript that no script compiles',
      { 'package.json': json({ devDependencies: { typescript: '5' } }), 'tsconfig.json': '{}' },
      ['types: npx --no-install tsc --noEmit', 'setup: npm install'],
    ],
    [
      'a TypeScript that the build compiles',
      {
        'package.json': json({ scripts: { build: 'tsc -b' }, devDependencies: { typescript: '5' } }),
        'tsconfig.json': '{}',
      },
      ['build: npm run build', 'setup: npm install'],
    ],
    [
      'scripts that test nothing, or wait for ever',
      {
        'package.json': json({
          scripts: {
            test: 'echo "Error: no test specified" && exit 1',
            build: 'vite build --watch',
            lint: ' ',
          },
          dependencies,
        }),
      },
      [],
    ],
    [
      'a second choice, and one that would wait for ever without CI',
      { 'package.json': json({ scripts: { test: 'vitest watch', 'test:unit': 'react-scripts test' } }) },
      ['tests: CI=true npm run test:unit'],
    ],
    [
      'deno',
      { 'deno.json': json({ tasks: { test: 'deno test -A', lint: 'deno lint' } }) },
      ['tests: deno task test', 'lint?: deno task lint', 'setup: deno install'],
    ],
    [
      'deno without tasks',
      { 'deno.jsonc': '{ // a\n}' },
      ['tests: deno test --allow-all', 'setup: deno install'],
    ],
    [
      'pytest, a package with extras',
      {
        'pyproject.toml':
          '[project]\nname = "a"\n[project.optional-dependencies]\ntest = ["pytest"]\n[tool.ruff]\n[tool.mypy]\nstrict = true\n',
        'tests/test_a.py': 'def test_a(): pass\n',
      },
      [
        ...[
          `tests: ${module('python3', 'pytest')}`,
          `types: ${module('python3', 'mypy .')}`,
          `lint?: ${module('python3', 'ruff check .')}`,
        ],
        "setup: python3 -m pip install -e '.[test]'",
      ],
    ],
    [
      'pytest, requirements',
      { 'requirements.txt': 'a\n', 'requirements-dev.txt': 'pytest\n', 'pytest.ini': '' },
      [
        `tests: ${module('python3', 'pytest')}`,
        'setup: python3 -m pip install -r requirements.txt -r requirements-dev.txt',
      ],
    ],
    [
      'pytest by its style alone',
      { 'setup.py': '', 'test/test_a.py': 'def test_a(): pass\n' },
      [`tests: ${module('python3', 'pytest')}`, 'setup: python3 -m pip install -e .'],
    ],
    [
      'poetry',
      { 'pyproject.toml': '[tool.poetry.group.dev.dependencies]\npytest = "8"\n', 'poetry.lock': '' },
      [`tests: ${module('poetry run python', 'pytest')}`, 'setup: poetry install --no-interaction'],
    ],
    [
      'uv',
      { 'pyproject.toml': '[dependency-groups]\ndev = ["pytest"]\n', 'uv.lock': '' },
      [`tests: ${module('uv run python', 'pytest')}`, 'setup: uv sync --frozen'],
    ],
    [
      'unittest',
      { 'tests/test_a.py': 'import unittest\n', 'a.py': '' },
      ['tests: python3 -m unittest discover -s tests'],
    ],
    [
      'unittest in a package of tests',
      { 'tests/__init__.py': '', 'tests/test_a.py': 'class A(TestCase): pass\n' },
      ['tests: python3 -m unittest discover -s tests -t .'],
    ],
    [
      'unittest beside the code',
      { 'test_a.py': 'import unittest\n' },
      ['tests: python3 -m unittest discover'],
    ],
    ['cargo', { 'Cargo.toml': '[package]\n' }, ['tests: cargo test', 'setup: cargo fetch']],
    [
      'cargo, a workspace with clippy',
      { 'Cargo.toml': '[workspace]\nmembers = []\n[workspace.lints.clippy]\n', 'Cargo.lock': '' },
      [
        ...['tests: cargo test --workspace', 'lint?: cargo clippy --workspace --all-targets'],
        'setup: cargo fetch --locked',
      ],
    ],
    [
      'go',
      { 'go.mod': 'module a\n', 'go.sum': '' },
      ['tests: go test ./...', 'vet?: go vet ./...', 'setup: go mod download'],
    ],
    [
      'gradle',
      { 'build.gradle.kts': '', gradlew: '' },
      ['tests: ./gradlew test --console=plain', 'setup: ./gradlew testClasses --console=plain'],
    ],
    ['maven', { 'pom.xml': '<project/>' }, ['tests: mvn -B test', 'setup: mvn -B dependency:go-offline']],
    [
      'rspec',
      { Gemfile: '', 'Gemfile.lock': '', 'spec/a_spec.rb': '', '.rubocop.yml': '' },
      ['tests: bundle exec rspec', 'lint?: bundle exec rubocop', 'setup: bundle install'],
    ],
    [
      'minitest',
      { Gemfile: '', Rakefile: '', 'test/test_a.rb': '' },
      ['tests: bundle exec rake test', 'setup: bundle install'],
    ],
    ['mix', { 'mix.exs': '' }, ['tests: mix test', 'setup: mix deps.get']],
    [
      'composer',
      { 'composer.json': json({ scripts: { test: 'pest' } }), 'phpstan.neon': '' },
      [
        'tests: composer test',
        'types: vendor/bin/phpstan analyse',
        'setup: composer install --no-interaction',
      ],
    ],
    [
      'phpunit',
      { 'composer.json': '{}', 'phpunit.xml.dist': '' },
      ['tests: vendor/bin/phpunit', 'setup: composer install --no-interaction'],
    ],
    [
      'make',
      { Makefile: 'TEST := x\nall: build\ncheck lint: all\n\ttrue\ntest:=y\n' },
      ['tests: make check', 'lint?: make lint'],
    ],
    ['make without targets of that name', { Makefile: 'all:\n\ttest: x\n#test:\ntests = a\n' }, []],
    [
      'just',
      { justfile: 'x := "1"\ntest filter="": build\n  true\n@lint:\n' },
      ['tests: just test', 'lint?: just lint'],
    ],
    ['a script of tests', { 'tests/run.sh': 'true\n', 'a.sh': '' }, ['tests: sh tests/run.sh']],
    ['nothing', { 'README.md': 'test: make test\n' }, []],
    ['nothing at all', {}, []],
  ])('%s', async (_what, files, found) => {
    expect(short(await detect(files))).toEqual(found);
  });

  test('of several stacks have names of their own, in a fixed order; what only calls them fills what they leave open', async () => {
    const files = {
      'package.json': json({ scripts: { test: 'jest', lint: 'eslint .' }, dependencies }),
      'go.mod': '',
      'setup.cfg': '[flake8]\n[tool:pytest]\n',
      Makefile: 'test:\nlint:\ntypecheck:\n',
      justfile: 'typecheck:\n',
      'test.sh': '',
    };
    const found = await detect(files);
    expect(short(found)).toEqual([
      'tests: npm test',
      `tests (python): ${module('python3', 'pytest')}`,
      'tests (go): go test ./...',
      'types: make typecheck',
      'lint?: npm run lint',
      `lint (python)?: ${module('python3', 'flake8')}`,
      'vet?: go vet ./...',
      'setup: npm install',
    ]);
    expect(found.checks.map((check) => check.timeout_s)).toEqual([600, 600, 600, 300, 300, 300, 300]);
    expect(found.why.slice(0, 4)).toEqual([
      { check: 'tests', from: 'package.json' },
      { check: 'tests (python)', from: 'setup.cfg' },
      { check: 'tests (go)', from: 'go.mod' },
      { check: 'types', from: 'Makefile' },
    ]);
    expect(found.why.at(-1)).toEqual({ check: 'setup', from: 'package.json' });
  });

  test('tell by their end that what Python runs them with is not there', async () => {
    const { checks } = await detect({ 'setup.cfg': '[tool:pytest]\n' });
    const { path } = makeRepository({});
    made.push(path);
    const end = (...more: string[]) => {
      writeFileSync(join(path, 'pytest.py'), more.join('\n'));
      return Bun.spawnSync(['sh', '-c', checks[0]!.command], { cwd: path, stderr: 'ignore' }).exitCode;
    };
    expect(end('import no_such_module')).toBe(127);
    expect(end('import sys', 'if __name__ == "__main__":', '  sys.exit(1)')).toBe(1);
    expect(end('')).toBe(0);
  });

  test('are not misled by what is broken, huge, a link or a folder', async () => {
    for (const broken of [
      '{',
      '[]',
      '"x"',
      '{"scripts":3}',
      '{"scripts":{"test":3}}',
      '['.repeat(100_000),
      ' '.repeat(300_000),
    ])
      expect(short(await detect({ 'package.json': broken }))).toEqual([]);
    expect(short(await detect({ 'package.json/a': '', 'go.mod/b': '', 'tests/run.sh/c': '' }))).toEqual([]);
    const { path } = makeRepository({ 'real.json': json({ scripts: { test: 'x' } }) });
    made.push(path);
    symlinkSync('real.json', join(path, 'package.json'));
    mkdirSync(join(path, 'empty'));
    git(path, 'add', '-A');
    git(path, 'commit', '-q', '-m', 'link');
    expect(short(await detectChecks(join(path, '.git'), git(path, 'rev-parse', 'HEAD')))).toEqual([]);
  });

  test('hold no text of the repository', async () => {
    const found = await detect({
      'package.json': json({
        name: '$(touch x)',
        packageManager: 'npm@1; touch x',
        scripts: { test: '"; touch x', 'build; touch x': 'x', lint: '$(touch x)' },
        dependencies: { '; touch x': '1' },
      }),
      'tests/test_$(touch x).py': 'import unittest',
      Makefile: 'test$(touch x): a\n`touch x`:\n',
    });
    expect(JSON.stringify([found.checks, found.setup])).not.toContain('touch');
  });

  test('are read from a commit that is there', async () => {
    const { path, head } = makeRepository({});
    made.push(path);
    await expect(detectChecks(join(path, '.git'), 'HEAD')).rejects.toThrow(TypeError);
    await expect(detectChecks(join(path, '.git'), '1'.repeat(40))).rejects.toHaveProperty('name', 'GitError');
    await expect(detectChecks(join(path, '.git'), head, AbortSignal.abort())).rejects.toHaveProperty(
      'name',
      'AbortError',
    );
  });
});
