import { asShown } from '../tools/text';
import { readClosingLines } from './counts/closing';
import { readFindings } from './counts/findings';
import { type Counts, type Found, isCut, type Output } from './counts/found';
import { readGo } from './counts/go';
import { readJavascript } from './counts/javascript';
import { readJunit } from './counts/junit';
import { readLanguages } from './counts/languages';
import { readTap } from './counts/tap';

export type { Counts, FindingCounts, TestCounts } from './counts/found';

/** Of what is longer, the end counts, and it is read as cut. */
const maxChars = 2 ** 20;
const maxLines = 20_000;
const maxLine = 1000;
/** Of a report there is no end that could be read for itself. */
const maxReport = 32 * 2 ** 20;

export interface CheckOutput {
  stdout: string;
  stderr: string;
  /** A JUnit file's text, or that of several one after the other. */
  report?: string;
}

/**
 * How many tests passed, failed and were skipped, or how much a linter found, by a report or by the words that the usual
 * runners close with. Null where no format is known, and where what would have to be added up is not all there (head
 * and tail are kept of a long output). For people to read: a check's result is its exit code. The output is hostile; the
 * time is linear.
 */
export function readCounts({ stdout, stderr, report }: CheckOutput): Counts | null {
  if (report !== undefined && report.length <= maxReport && !hasCut(report)) {
    const read = readJunit(report);
    if (read) return read.counts;
  }
  const [first, second] = [readStream(stdout), readStream(stderr)];
  if (!first || !second) return (first ?? second)?.counts ?? null;
  return (rank(second) > rank(first) ? second : first).counts;
}

interface Read {
  counts: Counts;
  /** How many lines follow. */
  after: number;
}

/** Tests say more than findings, a runner's own words more than a bare line; then what is nearer to the end. */
function rank({ counts, after }: Read): number {
  const kind = counts.kind === 'findings' ? 0 : counts.format === 'summary' ? 1 : 2;
  return kind * (maxLines + 1) - after;
}

function readStream(text: string): Read | null {
  const { output, whole } = prepare(text);
  const found = [
    ...(output.cut ? [] : inText(whole)),
    ...readClosingLines(output),
    ...readJavascript(output),
    ...readLanguages(output),
    readTap(output),
    readGo(output),
    ...readFindings(output),
  ].filter((one) => one !== null);
  const tests = found.filter(({ counts }) => counts.kind === 'tests');
  const [last] = (tests.length > 0 ? tests : found).toSorted((a, b) => b.at - a.at);
  return last ? { counts: last.counts, after: output.lines.length - 1 - last.at } : null;
}

/** The text line by line, and the same with its long lines, of which no runner's words are. */
function prepare(text: string): { output: Output; whole: string } {
  const shown = asShown(text.slice(-maxChars)).split('\n');
  const kept = shown.slice(-maxLines);
  const cut = text.length > maxChars || shown.length > maxLines || hasCut(text);
  const lines = kept.map((line) => (line.length > maxLine ? '' : line.trimEnd()));
  // A line beside a cut may be half a line.
  const sure = cut ? lines.map((line, i) => (isCut(lines[i - 1]) || isCut(lines[i + 1]) ? '' : line)) : lines;
  return { output: { lines: sure, cut }, whole: kept.join('\n') };
}

function hasCut(text: string): boolean {
  return /^\[… \d+ (?:bytes|characters)\b/m.test(text);
}

function inText(text: string): Found[] {
  const read = readJunit(text);
  if (!read) return [];
  return [{ counts: read.counts, at: text.slice(0, read.end).split('\n').length - 1 }];
}
