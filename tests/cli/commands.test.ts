import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cli } from './cli';

setDefaultTimeout(30_000);

const dataDir = mkdtempSync(join(tmpdir(), 'bakeoff-cli-'));
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));
/** Port 1 is nobody's. */
const nowhere = { BAKEOFF_URL: 'http://127.0.0.1:1', BAKEOFF_DATA: dataDir };

describe('wrong usage ends with 2 and one line', () => {
  test.each([
    [['frobnicate'], 'no command frobnicate'],
    [['bench'], 'not built yet'],
    [['run'], '--repo'],
    [['run', '--repo', '.'], '--goal'],
    [['run', '--repo', '.', '--goal', ' '], '--goal'],
    [['run', '--repo', '.', '--goal', 'x', '-n', '17'], '-n cannot be "17"'],
    [['run', '--repo', '.', '--goal', 'x', '-n', 'three'], '-n cannot be'],
    [['run', '--repo', '.', '--goal', 'x', '--task-type', 'magic'], '--task-type'],
    [['run', '--repo', '.', '--goal', 'x', '--priority', '0'], '--priority'],
    [['run', '--nonsense'], '--nonsense'],
    [['show'], 'which run'],
    [['show', 'one'], 'the run cannot be'],
    [['show', '1', '2'], 'unexpected'],
    [['diff', '1', '0'], 'the variation cannot be'],
    [['pause'], 'which run'],
    [['pause', '1', '2', '3'], 'unexpected'],
    [['resume', '1', 'two'], 'the variation cannot be'],
    [['retry', '1', '--from', 'here'], '--from is one of'],
    [['tell', '1'], 'what is it to hear'],
    [['tell', '1', ' '], 'what is it to hear'],
    [['tell', '1', '-v', 'x', 'stop'], '-v cannot be'],
    [['tell', '1', '--path', 'a', '--line', '0', 'stop'], '--line cannot be'],
    [['approve'], 'which run'],
    [['approve', '1', 'two'], 'the number of the question'],
    [['approve', '1', '2', '--plan', 'no/such/file'], 'ENOENT'],
    [['deny', '1', '2', 'no', '--comment', 'no'], 'twice'],
    [['run', '--repo', '.', '--goal', 'x', '--approval', 'all'], '--approval is one of'],
    [['run', '--repo', '.', '--goal', 'x', '--at', 'tomorrow'], '--at cannot be'],
    [['run', '--repo', '.', '--goal', 'x', '--at', '2030-02-31T25:00'], '--at cannot be'],
    [['run', '--repo', '.', '--goal', 'x', '--after', 'one'], '--after cannot be'],
    [['run', '--repo', '.', '--goal', 'x', '--iterations', '21'], '--iterations cannot be'],
    [['run', '--repo', '.', '--goal', 'x', '--pick', 'dice'], '--pick is one of person, verdict'],
    [['run', '--repo', '.', '--goal', 'x', '--land', 'post'], '--land is one of'],
    [['run', '--repo', '.', '--goal', 'x', '--target', 'main'], '--target is the branch that --land is for'],
    [['pick'], 'which run'],
    [['pick', '1', 'two'], 'the variation cannot be'],
    [['pick', '1', '2', '--clear'], '--clear'],
    [['land'], 'which run'],
    [['land', '1', '2'], 'unexpected'],
    [['land', '1', '--mode', 'post'], '--mode is one of branch, pull_request, merge'],
    [['land', '1', '--undo', '--title', 'x'], '--undo'],
    [['worker'], 'DATABASE_URL'],
    [['up', 'now'], 'unexpected'],
  ])('%j', async (words, said) => {
    const { code, out, err } = await cli(words, nowhere);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^bakeoff: [^\n]+\n$/);
    expect(err).toContain(said);
  });

  test.each([
    [{ BAKEOFF_TYPO: '1' }, 'BAKEOFF_TYPO'],
    [{ PORT: 'http' }, 'PORT'],
    [{ BAKEOFF_URL: 'localhost' }, 'BAKEOFF_URL'],
  ])('settings %j', async (env, said) => {
    const { code, err } = await cli(['list'], { ...nowhere, ...env });
    expect([code, err]).toEqual([2, expect.stringMatching(/^bakeoff: [^\n]+\n$/)]);
    expect(err).toContain(said);
  });
});

test.each([
  [['list']],
  [['show', '1']],
  [['watch', '1']],
  [['stop', '1']],
  [['pause', '1']],
  [['tell', '1', 'well done']],
  [['approve', '1']],
  [['deny', '1', '2', 'no']],
  [['diff', '1']],
  [['pick', '1', '2']],
  [['land', '1']],
  [['run', '--repo', '.', '--goal', 'x']],
])('%j without a service ends with 3 and one line', async (words) => {
  const { code, out, err } = await cli(words, nowhere);
  expect([code, out]).toEqual([3, '']);
  expect(err).toMatch(/^bakeoff: no service answers at http:\/\/127\.0\.0\.1:1[^\n]+\n$/);
});

test('--detach without a service does not start one', async () => {
  const { code, err } = await cli(['run', '--repo', '.', '--goal', 'x', '--detach'], {
    BAKEOFF_DATA: dataDir,
    PORT: '1',
  });
  expect([code, err]).toEqual([3, expect.stringContaining('--detach needs one')]);
});

test('help is the same from every door', async () => {
  const pages = await Promise.all(
    [[], ['--help'], ['help'], ['run', '--help']].map((words) => cli(words, nowhere)),
  );
  expect(new Set(pages.map(({ out }) => out)).size).toBe(1);
  expect(pages.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
});

test('a quick run of the tests leaves out the slowest, and says so', async () => {
  const { code, out } = await cli(['test', '--quick', 'tests/views/text.test.ts', 'tests/chaos/'], {});
  expect(code).toBe(0);
  expect(out).toMatch(/^Left out, as the slowest: .*tests\/chaos\/quick\.test\.ts/m);
  expect(out).toMatch(/^[1-9]\d* passed, 0 failed$/m);
});
