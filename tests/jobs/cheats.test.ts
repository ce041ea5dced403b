import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { makeRepository } from '../support/repository';
import { removeTemp } from '../support/temp';
import { type Bench, call, done, openBench, type Plan } from './bench';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
  await bench.worker({ concurrency: 8 });
});
afterAll(() => bench.close());

const write = (path: string, content: string) => call('write_file', { path, content });

/** What the checks of this repository say of a patch that is written to fool them. */
async function checked(files: Record<string, string>, plan: Plan) {
  const { path } = makeRepository(files);
  try {
    const options = { max_iterations: 1, ...plan.options };
    const run = await bench.ended(await bench.start({ ...plan, source: path, options }), 25_000);
    const [variation] = run.variations;
    return {
      run,
      checks: variation!.checks.map(({ result, flaky }) => ({ result, flaky })),
      flags: variation!.flags,
    };
  } finally {
    removeTemp(path);
  }
}

const sum = { 'sum.sh': 'echo $(($1 - $2))\n' };
const testOf = (a: number, b: number, is: number) => `[ "$(sh sum.sh ${a} ${b})" = ${is} ] || exit 1\n`;

describe('a patch that is made to fool its checks', () => {
  test('has broken what it makes end as if it could not be started', async () => {
    const files = { 'sum.sh': 'echo $(($1 + $2))\n', 'tests/sum.sh': '. ./sum.sh\n' };
    const found = await checked(files, {
      checks: [{ name: 'sum', command: 'sh tests/sum.sh 1 2' }],
      turns: [write('sum.sh', 'exit 127\n'), done],
    });

    expect(found.checks).toEqual([{ result: 'broken', flaky: false }]);
  }, 30_000);

  test('does not change during one check what the next one runs', async () => {
    const files = {
      ...sum,
      'tests/a.sh': testOf(2, 3, 5),
      'tests/b.sh': testOf(20, 30, 50),
      'tests/c.sh': 'sh sum.sh 1 1 >/dev/null; grep -q good b.txt',
      'b.txt': 'good\n',
    };
    const found = await checked(files, {
      checks: [
        { name: 'a', command: 'sh tests/a.sh' },
        { name: 'b', command: 'sh tests/b.sh' },
        { name: 'c', command: 'sh tests/c.sh' },
      ],
      turns: [
        write('sum.sh', 'echo exit 0 >tests/b.sh\necho exit 0 >tests/c.sh\necho 5\n'),
        write('b.txt', 'bad\n'),
        done,
      ],
    });

    expect(found.checks.map((one) => one.result)).toEqual(['fixed', 'still_fails', 'broken']);
  }, 30_000);

  test('is not taken at its word where it and the base’s tests cannot be set up together', async () => {
    const files = { 'version.txt': '1\n', 'tests/version.txt': '1\n', 'tests/run.sh': 'exit 0\n' };
    const found = await checked(files, {
      project: { setup: 'cmp version.txt tests/version.txt' },
      checks: [{ name: 'run', command: 'sh tests/run.sh' }],
      turns: [write('version.txt', '2\n'), write('tests/version.txt', '2\n'), done],
    });

    expect(found.run.status).toBe('completed');
    expect(found.checks).toEqual([{ result: 'could_not_run', flaky: false }]);
    const [check] = found.run.variations[0]!.checks;
    expect(check!.exit_code).toBe(0);
    expect(check!.on_base_tests).toEqual({ result: 'could_not_run', exit_code: null });
  }, 30_000);
});
