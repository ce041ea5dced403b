import { type Found, type Output, sum, type Tally, tests } from './found';

/**
 * The Test Anything Protocol, 12 to 14 (testanything.org): the points of the outermost level, since a test that has
 * subtests is a point itself. A point that the plan promised and that never came has failed; a point to do, whatever
 * it came to, is skipped. Node's own closing comments are better than the points, for they count what the subtests are;
 * and of a cut output the closing comments are all that can be relied on.
 */
export function readTap({ lines, cut }: Output): Found | null {
  const seen = { passed: 0, failed: 0, skipped: 0 };
  let planned: number | null = null;
  let header = false;
  let bailed = false;
  let at = -1;
  for (const [i, line] of lines.entries()) {
    const plan = /^1\.\.(\d{1,7})(?:\s|$)/.exec(line);
    if (plan) planned = (planned ?? 0) + Number(plan[1]);
    else if (/^TAP version \d+$/.test(line)) header = true;
    else if (/^Bail out!/i.test(line)) bailed = true;
    else if (/^(?:not )?ok(?:\s|$)/.test(line)) seen[outcome(line)] += 1;
    else continue;
    at = i;
  }
  if (planned === null && !header) return null;
  const closed = comments(lines);
  const last = closed.at(-1);
  if (cut) return last ? { counts: tests('tap', last), at: last.at } : null;
  if (last?.leaves) return { counts: tests('tap', sum(closed)), at: last.at };
  const points = seen.passed + seen.failed + seen.skipped;
  if (points === 0 && planned === null && !bailed) return null;
  const missing = Math.max(0, (planned ?? 0) - points);
  seen.failed += bailed ? Math.max(1, missing) : missing;
  return { counts: tests('tap', seen), at: Math.max(at, last?.at ?? -1) };
}

function outcome(line: string): keyof Tally {
  if (/\s#\s*(?:skip|todo)/i.test(line)) return 'skipped';
  return line.startsWith('not ') ? 'failed' : 'passed';
}

interface Closing extends Tally {
  at: number;
  /** It counts tests, not points. */
  leaves: boolean;
}

/** Blocks such as `# tests 6`, `# pass 4`, `# fail 2`. */
function comments(lines: readonly string[]): Closing[] {
  const found: Closing[] = [];
  const said = new Map<string, number>();
  for (let i = 0; i <= lines.length; i++) {
    const match = /^# (tests|suites|pass|fail|cancelled|skip|skipped|todo)\s+(\d{1,9})$/.exec(lines[i] ?? '');
    if (match) said.set(match[1] ?? '', Number(match[2]));
    if (match || said.size === 0) continue;
    const of = (word: string) => said.get(word) ?? 0;
    if (said.has('pass') && said.has('tests')) {
      const failed = of('fail') + of('cancelled');
      const skipped = of('skip') + of('skipped') + of('todo');
      found.push({ passed: of('pass'), failed, skipped, at: i - 1, leaves: said.has('cancelled') });
    }
    said.clear();
  }
  return found;
}
