/** A file of a commit, as `git ls-tree` gives it; the path's bytes one by one (latin1). */
export interface TreeFile {
  path: string;
  mode: string;
  id: string;
}

export function parseTree(listed: Uint8Array): TreeFile[] {
  const text = Buffer.from(listed.buffer, listed.byteOffset, listed.byteLength).toString('latin1');
  return [...text.matchAll(/(\d{6}) [a-z]+ ([0-9a-f]+)\t([^\0]+)\0/g)].map(
    ([, mode = '', id = '', path = '']) => ({ path, mode, id }),
  );
}

/** What a set-up command is taken to read of a tree. */
export interface SetupInputs {
  files: TreeFile[];
  /**
   * The files say what it comes to: there is a lock file among them, and none is a link, whose target would count.
   * Where they do not, it may read anything of the tree.
   */
  decide: boolean;
  /** Whether a path, there or not, is one of those that count. */
  has(path: string): boolean;
}

/**
 * The files that decide what a set-up command makes: lock files, manifests and their kin anywhere in the tree, every
 * file that the command names, and the commits of submodules. What those call in turn is not followed: a file that
 * counts and is not seen here can be named in the command, in a comment if need be.
 */
export function setupInputs(command: string, tree: readonly TreeFile[]): SetupInputs {
  const named = namesIn(command);
  const lastNames = new Set([...named].map(nameOf));
  // In whatever folder: the command may have gone there first.
  const isNamed = (path: string): boolean =>
    lastNames.has(nameOf(path)) && [...named].some((name) => path === name || path.endsWith(`/${name}`));
  const has = (path: string): boolean => isInput(path) || isNamed(path);
  const files = tree.filter((file) => file.mode === submodule || has(file.path));
  const decide = files.some((file) => isLock(file.path)) && !files.some((file) => file.mode === link);
  return { files, decide, has };
}

const submodule = '160000';
const link = '120000';

/** What package managers write of what they have chosen, or are told exactly. */
const locks = new Set(
  (
    'package-lock.json npm-shrinkwrap.json bun.lock bun.lockb yarn.lock pnpm-lock.yaml deno.lock ' +
    'poetry.lock uv.lock pdm.lock pipfile.lock pylock.toml conda-lock.yml pixi.lock cargo.lock go.sum go.work.sum ' +
    'gemfile.lock composer.lock mix.lock rebar.lock gradle.lockfile packages.lock.json paket.lock pubspec.lock ' +
    'package.resolved podfile.lock flake.lock stack.yaml.lock cabal.project.freeze manifest.toml cpanfile.snapshot'
  ).split(' '),
);

/** What asks for packages, chooses where they come from or how they are built, or is run by a bare `make` and the like. */
const manifests = new Set(
  (
    'package.json pnpm-workspace.yaml .pnpmfile.cjs .npmrc .yarnrc .yarnrc.yml bunfig.toml lerna.json deno.json ' +
    'deno.jsonc .nvmrc .node-version pyproject.toml setup.py setup.cfg pipfile environment.yml environment.yaml ' +
    'pip.conf tox.ini noxfile.py .python-version pixi.toml cargo.toml rust-toolchain rust-toolchain.toml go.mod ' +
    'go.work gemfile .ruby-version composer.json mix.exs rebar.config pom.xml build.gradle build.gradle.kts ' +
    'settings.gradle settings.gradle.kts gradle.properties libs.versions.toml directory.packages.props ' +
    'directory.build.props nuget.config paket.dependencies pubspec.yaml package.swift podfile flake.nix shell.nix ' +
    'default.nix stack.yaml cabal.project project.toml cpanfile .tool-versions mise.toml .mise.toml vcpkg.json ' +
    'conanfile.txt conanfile.py makefile gnumakefile justfile taskfile.yml taskfile.yaml rakefile .gitmodules'
  ).split(' '),
);

const otherInputs =
  /\.(?:gemspec|csproj|fsproj|vbproj|cabal|mk)$|(?:^|\/)(?:patches|\.yarn|\.cargo|\.bundle|gradle\/wrapper)\/|(?:^|\/)constraints[^/]*\.txt$/i;
const requirements = /(?:^|\/)(?:requirements[^/]*|requirements\/[^/]+)\.(?:txt|in)$/i;

function isLock(path: string): boolean {
  return !isInstalled(path) && (locks.has(nameOf(path)) || requirements.test(path));
}

function isInput(path: string): boolean {
  return isLock(path) || (!isInstalled(path) && (manifests.has(nameOf(path)) || otherInputs.test(path)));
}

/** Packages that were committed bring manifests of their own, which nobody installs from. */
function isInstalled(path: string): boolean {
  return path.startsWith('node_modules/') || path.includes('/node_modules/');
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).toLowerCase();
}

/** The words of a command that may be files. */
function namesIn(command: string): Set<string> {
  const bytes = Buffer.from(command).toString('latin1');
  const words = bytes
    .split(/[\s;&|()<>"'`$={},#]+/)
    .flatMap((word) => [word, word.replace(/^-+[a-zA-Z]/, '')]);
  return new Set(
    words
      .map((word) => word.replace(/^(?:\/workspace\/|\.{1,2}\/)+/, ''))
      .filter((word) => /[^./]/.test(word)),
  );
}
