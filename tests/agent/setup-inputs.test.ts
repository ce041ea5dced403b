import { expect, test } from 'bun:test';
import { parseTree, setupInputs, type TreeFile } from '../../src/agent/setup-inputs';

const tree = (...paths: string[]): TreeFile[] => paths.map((path) => ({ path, mode: '100644', id: 'a' }));
const counted = (command: string, ...paths: string[]) =>
  setupInputs(command, tree(...paths)).files.map((file) => file.path);

test('lock files and manifests count at any depth, but for those of committed packages', () => {
  const inputs = [
    ...[
      'package.json',
      'web/package-lock.json',
      'bun.lockb',
      'requirements.txt',
      'requirements-dev.txt',
      'requirements/ci.txt',
    ],
    ...[
      'a/b/Cargo.lock',
      'go.sum',
      'Gemfile',
      'patches/left-pad.patch',
      '.yarn/releases/yarn.cjs',
      'src/App.csproj',
      'Makefile',
    ],
  ];
  const others = [
    'src/index.ts',
    'node_modules/x/package.json',
    'a/node_modules/y/yarn.lock',
    'docs/requirements.md',
    'lock',
  ];
  expect(counted('npm ci', ...inputs, ...others)).toEqual(inputs);
});

test('what the command names counts, wherever it lies, and whether it is there or not', () => {
  const paths = [
    'setup.sh',
    'web/scripts/install.sh',
    'web/schema.graphql',
    'install.sh.txt',
    'other.sh',
    'src/x.py',
  ];
  expect(counted('cd web && ./scripts/install.sh # schema.graphql', ...paths)).toEqual([
    'web/scripts/install.sh',
    'web/schema.graphql',
  ]);
  expect(counted('FOO=bar sh /workspace/setup.sh;python3 -ccode', ...paths)).toEqual(['setup.sh']);
  expect(counted('tool --file=other.sh -fsrc/x.py . ..', ...paths)).toEqual(['other.sh', 'src/x.py']);
  const { has } = setupInputs('bash tools/prepare', []);
  expect([has('tools/prepare'), has('x/tools/prepare'), has('prepare'), has('go.mod')]).toEqual([
    true,
    true,
    false,
    true,
  ]);
});

test('the files decide only with a lock file among them, and no link', () => {
  const decide = (...files: TreeFile[]) => setupInputs('npm ci', files).decide;
  expect(decide(...tree('package.json', 'src/a.js'))).toBe(false);
  expect(decide(...tree('package.json', 'package-lock.json'))).toBe(true);
  expect(decide(...tree('requirements.txt'))).toBe(true);
  expect(decide(...tree('package-lock.json'), { path: 'package.json', mode: '120000', id: 'b' })).toBe(false);
});

test('submodules count by their commit', () => {
  const files = [{ path: 'lib', mode: '160000', id: 'c' }, ...tree('src/a.c')];
  expect(setupInputs('git submodule update --init', files).files).toEqual([files[0]!]);
});

test('a tree is read byte for byte', () => {
  const listed = Buffer.from(
    [
      '100644 blob aa11\tplain',
      '120000 blob bb22\tsp ace\ttab\nline',
      '160000 commit cc33\tsub',
      '100755 blob dd44\t\xff',
      '',
    ].join('\0'),
    'latin1',
  );
  expect(parseTree(listed)).toEqual([
    { path: 'plain', mode: '100644', id: 'aa11' },
    { path: 'sp ace\ttab\nline', mode: '120000', id: 'bb22' },
    { path: 'sub', mode: '160000', id: 'cc33' },
    { path: '\xff', mode: '100755', id: 'dd44' },
  ]);
});
