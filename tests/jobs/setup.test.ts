import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readCheckpoint } from '../../src/core/checkpoint';
import type { Event, FactType, Payloads } from '../../src/core/fact';
import { makeRepository } from '../support/repository';
import { removeTemp } from '../support/temp';
import { type Bench, command, done, edit, openBench } from './bench';

let bench: Bench;
const { path } = makeRepository({
  'a.txt': 'one\n',
  '.gitignore': 'lib/\n',
  'package-lock.json': '{"lockfileVersion":3}\n',
});
beforeAll(async () => {
  bench = await openBench();
  await bench.worker({ concurrency: 8 });
});
afterAll(async () => {
  await bench.close();
  removeTemp(path);
});

function of<T extends FactType>(events: readonly Event[], type: T): Payloads[T][] {
  return events.filter((event) => event.type === type).map((event) => event.payload as Payloads[T]);
}

const needsLib = { name: 'lib', command: 'grep -q made lib/made.txt && grep -q two a.txt' };

test('what a project’s set-up makes is there for agents and checks, made once for all, and in no patch', async () => {
  const id = await bench.start({
    ...{ source: path, variations: 3, checks: [needsLib] },
    turns: [command('cat lib/made.txt'), edit, done],
    project: { setup: 'mkdir lib && echo made >lib/made.txt && echo changed >package-lock.json' },
  });
  const run = await bench.ended(id, 25_000);
  const events = await bench.events(id);
  expect(run.variations.map((one) => one.checks[0]?.result)).toEqual(['fixed', 'fixed', 'fixed']);
  const finished = of(events, 'setup.finished');
  expect(finished.filter((one) => !one.cached)).toMatchObject([{ exit_code: 0 }]);
  expect(new Set(finished.map((one) => one.on))).toEqual(new Set(['base', 'work', 'patch']));
  const said = of(events, 'tool.finished').filter((one) => one.name === 'run_command');
  expect(said.map((one) => one.output.includes('made'))).toEqual([true, true, true]);
  const patch = await readCheckpoint(bench.database, id, 1);
  expect(patch?.stat.files).toBe(1);
}, 40_000);

test('a set-up that fails ends the variation with its words; what it may not reach is told', async () => {
  const id = await bench.start({
    source: path,
    turns: [edit, done],
    project: {
      setup: 'git ls-remote https://elsewhere.example.org/x 2>&1; echo no way in >&2; exit 3',
      network: ['packages.example.org'],
    },
    options: { max_retries: 0 },
  });
  const run = await bench.ended(id, 25_000);
  const events = await bench.events(id);
  expect([run.status, run.error?.code]).toEqual(['failed', 'setup_failed']);
  expect(run.error?.message).toContain('no way in');
  expect(of(events, 'setup.finished')).toContainEqual(
    expect.objectContaining({ exit_code: 3, cached: false }),
  );
  expect(of(events, 'network.denied')).toContainEqual(
    expect.objectContaining({ on: 'work', host: 'elsewhere.example.org', port: 443 }),
  );
}, 40_000);

test('what a check of the base may not reach is told as the base’s', async () => {
  const reaching = 'git ls-remote https://elsewhere.example.org/x; grep -q two a.txt';
  const id = await bench.start({
    ...{ source: path, checks: [{ name: 'reaching', command: reaching }] },
    turns: [edit, done],
    project: { network: ['packages.example.org'] },
  });
  expect((await bench.ended(id, 25_000)).variations[0]?.checks[0]?.result).toBe('fixed');
  const denied = of(await bench.events(id), 'network.denied');
  expect(new Set(denied.map((one) => one.on))).toEqual(new Set(['base', 'patch']));
}, 40_000);
