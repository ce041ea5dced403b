import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

const root = resolve(import.meta.dir, '..');

interface Import {
  /** From the root: `src/core/run.ts`; a package's name otherwise. */
  to: string;
  /** Gone at run time. */
  type: boolean;
  /** Loaded when it is needed, by `import()`. */
  dynamic: boolean;
}

const files = sources('src').concat('drizzle/schema.ts');
const imports = new Map(files.map((file) => [file, importsOf(file)]));

/** What each part may import, by the first fitting prefix; `types` only as types. Its own folder always. */
const rules: Record<string, { values: string[]; types: string[] }> = {
  'src/config.ts': { values: [], types: [] },
  'src/version.ts': { values: [], types: [] },
  'src/log.ts': { values: ['src/config.ts'], types: [] },
  'drizzle/': { values: [], types: ['src/core/failure.ts', 'src/core/fact.ts', 'src/core/judging.ts'] },
  'src/core/': { values: ['drizzle/', 'src/config.ts', 'src/log.ts'], types: [] },
  'src/agent/': {
    values: ['src/config.ts', 'src/log.ts', 'src/core/failure.ts', 'src/core/landing-failure.ts'],
    types: ['src/core/fact.ts', 'src/core/conversation.ts', 'src/core/opinion.ts', 'drizzle/schema.ts'],
  },
  'src/forges/': { values: ['src/config.ts'], types: ['src/core/landing-failure.ts'] },
  // The schema's lists of words (statuses, task types) are the contract's; a range is plain arithmetic.
  'src/views/': { values: ['drizzle/schema.ts', 'src/core/likely.ts'], types: ['src/core/'] },
  'src/jobs/': {
    values: [
      'src/core/',
      'src/agent/',
      'src/forges/',
      'src/config.ts',
      'src/log.ts',
      'src/version.ts',
      'drizzle/',
    ],
    types: [],
  },
  'src/server/': {
    values: [
      'src/core/',
      'src/views/',
      'src/jobs/',
      'src/config.ts',
      'src/log.ts',
      'src/version.ts',
      'drizzle/',
    ],
    types: [],
  },
  // Everything else that the command line knows, it is told over HTTP.
  'src/cli/': { values: ['src/config.ts', 'drizzle/schema.ts'], types: ['src/core/'] },
};
/** The command line starts the service and the worker; it loads them only then. */
const entries: Record<string, string[]> = {
  'src/cli/start.ts': ['src/server/service.ts', 'src/jobs/service.ts'],
};

/** Longer than 300 lines, with the reason. */
const longFiles: Record<string, string> = {
  'drizzle/schema.ts': 'the tables are read together, and drizzle-kit reads one file',
};

/** Read the environment although they are not src/config.ts, with the reason. */
const readEnvironment: Record<string, string> = {};

describe('the house', () => {
  test('parts import only what they may', () => {
    const wrong: string[] = [];
    for (const [file, found] of imports) {
      const part = Object.keys(rules).find((prefix) => file.startsWith(prefix));
      if (part === undefined) {
        wrong.push(`${file} belongs to no part`);
        continue;
      }
      const { values, types } = rules[part]!;
      for (const { to, type, dynamic } of found) {
        if (!/^(src|drizzle|tests)\//.test(to) || to.startsWith(part)) continue;
        const allowed = type ? [...values, ...types] : values;
        if (allowed.some((prefix) => to.startsWith(prefix))) continue;
        if (dynamic && entries[file]?.includes(to)) continue;
        wrong.push(`${file} imports ${type ? 'types of ' : ''}${to}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('no file imports itself through others', () => {
    const cycles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: string[]) => {
      const at = path.indexOf(file);
      if (at >= 0) cycles.push([...path.slice(at), file].join(' → '));
      if (at >= 0 || done.has(file)) return;
      for (const { to, type } of imports.get(file) ?? []) if (!type) visit(to, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  test('only src/config.ts reads the environment', () => {
    const readers = files.filter((file) => /\b(process|Bun)\s*\.\s*env\b|import\.meta\.env/.test(code(file)));
    expect(readers).toContain('src/config.ts');
    expect(readers.filter((file) => file !== 'src/config.ts' && !(file in readEnvironment))).toEqual([]);
  });

  test('no file is longer than 300 lines without a reason', () => {
    const long = files.filter((file) => read(file).split('\n').length > 301);
    expect(long.filter((file) => !(file in longFiles))).toEqual([]);
    expect(Object.keys(longFiles).filter((file) => !long.includes(file))).toEqual([]);
  });

  test('every test file that has a time is there', () => {
    const { files: timed } = JSON.parse(read('tests/timings.json')) as { files: Record<string, number> };
    expect(Object.keys(timed).length).toBeGreaterThan(100);
    expect(Object.keys(timed).filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  test('nothing that git keeps names a registry, or a path of the machine it was written on', () => {
    const listed = Bun.spawnSync(
      ['git', '-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
      {
        cwd: root,
      },
    );
    const names = listed.stdout.toString().split('\0').filter(Boolean);
    expect(names.length).toBeGreaterThan(20);
    const hostile = new RegExp(['registry\\.', '(npmjs|yarnpkg)\\.|/work/', '(main|shared|tmp)\\b'].join(''));
    const found = names.filter(
      (name) => Bun.file(join(root, name)).size < 1_000_000 && isText(name) && hostile.test(read(name)),
    );
    expect(found).toEqual([]);
  });
});

describe('dependencies', () => {
  const manifest = JSON.parse(read('package.json')) as Record<
    'dependencies' | 'devDependencies',
    Record<string, string>
  >;
  const all = { ...manifest.dependencies, ...manifest.devDependencies };

  test('are pinned exactly', () => {
    expect(Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual(
      [],
    );
  });

  test('are each listed in CONTRIBUTING.md with version and reason', () => {
    const page = read('CONTRIBUTING.md');
    const missing = Object.entries(all).filter(
      ([name, version]) => !page.split('\n').some((line) => line.startsWith(`| \`${name}\` | ${version} | `)),
    );
    expect(missing).toEqual([]);
    const rows = [...page.matchAll(/^\| `([^`]+)` \| \d/gm)].map((row) => row[1]!);
    expect(rows.filter((name) => !(name in all))).toEqual([]);
  });
});

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => `${folder}/${name}`)
    .sort();
}

function importsOf(file: string): Import[] {
  const tree = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, false);
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, type: boolean, dynamic = false) => {
    if (specifier && ts.isStringLiteral(specifier))
      found.push({ to: target(file, specifier.text), type, dynamic });
  };
  const visit = (node: ts.Node) => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, onlyTypes(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false, true);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, true);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** `import type …`, and `import { type A, type B } …`, which `verbatimModuleSyntax` keeps as a bare import: a value. */
function onlyTypes(clause: ts.ImportClause | undefined): boolean {
  return clause?.phaseModifier === ts.SyntaxKind.TypeKeyword || clause?.isTypeOnly === true;
}

function target(file: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  const path = relative(root, resolve(root, dirname(file), specifier));
  return [path, `${path}.ts`, `${path}.tsx`, `${path}/index.ts`].find((one) => files.includes(one)) ?? path;
}

/** Without comments. */
function code(file: string): string {
  return read(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

function isText(name: string): boolean {
  return !/\.(png|gz|woff2?|ico|jpg)$/.test(name);
}
