/** Longer than any manifest that a person wrote. */
const maxText = 2 ** 19;

interface Manifest {
  name: RegExp;
  /** What of it decides how checks run, by key. Throws when it cannot be read. */
  deciding(text: string): Map<string, unknown>;
  /** The patched text with only the deciding keys as the base has them. Throws when one of both cannot be read. */
  restore?(patched: string, base: string): string;
}

const manifests: Manifest[] = [
  json(
    /^package\.json$/,
    `scripts config jest vitest mocha ava c8 nyc tap jasmine tsd xo standard eslintConfig eslintIgnore stylelint prettier
    babel ts-node wireit nx playwright cypress`.split(/\s+/),
  ),
  json(/^deno\.json$/, ['tasks', 'test', 'lint', 'fmt', 'bench', 'compilerOptions']),
  json(/^composer\.json$/, ['scripts']),
  { name: /^pyproject\.toml$/, deciding: pyproject },
  { name: /^Cargo\.toml$/, deciding: cargo },
  { name: /^setup\.cfg$/, deciding: setupCfg },
  // Everybody adds a source or a dependency here; only what speaks of tests judges.
  lines(/^CMakeLists\.txt$|\.cmake$/, /test|gtest|catch/i),
  lines(/^meson\.build$/, /\b(?:test|benchmark)\b/),
  lines(
    /^pom\.xml$/,
    /skip|fail|surefire|failsafe|maven\.test|<(?:in|ex)clude|argLine|groups|<phase>|checkstyle|spotbugs|pmd/i,
  ),
  lines(
    /\.gradle(?:\.kts)?$/,
    /\btest\b|[tT]ask|useJUnit|ignoreFailures|exclude|onlyIf|enabled|filter|check/,
  ),
  lines(/^build\.sbt$/, /\bTest\b|test(?:Options|Frameworks|Only)|fork/),
  lines(/^mix\.exs$/, /test|aliases/),
];

/** Whether a file's text says if it decides how checks run: then both texts are needed. */
export function isManifest(path: string): boolean {
  return find(path) !== undefined;
}

/**
 * Which keys that decide how checks run differ between two texts of a manifest; null text: it is not there. Undefined when
 * one of them cannot be read: then it has to be taken for judging as a whole.
 */
export function decidingChanges(
  path: string,
  base: string | null,
  patched: string | null,
): string[] | undefined {
  const manifest = find(path);
  if (!manifest) return [];
  try {
    const [before, after] = [base, patched].map((text) =>
      text === null ? new Map<string, unknown>() : manifest.deciding(bounded(text)),
    );
    const keys = new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])]);
    return [...keys].filter((key) => JSON.stringify(before?.get(key)) !== JSON.stringify(after?.get(key)));
  } catch {
    return undefined; // Unreadable, or nested deeper than anything a person writes.
  }
}

/** The patched text with the base's deciding keys; null when only the whole file can be put back. */
export function restoreDeciding(path: string, base: string | null, patched: string): string | null {
  try {
    return find(path)?.restore?.(bounded(patched), bounded(base ?? '{}')) ?? null;
  } catch {
    return null;
  }
}

function find(path: string): Manifest | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return manifests.find((manifest) => manifest.name.test(name));
}

function bounded(text: string): string {
  if (text.length > maxText) throw new RangeError('longer than any manifest');
  return text;
}

function json(name: RegExp, keys: readonly string[]): Manifest {
  const deciding = (text: string) => pick(object(JSON.parse(text)), keys);
  return {
    name,
    deciding,
    restore(patched, base) {
      const kept = deciding(base);
      const before = object(JSON.parse(patched));
      const same = Object.entries(before).flatMap(([key, value]) => {
        if (!keys.includes(key)) return [[key, value] as const];
        return kept.has(key) ? [[key, kept.get(key)] as const] : [];
      });
      const back = [...kept].filter(([key]) => !Object.hasOwn(before, key));
      const indent = /^[\t ]+(?=")/m.exec(patched)?.[0].slice(0, 8) ?? '  ';
      return `${JSON.stringify(Object.fromEntries([...same, ...back]), null, indent)}\n`;
    },
  };
}

function lines(name: RegExp, telling: RegExp): Manifest {
  const deciding = (text: string) =>
    new Map([['what speaks of tests', text.split(/\r?\n/).filter((line) => telling.test(line))]]);
  return { name, deciding };
}

const innocentTools = ['poetry', 'uv', 'setuptools', 'setuptools_scm', 'flit', 'maturin', 'bumpversion'];

/** A package that is installed with programs of these names brings its own in their place. */
const checkers =
  /^(?:python[\d.]*|pytest|py\.test|tox|nox|ruff|mypy|pyright|flake8|pylint|black|isort|bandit|coverage|pre-commit|make|sh|bash|env)$/;

/**
 * All but what only says how it is packaged; entry points can name plugins of pytest, and a way to build that lies in the
 * repository runs with set-up.
 */
function pyproject(text: string): Map<string, unknown> {
  const {
    project,
    tool,
    'build-system': build,
    'dependency-groups': _,
    ...rest
  } = object(Bun.TOML.parse(text));
  const tools = tool === undefined ? {} : object(tool);
  const deciding = new Map(Object.entries(rest));
  for (const [name, value] of Object.entries(tools)) {
    if (!innocentTools.includes(name)) deciding.set(`tool.${name}`, value);
  }
  const entries = project === undefined ? undefined : object(project)['entry-points'];
  if (entries !== undefined) deciding.set('project.entry-points', entries);
  const scripts = project === undefined ? undefined : object(project).scripts;
  const taken = Object.entries(scripts === undefined ? {} : object(scripts)).filter(([name]) =>
    checkers.test(name),
  );
  if (taken.length > 0) deciding.set('project.scripts', taken);
  if (build !== undefined && object(build)['backend-path'] !== undefined) deciding.set('build-system', build);
  const plugins = tools.poetry === undefined ? undefined : object(tools.poetry).plugins;
  if (plugins !== undefined) deciding.set('tool.poetry.plugins', plugins);
  return deciding;
}

const targetKeys = ['test', 'harness', 'doctest'];

function cargo(text: string): Map<string, unknown> {
  const manifest = object(Bun.TOML.parse(text));
  const deciding = pick(manifest, ['lints', 'test', 'bench', 'profile']);
  const inside = (table: string, keys: string[]) => {
    if (manifest[table] === undefined) return;
    for (const [key, value] of pick(object(manifest[table]), keys)) deciding.set(`${table}.${key}`, value);
  };
  inside('workspace', ['lints']);
  inside('package', ['autotests', 'autobenches']);
  inside('lib', targetKeys);
  for (const table of ['bin', 'example']) {
    const targets = manifest[table];
    if (!Array.isArray(targets)) continue;
    const told = targets.map((target) => [...pick(object(target), targetKeys)]);
    if (told.some((one) => one.length > 0)) deciding.set(table, told);
  }
  return deciding;
}

/** The sections that only say how it is packaged; `options.entry_points` can name plugins of pytest. */
const innocentSections =
  /^(?:metadata|options(?!\.entry_points)(?:\.\w+)?|bdist_wheel|sdist|egg_info|build_ext|bumpversion.*)$/;

/** What some reader of such a file may take for a line's end, or for a section, and another not. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what Python ends lines at
const doubtful = /\r(?!\n)|[\u000b\u000c\u001c-\u001e\u0085\u2028\u2029]|^\s+\[/m;

function setupCfg(text: string): Map<string, unknown> {
  if (doubtful.test(text)) throw new SyntaxError('sections that can be read in two ways');
  const deciding = new Map<string, string[]>();
  let section = '';
  for (const line of text.split(/\r?\n/)) {
    section = /^\[([^\]]*)\]/.exec(line)?.[1] ?? section;
    if (line.trim() === '' || innocentSections.test(section)) continue;
    const told = deciding.get(`[${section}]`) ?? [];
    deciding.set(`[${section}]`, told);
    told.push(line);
  }
  return deciding;
}

function pick(from: Record<string, unknown>, keys: readonly string[]): Map<string, unknown> {
  return new Map(keys.flatMap((key) => (Object.hasOwn(from, key) ? [[key, from[key]] as const] : [])));
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('no table');
  return value as Record<string, unknown>;
}
