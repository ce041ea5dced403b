import { type Found, type Output, type Tally, tests } from './found';

type Result = 'pass' | 'fail' | 'skip';

/** One package's end and the ends of its tests, subtests by `Test/sub`. */
interface Package {
  tests: Map<string, Result>;
  result: Result | null;
}

/**
 * `go test`: its JSON events, else what `-v` tells, else the packages' own lines. A test with subtests is counted by
 * these. Nothing adds up when something of it is missing.
 */
export function readGo({ lines, cut }: Output): Found | null {
  if (cut) return null;
  return readEvents(lines) ?? readLines(lines);
}

function readEvents(lines: readonly string[]): Found | null {
  const packages = new Map<string, Package>();
  let at = -1;
  for (const [i, line] of lines.entries()) {
    if (!line.startsWith('{') || !/"Action":"(?:pass|fail|skip)"/.test(line)) continue;
    const event = parse(line);
    if (!event) continue;
    const one = packages.get(event.Package) ?? { tests: new Map(), result: null };
    packages.set(event.Package, one);
    if (event.Test === undefined) one.result = event.Action;
    else one.tests.set(event.Test, event.Action);
    at = i;
  }
  return at === -1 ? null : { counts: tests('go test -json', count([...packages.values()])), at };
}

function parse(line: string): { Action: Result; Package: string; Test?: string } | null {
  try {
    const event: unknown = JSON.parse(line);
    if (typeof event !== 'object' || event === null) return null;
    const { Action, Package, Test } = event as Record<string, unknown>;
    if (Action !== 'pass' && Action !== 'fail' && Action !== 'skip') return null;
    if (typeof Package !== 'string') return null;
    return typeof Test === 'string' ? { Action, Package, Test } : { Action, Package };
  } catch {
    return null; // A line that only looks like an event.
  }
}

const results: Record<string, Result> = { PASS: 'pass', FAIL: 'fail', SKIP: 'skip', ok: 'pass' };

function readLines(lines: readonly string[]): Found | null {
  const packages: Package[] = [];
  let current: Package = { tests: new Map(), result: null };
  let verbose = false;
  let at = -1;
  for (const [i, line] of lines.entries()) {
    if (line.startsWith('=== RUN ')) verbose = true;
    const test = /^\s*--- (PASS|FAIL|SKIP): (\S+) \(/.exec(line);
    if (test) current.tests.set(test[2] ?? '', results[test[1] ?? ''] ?? 'fail');
    const end = /^(ok {2}|FAIL)\t\S+(?:\s|$)/.exec(line);
    if (!end) continue;
    packages.push({ ...current, result: results[(end[1] ?? '').trim()] ?? 'fail' });
    current = { tests: new Map(), result: null };
    at = i;
  }
  if (at === -1) return null;
  if (verbose) return { counts: tests('go test', count(packages)), at };
  const passed = packages.filter((one) => one.result === 'pass').length;
  const tally = { passed, failed: packages.length - passed, skipped: 0 };
  return { counts: tests('go test, packages', tally), at };
}

function count(packages: readonly Package[]): Tally {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const { tests, result } of packages) {
    const parents = new Set<string>();
    const blamed = new Set<string>();
    for (const [name, end] of tests) {
      if (!name.includes('/')) continue;
      for (const parent of [name.slice(0, name.indexOf('/')), name.slice(0, name.lastIndexOf('/'))]) {
        parents.add(parent);
        if (end === 'fail') blamed.add(parent);
      }
    }
    const failedBefore = tally.failed;
    for (const [name, end] of tests) {
      // A test that failed for itself, after all its subtests passed.
      if (parents.has(name) && (end !== 'fail' || blamed.has(name))) continue;
      tally[end === 'pass' ? 'passed' : end === 'fail' ? 'failed' : 'skipped'] += 1;
    }
    // It did not build, or crashed outside of a test.
    if (result === 'fail' && tally.failed === failedBefore) tally.failed += 1;
  }
  return tally;
}
