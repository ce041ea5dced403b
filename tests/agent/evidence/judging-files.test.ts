import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  type FileChange,
  isManifest,
  type Judged,
  judgingFiles,
} from '../../../src/agent/evidence/judging-files';

const none: Judged = { commands: [], manifest: null };
const modified = (path: string, rest: Partial<FileChange> = {}): FileChange => ({
  path,
  status: 'modified',
  ...rest,
});
const kindOf = (path: string, judged = none) => judgingFiles([modified(path)], judged)[0]?.kind ?? null;
const reason = (change: FileChange, judged = none) => judgingFiles([change], judged)[0]?.reason ?? null;
const texts = (path: string, base: string | null, patched: string | null) =>
  modified(path, { base, patched });

describe('a file of a patch is', () => {
  test.each(
    `test/a.js tests/unit/fixtures/data.json src/__tests__/a.tsx src/a.test.ts src/a.spec.jsx a.cy.ts a-test.js
    pkg/a_test.go pkg/testdata/in.txt test_a.py a/test_b.py app/tests.py spec/a_spec.rb spec/fixtures/x.yml
    test/models/user_test.rb src/test/java/x/A.java src/main/java/x/ATest.java x/AIT.java App.Tests/A.cs
    app/src/androidTest/A.kt src/__snapshots__/a.snap a.snap tests/it.rs t/a.t a.bats test/a_test.exs lib/a_test.dart
    src/a_unittest.cc features/a.feature test.sh tests/run.sh e2e/x.ts unit-tests/a.php src/FooSpec.scala
    src/FooTest.php foo_SUITE.erl test-support/a.rb README.test.js types.test-d.ts a/__mocks__/fs.js`.split(
      /\s+/,
    ),
  )('a test: %s', (path) => {
    expect(kindOf(path)).toBe('test');
  });

  test.each(
    `jest.config.ts jest.config.unit.js jest.setup.js vitest.config.mts vitest.workspace.json playwright.config.ts
    .mocharc.yml .mocharc .babelrc babel.config.js tsconfig.json tsconfig.build.json packages/a/tsconfig.json biome.json
    .eslintrc.json eslint.config.mjs .eslintrc pytest.ini tox.ini conftest.py tests/conftest.py mypy.ini ruff.toml
    Makefile makefile GNUmakefile build/rules.mk justfile Taskfile.yml Rakefile .rspec phpunit.xml.dist .npmrc
    .cargo/config.toml a/.cargo/config .config/nextest.toml clippy.toml .golangci.yml .mvn/jvm.config bunfig.toml
    gradle/wrapper/gradle-wrapper.properties node_modules/jest/index.js node_modules a/node_modules .venv .cargo
    .env .env.test .env.test.local mise.toml rust-toolchain.toml ci/steps.sh .ci/a/run hack/all.sh scripts/check-all.sh
    tools/lint pytest.py _pytest/__init__.py unittest.py sitecustomize.py turbo.json deno.jsonc`.split(/\s+/),
  )('what configures a runner: %s', (path) => {
    expect(kindOf(path)).toBe('runner');
    expect(reason(modified(path))).toStartWith('configures ');
  });

  test.each(
    `src/a.ts README.md src/latest.ts src/contest/a.py src/testing.ts docs/testing.md go.mod package-lock.json
    .github/workflows/test.yml src/attest.go openapi.spec.yaml .env.example src/ci/a.ts src/pytest.py scripts/deploy.sh bin/start vendor src/Latest.java lib/inspect.rb .gitignore Dockerfile
    src/specification.ts protest/a.js src/makefile.ts setup.py requirements.txt vite.config.ts`.split(/\s+/),
  )('neither: %s', (path) => {
    // A workflow is run by a forge, not by a check of ours.
    expect(kindOf(path)).toBe(null);
  });

  test('told with what the patch does to it, in its order', () => {
    const changes: FileChange[] = [
      { path: 'tests/a.py', status: 'deleted' },
      { path: 'src/a.py', status: 'modified' },
      { path: 'conftest.py', status: 'added' },
    ];
    expect(judgingFiles(changes, none)).toEqual([
      { path: 'tests/a.py', kind: 'test', change: 'deleted', reason: 'in a folder of tests, tests/' },
      { path: 'conftest.py', kind: 'runner', change: 'added', reason: 'configures pytest' },
    ]);
  });

  test('what takes the place of a folder that a check’s command leads into', () => {
    const judged = { commands: ['vendor/bin/phpunit', 'sh quality/all.sh'], manifest: null };
    for (const path of ['vendor', 'quality']) expect(kindOf(path, judged)).toBe('runner');
    expect(kindOf('vendor', none)).toBe(null);
  });

  test('Vitest’s configuration when it is Vite’s and Vitest is what runs', () => {
    expect(kindOf('vite.config.ts', { commands: ['npx vitest run'], manifest: null })).toBe('runner');
    expect(kindOf('vite.config.ts', { commands: [], manifest: '{"scripts":{"test":"vitest"}}' })).toBe(
      'runner',
    );
  });
});

describe('a manifest judges only when what decides how checks run differs', () => {
  const manifest = { name: 'x', scripts: { test: 'jest' }, dependencies: { a: '1' }, jest: { bail: true } };
  const write = (change: object) => JSON.stringify({ ...manifest, ...change });

  test.each<[change: object, told: string | null]>([
    [{ dependencies: { a: '2', b: '1' }, version: '2.0.0' }, null],
    [{ scripts: { test: 'true' } }, 'decides how checks run: scripts'],
    [{ scripts: { test: 'jest', extra: 'x' } }, 'decides how checks run: scripts'],
    [{ jest: undefined, mocha: {} }, 'decides how checks run: jest, mocha'],
    [{ eslintConfig: { rules: {} } }, 'decides how checks run: eslintConfig'],
  ])('package.json with %j', (change, told) => {
    expect(reason(texts('package.json', write({}), write(change)))).toBe(told);
    expect(reason(texts('packages/a/package.json', write({}), write(change)))).toBe(told);
  });

  test('a package.json that is new, is gone, cannot be read, or whose texts are not known', () => {
    expect(reason(texts('package.json', null, '{"name":"x"}'))).toBeNull();
    expect(reason(texts('package.json', null, write({})))).toBe('decides how checks run: scripts, jest');
    expect(reason(texts('package.json', write({}), null))).toBe('decides how checks run: scripts, jest');
    for (const broken of ['{', '[]', 'null', '{"scripts":', '['.repeat(100_000), ' '.repeat(600_000)])
      expect(reason(texts('package.json', write({}), broken))).toBe('decides how checks run');
    expect(reason(modified('package.json'))).toBe('decides how checks run');
  });

  test.each<[path: string, base: string, patched: string, told: string | null]>([
    ['deno.json', '{"tasks":{"test":"deno test"}}', '{"tasks":{"test":"true"}}', 'tasks'],
    ['deno.json', '{"imports":{}}', '{"imports":{"a":"b"}}', null],
    ['composer.json', '{"scripts":{"test":"phpunit"}}', '{"scripts":{"test":"true"}}', 'scripts'],
    [
      'pyproject.toml',
      '[project]\nversion = "1"\n',
      '[project]\nversion = "2"\ndependencies = ["a"]\n',
      null,
    ],
    ['pyproject.toml', '[tool.poetry]\nname = "a"\n', '[tool.poetry]\nname = "b"\n', null],
    ['pyproject.toml', '', '[tool.pytest.ini_options]\naddopts = "-x"\n', 'tool.pytest'],
    ['pyproject.toml', '', 'tool.pytest.ini_options.addopts = "-x"\n', 'tool.pytest'],
    ['pyproject.toml', '', '[ tool . "pytest" . ini_options ]\naddopts = "-x"\n', 'tool.pytest'],
    ['pyproject.toml', '', '[tool.coverage.report]\nfail_under = 0\n', 'tool.coverage'],
    ['pyproject.toml', '', '[project.scripts]\npytest = "evil:main"\n', 'project.scripts'],
    ['pyproject.toml', '', '[project.scripts]\nserve = "app:main"\n', null],
    ['pyproject.toml', '', '[build-system]\nrequires = []\nbackend-path = ["."]\n', 'build-system'],
    ['pyproject.toml', '', '[build-system]\nrequires = ["hatchling"]\n', null],
    ['pyproject.toml', '', '[project.entry-points.pytest11]\nx = "evil"\n', 'project.entry-points'],
    // What looks like an innocent section is text.
    [
      'pyproject.toml',
      '',
      '[tool.pytest.ini_options]\nx = """\n[project]\n"""\naddopts = "--ignore=tests"\n',
      'tool.pytest',
    ],
    ['Cargo.toml', '[package]\nname = "a"\n', '[package]\nname = "a"\n[dependencies]\nb = "1"\n', null],
    ['Cargo.toml', '', '[lints.clippy]\nall = "allow"\n', 'lints'],
    ['Cargo.toml', '', '[workspace.lints.rust]\nunsafe_code = "allow"\n', 'workspace.lints'],
    ['Cargo.toml', '', '[[test]]\nname = "a"\nharness = false\n', 'test'],
    ['Cargo.toml', '[lib]\nname = "a"\n', '[lib]\nname = "a"\ntest = false\n', 'lib.test'],
    ['Cargo.toml', '[[bin]]\nname = "a"\n', '[[bin]]\nname = "a"\n[[bin]]\nname = "b"\n', null],
    ['Cargo.toml', '[package]\n', '[package]\nautotests = false\n', 'package.autotests'],
    [
      'setup.cfg',
      '[metadata]\nname = a\n',
      '[metadata]\nname = b\n[options]\ninstall_requires =\n  x\n',
      null,
    ],
    ['setup.cfg', '', '[tool:pytest]\naddopts = -x\n', '[tool:pytest]'],
    ['setup.cfg', '', '[options.entry_points]\npytest11 =\n  x = evil\n', '[options.entry_points]'],
    ['CMakeLists.txt', 'add_test(a b)\n', 'add_test(a b)\nadd_library(x y.c)\n', null],
    ['CMakeLists.txt', 'add_test(a b)\n', '', 'what speaks of tests'],
    ['pom.xml', '<a/>', '<a/><dependency/>', null],
    ['pom.xml', '<a/>', '<a/>\n<testFailureIgnore>true</testFailureIgnore>', 'what speaks of tests'],
    ['build.gradle', '', 'dependencies { testImplementation "a" }', null],
    ['build.gradle.kts', '', 'tasks.test { ignoreFailures = true }', 'what speaks of tests'],
  ])('%s: %j → %j', (path, base, patched, told) => {
    expect(isManifest(path)).toBe(true);
    expect(reason(texts(path, base, patched))).toBe(told && `decides how checks run: ${told}`);
  });

  test.each([
    ['pyproject.toml', '[project'],
    ['pyproject.toml', 'tool = 1\n'],
    ['pyproject.toml', `a = ${'['.repeat(200_000)}`],
    ['Cargo.toml', '[lib]\nlib = \n'],
    // Python ends a line there: it would see a section that is not to be seen.
    ['setup.cfg', '[metadata]\nname = a\u2028[tool:pytest]\u2028addopts = -x\n'],
    ['setup.cfg', '[metadata]\n  [tool:pytest]\n'],
  ])('%s that can be read in no way, or in two: %#', (path, patched) => {
    expect(reason(texts(path, '', patched))).toBe('decides how checks run');
  });
});

describe('what a check’s command names judges', () => {
  const named = (command: string, path: string, manifest: object | null = null) =>
    kindOf(path, { commands: [command], manifest: manifest && JSON.stringify(manifest) });

  test.each([
    ['sh run.sh', 'run.sh'],
    ['./scripts/check', 'scripts/check'],
    ['scripts/check --fast', 'scripts/check'],
    ['python tools/x.py --all', 'tools/x.py'],
    ['python3 -m tools.x', 'tools/x.py'],
    ['python3 -m tools.x', 'tools/x/__main__.py'],
    ['python -m pytest', 'pytest.py'],
    ["uv run python -c 'import ruff' || exit 127; uv run python -m ruff check .", 'ruff.py'],
    ['bash -eu ./ci.sh', 'ci.sh'],
    ['sh -c "cd tools && ./check one"', 'tools/check'],
    ['cd tools && ./check', 'tools/check'],
    ['CI=1 timeout 60 node --enable-source-maps tools/x.js', 'tools/x.js'],
    ['node --require ./boot.js x.js', 'boot.js'],
    ['node --import=./boot.js x.js', 'boot.js'],
    ['lint --config conf/lint.json src', 'conf/lint.json'],
    ['make -f build/ci.make all', 'build/ci.make'],
    ['bun run tools/x.ts', 'tools/x.ts'],
    ['deno run -A tools/x.ts', 'tools/x.ts'],
    ['poetry run python tools/x.py', 'tools/x.py'],
    ["bash 'a file.sh'", 'a file.sh'],
    ['echo hi; . ./env.sh && true', 'env.sh'],
    ['./gradlew test', 'gradlew'],
    ['set -e\nsh one.sh\nsh two.sh', 'two.sh'],
    ['if ! sh one.sh; then false; fi', 'one.sh'],
    ['node src/selftest.js', 'src/selftest.js'],
  ])('%j names %s', (command, path) => {
    expect(named(command, path)).toBe('runner');
  });

  test.each([
    ['tsc src/a.ts', 'src/a.ts'],
    ['python tools/x.py data.json', 'data.json'],
    ['cat run.txt', 'run.txt'],
    ['rm -f out.txt', 'out.txt'],
    ['sh ../x.sh', 'x.sh'],
    ['sh /x.sh', 'x.sh'],
    ['python -c x.py', 'x.py'],
    // The product itself, which the patch is to change.
    ['node src/cli.js --selftest', 'src/cli.js'],
    ['npm test', 'tools/x.js'],
  ])('%j does not name %s', (command, path) => {
    expect(named(command, path)).toBe(null);
  });

  test('through the base’s scripts of package.json, with those before and after', () => {
    const manifest = {
      scripts: {
        pretest: 'node tools/prepare.js',
        test: 'npm run unit -- --all && yarn lint',
        unit: 'sh unit.sh',
        lint: 'node tools/lint.js',
        loop: 'npm run loop && sh loop.sh',
        other: 'sh other.sh',
      },
    };
    for (const path of ['tools/prepare.js', 'unit.sh', 'tools/lint.js'])
      for (const command of ['npm test', 'npm run test', 'yarn test', 'pnpm --silent test', 'bun run test'])
        expect(named(command, path, manifest)).toBe('runner');
    expect(named('npm run loop', 'loop.sh', manifest)).toBe('runner');
    expect(named('npm test', 'other.sh', manifest)).toBe(null);
    expect(named('bun test', 'unit.sh', manifest)).toBe(null);
    expect(kindOf('unit.sh', { commands: ['npm test'], manifest: '{' })).toBe(null);
  });
});

test('whatever a patch and a command are called, it is said in time and without failing', () => {
  const word = fc.oneof(
    fc.constantFrom(
      'sh',
      '-c',
      "'",
      '"',
      '\\',
      ';',
      '&&',
      'cd',
      '..',
      'npm',
      'run',
      'test',
      '-m',
      '--config',
      '\n',
    ),
    fc.string({ unit: 'binary', maxLength: 6 }),
  );
  const command = fc.array(word, { maxLength: 12 }).map((words) => words.join(' '));
  const path = fc.array(fc.string({ minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(command, path, fc.option(fc.string()), (one, parts, manifest) => {
      const changes = [modified(parts.join('/')), texts('package.json', manifest, '{}')];
      expect(judgingFiles(changes, { commands: [one], manifest }).length).toBeLessThan(3);
    }),
    { numRuns: 1000 },
  );
  const started = performance.now();
  for (const part of ['"', "'", '\\', 'sh ', 'cd a;', '(', 'a=b ', "sh -c 'x' "])
    judgingFiles([modified('a')], { commands: [part.repeat(100_000)], manifest: null });
  for (const part of ['test_', 'a/', '.test', 'Test', '-', '.'])
    judgingFiles([modified(part.repeat(4096 / part.length))], none);
  expect(performance.now() - started).toBeLessThan(10_000);
});
