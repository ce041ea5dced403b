import { type Found, type Output, tests, together } from './found';
import { tally } from './words';

/** A runner that says everything in one line. */
interface Closing {
  format: string;
  /** Its first group is the list of counts. */
  line: RegExp;
  /** Such a line closes one part of the whole (a binary, an assembly): of a cut output none can be trusted to be all. */
  parts?: true;
}

const runners: Closing[] = [
  { format: 'pytest', line: /^(?:=+ )?(\d+ .*) in \d+\.\d+s(?: \([\d:]+\))?(?: =+)?$/ },
  { format: 'pytest', line: /^(?:=+ )?(no tests ran) in \d+\.\d+s(?: =+)?$/ },
  { format: 'cargo test', line: /^test result: \w+\. (.+)$/, parts: true },
  { format: 'cargo nextest', line: /^ *Summary \[[^\]]*\] +(?:\d+\/)?\d+ tests? run: (.+)$/ },
  { format: 'rspec', line: /^(\d+ examples?, .+)$/ },
  { format: 'jasmine', line: /^(\d+ specs?, .+)$/ },
  { format: 'minitest', line: /^(\d+ (?:runs|tests), \d+ assertions, .+)$/ },
  { format: 'pest', line: /^ *Tests: +(\d.*) \(\d+ assertions?\)$/ },
  { format: 'phpunit', line: /^(Tests: \d+, Assertions: \d+.*)$/ },
  { format: 'phpunit', line: /^OK \((\d+ tests?), \d+ assertions?\)$/ },
  { format: 'junit text', line: /^OK \((\d+ tests?)\)$/ },
  { format: 'gradle', line: /^(\d+ tests? completed.*)$/, parts: true },
  {
    format: 'dotnet test',
    line: /^ *(?:Passed|Failed|Skipped)! +- (Failed: .+), Duration: /,
    parts: true,
  },
  { format: 'dotnet test', line: /^Test summary: (total: \d+, .+), duration: / },
  { format: 'deno test', line: /^(?:ok|FAILED) \| (.+) \(\d[^)]*\)$/ },
  { format: 'exunit', line: /^((?:\d+ \w+, )*\d+ tests?, \d+ failures?(?:, .+)?)$/ },
  { format: 'summary', line: /^(\d+ passed, \d+ failed)$/ },
];

/** What the runners that close with one line say, each for itself. */
export function readClosingLines(output: Output): Found[] {
  const found = new Map<Closing, Found[]>(runners.map((runner) => [runner, []]));
  for (const [at, line] of output.lines.entries()) {
    if (!hasCount(line)) continue;
    for (const [runner, all] of found) {
      const list = runner.line.exec(line)?.[1];
      if (list !== undefined) all.push({ counts: tests(runner.format, tally(list)), at });
    }
  }
  return [...found].flatMap(([{ parts }, all]) => {
    const one = parts && output.cut ? null : together(all, output.cut);
    return one ? [one] : [];
  });
}

/** Spares most lines of a long output every pattern. */
function hasCount(line: string): boolean {
  return /\d/.test(line) || line.includes('no tests ran');
}
