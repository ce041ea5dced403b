import { cutSoon, type Found, fitting, isCut, type Output, type Tally, tests, together } from './found';
import { tally } from './words';

/** Runners of other languages that close with several lines. */
export function readLanguages(output: Output): Found[] {
  const found = [unittest, ctest, prove, vstest, testingPlatform].map((read) => {
    const all = output.lines.flatMap((line, at) => {
      const seen = read(line, at, output.lines);
      return seen ? [{ counts: tests(seen.format, seen.tally), at }] : [];
    });
    return together(all, output.cut);
  });
  return [...found, maven(output)].filter((one) => one !== null);
}

type Read = (line: string, at: number, lines: readonly string[]) => { format: string; tally: Tally } | null;

/** A test whose subtests fail is told once for each: then fewer have passed here than in truth, never more. */
const unittest: Read = (line, at, lines) => {
  const ran = /^Ran (\d{1,9}) tests? in \d+\.\d+s$/.exec(line)?.[1];
  if (ran === undefined) return null;
  const end = lines.slice(at + 1, at + 4).find((one) => one !== '');
  const list = /^(?:OK|FAILED|NO TESTS RAN)(?: \((.+)\))?$/.exec(end ?? '');
  return list && { format: 'unittest', tally: tally(`tests: ${ran}, ${list[1] ?? ''}`) };
};

/** What was skipped is told below, and counts as passed above; what is disabled is told below only. */
const ctest: Read = (line, at, lines) => {
  const closing = /^\d+% tests passed, (\d{1,9}) tests? failed out of (\d{1,9})$/.exec(line);
  if (!closing) return null;
  const failed = Number(closing[1]);
  let skipped = 0;
  let disabled = 0;
  for (let i = at + 1; i < lines.length; i++) {
    const one = lines[i] ?? '';
    if (/^\d+% tests passed, /.test(one)) break;
    if (isCut(one)) return null;
    if (/^\s+\d+ - .*\(Skipped\)$/.test(one)) skipped += 1;
    if (/^\s+\d+ - .*\(Disabled\)$/.test(one)) disabled += 1;
  }
  const passed = Math.max(0, Number(closing[2]) - failed - skipped);
  return { format: 'ctest', tally: { passed, failed, skipped: skipped + disabled } };
};

/** Perl's `prove`: it names the failed tests of each file, and then tells how many there were. */
const prove: Read = (line, at, lines) => {
  const total = /^Files=\d+, Tests=(\d{1,9}), /.exec(line)?.[1];
  const result = /^Result: (PASS|FAIL|NOTESTS)$/.exec(lines[at + 1] ?? '')?.[1];
  if (total === undefined || result === undefined) return null;
  let failed = 0;
  for (let i = at - 1; i >= 0; i--) {
    const one = lines[i] ?? '';
    if (one === 'Test Summary Report' || one.startsWith('Files=')) break;
    if (isCut(one) && result === 'FAIL') return null;
    failed += Number(/^\S+ +\(Wstat: .* Failed: (\d{1,9})\)$/.exec(one)?.[1] ?? 0);
  }
  // A file that died, or did not keep to its plan, has no failed test to its name.
  if (result === 'FAIL') failed = Math.max(1, failed);
  return { format: 'prove', tally: { passed: Math.max(0, Number(total) - failed), failed, skipped: 0 } };
};

const vstest: Read = (line, at, lines) => {
  const total = /^Total tests: (\d{1,9})$/.exec(line)?.[1];
  const list = fitting(lines, at + 1, /^ +((?:Passed|Failed|Skipped): \d{1,9})$/);
  if (total === undefined || cutSoon(lines, at + list.length + 1)) return null;
  return { format: 'dotnet test', tally: tally([`total: ${total}`, ...list].join()) };
};

const testingPlatform: Read = (line, at, lines) => {
  if (!/^Test run summary: /.test(line)) return null;
  const list = fitting(lines, at + 1, /^ {2}((?:total|failed|succeeded|skipped): \d{1,9})$/);
  if (list.length === 0 || cutSoon(lines, at + list.length + 1)) return null;
  return { format: 'dotnet test', tally: tally(list.join()) };
};

/** One closing line for each module, which has no time; of a cut output, that of a project that has no modules. */
function maven({ lines, cut }: Output): Found | null {
  if (cut && lines.some((line) => line.includes('Reactor Summary'))) return null;
  const all = lines.flatMap((line, at) => {
    const list = /^(?:\[[A-Z]+\] )?(Tests run: \d+, .+)$/.exec(line)?.[1];
    if (list === undefined || list.includes('Time elapsed')) return [];
    return [{ counts: tests('maven', tally(list)), at }];
  });
  return together(all, cut);
}
