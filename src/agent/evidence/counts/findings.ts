import { cutSoon, type Found, findings, type Output, together } from './found';

/** What linters and type checkers close with; where a compiler closes with nothing, its errors are counted. */
export function readFindings(output: Output): Found[] {
  const { lines, cut } = output;
  const found = [typescript, mypy, pyright, eslint, biome, ruff, rubocop].map((read) => {
    const all = lines.flatMap((line, at) => {
      const seen = read(line, at, lines);
      return seen ? [{ counts: findings(seen.format, seen.count), at }] : [];
    });
    return together(all, cut);
  });
  const known = found.filter((one) => one !== null);
  const compiled = known.some(({ counts }) => counts.format === 'tsc') ? null : compilerErrors(output);
  return compiled ? [...known, compiled] : known;
}

type Read = (line: string, at: number, lines: readonly string[]) => { format: string; count: number } | null;

function row(format: string, line: RegExp): Read {
  return (text) => {
    const numbers = line.exec(text)?.slice(1);
    if (!numbers) return null;
    const counts = numbers.map((number) => Number(number ?? 0) || 0);
    return { format, count: counts.reduce((all, one) => all + one, 0) };
  };
}

const typescript = row('tsc', /^Found (\d{1,9}) errors?(?: in (?!.*\(checked ).+|\. Watching .+)$/);
const eslint = row('eslint', /^✖ (\d{1,9}) problems? \(/);
const mypy = row(
  'mypy',
  /^(?:Found (\d{1,9}) errors? in \d+ files? \(checked .+\)|Success: no issues found in \d+ source files?)$/,
);
const pyright = row('pyright', /^(\d{1,9}) errors?, (\d{1,9}) warnings?, \d+ informations?/);
const rubocop = row('rubocop', /^\d+ files? inspected, (\d{1,9}|no) offenses? detected/);

const biome: Read = (line, at, lines) => {
  if (!/^Checked \d+ files? in \S+\.(?: |$)/.test(line)) return null;
  if (cutSoon(lines, at + 1)) return null;
  let count = 0;
  for (let i = at + 1; i < at + 5; i++) {
    const found = /^Found (\d{1,9}) (?:errors?|warnings?)\.$/.exec(lines[i] ?? '');
    if (found) count += Number(found[1]);
  }
  return { format: 'biome', count };
};

const ruff: Read = (line, at, lines) => {
  if (line === 'All checks passed!') return { format: 'ruff', count: 0 };
  const found = /^Found (\d{1,9}) errors?(?:\.| \(\d+ fixed, (\d{1,9}) remaining\)\.)$/.exec(line);
  const biomes = lines.slice(Math.max(0, at - 4), at).some((one) => one.startsWith('Checked '));
  return !found || biomes ? null : { format: 'ruff', count: Number(found[2] ?? found[1]) };
};

function compilerErrors({ lines, cut }: Output): Found | null {
  if (cut) return null;
  const all = lines.flatMap((line, at) => (/(?:^|: )error TS\d+: /.test(line) ? [at] : []));
  const at = all.at(-1);
  return at === undefined ? null : { counts: findings('tsc', all.length), at };
}
