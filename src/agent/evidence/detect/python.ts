import type { Root } from './root';
import type { Candidate, Stack } from './stack';

const requirements = [
  'requirements.txt',
  'requirements-dev.txt',
  'requirements_dev.txt',
  'dev-requirements.txt',
  'requirements-test.txt',
];
const manifests = [
  'pyproject.toml',
  'setup.py',
  'setup.cfg',
  'tox.ini',
  'pytest.ini',
  'Pipfile',
  'conftest.py',
];

/** pytest where it is spoken of, else unittest; type checkers and linters that are configured. */
export async function python(root: Root): Promise<Stack | null> {
  const texts = new Map<string, string>();
  for (const name of [...manifests, ...requirements]) {
    const text = await root.read(name);
    if (text !== null) texts.set(name, text);
  }
  const tests = await findTests(root);
  if (texts.size === 0 && tests === null) return null;
  const by = runner(root);
  const checks: Candidate[] = [];
  const add = (name: Candidate['name'], module: string, from: string | null) => {
    if (from !== null) checks.push({ name, command: orNotRun(by.python, module), from });
  };
  const says = (pattern: RegExp) => [...texts].find(([, text]) => pattern.test(text))?.[0] ?? null;
  const has = (...names: string[]) => names.find((name) => root.files.has(name)) ?? null;
  const pytest = has('pytest.ini', '.pytest.ini', 'conftest.py') ?? says(/\bpytest\b/);
  if (pytest !== null || (tests && !tests.unittest)) add('tests', 'pytest', pytest ?? tests?.from ?? null);
  else if (tests) add('tests', `unittest discover${tests.where}`, tests.from);
  add('types', 'mypy .', has('mypy.ini', '.mypy.ini') ?? says(/^\[(?:tool\.)?mypy\]/m));
  if (!checks.some((one) => one.name === 'types'))
    add('types', 'pyright', has('pyrightconfig.json') ?? says(/^\[tool\.pyright\]/m));
  add('lint', 'ruff check .', has('ruff.toml', '.ruff.toml') ?? says(/^\[tool\.ruff(?:\.\w+)?\]/m));
  if (!checks.some((one) => one.name === 'lint'))
    add('lint', 'flake8', has('.flake8') ?? says(/^\[flake8\]/m));
  return { label: 'python', checks, setup: by.setup ?? pip(texts) };
}

interface Tests {
  unittest: boolean;
  /** Arguments of `unittest discover`. */
  where: string;
  from: string;
}

async function findTests(root: Root): Promise<Tests | null> {
  for (const folder of ['tests', 'test', '']) {
    if (folder !== '' && !root.folders.has(folder)) continue;
    const files = await root.list(folder);
    const found = files.find((name) => /^test_.*\.py$|_test\.py$/.test(name));
    if (found === undefined) continue;
    const from = folder === '' ? found : `${folder}/${found}`;
    const text = (await root.read(from)) ?? '';
    const where = folder === '' ? '' : files.includes('__init__.py') ? ` -s ${folder} -t .` : ` -s ${folder}`;
    return { unittest: /\bunittest\b|TestCase/.test(text), where, from };
  }
  return null;
}

/** Python ends with 1 where a module is not there, as where its tests fail; a shell says with 127 that it could not run. */
function orNotRun(python: string, module: string): string {
  const run = `${python} -m ${module}`;
  const [name = ''] = module.split(' ');
  return name === 'unittest' ? run : `${python} -c 'import ${name}' || exit 127; ${run}`;
}

function runner(root: Root): { python: string; setup: Stack['setup'] } {
  const by: [lock: string, python: string, setup: string][] = [
    ['uv.lock', 'uv run python', 'uv sync --frozen'],
    ['poetry.lock', 'poetry run python', 'poetry install --no-interaction'],
    ['pdm.lock', 'pdm run python', 'pdm sync'],
    ['Pipfile.lock', 'pipenv run python', 'pipenv sync --dev'],
  ];
  const found = by.find(([lock]) => root.files.has(lock));
  if (!found) return { python: 'python3', setup: null };
  return { python: found[1], setup: { command: found[2], from: found[0] } };
}

function pip(texts: ReadonlyMap<string, string>): Stack['setup'] {
  const lists = requirements.filter((name) => texts.has(name));
  const project = texts.get('pyproject.toml') ?? '';
  const packaged = texts.has('setup.py')
    ? 'setup.py'
    : /^\[(?:project|build-system)\]/m.test(project)
      ? 'pyproject.toml'
      : null;
  const from = packaged ?? lists[0];
  if (from === undefined) return null;
  const words = [...(packaged ? [`-e ${withExtra(project)}`] : []), ...lists.map((name) => `-r ${name}`)];
  return { command: `python3 -m pip install ${words.join(' ')}`, from };
}

/** The project with what its tests need, if it names that. */
function withExtra(project: string): string {
  const extras = project.split(/^\[project\.optional-dependencies\]/m)[1]?.split(/^\[/m)[0] ?? '';
  const found = ['test', 'tests', 'testing', 'dev'].find((name) =>
    new RegExp(`^${name}\\s*=`, 'm').test(extras),
  );
  return found === undefined ? '.' : `'.[${found}]'`;
}
