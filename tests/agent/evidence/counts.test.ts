import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type CheckOutput, type Counts, readCounts } from '../../../src/agent/evidence/counts';
import { junit, samples } from './samples';

const read = (stdout: string, rest: Partial<CheckOutput> = {}) => readCounts({ stdout, stderr: '', ...rest });
const numbers = (counts: Counts | null) =>
  counts?.kind === 'tests' ? [counts.passed, counts.failed, counts.skipped] : (counts?.findings ?? null);
const cutMark = '\n[… 12345 bytes cut …]\n';

describe('what a runner closes with', () => {
  test.each(Object.entries(samples))('%s', (_name, { text, format, counts }) => {
    for (const found of [read(text), read('', { stderr: text }), read(text.replaceAll('\n', '\r\n'))]) {
      expect(found?.format).toBe(format);
      expect(numbers(found) as unknown).toEqual(counts);
      if (found?.kind === 'tests') expect(found.total).toBe(found.passed + found.failed + found.skipped);
    }
  });

  test('adds up when one runner closes several times, as in a workspace of packages', () => {
    const { text } = samples['jest (real)']!;
    expect(numbers(read(`${text}\n${text}`))).toEqual([4, 2, 4]);
    expect(numbers(read(`${samples.rspec!.text}${samples.rspec!.text}`))).toEqual([6, 2, 2]);
  });

  test('outranks what came before it, and what a linter says', () => {
    expect(read(`1 passed, 0 failed\n${samples['bun test (real)']!.text}`)?.format).toBe('bun test');
    expect(read(`${samples['bun test (real)']!.text}7 passed, 1 failed\n`)?.format).toBe('summary');
    expect(read(`${samples['jest (real)']!.text}${samples['eslint (real)']!.text}`)?.format).toBe('jest');
  });

  test('on one stream outranks a bare line that a test printed on the other', () => {
    const stderr = samples['jest (real)']!.text;
    expect(read('5 passed, 0 failed\n', { stderr })?.format).toBe('jest');
    expect(read('Found 3 errors in 2 files.\n', { stderr: '5 passed, 0 failed\n' })?.format).toBe('summary');
  });

  test('is read as a terminal shows it: of a line that was written over, the last state', () => {
    expect(numbers(read('running 1/2\rrunning 2/2\r3 passed, 1 failed\n'))).toEqual([3, 1, 0]);
  });

  test.each([
    '',
    '\n',
    'ok\n',
    'all fine\n',
    'ok 1\nnot ok 2\n',
    'OK\n',
    '12 bottles, 1 broken\n',
    'Found it.\n',
  ])('is not in %j', (text) => {
    expect(read(text)).toBeNull();
  });
});

describe('of an output whose middle is cut', () => {
  const long = 'x'.repeat(400);

  test('the closing line counts', () => {
    expect(numbers(read(`${long}${cutMark}${long}\n${samples['pytest (real)']!.text}`))).toEqual([2, 4, 2]);
    expect(numbers(read(`TAP version 13\nok 1\n${cutMark}lf\n# tests 6\n# pass 4\n# fail 2\n`))).toEqual([
      4, 2, 0,
    ]);
    const { text } = samples['maven (real)']!;
    expect(numbers(read(`[INFO] Scanning${cutMark}half\n${text}`))).toEqual([2, 2, 1]);
  });

  test('of several closing lines only the last is sure to be there', () => {
    const { text } = samples.rspec!;
    expect(numbers(read(`${text}${cutMark}half\n${text}`))).toEqual([3, 1, 1]);
  });

  test.each([
    [
      'cargo test',
      `test result: ok. 1 passed; 0 failed;\n${cutMark}half\ntest result: ok. 9 passed; 0 failed;\n`,
    ],
    ['go test -v', `=== RUN   TestA\n--- PASS: TestA (0.00s)\n${cutMark}half\nok  \ta\t0.1s\n`],
    ['TAP without closing comments', `1..9\nok 1\n${cutMark}half\nok 9\n`],
    ['a mocha whose failures are cut off', `  2 passing (4ms)\n${cutMark}half\n`],
    ['a bun test', `${cutMark}half\n 2 fail\nRan 9 tests across 1 file.\n`],
    ['a prove whose report is cut', `x${cutMark}half\nFiles=2, Tests=5,  0 wallclock secs\nResult: FAIL\n`],
    ['a ctest', `50% tests passed, 2 tests failed out of 4\n\n${cutMark}half\n\t 5 - e (Disabled)\n`],
    ['a dotnet test', `Total tests: 3\n     Passed: 2\n     Fai${cutMark}`],
    ['a playwright', `Running 9 tests using 1 worker\n${cutMark}half\n  1 skipped\n  5 passed (3s)\n`],
    ['a biome', `Checked 4 files in 3ms. No fixes applied.\nFound 6 er${cutMark}`],
    ['a line that is cut in half', `aaa${cutMark}1 passed, 2 failed\nbye\n`],
    ['tsc', `a.ts(1,7): error TS2322: no\n${cutMark}half\na.ts(2,7): error TS2322: no\n`],
    ['modules of maven', `${cutMark}x\n${samples['maven, two modules']!.text}`],
    ['JUnit', `<testsuites><testcase name="a"/>${cutMark}</testsuites>`],
  ])('nothing is made up: %s', (_name, text) => {
    expect(read(text)).toBeNull();
    expect(read('', { stderr: text })).toBeNull();
  });
});

describe('JUnit', () => {
  test('counts test cases, those of suites in suites once, and those of several documents', () => {
    expect(read('', { report: junit.bun })).toEqual({
      ...{ kind: 'tests', passed: 2, failed: 1, skipped: 2, total: 5, format: 'junit' },
    });
    expect(numbers(read('', { report: junit.surefire }))).toEqual([2, 2, 1]);
    expect(numbers(read(`compiling …\n${junit.bun}bye\n`))).toEqual([2, 1, 2]);
  });

  test('comes before what the output says, unless it cannot be read', () => {
    const stdout = '7 passed, 0 failed\n';
    expect(read(stdout, { report: junit.bun })?.format).toBe('junit');
    expect(read(stdout, { report: 'no report' })?.format).toBe('summary');
    expect(read(stdout, { report: junit.bun.slice(0, -20) })?.format).toBe('summary');
  });

  test('takes the attributes of a suite that lists nothing, and the errors of a suite itself', () => {
    const bare = '<testsuite tests="5" failures="1" errors="1" skipped="1"/>';
    expect(numbers(read('', { report: `<testsuites tests="99">${bare}${bare}</testsuites>` }))).toEqual([
      4, 4, 2,
    ]);
    expect(numbers(read('', { report: '<testsuite><error message="no"/><testcase/></testsuite>' }))).toEqual([
      1, 1, 0,
    ]);
    expect(numbers(read('', { report: '<testsuite><testcase status="notrun"/></testsuite>' }))).toEqual([
      0, 0, 1,
    ]);
  });

  test('expands nothing, and is not read when it declares or hides something, or is not whole', () => {
    const entities = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;<testsuite tests=\'9\'/>">]>';
    for (const report of [
      `<?xml version="1.0"?>${entities}<testsuites><testcase/></testsuites>`,
      `<testsuites>${entities}<testcase/></testsuites>`,
      '<testsuites><testcase></testsuites>',
      '<testsuites><testcase name="a></testsuites>',
      '<testsuites><!-- ',
      '<testsuites><![CDATA[ </testsuites>',
      `${'<testsuite>'.repeat(500)}<testcase/>${'</testsuite>'.repeat(500)}`,
      `<testsuite><testcase/>${cutMark}</testsuite>`,
    ])
      expect(read('', { report })).toBeNull();
    expect(
      numbers(read('', { report: '<testsuite tests="1e9" failures="-3" skipped="99999999999"/>' })),
    ).toEqual([0, 0, 0]);
  });
});

describe('a hostile output', () => {
  const million = (part: string) => part.repeat(Math.ceil(2 ** 20 / part.length));
  const hostile: [string, string][] = [
    ['one line', million('x')],
    ['empty lines', million('\n')],
    ['digits', million('1 ')],
    ['spaces', `${million(' ')}1 passed, 1 failed`],
    ['openings', million('<testsuite>')],
    ['attributes', `<testsuite ${million('a="b" ')}`],
    ['an attribute without an end', `<testsuite a="${million('x')}`],
    ['comments without an end', million('<!--')],
    ['terminal codes', million('\u001b]0;')],
    ['overwritten lines', million('x\r')],
    ['plans', million('1..9\n')],
    ['closing lines', million('1 passed, 2 failed\n')],
    ['pytest within pytest', million(`${'1 passed in 0.1s '.repeat(58)}\n`)],
    ['lists', million(`Tests: ${'1 failed, '.repeat(98)}1 total\n`)],
    ['long words', million(`=${' 1 a'.repeat(248)}\n`)],
    ['tests within exunit', million(`${'1 test, '.repeat(123)}x\n`)],
    ['ctest', million('100% tests passed, 0 tests failed out of 3\n\t 3 - x (Skipped)\n')],
    ['playwright', million('Running 1 test using 1 worker\n')],
    ['prove', million('Files=1, Tests=2, \nResult: FAIL\n')],
    ['ava', million('  1 test failed\n')],
    ['bun', million(' 1 pass\nRan 1 test across 1 file.\n')],
    ['go', million('--- PASS: Test/a/a/a/a/a (0.00s)\n=== RUN \n')],
    ['json', million('{"Action":"pass","Package":"p","Test":"a/b"}\n')],
    ['biome', million('Checked 1 file in 1ms.\nFound 1 error.\n')],
    ['slashes', million(`--- PASS: ${'/'.repeat(980)} (\n`)],
  ];

  test.each(hostile)('is read in time in proportion to its length: %s', (_name, text) => {
    const started = performance.now();
    read(text, { stderr: text, report: text });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test('is never a reason to fail, nor to count less than nothing', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ...Object.values(samples).flatMap(({ text }) => text.split('\n').map((line) => `${line}\n`)),
        ...Object.values(junit).flatMap((text) => text.split(/(?<=>)/)),
        cutMark,
      ),
      fc.string({ maxLength: 5, unit: 'binary' }),
    );
    const text = fc.array(piece, { maxLength: 30 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, text, text, (stdout, stderr, report) => {
        const counts = readCounts({ stdout, stderr, report });
        if (counts?.kind === 'findings') expect(counts.findings).toBeGreaterThanOrEqual(0);
        if (counts?.kind !== 'tests') return;
        expect(Math.min(counts.passed, counts.failed, counts.skipped)).toBeGreaterThanOrEqual(0);
        expect(counts.total).toBe(counts.passed + counts.failed + counts.skipped);
      }),
      { numRuns: 1000 },
    );
  });

  test('a list of cases is counted as it was written', () => {
    const outcome = fc.constantFrom('passed', 'failed', 'error', 'skipped');
    type Suite = { cases: string[]; suites: Suite[] };
    const suite = fc.letrec<{ suite: Suite }>((tie) => ({
      suite: fc.record({
        cases: fc.array(outcome, { maxLength: 4 }),
        suites: fc.oneof({ maxDepth: 3 }, fc.constant<Suite[]>([]), fc.array(tie('suite'), { maxLength: 3 })),
      }),
    })).suite;
    const inner = { passed: '', failed: '<failure/>', error: '<error>x</error>', skipped: '<skipped/>' };
    const write = ({ cases, suites }: Suite): string =>
      `<testsuite>${cases.map((one) => `<testcase>${inner[one as keyof typeof inner]}</testcase>`).join('')}${suites.map(write).join('')}</testsuite>`;
    const flat = ({ cases, suites }: Suite): string[] => [...cases, ...suites.flatMap(flat)];
    fc.assert(
      fc.property(suite, (one) => {
        const all = flat(one);
        const of = (...words: string[]) => all.filter((word) => words.includes(word)).length;
        expect(numbers(read('', { report: write(one) }))).toEqual([
          of('passed'),
          of('failed', 'error'),
          of('skipped'),
        ]);
      }),
      { numRuns: 300 },
    );
  });
});
