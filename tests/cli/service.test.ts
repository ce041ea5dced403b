import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoAgents } from '../../src/cli/demo/agents';
import { makeSample } from '../../src/cli/demo/sample';
import type { Run } from '../../src/core/contract';
import { cli, readUntil, spawnCli } from './cli';

setDefaultTimeout(30_000);

/** One real service, started as a person would, and the commands as a person would use them. */
const folder = mkdtempSync(join(tmpdir(), 'bakeoff-up-'));
const dataDir = join(folder, 'data');
const sample = join(folder, 'howlong');
const own = { BAKEOFF_DATA: dataDir, BAKEOFF_LOCAL_ROOTS: folder, PORT: '0', LOG_LEVEL: 'error' };
let env: Record<string, string> = own;
let service: ReturnType<typeof spawnCli>;

beforeAll(async () => {
  chmodSync(folder, 0o711);
  await makeSample(sample);
  service = spawnCli(['up'], own, 120_000);
  const said = await readUntil(service.stdout, /token=\w+\s/);
  if (!said.includes('token=')) {
    throw new Error(`no service: ${said}${await new Response(service.stderr).text()}`);
  }
  const url = /http:\/\/\S+/.exec(said)?.[0] ?? '';
  env = { ...own, BAKEOFF_URL: url };
  for (const agent of demoAgents()) {
    const response = await fetch(`${url}/api/v1/agents`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${readFileSync(join(dataDir, 'api-key'), 'utf8').trim()}`,
      },
      body: JSON.stringify({ ...agent, kind: 'builtin', provider: 'scripted' }),
    });
    expect(response.status).toBe(201);
  }
});

afterAll(async () => {
  service.kill('SIGTERM');
  const code = await service.exited;
  rmSync(folder, { recursive: true, force: true });
  expect(code).toBe(0);
});

function run(...words: string[]) {
  return cli(['run', '--repo', sample, '--goal', 'Make the tests pass', ...words], env);
}

describe('a run from the command line', () => {
  test('is followed to its end, with its checks on base and patch', async () => {
    const { code, out } = await run(
      '-n',
      '2',
      '--agent',
      'careful',
      '--agent',
      'hasty',
      '--check',
      'sh tests/run.sh',
    );
    expect(code).toBe(0);
    expect(out).toContain('check 1 failed (exit 1)');
    expect(out).toContain('check 1 fixed (exit 1 → 0)');
    expect(out).toContain('check 1 still fails (exit 1 → 1)');
    expect(out).not.toContain('\u001b');
  });

  test('ends as JSON on standard output, and its diff applies with git apply', async () => {
    const { code, out } = await run('--agent', 'careful', '--json', '--check', 'sh tests/run.sh');
    expect(code).toBe(0);
    const made = JSON.parse(out) as Run;
    expect([made.status, made.variations[0]?.checks[0]?.result]).toEqual(['completed', 'fixed']);
    const diff = await cli(['diff', String(made.id)], env);
    expect(diff.code).toBe(0);
    writeFileSync(join(folder, 'patch'), diff.out);
    const applied = Bun.spawnSync(['git', 'apply', '--check', '--verbose', join(folder, 'patch')], {
      cwd: sample,
    });
    expect(applied.exitCode).toBe(0);
    const again = JSON.parse((await cli(['watch', String(made.id), '--json'], env)).out) as Run;
    expect(again.variations[0]?.patch).toEqual(made.variations[0]?.patch ?? null);
  });

  test('can be left alone, found, shown and stopped', async () => {
    const started = await run('--agent', 'careful', '--detach', '--json', '--name', 'Left\u001b[31m alone');
    expect(started.code).toBe(0);
    const { id } = JSON.parse(started.out) as Run;
    expect((await cli(['stop', String(id)], env)).out).toMatch(
      new RegExp(`^Run ${id}: (stopped|running|queued)`),
    );
    const watched = await cli(['watch', String(id)], env);
    expect([watched.code, watched.out]).toEqual([1, expect.stringContaining('stopped')]);
    const list = await cli(['list'], env);
    expect(list.out).toMatch(new RegExp(`^ *${id} +■ stopped .*Left�?\\[31m alone$`, 'm'));
    expect((await cli(['show', String(id)], env)).out).toContain(`Run ${id}`);
    expect((await cli(['stop', String(id)], env)).code).toBe(2);
  });

  test.each([
    [['--agent', 'nobody'], 'nobody'],
    [['--agent', 'careful', '--repo', '/etc'], 'local_path'],
    [['--agent', 'careful', '--repo', 'ftp://example.org/x'], 'repo_url'],
  ])('that the service refuses (%j) ends with 2 and its words', async (words, said) => {
    const { code, err } = await run(...words);
    expect([code, err]).toEqual([2, expect.stringMatching(/^bakeoff: [^\n]+\n$/)]);
    expect(err).toContain(said);
  });

  test('that is not there ends with 2', async () => {
    for (const words of [
      ['show', '999'],
      ['watch', '999'],
      ['stop', '999'],
      ['diff', '999'],
    ]) {
      expect((await cli(words, env)).code).toBe(2);
    }
  });
});

test('a wrong key is told from a service that is away', async () => {
  const { code, err } = await cli(['list'], { ...env, BAKEOFF_API_KEY: 'x'.repeat(20) });
  expect([code, err]).toEqual([2, expect.stringContaining('BAKEOFF_API_KEY')]);
});

test('a second service on the same data directory is refused', async () => {
  const { code, err } = await cli(['up'], own);
  expect([code, err]).toEqual([2, expect.stringMatching(/^bakeoff: [^\n]+\n$/)]);
});

test('a port that is taken is one line', async () => {
  const port = new URL(env.BAKEOFF_URL ?? '').port;
  const { code, err } = await cli(['up'], { ...own, BAKEOFF_DATA: join(folder, 'other'), PORT: port });
  expect([code, err]).toEqual([2, expect.stringMatching(/^bakeoff: [^\n]+\n$/)]);
  expect(err).toContain(port);
});
