import { afterAll, beforeAll, expect, test } from 'bun:test';
import { decide, listApprovals } from '../../src/core/approval';
import { readCheckpoint } from '../../src/core/checkpoint';
import { direct } from '../../src/core/directive';
import { mend } from '../../src/core/mend';
import { getRun } from '../../src/core/run';
import { queuedOf } from '../../src/core/variation';
import { until } from '../support/wait';
import { type Bench, openBench } from './bench';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
  await bench.worker();
});
afterAll(() => bench.close());

const options = { mode: 'patch' } as const;
const checks = [{ name: 'two', command: 'grep -q two a.txt' }];
const diff = async (runId: number) =>
  new TextDecoder().decode((await readCheckpoint(bench.database, runId, 1))?.bytes);
const good = 'One becomes two.\n\n```diff\n--- a/a.txt\n+++ b/a.txt\n@@ -1,9 +1,9 @@\n-one\n+two\n```\n';
const next = '```diff\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1,2 @@\n two\n+three\n```';
const bad = 'Here:\n```diff\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-nothing like it\n+two\n```\n';

test('one answer is applied by the engine, however sloppy, and checked', async () => {
  const runId = await bench.start({ turns: [{ text: good }], options, checks, run: { task_type: 'coding' } });
  const run = await bench.ended(runId);
  expect([run.status, run.result, run.usage.model_calls]).toEqual(['completed', 'One becomes two.', 1]);
  expect(run.variations[0]!.checks.map((check) => check.result)).toEqual(['fixed']);
  expect(await diff(runId)).toContain('-one\n+two');
  const events = await bench.events(runId);
  const prompt = events.find((event) => event.type === 'model.requested');
  expect(prompt?.type === 'model.requested' && prompt.payload.added[0]).toContain('<file path="a.txt">\none');
});

test('what cannot be applied needs review, answer and reasons kept; a person mends it', async () => {
  const runId = await bench.start({ turns: [{ text: bad }], options, checks });
  const run = await bench.ended(runId);
  expect([run.status, run.error?.code, run.variations[0]!.result]).toEqual([
    'needs_review',
    'patch_rejected',
    bad,
  ]);
  expect(run.error?.message).toContain('nothing like it');
  await mend(bench.database, runId, 1, bad.replace('-nothing like it', '-still nothing'));
  await bench.queue.add(await queuedOf(bench.database, runId));
  const again = await until(async () => {
    const found = await getRun(bench.database, runId);
    return found.completed_at !== null && found;
  });
  expect([again.status, again.error?.message.includes('still nothing')]).toEqual(['needs_review', true]);
  await mend(bench.database, runId, 1, good);
  await bench.queue.add(await queuedOf(bench.database, runId));
  const mended = await bench.ended(runId);
  expect([mended.status, mended.usage.model_calls]).toEqual(['completed', 1]);
  expect(await diff(runId)).toContain('-one\n+two');
  const refused = await mend(bench.database, runId, 1, good).catch((error) => error);
  expect([refused.code, refused.status]).toEqual(['not_in_review', 409]);
});

test('a directive is answered with another patch, on the files as they are then', async () => {
  const runId = await bench.start({ turns: [{ text: good }, { text: next }], options });
  await bench.ended(runId);
  await direct(bench.database, runId, { text: 'and three', variations: [1], path: null, line: null });
  await bench.queue.add(await queuedOf(bench.database, runId));
  await until(async () => (await getRun(bench.database, runId)).usage.model_calls === 2);
  await bench.ended(runId);
  expect(await diff(runId)).toContain('-one\n+two\n+three');
});

test.each([
  ['a diff', good],
  ['a block', 'a.txt\n<<<<<<< SEARCH\none\n=======\none\nmore\n>>>>>>> REPLACE\n'],
  ['a removal', '*** Begin Patch\n*** Delete File: a.txt\n*** End Patch\n'],
])('%s that was approved is finished as it was, not applied a second time', async (_, text) => {
  const runId = await bench.start({ turns: [{ text }], options: { mode: 'patch', approval: 'commit' } });
  await answer(runId, 'approve');
  const run = await bench.ended(runId);
  expect([run.status, run.usage.model_calls]).toEqual(['completed', 1]);
});

test('a mended patch is asked about, too; denied, it is no result', async () => {
  const runId = await bench.start({ turns: [{ text: bad }], options: { mode: 'patch', approval: 'commit' } });
  await bench.ended(runId);
  await mend(bench.database, runId, 1, good);
  await bench.queue.add(await queuedOf(bench.database, runId));
  await answer(runId, 'deny');
  const run = await bench.ended(runId);
  expect([run.status, run.error?.message]).toEqual(['needs_review', 'A person did not approve it. not that']);
});

test('a mended patch and a directive: first the one, then the other, once each', async () => {
  const runId = await bench.start({ turns: [{ text: bad }, { text: next }], options });
  await bench.ended(runId);
  await mend(bench.database, runId, 1, good);
  await direct(bench.database, runId, { text: 'and three', variations: [1], path: null, line: null });
  await bench.queue.add(await queuedOf(bench.database, runId));
  await until(async () => (await getRun(bench.database, runId)).usage.model_calls === 2);
  const run = await bench.ended(runId);
  expect([run.status, run.usage.model_calls]).toEqual(['completed', 2]);
  expect(await diff(runId)).toContain('-one\n+two\n+three');
});

async function answer(runId: number, decision: 'approve' | 'deny'): Promise<void> {
  const open = await until(async () =>
    (await listApprovals(bench.database, runId)).find((one) => one.status === 'open'),
  );
  const comment = decision === 'deny' ? 'not that' : null;
  await decide(bench.database, runId, open.id, { decision, comment, plan: null });
  await bench.queue.add(await queuedOf(bench.database, runId));
}
