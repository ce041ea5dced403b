import { afterAll, expect, test } from 'bun:test';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseScenario } from '../../src/agent/models/scripted';
import { demoAgents } from '../../src/cli/demo/agents';
import { makeSample } from '../../src/cli/demo/sample';

const folder = mkdtempSync(join(tmpdir(), 'bakeoff-sample-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function sh(cwd: string, command: string): number {
  return Bun.spawnSync(['sh', '-c', command], { cwd, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } }).exitCode;
}

test('the sample is a clean git repository whose tests fail', async () => {
  const path = join(folder, 'sample');
  await makeSample(path);
  expect(
    sh(
      path,
      'git log --format=%an%ae && test "$(git rev-list --count main)" = 1 && test -z "$(git status --porcelain)"',
    ),
  ).toBe(0);
  expect(sh(path, 'sh tests/run.sh')).toBe(1);
  copyFileSync(
    join(import.meta.dir, '../../src/cli/demo/sample/howlong-clumsy.sh'),
    join(path, 'src/howlong.sh'),
  );
  expect(sh(path, 'sh tests/run.sh')).toBe(0);
});

test('every scripted edit finds its place, and comes to what the demo expects', async () => {
  for (const [index, code] of [0, 0, 1].entries()) {
    const path = join(folder, `try-${index}`);
    await makeSample(path);
    for (const turn of parseScenario(demoAgents()[index]?.scenario).turns) {
      for (const call of turn.tool_calls ?? []) {
        const { path: name, search, replace, content } = call.arguments as Record<string, string>;
        if (call.name === 'write_file') writeFileSync(join(path, name!), content!);
        if (call.name !== 'edit_file') continue;
        const text = readFileSync(join(path, name!), 'utf8');
        expect(text.split(search!)).toHaveLength(2);
        writeFileSync(
          join(path, name!),
          text.replace(search!, () => replace!),
        );
      }
    }
    expect(sh(path, 'sh tests/run.sh')).toBe(code);
  }
});
