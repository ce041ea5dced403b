import type { Root } from './root';
import type { Candidate, Stack } from './stack';

/** Targets by their usual names, each for what it stands. */
const usual: [name: Candidate['name'], targets: readonly string[]][] = [
  ['tests', ['test', 'tests', 'check']],
  ['types', ['typecheck', 'type-check', 'types']],
  ['lint', ['lint']],
];

/** Targets of a Makefile: those of every stack's checks that nothing else speaks for. */
export async function make(root: Root): Promise<Stack | null> {
  const from = ['GNUmakefile', 'makefile', 'Makefile'].find((name) => root.files.has(name));
  if (from === undefined) return null;
  // `test lint: deps`, but no `TEST := x`.
  const rule = /^([\w.-]+(?:[ \t]+[\w.-]+){0,50})[ \t]*::?(?![:=])/;
  return named('make', from, targets((await root.read(from)) ?? '', rule));
}

export async function just(root: Root): Promise<Stack | null> {
  const from = ['justfile', '.justfile', 'Justfile'].find((name) => root.files.has(name));
  if (from === undefined) return null;
  const recipe = /^@?([\w-]+)(?:[ \t][^:]{0,500})?:(?!=)/;
  return named('just', from, targets((await root.read(from)) ?? '', recipe));
}

function targets(text: string, rule: RegExp): Set<string> {
  return new Set(
    text.split('\n').flatMap((line) => rule.exec(line.slice(0, 4096))?.[1]?.split(/[ \t]+/) ?? []),
  );
}

function named(program: string, from: string, known: ReadonlySet<string>): Stack {
  const checks = usual.flatMap(([name, wanted]): Candidate[] => {
    const target = wanted.find((one) => known.has(one));
    return target === undefined ? [] : [{ name, command: `${program} ${target}`, from }];
  });
  return { label: program, checks, setup: null };
}

/** A script that is called as the one that runs the tests. */
export async function script(root: Root): Promise<Stack | null> {
  const beside = ['test.sh', 'run_tests.sh', 'run-tests.sh'].find((name) => root.files.has(name));
  const checks: Candidate[] = [];
  const add = (path: string) => checks.push({ name: 'tests', command: `sh ${path}`, from: path });
  if (beside !== undefined) add(beside);
  for (const folder of ['tests', 'test', 'scripts']) {
    if (checks.length > 0 || !root.folders.has(folder)) continue;
    const files = await root.list(folder);
    const found = (folder === 'scripts' ? ['test.sh'] : ['run.sh', 'test.sh', 'all.sh']).find((name) =>
      files.includes(name),
    );
    if (found !== undefined) add(`${folder}/${found}`);
  }
  return checks.length === 0 ? null : { label: 'script', checks, setup: null };
}
