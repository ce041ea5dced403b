import type { CheckOutcome, Run, Variation } from '../../src/core/contract';
import type { CriterionAnswer, JudgedPair } from '../../src/core/opinion';
import type { Cell, LevelResult, LevelState, RankLevel, Verdict } from '../../src/core/verdict-contract';
import { type CompareQuery, readCompareQuery } from '../../src/views/compare-address';
import type { Comment, Criterion } from '../../src/views/compare-facts';
import { ComparePage } from '../../src/views/comparepage';
import { type FileChange, parseDiff } from '../../src/views/diff';
import type { ChangedFile } from '../../src/views/tree';
import { run, shell, variation } from './fixtures';

/** Four tries at one goal, as the reference draws them: one falls at the target, one at a check, and size tells the others apart. */

const names = ['Sonnet', 'GPT-5', 'Opus careful', 'Qwen local'];

const counted = (passed: number, total = passed) => ({
  ...{ kind: 'tests' as const, passed, failed: total - passed, skipped: 0, total },
});

export function outcome(
  name: string,
  result: CheckOutcome['result'],
  change: Partial<CheckOutcome> = {},
): CheckOutcome {
  return {
    ...{ name, command: 'bun test', required: name !== 'lint', result, exit_code: 0, duration_ms: 4200 },
    ...{ flaky: false, counts: null, on_base_tests: null, seq: 0 },
    ...change,
  };
}

export function compared(position: number, change: Partial<Variation> = {}): Variation {
  const one = variation(position, {
    status: 'completed',
    completed_at: '2026-11-21T20:43:37Z',
    iteration: 2,
  });
  return {
    ...one,
    agent: { ...one.agent, name: names[position - 1] ?? `Agent ${position}` },
    patch: { files: 2, additions: 62, deletions: 41, bytes: 9000 },
    checks: [
      outcome('flat memory', 'fixed'),
      outcome('first byte', 'fixed'),
      outcome('unit tests', 'passes', { counts: counted(322) }),
      outcome('types', 'passes'),
      outcome('lint', 'still_fails', { counts: { kind: 'findings', findings: 4 } }),
    ],
    flags: [],
    kind: 'agent',
    graft: null,
    ...change,
  };
}

const variations = [
  compared(1, { patch: { files: 3, additions: 118, deletions: 39, bytes: 9000 } }),
  compared(2, {
    patch: { files: 4, additions: 95, deletions: 44, bytes: 9000 },
    iteration: 3,
    flags: [{ path: 'test/csv.test.ts', kind: 'test', change: 'modified' }],
    checks: [
      outcome('flat memory', 'fixed'),
      outcome('first byte', 'fixed', { flaky: true }),
      outcome('unit tests', 'broken', {
        counts: counted(318, 320),
        on_base_tests: { result: 'broken', exit_code: 1 },
      }),
      outcome('types', 'passes'),
      outcome('lint', 'still_fails'),
    ],
  }),
  compared(3),
  compared(4, {
    patch: { files: 1, additions: 37, deletions: 12, bytes: 900 },
    checks: [
      outcome('flat memory', 'still_fails'),
      outcome('first byte', 'could_not_run'),
      outcome('unit tests', 'passes', { counts: counted(318) }),
      outcome('types', 'passes'),
    ],
  }),
];

export function comparedRun(change: Partial<Run> = {}): Run {
  return {
    ...run(),
    id: 208,
    name: 'Stream the CSV export instead of building it in memory',
    status: 'completed',
    base_checks: [
      outcome('flat memory', 'failed'),
      outcome('first byte', 'failed'),
      outcome('unit tests', 'passed', { counts: counted(318) }),
      outcome('types', 'passed'),
      outcome('lint', 'failed', { counts: { kind: 'findings', findings: 4 } }),
    ],
    variations,
    winner: null,
    ...change,
  };
}

type Values = Record<number, object>;

function level(
  name: RankLevel,
  values: Values,
  fell: Record<number, number>,
  at: number,
  state: LevelState = 'compared',
): LevelResult {
  const cells = Object.fromEntries(
    Object.entries(values).map(([position, value]) => {
      const distance = (fell[Number(position)] ?? 99) - at;
      const leading = state === 'not_needed' ? 'not_needed' : 'in';
      const standing: Cell['standing'] = distance < 0 ? 'out' : distance === 0 ? 'out_here' : leading;
      return [position, { score: 1, standing, as: null, ...value }];
    }),
  );
  return { level: name, state, decided: false, values: cells } as unknown as LevelResult;
}

const each = (positions: readonly number[], value: (position: number) => object): Values =>
  Object.fromEntries(positions.map((one) => [one, value(one)]));

const order: RankLevel[] = ['applies', 'broken', 'fixed', 'criteria', 'judged', 'size', 'cost'];

/** A verdict over these, in this order, each falling at a level: `fell` by position, an index into the levels. */
export function verdictOf(
  positions: readonly number[],
  fell: Record<number, number>,
  change: Partial<Verdict> = {},
): Verdict {
  const leaders = positions.filter((one) => fell[one] === undefined);
  const tie = leaders.length > 1;
  const decider = tie ? undefined : Math.max(...Object.values(fell));
  const decided_by = decider === undefined ? null : (order[decider] ?? null);
  const even = { wins: 0, losses: 0, ties: 1, disagreed: 1 };
  const levels = [
    level(
      'applies',
      each(positions, (one) =>
        fell[one] === 0
          ? { base: true, target: 'conflict', conflicts: ['src/export/csv.ts'] }
          : { base: true, target: 'clean', conflicts: [] },
      ),
      fell,
      0,
    ),
    level(
      'broken',
      each(positions, (one) => ({ broken: fell[one] === 1 ? 1 : 0 })),
      fell,
      1,
    ),
    level(
      'fixed',
      each(positions, (one) => ({ fixed: fell[one] === 2 ? 1 : 2, of: 2 })),
      fell,
      2,
    ),
    level(
      'criteria',
      each(positions, (one) => ({ met: fell[one] === 3 ? 3 : 5, of: 5 })),
      fell,
      3,
    ),
    level(
      'judged',
      each(positions, () => even),
      fell,
      4,
    ),
    level(
      'size',
      each(positions, (one) => ({ lines: 103 + one * (fell[one] === undefined ? 0 : 54) })),
      fell,
      5,
    ),
    level(
      'cost',
      each(positions, (one) => ({ cost_usd: 0.8 + one / 10 })),
      fell,
      6,
      decider === 5 ? 'not_needed' : 'compared',
    ),
  ].map((one) => ({ ...one, decided: one.level === decided_by }));
  const parted = (one: number) => order[fell[one] ?? -1] ?? null;
  return {
    ranking: positions.map((position, i) => ({
      position,
      rank: leaders.includes(position) ? 1 : i + 1,
      tied_with: tie && leaders.includes(position) ? leaders.filter((one) => one !== position) : [],
      fell_at: parted(position),
      parted_at: parted(position),
    })),
    levels,
    leaders: [...leaders].sort((a, b) => a - b),
    decided_by,
    tie,
    executed_decided: false,
    groups: [],
    pairs: pairsOf(leaders.length > 1 ? leaders : positions.slice(0, 2)),
    summary: {
      headline: `${leaders.join(' and ')} ${tie ? 'tie' : 'is ahead, by a small margin'}`,
      sentences: [
        '3 and 1 tie on everything that was run.',
        'The judge contradicted itself when the order was swapped, so that is a tie too.',
        '3 is ahead because its diff is 54 lines smaller.',
        'You asked to pick yourself.',
      ],
    },
    ...change,
  };
}

function pairsOf([a = 1, b = 2]: readonly number[]): JudgedPair[] {
  return [{ pair: a < b ? [a, b] : [b, a], winner: null, why: 'disagreed' }];
}

export const verdict = verdictOf([3, 1, 2, 4], { 1: 5, 2: 1, 4: 0 });

const yes: CriterionAnswer = {
  met: true,
  quotation: 'await once(out, "drain", { signal });',
  why: 'quoted',
  place: { path: 'src/export/csv.ts', line: 13, side: 'patch' },
};
const no: CriterionAnswer = { met: false, quotation: '', why: 'denied', place: null };

export const criteria: Criterion[] = [
  ['The answer starts before the last row is read', [yes, yes, yes, no]],
  ['A client that hangs up ends the query', [yes, no, yes, no]],
  ['An error on the way breaks the transfer', [yes, no, yes, no]],
  ['Columns and their order stay', [yes, yes, yes, yes]],
  ['Memory does not grow with the account', [yes, yes, yes, { ...no, why: 'not_found', quotation: 'flat' }]],
].map(([text, answers]) => ({
  text: String(text),
  answers: Object.fromEntries((answers as CriterionAnswer[]).map((one, i) => [i + 1, one])),
}));

export const patch = `diff --git a/src/export/csv.ts b/src/export/csv.ts
index 1111111111111111111111111111111111111111..2222222222222222222222222222222222222222 100644
--- a/src/export/csv.ts
+++ b/src/export/csv.ts
@@ -1,4 +1,3 @@
 import type { Sql } from "postgres";
-import { pipeline } from "node:stream/promises";
-import { Readable } from "node:stream";
+import { once } from "node:events";
 import { csvLine, HEADER } from "./line.ts";
@@ -9,5 +8,9 @@ exportCsv
 /** Writes the ledger of one account as CSV, row by row. */
-export async function exportCsv(sql: Sql, account: string, out: NodeJS.WritableStream) {
-  const rows = sql\`select * from entry where account = \${account} order by booked_at\`.cursor(500);
-  await pipeline(Readable.from(lines(rows)), out);
+export async function exportCsv(sql: Sql, account: string, out: ServerResponse, signal: AbortSignal) {
+  const rows = sql\`select * from entry where account = \${account} order by booked_at\`.cursor(BATCH);
+  for await (const batch of rows) {
+    signal.throwIfAborted();
+    if (!out.write(batch.map(csvLine).join(""))) await once(out, "drain", { signal });
+  }
+  out.end();
 }
@@ -15,3 +18,3 @@ lines
 async function* lines(batches: AsyncIterable<Entry[]>) {
-  yield HEADER;
+  yield HEADER + "\\r\\n";
   for await (const batch of batches) for (const entry of batch) yield csvLine(entry);
diff --git a/src/http/exports.ts b/src/http/exports.ts
new file mode 100644
index 0000000000000000000000000000000000000000..3333333333333333333333333333333333333333
--- /dev/null
+++ b/src/http/exports.ts
@@ -0,0 +1,2 @@
+export const BATCH = 500;
+export const TYPE = "text/csv";
\\ No newline at end of file
diff --git a/test/csv.test.ts b/test/csv.test.ts
index 1111111111111111111111111111111111111111..2222222222222222222222222222222222222222 100644
--- a/test/csv.test.ts
+++ b/test/csv.test.ts
@@ -22,5 +20,6 @@
 test("a hang-up ends the query", async () => {
-  const out = new PassThrough();
-  const done = exportCsv(sql, "a1", out);
-  out.destroy();
+  const out = fakeResponse({ drainAfter: 3 });
+  const done = exportCsv(sql, "a1", out, stop.signal);
+  stop.abort(new Error("gone"));
+  await rejects(done, /gone/);
   expect(await running(sql)).toBe(0);
diff --git a/test/fixtures/large.bin b/test/fixtures/large.bin
index 1111111111111111111111111111111111111111..2222222222222222222222222222222222222222 100644
Binary files a/test/fixtures/large.bin and b/test/fixtures/large.bin differ
`;

export const files = parseDiff(patch);

export function changesOf(all: readonly FileChange[]): ChangedFile[] {
  return all.map(({ path, kind, additions, deletions, binary }) => ({
    ...{ path, additions, deletions, binary },
    status: kind === 'added' || kind === 'deleted' ? kind : 'modified',
  }));
}

export const comment: Comment = {
  ...{ id: 7, position: 1, path: 'src/export/csv.ts', line: 9 },
  text: 'A cursor keeps its transaction open for as long as the client reads. What ends it when somebody downloads over a phone and walks into a tunnel?',
  ...{ created_at: '2026-11-21T20:37:12Z', delivered_at: null },
};

export function query(
  address = 'from=3&to=1&hunk=1:src/export/csv.ts:1&hunk=1:src/export/csv.ts:2',
): CompareQuery {
  return readCompareQuery(new URLSearchParams(address), [1, 2, 3, 4], 3);
}

export type PageProps = Parameters<typeof ComparePage>[0];

export function comparePage(change: Partial<PageProps> = {}): string {
  return ComparePage({
    ...{ shell: shell({ path: '/runs/208/compare' }), run: comparedRun(), verdict, criteria },
    events: {
      ...{ verdict: 733, count: 19, places: { 1: 733, 2: 702, 3: 733, 4: 690 } },
      checks: { 2: { 'unit tests': 702 } },
    },
    ...{
      query: query(),
      changes: changesOf(files),
      total: files.length,
      same: ['src/export/line.ts'],
      files,
    },
    texts: new Map([['src/export/csv.ts', { total: 51, lines: [] }]]),
    ...{ composed: { ok: true }, comments: [comment], token: 'a-token' },
    ...change,
  }) as string;
}
