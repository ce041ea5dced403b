/** What runners really print, the middle of it left out; `real` was captured, the others are as documented. */
interface Sample {
  format: string;
  text: string;
  /** passed, failed, skipped; a single number: findings. */
  counts: readonly [number, number, number] | number;
}

export const samples: Record<string, Sample> = {
  'jest (real)': {
    format: 'jest',
    counts: [2, 1, 2],
    text: `FAIL jest/a.test.js
  ● b

    expect(received).toBe(expected) // Object.is equality

Test Suites: 1 failed, 1 passed, 2 total
Tests:       1 failed, 1 skipped, 1 todo, 2 passed, 5 total
Snapshots:   0 total
Time:        0.26 s, estimated 1 s
Ran all test suites.
`,
  },
  'jest, a file that cannot be loaded': {
    format: 'jest',
    counts: [2, 1, 0],
    text: `Test Suites: 1 failed, 1 passed, 2 total
Tests:       2 passed, 2 total
Snapshots:   0 total
Time:        0.519 s
`,
  },
  'vitest, with colours and an error of no test (real)': {
    format: 'vitest',
    counts: [2, 2, 2],
    text: `\u001b[32m ✓\u001b[39m b.test.mjs \u001b[2m(\u001b[22m\u001b[2m1 test\u001b[22m\u001b[2m)\u001b[22m\u001b[32m 2\u001b[2mms\u001b[22m\u001b[39m

\u001b[2m Test Files \u001b[22m \u001b[1m\u001b[31m1 failed\u001b[39m\u001b[22m\u001b[2m | \u001b[22m\u001b[1m\u001b[32m1 passed\u001b[39m\u001b[22m\u001b[90m (2)\u001b[39m
\u001b[2m      Tests \u001b[22m \u001b[1m\u001b[31m1 failed\u001b[39m\u001b[22m\u001b[2m | \u001b[22m\u001b[1m\u001b[32m2 passed\u001b[39m\u001b[22m\u001b[2m | \u001b[22m\u001b[33m1 skipped\u001b[39m\u001b[2m | \u001b[22m\u001b[90m1 todo\u001b[39m\u001b[90m (5)\u001b[39m
\u001b[2m     Errors \u001b[22m \u001b[1m\u001b[31m1 error\u001b[39m\u001b[22m
\u001b[2m   Start at \u001b[22m 20:08:14
\u001b[2m   Duration \u001b[22m 411ms\u001b[2m (transform 23ms)\u001b[22m
`,
  },
  'vitest, a file that cannot be loaded': {
    format: 'vitest',
    counts: [0, 1, 0],
    text: ' Test Files  1 failed (1)\n      Tests  no tests\n   Start at  10:00:00\n',
  },
  'mocha (real)': {
    format: 'mocha',
    counts: [2, 1, 1],
    text: `  x
    ✔ a
    1) b
    - c
    ✔ d


  2 passing (4ms)
  1 pending
  1 failing

  1) x
       b:
     Error: no
`,
  },
  'bun test (real)': {
    format: 'bun test',
    counts: [2, 2, 2],
    text: `bun test v1.4.5 (a7733435c)

c.test.ts:

# Unhandled error between tests
-------------------------------

 2 pass
 1 skip
 1 todo
 2 fail
 1 error
 1 expect() calls
Ran 6 tests across 3 files. [6.00ms]
`,
  },
  'node --test, spec (real)': {
    format: 'node --test',
    counts: [2, 2, 2],
    text: `▶ s
  ✔ x (0.126055ms)
  ✖ y (0.098686ms)
ℹ tests 6
ℹ suites 1
ℹ pass 2
ℹ fail 2
ℹ cancelled 0
ℹ skipped 1
ℹ todo 1
ℹ duration_ms 132.31947

✖ failing tests:
`,
  },
  'node --test, TAP with subtests (real)': {
    format: 'tap',
    counts: [2, 2, 2],
    text: `TAP version 13
# Subtest: a
ok 1 - a
  ---
  duration_ms: 1.272391
  ...
not ok 2 - b
ok 3 - c # SKIP
ok 4 - d # TODO
# Subtest: s
    # Subtest: x
    ok 1 - x
    not ok 2 - y
    1..2
not ok 5 - s
1..5
# tests 6
# suites 1
# pass 2
# fail 2
# cancelled 0
# skipped 1
# todo 1
# duration_ms 124.1192
`,
  },
  'mocha, TAP (real)': {
    format: 'tap',
    counts: [2, 1, 1],
    text: 'ok 1 x a\nnot ok 2 x b\n  no\nok 3 x c # SKIP -\nok 4 x d\n# tests 3\n# pass 2\n# fail 1\n1..4\n',
  },
  'ava, TAP, a test to do is not ok (real)': {
    format: 'tap',
    counts: [3, 1, 2],
    text: `TAP version 13
ok 1 - c # SKIP
not ok 2 - d # TODO
ok 3 - a
not ok 4 - b
  ---
    name: AssertionError
  ...
ok 5 - e
ok 6 - f

1..6
# tests 5
# pass 3
# skip 1
# fail 2
`,
  },
  'vitest, TAP, points in braces (real)': {
    format: 'tap',
    counts: [1, 1, 0],
    text: `TAP version 13
1..2
not ok 1 - a.test.mjs # time=7.70ms {
    1..4
    ok 1 - a # time=1.11ms
    not ok 2 - b # time=4.94ms
    ok 3 - c # SKIP
    ok 4 - d # TODO
}
ok 2 - b.test.mjs # time=2.50ms {
    1..1
    ok 1 - z # time=1.24ms
}
`,
  },
  'TAP 14 with a pragma, an escaped # and a subtest': {
    format: 'tap',
    counts: [2, 0, 0],
    text: 'TAP version 14\n1..2\npragma +strict\n# Subtest: deep\n    1..1\n    not ok 1 - inner # TODO\nok 1 - deep\nok 2 - has \\# skip in its name\n',
  },
  'TAP 12 that bails out': {
    format: 'tap',
    counts: [1, 4, 0],
    text: '1..5\nok 1\nnot ok 2\nBail out! no database\n',
  },
  'TAP whose plan was not kept': { format: 'tap', counts: [2, 2, 0], text: 'ok\nok\n1..4\n' },
  'TAP of which all is skipped': { format: 'tap', counts: [0, 0, 0], text: '1..0 # SKIP not here\n' },
  'prove (real)': {
    format: 'prove',
    counts: [4, 1, 0],
    text: `t/a.t ..
Dubious, test returned 1 (wstat 256, 0x100)
Failed 1/3 subtests
	(less 1 skipped subtest: 1 okay)
t/b.t .. ok

Test Summary Report
-------------------
t/a.t (Wstat: 256 (exited 1) Tests: 3 Failed: 1)
  Failed test:  2
  Non-zero exit status: 1
Files=2, Tests=5,  0 wallclock secs ( 0.02 usr  0.00 sys +  0.05 cusr  0.02 csys =  0.08 CPU)
Result: FAIL
`,
  },
  'ava with a failure, which tells no number that passed (real)': {
    format: 'ava',
    counts: [2, 1, 3],
    text: `
  - [skip] c
  - [todo] d
  ✔ a
  ✘ [fail]: b
  ✔ [expected fail] e
  ✔ f
  ─

  b

  test/a.js:1

  ─

  1 test failed
  1 known failure
  1 test skipped
  1 test todo
`,
  },
  ava: { format: 'ava', counts: [3, 0, 1], text: '  ─\n\n  3 tests passed\n  1 test skipped\n' },
  'playwright (real)': {
    format: 'playwright',
    counts: [2, 1, 1],
    text: `Running 4 tests using 1 worker
·×F°×±

  1 failed
    a.spec.js:1:68 › b ─────────────────────────────────────────────
  1 flaky
    a.spec.js:1:126 › d ────────────────────────────────────────────
  1 skipped
  1 passed (3.2s)
`,
  },
  'jasmine (real)': {
    format: 'jasmine',
    counts: [1, 1, 1],
    text: '3 specs, 1 failure, 1 pending spec\nFinished in 0.005 seconds\n',
  },
  'pytest (real)': {
    format: 'pytest',
    counts: [2, 4, 2],
    text: `FAILED test_x.py::T::test_e - ValueError: x
============== 4 failed, 2 passed, 1 skipped, 1 xfailed in 0.78s ===============
`,
  },
  'pytest -q (real)': {
    format: 'pytest',
    counts: [2, 4, 2],
    text: '4 failed, 2 passed, 1 skipped, 1 xfailed, 1 subtests passed in 0.59s\n',
  },
  'pytest, an hour long, with errors': {
    format: 'pytest',
    counts: [10, 2, 0],
    text: '==== 10 passed, 3 deselected, 4 warnings, 2 errors in 3723.40s (1:02:03) ====\n',
  },
  'pytest without tests': {
    format: 'pytest',
    counts: [0, 0, 0],
    text: '============================ no tests ran in 0.01s =============================\n',
  },
  'unittest (real)': {
    format: 'unittest',
    counts: [0, 4, 2],
    text: `----------------------------------------------------------------------
Ran 6 tests in 0.001s

FAILED (failures=3, errors=1, skipped=1, expected failures=1)
`,
  },
  'unittest, well': { format: 'unittest', counts: [3, 0, 0], text: '...\nRan 3 tests in 0.001s\n\nOK\n' },
  'unittest, an unexpected success': {
    format: 'unittest',
    counts: [2, 1, 0],
    text: 'Ran 3 tests in 0.001s\n\nFAILED (unexpected successes=1)\n',
  },
  'go test -v, a test with subtests': {
    format: 'go test',
    counts: [3, 2, 1],
    text: `=== RUN   TestA
=== RUN   TestA/one
=== RUN   TestA/two
--- FAIL: TestA (0.00s)
    --- PASS: TestA/one (0.00s)
    --- FAIL: TestA/two (0.00s)
=== RUN   TestB
--- SKIP: TestB (0.00s)
=== RUN   TestC
--- PASS: TestC (0.00s)
FAIL
FAIL	example.com/a	0.003s
=== RUN   TestA
--- PASS: TestA (0.00s)
PASS
ok  	example.com/b	0.002s
FAIL	example.com/c [build failed]
?   	example.com/d	[no test files]
FAIL
`,
  },
  'go test, packages': {
    format: 'go test, packages',
    counts: [2, 1, 0],
    text: `ok  	example.com/a	(cached)
--- FAIL: TestX (0.00s)
    x_test.go:4: no
FAIL
FAIL	example.com/b	0.003s
ok  	example.com/c	0.010s
?   	example.com/d	[no test files]
FAIL
`,
  },
  'go test -json': {
    format: 'go test -json',
    counts: [2, 3, 1],
    text: `${[
      { Action: 'start', Package: 'a' },
      { Action: 'run', Package: 'a', Test: 'TestA' },
      { Action: 'output', Package: 'a', Test: 'TestA', Output: '--- PASS: TestA (0.00s)\n' },
      { Action: 'pass', Package: 'a', Test: 'TestA/one', Elapsed: 0 },
      { Action: 'pass', Package: 'a', Test: 'TestA/two', Elapsed: 0 },
      { Action: 'fail', Package: 'a', Test: 'TestA', Elapsed: 0 },
      { Action: 'skip', Package: 'a', Test: 'TestB', Elapsed: 0 },
      { Action: 'fail', Package: 'a', Test: 'TestC/x', Elapsed: 0 },
      { Action: 'fail', Package: 'a', Test: 'TestC', Elapsed: 0 },
      { Action: 'fail', Package: 'a', Elapsed: 0.1 },
      { Action: 'fail', Package: 'b', Elapsed: 0, FailedBuild: 'b' },
      { Action: 'skip', Package: 'c', Elapsed: 0 },
    ]
      .map((event) => JSON.stringify(event))
      .join('\n')}\n`,
  },
  'cargo test, three binaries (real)': {
    format: 'cargo test',
    counts: [3, 1, 1],
    text: `     Running unittests src/lib.rs (target/debug/deps/demo-8348ca7a80742723)

running 3 tests
test tests::b ... FAILED

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.20s

     Running tests/it.rs (target/debug/deps/it-a69063779ff8c574)

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

   Doc-tests demo

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s

error: 1 target failed:
    \`--lib\`
`,
  },
  'cargo nextest': {
    format: 'cargo nextest',
    counts: [4, 2, 3],
    text: '------------\n     Summary [   0.015s] 6 tests run: 4 passed (1 slow), 1 failed, 1 timed out, 3 skipped\n',
  },
  rspec: { format: 'rspec', counts: [3, 1, 1], text: '\n5 examples, 1 failure, 1 pending\n' },
  'rspec, a file that cannot be loaded': {
    format: 'rspec',
    counts: [0, 1, 0],
    text: '0 examples, 0 failures, 1 error occurred outside of examples\n',
  },
  minitest: {
    format: 'minitest',
    counts: [2, 2, 1],
    text: 'Finished in 0.001s, 5000 runs/s.\n\n5 runs, 7 assertions, 1 failures, 1 errors, 1 skips\n',
  },
  'test-unit': {
    format: 'minitest',
    counts: [3, 1, 1],
    text: '5 tests, 7 assertions, 1 failures, 0 errors, 1 pendings, 0 omissions, 0 notifications\n',
  },
  'phpunit, well': { format: 'phpunit', counts: [5, 0, 0], text: 'OK (5 tests, 9 assertions)\n' },
  phpunit: {
    format: 'phpunit',
    counts: [1, 2, 2],
    text: 'FAILURES!\nTests: 5, Assertions: 9, Errors: 1, Failures: 1, Skipped: 1, Incomplete: 1, Risky: 1.\n',
  },
  pest: {
    format: 'pest',
    counts: [2, 1, 1],
    text: '  Tests:    1 failed, 1 skipped, 2 passed (3 assertions)\n',
  },
  'maven (real)': {
    format: 'maven',
    counts: [2, 2, 1],
    text: `[ERROR] Tests run: 4, Failures: 1, Errors: 1, Skipped: 1, Time elapsed: 0.078 s <<< FAILURE! -- in ATest
[INFO] Tests run: 1, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.004 s -- in BTest
[INFO] Results:
[INFO]
[ERROR] Tests run: 5, Failures: 1, Errors: 1, Skipped: 1
[INFO]
[INFO] BUILD FAILURE
`,
  },
  'maven, two modules': {
    format: 'maven',
    counts: [7, 0, 1],
    text: `[INFO] Tests run: 5, Failures: 0, Errors: 0, Skipped: 0
[WARNING] Tests run: 3, Failures: 0, Errors: 0, Skipped: 1
[INFO] Reactor Summary for x 1:
`,
  },
  gradle: {
    format: 'gradle',
    counts: [3, 1, 1],
    text: 'ATest > b() FAILED\n\n5 tests completed, 1 failed, 1 skipped\n',
  },
  'ctest (real)': {
    format: 'ctest',
    counts: [1, 2, 2],
    text: `5/5 Test #5: e ................................***Not Run (Disabled)   0.00 sec

50% tests passed, 2 tests failed out of 4

Total Test time (real) =   0.01 sec

The following tests did not run:
	  3 - c (Skipped)
	  5 - e (Disabled)

The following tests FAILED:
	  2 - b (Failed)
	  4 - d (Not Run)
`,
  },
  'dotnet test, two assemblies': {
    format: 'dotnet test',
    counts: [8, 1, 1],
    text: `Failed!  - Failed:     1, Passed:     5, Skipped:     0, Total:     6, Duration: 10 ms - A.dll (net8.0)
Passed!  - Failed:     0, Passed:     3, Skipped:     1, Total:     4, Duration: 9 ms - B.dll (net8.0)
`,
  },
  'dotnet test, all in one': {
    format: 'dotnet test',
    counts: [2, 1, 0],
    text: 'Total tests: 3\n     Passed: 2\n     Failed: 1\n Total time: 1.2 Seconds\n',
  },
  'dotnet test, the terminal logger': {
    format: 'dotnet test',
    counts: [2, 1, 0],
    text: 'Test summary: total: 3, failed: 1, succeeded: 2, skipped: 0, duration: 1.1s\n',
  },
  'dotnet test, the testing platform': {
    format: 'dotnet test',
    counts: [2, 1, 1],
    text: 'Test run summary: Failed! - bin/a.dll (net9.0)\n  total: 4\n  failed: 1\n  succeeded: 2\n  skipped: 1\n  duration: 1s\n',
  },
  'deno test (real)': {
    format: 'deno test',
    counts: [2, 1, 1],
    text: '\u001b[0m\u001b[31mFAILED\u001b[0m | 2 passed (1 step) | 1 failed | 1 ignored \u001b[0m\u001b[38;5;245m(110ms)\u001b[0m\n\nerror: Test failed\n',
  },
  exunit: {
    format: 'exunit',
    counts: [4, 1, 1],
    text: 'Finished in 0.03 seconds\n1 doctest, 7 tests, 1 failure, 2 excluded, 1 skipped\n',
  },
  'this project': { format: 'summary', counts: [412, 1, 0], text: ' 400 pass\n412 passed, 1 failed\n' },
  'tsc --pretty (real)': {
    format: 'tsc',
    counts: 2,
    text: '\u001b[96ma.ts\u001b[0m:1:7 - \u001b[91merror\u001b[0m TS2322: No.\n\nFound 2 errors in the same file, starting at: a.ts\u001b[90m:1\u001b[0m\n\n',
  },
  'tsc --pretty, files': {
    format: 'tsc',
    counts: 3,
    text: 'Found 3 errors in 2 files.\n\nErrors  Files\n     2  a.ts:1\n',
  },
  'tsc (real)': {
    format: 'tsc',
    counts: 2,
    text: "a.ts(1,7): error TS2322: Type 'string' is not assignable.\na.ts(2,7): error TS2322: Type 'number' is not.\n",
  },
  'mypy (real)': {
    format: 'mypy',
    counts: 2,
    text: 'm.py:3: error: Incompatible return value type\nFound 2 errors in 1 file (checked 1 source file)\n',
  },
  'mypy, well (real)': { format: 'mypy', counts: 0, text: 'Success: no issues found in 1 source file\n' },
  pyright: { format: 'pyright', counts: 4, text: '3 errors, 1 warning, 0 informations \n' },
  'eslint (real)': {
    format: 'eslint',
    counts: 2,
    text: "\na.js\n  1:1   error    'foo' is not defined  no-undef\n\n✖ 2 problems (1 error, 1 warning)\n\n",
  },
  'biome (real)': {
    format: 'biome',
    counts: 8,
    text: 'Checked 4 files in 3ms. No fixes applied.\nFound 6 errors.\nFound 2 warnings.\ncheck ━━━━━━━\n',
  },
  'biome, well (real)': { format: 'biome', counts: 0, text: 'Checked 1 file in 1982µs. No fixes applied.\n' },
  'ruff (real)': {
    format: 'ruff',
    counts: 2,
    text: 'Found 2 errors.\n[*] 2 fixable with the `--fix` option.\n',
  },
  'ruff --fix (real)': { format: 'ruff', counts: 1, text: 'Found 2 errors (1 fixed, 1 remaining).\n' },
  'ruff, well (real)': { format: 'ruff', counts: 0, text: 'All checks passed!\n' },
  rubocop: {
    format: 'rubocop',
    counts: 3,
    text: '5 files inspected, 3 offenses detected, 2 offenses autocorrectable\n',
  },
};

export const junit = {
  bun: `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="5" assertions="1" failures="1" skipped="2" time="0.006414013">
  <testsuite name="a.test.ts" tests="4" failures="1" skipped="2">
    <testcase name="a" classname="" line="1" assertions="0" />
    <testcase name="b &lt;c&gt;" classname="" line="1">
      <failure type="AssertionError" message="expect(received)&#10;">Expected: 2 &amp; &lt;testcase/&gt;</failure>
    </testcase>
    <testcase name="c"><skipped /></testcase>
    <testcase name="d"><skipped message="TODO" /></testcase>
  </testsuite>
  <testsuite name="b.test.ts" tests="1" failures="0" skipped="0">
    <testsuite name="s" tests="1" failures="0" skipped="0"><testcase name="z" classname="s" /></testsuite>
  </testsuite>
</testsuites>
`,
  surefire: `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="ATest" time="0.078" tests="4" errors="1" skipped="1" failures="1">
  <properties><property name="a" value="x > y"/></properties>
  <testcase name="a"/>
  <testcase name="b"><failure message="no"><![CDATA[ <testcase name="not one"> ]]></failure></testcase>
  <testcase name="c"><error type="java.lang.RuntimeException"/><system-out>x</system-out></testcase>
  <testcase name="d"><skipped/></testcase>
</testsuite>
<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="BTest" tests="1"><!-- <testcase/> --><testcase name='a'/></testsuite>
`,
};
