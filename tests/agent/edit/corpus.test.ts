import { describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { applyEdits } from '../../../src/agent/edit/apply';

const root = resolve(import.meta.dir, '../../..');
const cli = join(root, 'src/agent/edit/cli.ts');
const corpus = resolve(root, '../shared/edit-corpus/dev.jsonl.gz');

interface Case {
  id: string;
  files: Record<string, string>;
  patch: string;
  symlinks?: Record<string, string>;
  expected: { kind: string; files: Record<string, string>; alt?: Record<string, string>[] };
}

async function run(input: string, ...args: string[]): Promise<string[]> {
  const child = Bun.spawn([process.execPath, 'run', cli, ...args], {
    stdin: new Blob([input]),
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const out = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  return out.trim().split('\n');
}

describe('the command line', () => {
  const one = {
    files: { 'a.txt': 'one\ntwo\n' },
    patch: '--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n',
  };

  test('answers one case', async () => {
    const [answer = ''] = await run(JSON.stringify(one));
    expect(JSON.parse(answer)).toMatchObject({ ok: true, files: { 'a.txt': 'one\n2\n' } });
  });

  test('answers a line for each, with its id, also for what is no case', async () => {
    const refused = { id: 'b', files: {}, patch: 'no patch' };
    const answers = await run(
      `${JSON.stringify({ id: 'a', ...one })}\n${JSON.stringify(refused)}\n{"files":1}\n`,
      '--batch',
    );
    expect(answers.map((answer) => JSON.parse(answer))).toMatchObject([
      { id: 'a', ok: true },
      { id: 'b', ok: false },
      { ok: false },
    ]);
  });
});

// The corpus lies beside the checkout of those who have it; elsewhere there is no such test to skip.
if (existsSync(corpus)) test('the development corpus: 99 % right, nothing misapplied', scoreCorpus);

function scoreCorpus(): void {
  const cases: Case[] = gunzipSync(readFileSync(corpus))
    .toString()
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text));
  const wrong: string[] = [];
  let refused = 0;
  for (const { id, files, patch, symlinks = {}, expected } of cases) {
    const links = Object.keys(symlinks);
    const result = applyEdits(files, patch, { barred: links, paths: links });
    if (!result.ok) refused += expected.kind === 'files' ? 1 : 0;
    else if (
      expected.kind === 'refuse' ||
      ![expected.files, ...(expected.alt ?? [])].some((want) => Bun.deepEquals(want, result.files))
    )
      wrong.push(id);
  }
  expect(wrong).toEqual([]);
  expect(refused / cases.length).toBeLessThan(0.01);
}
