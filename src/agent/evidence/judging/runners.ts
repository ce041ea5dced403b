/** Files that decide, as a whole, how checks run; by name, with whose they are. */
const byName: [RegExp, string][] = [
  [/^jest\.(?:config|setup|preset|env\w*)\b.*\.(?:[cm]?[jt]s|json)$/, 'Jest'],
  [/^jest-setup\.[cm]?[jt]s$/, 'Jest'],
  [/^vitest[.-](?:config|workspace|setup)\b.*\.(?:[cm]?[jt]s|json)$/, 'Vitest'],
  [/^playwright(?:-ct)?\.config\.[cm]?[jt]s$/, 'Playwright'],
  [/^cypress\.(?:config\.[cm]?[jt]s|json)$/, 'Cypress'],
  [/^(?:karma|wdio|protractor|nightwatch)\.conf\b.*\.[cm]?[jt]s(?:on)?$/, 'the test runner'],
  [/^web-test-runner\.config\.[cm]?[jt]s$/, 'the test runner'],
  [/^\.mocharc(?:\.\w+)?$|^mocha\.opts$/, 'Mocha'],
  [/^ava\.config\.[cm]?[jt]s$/, 'AVA'],
  [/^(?:\.taprc|\.jasmine\.json|jasmine\.json)$/, 'the test runner'],
  [/^\.(?:c8rc|nycrc)(?:\.\w+)?$|^nyc\.config\.[cm]?[jt]s$/, 'the coverage limits'],
  [/^(?:\.babelrc(?:\.\w+)?|babel\.config\.\w+)$/, 'Babel'],
  [/^\.swcrc$/, 'SWC'],
  [/^[jt]sconfig\b.*\.json$/, 'TypeScript'],
  [/^biome\.jsonc?$/, 'Biome'],
  [/^(?:\.eslintrc(?:\.\w+)?|\.eslintignore|eslint\.config\.[cm]?[jt]s)$/, 'ESLint'],
  [/^(?:\.prettierrc(?:\.\w+)?|\.prettierignore|prettier\.config\.[cm]?[jt]s)$/, 'Prettier'],
  [/^(?:\.stylelintrc(?:\.\w+)?|stylelint\.config\.[cm]?[jt]s)$/, 'Stylelint'],
  [/^(?:tslint\.json|\.oxlintrc\.json|\.xo-config(?:\.\w+)?|\.jshintrc)$/, 'the linter'],
  [/^(?:deno\.jsonc|bunfig\.toml|turbo\.jsonc?|nx\.json)$/, 'the runner of scripts'],
  // Bun and others put it into the environment of all that they start, NODE_OPTIONS included.
  [/^\.env(?:\.(?:test|development|local|ci))*$/, 'the environment of what runs'],
  [/^(?:\.?mise\.toml|rust-toolchain(?:\.toml)?)$/, 'the version of the tools'],
  // What these can do: another shell for scripts, another package manager, another package.
  [/^(?:\.npmrc|\.yarnrc(?:\.yml)?|\.pnpmfile\.c?js)$/, 'the package manager'],
  [/^(?:Grunt|Gulp)file\.[cm]?[jt]s$/i, 'the runner of scripts'],
  [/^(?:pytest|\.pytest)\.ini$|^\.?pytest\.toml$|^conftest\.py$/, 'pytest'],
  [/^(?:tox\.ini|noxfile\.py|\.coveragerc)$/, 'the test runner'],
  [/^(?:\.?mypy\.ini|pyrightconfig\.json|\.?ruff\.toml|\.flake8|\.?pylintrc)$/, 'the linter'],
  [/^(?:sitecustomize|usercustomize)\.py$|\.pth$/, 'every Python that starts'],
  [/^(?:GNU)?makefile$/i, 'make'],
  [/^Makefile\.\w+$/, 'make'],
  [/\.(?:mk|mak)$/, 'make'],
  [/^\.?justfile$/i, 'just'],
  [/^taskfile(?:\.dist)?\.ya?ml$/i, 'task'],
  [/^Rakefile$|\.rake$/, 'rake'],
  [/^(?:\.rspec|\.rubocop(?:_todo)?\.yml|\.simplecov)$/, 'the test runner'],
  [
    /^(?:phpunit(?:\.dist)?\.xml(?:\.dist)?|codeception(?:\.dist)?\.yml|behat\.yml(?:\.dist)?)$/,
    'the test runner',
  ],
  [
    /^(?:phpstan(?:\.dist)?\.neon(?:\.dist)?|psalm\.xml(?:\.dist)?|\.php-cs-fixer(?:\.dist)?\.php)$/,
    'the linter',
  ],
  [/^\.?(?:clippy|rustfmt|nextest)\.toml$/, 'cargo'],
  [/^\.golangci\.(?:ya?ml|toml|json)$/, 'the linter'],
  [
    /^(?:\.runsettings|xunit\.runner\.json|.+\.runsettings|Directory\.Build\.(?:props|targets))$/,
    'the test runner',
  ],
  [/^(?:CTestCustom\.cmake|CTestTestfile\.cmake)$/, 'CTest'],
  [/^(?:analysis_options|dart_test)\.yaml$/, 'Dart'],
  [/^(?:\.credo|\.formatter)\.exs$/, 'the linter'],
];

const byPath: [RegExp, string][] = [
  // A link of such a name is the whole folder.
  [
    /(?:^|\/)(?:node_modules|\.venv|venv|vendor\/bin|\.cargo|\.mvn|\.yarn|\.yarn\/(?:releases|plugins))$/,
    'what checks run with',
  ],
  // Modules that stand before the installed ones for `python -m`.
  [/^(?:_?pytest|pluggy|iniconfig|unittest|doctest|coverage|nose2?)(?:\.py$|\/|$)/, 'what checks run with'],
  // What checks call in turn; under these names it is no part of the product.
  [/^(?:\.?ci|hack)\//, 'what checks run with'],
  [
    /^(?:scripts?|tools?|bin|build|dev)\/(?:.*\/)?[^/]*(?:check|lint|verify|coverage)[^/]*$/i,
    'what checks run with',
  ],
  [/(?:^|\/)\.cargo\/config(?:\.toml)?$/, 'cargo'],
  [/(?:^|\/)\.config\/nextest\.toml$/, 'cargo'],
  [/(?:^|\/)\.mvn\//, 'Maven'],
  [/(?:^|\/)gradle\/wrapper\//, 'Gradle'],
  [/(?:^|\/)gradle\.properties$/, 'Gradle'],
  [/(?:^|\/)(?:node_modules|\.venv|venv|vendor\/bin)\//, 'what checks run with'],
  [/(?:^|\/)\.yarn\/(?:releases|plugins)\//, 'the package manager'],
];

/** Why a file of this name decides how checks run, whatever it says; null when its name says nothing of the kind. */
export function runnerReason(path: string): string | null {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const found =
    byName.find(([pattern]) => pattern.test(name)) ?? byPath.find(([pattern]) => pattern.test(path));
  return found ? `configures ${found[1]}` : null;
}
