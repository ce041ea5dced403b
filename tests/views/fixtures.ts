import type { CheckOutcome, Health, Project, Run, Stats, Variation } from '../../src/core/contract';
import type { Event, Fact, PlanStep } from '../../src/core/fact';
import type { Shell } from '../../src/views/shell';

/** Made-up objects of the contract, for views only: they are functions of data. */

export const now = new Date('2026-11-21T20:41:21Z');
const usage = {
  input_tokens: 380_000,
  output_tokens: 32_000,
  cached_tokens: 270_000,
  reasoning_tokens: 0,
  model_calls: 23,
  cost_usd: 1.12,
};

export const steps: PlanStep[] = [
  { text: 'Find every place that rounds a refund', status: 'done' },
  { text: 'Write failing tests for `KWD`, JPY and EUR', status: 'done' },
  { text: 'Take the exponents from ISO 4217', status: 'active' },
  { text: 'Tests, types, lint', status: 'pending' },
];

export function check(result: CheckOutcome['result'], name = 'unit tests'): CheckOutcome {
  return {
    name,
    command: 'bun test',
    required: true,
    result,
    exit_code: result === 'broken' ? 1 : 0,
    duration_ms: 4200,
    flaky: false,
    counts: null,
    on_base_tests: null,
    seq: 0,
  };
}

export function variation(position: number, change: Partial<Variation> = {}): Variation {
  return {
    id: 100 + position,
    position,
    agent: {
      id: position,
      name: ['Sonnet', 'GPT-5', 'Qwen local'][position - 1] ?? 'more',
      model: `model-${position}`,
      provider: 'openai',
    },
    status: 'running',
    kind: 'agent',
    graft: null,
    flags: [],
    attempt: 1,
    retry_count: 0,
    iteration: 1,
    progress_percentage: 58,
    current_step: 'step 4 of 6',
    plan: steps,
    branch: null,
    patch: { files: 2, additions: 8, deletions: 2, bytes: 900 },
    checks: [],
    usage,
    result: null,
    error: null,
    worker: 'here-1',
    retry_at: null,
    held: null,
    wanted: null,
    started_at: '2026-11-21T20:34:25Z',
    completed_at: null,
    ...change,
  };
}

export function run(change: Partial<Run> = {}): Run {
  return {
    id: 212,
    run_id: 212,
    task_id: 212,
    project_id: 3,
    project: 'ledgerline',
    name: 'Round refunds by the currency’s exponent',
    goal: 'Round refunds by the currency’s exponent\nRefunds in currencies with three decimals come out rounded to two.\n\nLeave the JSON API as it is: `amounts` stay strings.',
    description: null,
    instructions: null,
    run_type: 'agent',
    task_type: 'coding',
    priority: 5,
    status: 'running',
    task_status: 'running',
    progress_percentage: 58,
    current_step: 'step 4 of 6',
    estimated_duration: 600,
    time_left: 240,
    base: 'main',
    base_sha: '4f2c91e0a0b1c2d3e4f50617283940a1b2c3d4e5',
    options: {
      dry_run: false,
      verbose: false,
      max_steps: 100,
      max_retries: 3,
      approval: 'none',
      mode: 'tools',
      timeout_s: 600,
      budget_usd: 3,
      budget_tokens: null,
      max_iterations: 3,
      stop_losers: false,
      pick: 'person',
      land: null,
    },
    metadata: {},
    depends_on: [],
    on_dependency_failure: 'fail',
    waits_for_winner_of: null,
    scheduled_at: null,
    usage,
    result: null,
    error: null,
    verdict: null,
    judging: false,
    winner: null,
    landing: null,
    flow: null,
    base_checks: [],
    variations: [
      variation(1),
      variation(2, {
        status: 'completed',
        progress_percentage: 100,
        checks: [check('fixed'), check('broken', 'lint'), check('passes', 'types')],
        completed_at: '2026-11-21T20:40:00Z',
      }),
      variation(3, {
        status: 'failed',
        error: { code: 'model_unavailable', message: 'no answer in three tries' },
      }),
    ],
    created_at: '2026-11-21T20:34:23Z',
    updated_at: '2026-11-21T20:41:20Z',
    started_at: '2026-11-21T20:34:24Z',
    completed_at: null,
    ...change,
  };
}

export function project(change: Partial<Project> = {}): Project {
  return {
    ...{ id: 3, name: 'ledgerline', repo_url: 'https://forge.example/acme/ledgerline.git', local_path: null },
    ...{ default_branch: null, setup: 'npm ci', network: ['packages.example.org'], executor: null },
    checks: [{ name: 'unit tests', command: 'bun test', timeout_s: 300, required: true }],
    ...{ checks_set: false, has_token: false, token_user: null, allowed_commands: ['bun test *'] },
    ...{ created_at: '2026-11-01T08:00:00.000Z', updated_at: '2026-11-01T08:00:00.000Z' },
    ...change,
  };
}

const part = (detail: string | null = null) => ({ status: 'fine' as const, detail, latency_ms: 1 });

export const health: Health = {
  status: 'fine',
  version: '0.1.0',
  unsafe: false,
  parts: {
    database: part(),
    queue: part('4 waiting'),
    sandbox: part('bubblewrap'),
    workers: part('3, 2 busy'),
    models: { status: 'degraded', detail: 'Ollama does not answer', latency_ms: null },
    forges: { status: 'off', detail: 'none configured', latency_ms: null },
  },
};

export const stats: Stats = {
  runs: 41,
  by_status: { completed: 35, failed: 4, running: 2 },
  success_rate: 0.85,
  cost_usd: 38.2,
  median_duration_s: 480,
  patch_apply_rate: 1,
  patches: { applied: 35, rejected: 0 },
  edits: { applied: 198, rejected: 2, rate: 0.99, tiers: { exact: 180, 'trailing space': 18 } },
  wins: [],
  wins_by_week: [],
  days: [5, 7, 7, 9, 3, 3, 7].map((completed, i) => ({ day: `2026-11-${15 + i}`, completed, failed: i % 3 })),
  freed: { bytes: 0, runs: 0, last_at: null },
};

export function shell(change: Partial<Shell> = {}): Shell {
  return {
    health,
    theme: null,
    assets: {
      css: '/assets/bakeoff.css',
      htmx: '/assets/htmx.js',
      sse: '/assets/hx-sse.js',
      keys: '/assets/keys.js',
    },
    now,
    projects: [{ name: 'ledgerline' }, { name: 'tern' }],
    agents: [
      { name: 'openai', model: 'gpt-5', provider: 'openai' },
      { name: 'anthropic', model: 'sonnet', provider: 'anthropic' },
    ],
    defaultAgent: 'openai',
    path: '/',
    ...change,
  };
}

/** Events in order, a second apart. */
export function events(facts: readonly Fact[], variation: number | null = 2, from = 1): Event[] {
  return facts.map((fact, i) => ({
    ...fact,
    run_id: 212,
    seq: from + i,
    variation,
    created_at: new Date(Date.parse('2026-11-21T20:34:25Z') + i * 9000).toISOString(),
  }));
}

const responded = (call: number, text: string): Fact => ({
  type: 'model.responded',
  payload: {
    call,
    provider: 'openai',
    model: 'gpt-5',
    finish_reason: 'stop',
    usage: { input_tokens: 61_000, output_tokens: 2900, cached_tokens: 0, reasoning_tokens: 0 },
    cost_usd: 0.14,
    latency_ms: 7800,
    message: { role: 'assistant', text, tool_calls: [] },
  },
});

const esc = '\u001b';

/** A whole variation, with one of everything. */
export const facts: Fact[] = [
  { type: 'variation.queued', payload: { agent: 'GPT-5', model: 'gpt-5' } },
  {
    type: 'variation.started',
    payload: { attempt: 1, epoch: 1, worker: 'lan-1', agent: 'GPT-5', model: 'gpt-5' },
  },
  { type: 'workspace.ready', payload: { base_sha: '4f2c91e0a0b1c2d3e4f5', duration_ms: 1200 } },
  { type: 'step.started', payload: { step: 1 } },
  {
    type: 'model.requested',
    payload: { call: 1, provider: 'openai', model: 'gpt-5', messages: 2, added: [] },
  },
  {
    type: 'agent.thinking',
    payload: {
      call: 1,
      text: 'The refund path ends in `Money.round(2)`. Three callers pass the literal, one passes `DECIMALS`. KWD has three, JPY none, and the JSON API prints strings, ',
    },
  },
  {
    type: 'agent.thinking',
    payload: {
      call: 1,
      text: 'so a longer fraction changes what clients see only for currencies that were wrong before.',
    },
  },
  { type: 'agent.message', payload: { call: 1, text: 'The half that is lost is in `times()`: ' } },
  responded(
    1,
    'The half that is lost is in `times()`: it cuts to two decimals before `round` sees the amount.',
  ),
  { type: 'plan.generated', payload: { steps } },
  {
    type: 'tool.started',
    payload: {
      tool: 1,
      id: 'a',
      name: 'run_command',
      arguments: { command: 'rg -n "round\\(" src' },
      title: 'rg -n "round\\(" src',
    },
  },
  {
    type: 'tool.output',
    payload: {
      tool: 1,
      stream: 'stdout',
      text: `${esc}[35msrc/money/refund.ts${esc}[0m:${esc}[32m16${esc}[0m:  return gross.${esc}[1;31mround(${esc}[0m2);\n`,
    },
  },
  {
    type: 'tool.output',
    payload: {
      tool: 1,
      stream: 'stdout',
      text: `${esc}[35msrc/invoice/total.ts${esc}[0m:${esc}[32m41${esc}[0m:  return sum.${esc}[1;31mround(${esc}[0m2);\n`,
    },
  },
  {
    type: 'tool.finished',
    payload: {
      tool: 1,
      id: 'a',
      name: 'run_command',
      ok: true,
      exit_code: 0,
      duration_ms: 100,
      truncated: false,
      output: '…',
    },
  },
  {
    type: 'tool.started',
    payload: {
      tool: 2,
      id: 'b',
      name: 'edit_file',
      arguments: {
        path: 'src/money/refund.ts',
        old: 'export function refundOf(order: Order, share: Ratio): Money {\n  const gross = order.total.times(share);\n  return gross.round(2);\n}',
        new: 'export function refundOf(order: Order, share: Ratio): Money {\n  const gross = order.total.times(share);\n  return gross.round(exponentOf(order.currency));\n}',
      },
      title: 'edit src/money/refund.ts',
    },
  },
  {
    type: 'tool.finished',
    payload: {
      tool: 2,
      id: 'b',
      name: 'edit_file',
      ok: true,
      duration_ms: 12,
      truncated: false,
      output: 'edited',
    },
  },
  {
    type: 'checkpoint.saved',
    payload: { checkpoint: 1, step: 1, files: 1, additions: 1, deletions: 1, bytes: 412 },
  },
  {
    type: 'tool.started',
    payload: {
      tool: 3,
      id: 'c',
      name: 'run_command',
      arguments: { command: 'bun test refund' },
      title: 'bun test refund',
    },
  },
  {
    type: 'tool.output',
    payload: {
      tool: 3,
      stream: 'stdout',
      text: Array.from(
        { length: 60 },
        (_, i) => `${esc}[32m✓${esc}[0m case ${i + 1} ${esc}[2m(${i} ms)${esc}[0m`,
      ).join('\n'),
    },
  },
  {
    type: 'tool.output',
    payload: {
      tool: 3,
      stream: 'stderr',
      text: `\n${esc}[31m× a refund in KWD keeps its exponent${esc}[0m\n  at ${esc}[36mtest/refund.test.ts:36:57${esc}[0m\n\n ${esc}[1mTests${esc}[22m  ${esc}[1;31m1 failed${esc}[0m | ${esc}[1;32m70 passed${esc}[0m (71)\n`,
    },
  },
  {
    type: 'tool.finished',
    payload: {
      tool: 3,
      id: 'c',
      name: 'run_command',
      ok: true,
      exit_code: 1,
      duration_ms: 6300,
      truncated: false,
      output: '…',
    },
  },
  {
    type: 'model.requested',
    payload: { call: 2, provider: 'openai', model: 'gpt-5', messages: 8, added: [] },
  },
  { type: 'model.retried', payload: { call: 2, error: 'overloaded', try: 1, delay_ms: 2000 } },
  { type: 'model.fell_back', payload: { call: 2, from: 'GPT-5', to: 'Sonnet', error: 'overloaded' } },
  responded(2, ''),
  { type: 'variation.progress', payload: { percentage: 70, step: 'carries the full precision through' } },
  { type: 'budget.warned', payload: { kind: 'usd', used: 2.5, limit: 3 } },
  { type: 'patch.proposed', payload: { files: 2, additions: 8, deletions: 2, bytes: 900 } },
  { type: 'patch.applied', payload: { commit: 'c0ffee0000000000', ref: 'refs/bakeoff/212/2' } },
  { type: 'check.started', payload: { name: 'unit tests', command: 'bun test', on: 'patch' } },
  {
    type: 'check.finished',
    payload: {
      name: 'unit tests',
      command: 'bun test',
      on: 'patch',
      result: 'fixed',
      exit_code: 0,
      duration_ms: 4200,
      output: '71 pass\n0 fail\n',
    },
  },
  { type: 'check.started', payload: { name: 'lint', command: 'bun lint', on: 'patch' } },
  {
    type: 'check.finished',
    payload: {
      name: 'lint',
      command: 'bun lint',
      on: 'patch',
      result: 'broken',
      exit_code: 1,
      duration_ms: 900,
      output: 'src/a.ts:1 unused\n',
    },
  },
  {
    type: 'variation.completed',
    payload: {
      summary: 'Refunds are rounded by the currency’s **exponent**.\n\nThe table comes from `ISO 4217`.',
      patch: { files: 2, additions: 8, deletions: 2, bytes: 900 },
    },
  },
];

export const patch = `diff --git a/src/money/refund.ts b/src/money/refund.ts
index 1111111..2222222 100644
--- a/src/money/refund.ts
+++ b/src/money/refund.ts
@@ -14,4 +14,4 @@ import { Ratio } from './ratio';
 export function refundOf(order: Order, share: Ratio): Money {
   const gross = order.total.times(share);
-  return gross.round(2);
+  return gross.round(exponentOf(order.currency));
 }
diff --git a/test/refund.test.ts b/test/refund.test.ts
new file mode 100644
index 0000000..3333333
--- /dev/null
+++ b/test/refund.test.ts
@@ -0,0 +1,7 @@
+test.each([
+  ["KWD", "10.0005", "10.001"],
+  ["JPY", "1033.5", "1034"], // no decimals
+  ["EUR", "10.005", "10.01"],
+])("a refund in %s keeps its exponent", (currency, raw, want) => {
+  expect(refundOf(order(currency, raw), WHOLE).toString()).toBe(want);
+});
`;
