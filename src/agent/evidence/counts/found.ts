/** How many tests came to what. What is neither passed nor failed (skipped, to do, expected to fail) is skipped. */
export interface TestCounts {
  kind: 'tests';
  passed: number;
  failed: number;
  skipped: number;
  total: number;
  /** Whose words were read: `junit`, `tap`, `jest` … */
  format: string;
}

/** What a linter or a type checker found. */
export interface FindingCounts {
  kind: 'findings';
  findings: number;
  format: string;
}

export type Counts = TestCounts | FindingCounts;

/** One stream of a check's output as a terminal shows it, line by line. */
export interface Output {
  lines: readonly string[];
  /** Something is missing: what is to be added up line by line cannot be. */
  cut: boolean;
}

/** Counts, and the line that they were read from: what comes last is what a runner closes with. */
export interface Found<C extends Counts = Counts> {
  counts: C;
  at: number;
}

/** The line that stands where something was cut out. */
export function isCut(line: string | undefined): boolean {
  return line !== undefined && /^\[… \d+ (?:bytes|characters)\b.*…\]$/.test(line);
}

/** Whether a block that ends before `at` may go on: the line before a cut is emptied, since it may be half a line. */
export function cutSoon(lines: readonly string[], at: number): boolean {
  return isCut(lines[at]) || isCut(lines[at + 1]);
}

export type Tally = Pick<TestCounts, 'passed' | 'failed' | 'skipped'>;

export function tests(format: string, { passed, failed, skipped }: Tally): TestCounts {
  return { kind: 'tests', passed, failed, skipped, total: passed + failed + skipped, format };
}

export function findings(format: string, count: number): FindingCounts {
  return { kind: 'findings', findings: count, format };
}

/**
 * What several closing lines of one runner say together: a workspace of packages, or one after the other. Of a cut
 * output only the last is sure to be there.
 */
export function together(found: readonly Found[], cut: boolean): Found | null {
  const last = found.at(-1);
  if (!last || cut) return last ?? null;
  const { format } = last.counts;
  if (last.counts.kind === 'findings') {
    const all = found.map(({ counts }) => (counts.kind === 'findings' ? counts.findings : 0));
    return { counts: findings(format, all.reduce(add, 0)), at: last.at };
  }
  const all = found.flatMap(({ counts }) => (counts.kind === 'tests' ? [counts] : []));
  return { counts: tests(format, sum(all)), at: last.at };
}

export function sum(all: readonly Tally[]): Tally {
  const of = (key: keyof Tally) => all.map((one) => one[key]).reduce(add, 0);
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') };
}

/** The first groups of the lines from `at` on, as long as they fit; of a dozen at most. */
export function fitting(lines: readonly string[], at: number, pattern: RegExp): string[] {
  const found: string[] = [];
  for (let i = at; i < at + 12; i++) {
    const part = pattern.exec(lines[i] ?? '')?.[1];
    if (part === undefined) break;
    found.push(part);
  }
  return found;
}

function add(a: number, b: number): number {
  return a + b;
}
