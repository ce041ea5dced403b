import { type Tally, type TestCounts, tests } from './found';
import { Malformed, type Tag, tags } from './xml';

/** Deeper than any suite of suites; a report that is deeper is none. */
const maxDepth = 200;

/**
 * Counts the test cases of JUnit's XML: one document, or several one after the other (Surefire and Gradle write a file
 * for each class), with other text around them. What counts is each `testcase`, so that suites in suites are not counted
 * twice; the numbers in a suite's attributes count only where it lists nothing. Null for no document, and for one that
 * is not whole.
 */
export function readJunit(text: string): { counts: TestCounts; end: number } | null {
  const seen: Tally = { passed: 0, failed: 0, skipped: 0 };
  const root = /<testsuites?(?=[\s/>])/g;
  let end = 0;
  try {
    for (let start = root.exec(text); start; start = root.exec(text)) {
      if (text.slice(end, start.index).includes('<!DOCTYPE')) return null;
      end = readDocument(text, start.index, seen);
      root.lastIndex = end;
    }
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
  return end === 0 ? null : { counts: tests('junit', seen), end };
}

interface Element {
  tag: Tag;
  /** Of a suite: it lists cases or suites. */
  lists: boolean;
  outcome: keyof Tally;
}

function readDocument(text: string, from: number, seen: Tally): number {
  const open: Element[] = [];
  for (const tag of tags(text, from)) {
    if (tag.kind !== 'close') enter(tag, open, seen);
    const element = open.at(-1);
    if (tag.kind === 'open') {
      if (open.length > maxDepth) throw new Malformed('too deep');
      continue;
    }
    if (element?.tag.name !== tag.name) throw new Malformed('tags that do not match');
    open.pop();
    leave(element, seen);
    if (open.length === 0) return tag.end;
  }
  throw new Malformed('the document has no end');
}

function enter(tag: Tag, open: Element[], seen: Tally): void {
  const parent = open.at(-1);
  const { name } = tag;
  const inSuite = parent !== undefined && isSuite(parent.tag.name);
  if (name === 'failure' || name === 'error') {
    if (parent?.tag.name === 'testcase') parent.outcome = 'failed';
    // A suite that could not be set up.
    else if (inSuite) seen.failed += 1;
  }
  if (name === 'skipped' && parent?.tag.name === 'testcase' && parent.outcome === 'passed')
    parent.outcome = 'skipped';
  if (inSuite && (name === 'testcase' || isSuite(name))) parent.lists = true;
  const left = name === 'testcase' && /^(notrun|disabled)$/.test(tag.attributes.get('status') ?? '');
  open.push({ tag, lists: false, outcome: left ? 'skipped' : 'passed' });
}

function leave({ tag, lists, outcome }: Element, seen: Tally): void {
  if (tag.name === 'testcase') seen[outcome] += 1;
  if (!isSuite(tag.name) || lists) return;
  const number = (name: string) => {
    const text = tag.attributes.get(name) ?? '';
    return /^\d{1,9}$/.test(text) ? Number(text) : 0;
  };
  const failed = number('failures') + number('errors');
  const skipped = number('skipped') + number('disabled');
  seen.failed += failed;
  seen.skipped += skipped;
  seen.passed += Math.max(0, number('tests') - failed - skipped);
}

function isSuite(name: string): boolean {
  return name === 'testsuite' || name === 'testsuites';
}
