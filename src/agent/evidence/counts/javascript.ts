import { cutSoon, type Found, fitting, isCut, type Output, type Tally, tests, together } from './found';
import { tally } from './words';

/** JavaScript's runners that close with several lines. */
export function readJavascript(output: Output): Found[] {
  const found = [jest, vitest, mocha, bun, node, playwright].map((read) => {
    const all = output.lines.flatMap((line, at) => {
      const seen = read(line, at, output);
      return seen ? [{ counts: tests(seen.format, seen.tally), at }] : [];
    });
    return together(all, output.cut);
  });
  return [...found, ava(output)].filter((one) => one !== null);
}

type Read = (line: string, at: number, output: Output) => { format: string; tally: Tally } | null;

const jest: Read = (line, at, { lines }) => {
  const list = /^Tests: +(\d.* total)$/.exec(line)?.[1];
  if (list === undefined) return null;
  const seen = tally(list);
  const suites = /^Test Suites: +(\d.* total)$/.exec(lines[at - 1] ?? '')?.[1];
  // Files that could not be loaded have no failed test to their name.
  if (suites !== undefined && seen.failed === 0) seen.failed = tally(suites).failed;
  return { format: 'jest', tally: seen };
};

const vitest: Read = (line, at, { lines }) => {
  const list = /^ *Tests +(?:(\d.*) \(\d+\)|no tests)$/.exec(line);
  const files = /^ *Test Files +(\d.*) \(\d+\)$/.exec(lines[at - 1] ?? '')?.[1];
  if (!list || files === undefined) return null;
  const seen = tally(list[1] ?? '');
  if (seen.failed === 0) seen.failed = tally(files).failed;
  // Of no test: a promise that was rejected after it had passed.
  const after = lines.slice(at + 1, at + 3).map((one) => /^ *Errors +(\d{1,9}) errors?$/.exec(one)?.[1]);
  if (cutSoon(lines, at + 1)) return null;
  seen.failed += Number(after.find((one) => one !== undefined) ?? 0);
  return { format: 'vitest', tally: seen };
};

/** The failures are shown after the counts: where the output is cut in between, they may not be whole. */
const mocha: Read = (line, at, { lines }) => {
  const passing = /^ +(\d{1,9} passing) \(/.exec(line)?.[1];
  if (passing === undefined) return null;
  const more = fitting(lines, at + 1, /^ +(\d{1,9} (?:pending|failing))$/);
  if (cutSoon(lines, at + more.length + 1)) return null;
  return { format: 'mocha', tally: tally([passing, ...more].join()) };
};

const bun: Read = (line, at, { lines }) => {
  const ran = /^Ran (\d{1,9}) tests? across \d+ files?\./.exec(line)?.[1];
  if (ran === undefined) return null;
  const list: string[] = [];
  for (let i = at - 1; at - i < 12; i--) {
    const part = /^ *(\d{1,9} [a-z()]+)/.exec(lines[i] ?? '')?.[1];
    if (part === undefined && (isCut(lines[i]) || isCut(lines[i - 1]))) return null;
    if (part === undefined) break;
    // A file that could not be loaded is an error, and a failed test as well.
    if (!/ errors?$/.test(part)) list.push(part);
  }
  const seen = tally(list.join());
  const rest = Math.max(0, Number(ran) - seen.passed - seen.skipped - seen.failed);
  return { format: 'bun test', tally: { ...seen, failed: seen.failed + rest } };
};

const node: Read = (line, at, { lines }) => {
  if (!/^ℹ tests \d+$/.test(line)) return null;
  const list = fitting(lines, at + 1, /^ℹ ([a-z]+ \d{1,9})$/).map((part) => part.replace(' ', ': '));
  if (!list.some((part) => part.startsWith('pass:')) || cutSoon(lines, at + list.length + 1)) return null;
  return { format: 'node --test', tally: tally(list.join()) };
};

const avaLine =
  /^ {2}(\d{1,9} (?:(?:test|hook)s? (?:passed|failed|skipped|todo)|known failures?|uncaught exceptions?|unhandled rejections?))$/;

/** It tells how many passed only where none failed; else the ticks say it. */
function ava({ lines, cut }: Output): Found | null {
  const end = lines.findLastIndex((line) => avaLine.test(line));
  if (end === -1) return null;
  let start = end;
  while (avaLine.test(lines[start - 1] ?? '')) start--;
  const list = lines.slice(start, end + 1).map((line) =>
    line
      .trim()
      .replace(/ (?:test|hook)s? /, ' ')
      .replace(/(?:uncaught|unhandled) .*/, 'errors'),
  );
  const seen = tally(list.join());
  if (seen.failed > 0 && seen.passed === 0) {
    if (cut) return null;
    seen.passed = lines.filter((line) => /^ {2}✔ (?!\[expected fail\])/.test(line)).length;
  }
  return { counts: tests('ava', seen), at: end };
}

/** Each count is followed by the names of its tests: where something is cut, a count may be. */
const playwright: Read = (line, at, { lines, cut }) => {
  if (cut || !/^Running \d+ tests? using \d+ workers?/.test(line)) return null;
  const last = new Map<string, string>();
  for (let i = at + 1; i < lines.length; i++) {
    const one = lines[i] ?? '';
    if (/^Running \d+ tests? using /.test(one)) break;
    const part =
      /^ {2}(\d{1,9} (passed|failed|flaky|skipped|interrupted|did not run))(?: \([\d.]+\w+\))?$/.exec(one);
    if (part) last.set(part[2] ?? '', (part[1] ?? '').replace('flaky', 'passed'));
  }
  return last.size === 0 ? null : { format: 'playwright', tally: tally([...last.values()].join()) };
};
