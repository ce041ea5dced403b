import { type TProperties, type TSchema, Type as t } from '@sinclair/typebox';
import {
  approvalModes,
  providers,
  runStatuses,
  runTypes,
  taskTypes,
  variationStatuses,
} from '../../drizzle/schema';
import { outputTypes } from '../core/contract';

/** The objects of the contract as JSON schemas: what `/openapi.json` says of answers, and tests hold answers to. */

const object = <T extends TProperties>(properties: T) =>
  t.Object(properties, { additionalProperties: false });
const orNull = <T extends TSchema>(schema: T) => t.Union([schema, t.Null()]);
const oneOf = <T extends string>(values: readonly T[]) => t.Union(values.map((value) => t.Literal(value)));
const text = t.String();
const textOrNull = orNull(text);
const count = t.Integer({ minimum: 0 });
const id = t.Integer({ minimum: 1 });
const time = t.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$',
  description: 'ISO 8601, UTC',
});
const timeOrNull = orNull(time);
const percent = t.Integer({ minimum: 0, maximum: 100 });
const anyObject = t.Object({}, { additionalProperties: true });

export const errorSchema = object({
  error: object({ code: text, message: text, field: t.Optional(text) }),
});

const failure = object({ code: text, message: text });
const usage = object({
  input_tokens: count,
  output_tokens: count,
  cached_tokens: count,
  reasoning_tokens: count,
  model_calls: count,
  cost_usd: orNull(t.Number({ minimum: 0, description: 'null as soon as one call has no known price' })),
});
const check = object({
  name: text,
  command: text,
  required: t.Boolean(),
  result: text,
  exit_code: orNull(t.Integer()),
  duration_ms: count,
});

const patch = object({ files: count, additions: count, deletions: count, bytes: count });

export const variationSchema = object({
  id,
  position: id,
  agent: object({ id, name: text, model: text, provider: oneOf(providers) }),
  status: oneOf(variationStatuses),
  attempt: count,
  retry_count: count,
  iteration: count,
  progress_percentage: percent,
  current_step: textOrNull,
  plan: orNull(t.Array(object({ text, status: oneOf(['pending', 'active', 'done']) }))),
  branch: textOrNull,
  patch: orNull(patch),
  checks: t.Array(check),
  usage,
  result: textOrNull,
  error: orNull(failure),
  worker: textOrNull,
  retry_at: orNull(time),
  held: orNull(oneOf(['all', 'project', 'agent', 'provider', 'suspect'])),
  wanted: orNull(oneOf(['stop', 'pause'])),
  started_at: timeOrNull,
  completed_at: timeOrNull,
});

export const runSchema = object({
  id,
  run_id: id,
  task_id: id,
  project_id: id,
  project: text,
  name: text,
  goal: text,
  description: textOrNull,
  instructions: textOrNull,
  run_type: oneOf(runTypes),
  task_type: oneOf(taskTypes),
  priority: t.Integer({ minimum: 1, maximum: 10 }),
  status: oneOf(runStatuses),
  task_status: oneOf(['pending', 'queued', 'running', 'completed', 'failed', 'cancelled']),
  progress_percentage: percent,
  current_step: textOrNull,
  estimated_duration: orNull(t.Number({ description: 'seconds' })),
  time_left: orNull(t.Number({ description: 'seconds' })),
  base: textOrNull,
  base_sha: textOrNull,
  options: object({
    dry_run: t.Boolean(),
    verbose: t.Boolean(),
    mode: oneOf(['tools', 'patch']),
    max_steps: count,
    max_retries: count,
    timeout_s: count,
    approval: oneOf(approvalModes),
    budget_usd: orNull(t.Number()),
    budget_tokens: orNull(count),
  }),
  metadata: anyObject,
  depends_on: t.Array(id),
  scheduled_at: timeOrNull,
  usage,
  result: textOrNull,
  error: orNull(failure),
  verdict: t.Null(),
  winner: t.Null(),
  landing: t.Null(),
  on_dependency_failure: oneOf(['fail', 'wait']),
  base_checks: t.Array(check),
  variations: t.Array(variationSchema),
  created_at: time,
  updated_at: time,
  started_at: timeOrNull,
  completed_at: timeOrNull,
});

export const checkpointSchema = object({
  checkpoint: id,
  step: t.Integer({ minimum: 0, description: 'the step of the conversation after which it was taken' }),
  seq: t.Integer({ minimum: 0, description: 'the event that told of it' }),
  told_by: t.Integer({ minimum: 1, description: 'the variation whose event that is: of a fork its source' }),
  patch,
  current: t.Boolean({ description: 'it holds the present patch' }),
  created_at: time,
});

export const directiveSchema = object({
  id,
  position: id,
  text,
  path: textOrNull,
  line: orNull(id),
  created_at: time,
  delivered_at: orNull(time),
});

export const approvalSchema = object({
  id,
  run_id: id,
  position: id,
  kind: oneOf(['plan', 'commands', 'commit']),
  question: object({ plan: t.Optional(text), command: t.Optional(text), patch: t.Optional(patch) }),
  status: oneOf(['open', 'approved', 'denied', 'withdrawn']),
  comment: textOrNull,
  plan: textOrNull,
  created_at: time,
  decided_at: timeOrNull,
});

export const eventSchema = object({
  run_id: id,
  seq: id,
  variation: orNull(id),
  type: text,
  payload: anyObject,
  created_at: time,
});

export const outputSchema = object({
  seq: id,
  run_id: id,
  variation_id: orNull(id),
  position: orNull(id),
  output_type: oneOf(outputTypes),
  content: text,
  timestamp: time,
});

export const projectSchema = object({
  id,
  name: text,
  repo_url: textOrNull,
  local_path: textOrNull,
  default_branch: textOrNull,
  setup: textOrNull,
  checks: t.Array(object({ name: text, command: text, timeout_s: count, required: t.Boolean() })),
  network: t.Array(text),
  allowed_commands: t.Array(text),
  executor: textOrNull,
  created_at: time,
  updated_at: time,
});

export const agentSchema = object({
  id,
  name: text,
  kind: t.Literal('builtin'),
  provider: oneOf(providers),
  model: text,
  base_url: textOrNull,
  has_api_key: t.Boolean({ description: 'whether a key is set; the key itself is never read back' }),
  scenario: t.Unknown(),
  instructions: textOrNull,
  temperature: t.Number(),
  max_tokens: count,
  context_tokens: count,
  fallback: textOrNull,
  price: orNull(object({ input: t.Number(), output: t.Number(), cached: t.Number() })),
  from_environment: t.Boolean(),
  created_at: time,
  updated_at: time,
});

export const agentTestSchema = object({
  ok: t.Boolean(),
  model: text,
  latency_ms: orNull(count),
  cost_usd: orNull(t.Number()),
  answer: textOrNull,
  error: orNull(failure),
});

export const workerSchema = object({
  id: text,
  host: text,
  pid: count,
  concurrency: count,
  version: text,
  sandbox: text,
  sandbox_detail: textOrNull,
  started_at: time,
  heard_at: time,
  alive: t.Boolean(),
  busy: t.Array(object({ run_id: id, position: id })),
});

export const queueSchema = object({
  backend: oneOf(['postgres', 'redis']),
  counts: object({
    ...{ waiting: count, active: count, delayed: count, completed: count, failed: count },
    ...{ paused: count, prioritized: count },
  }),
  oldest_age_s: orNull(t.Number()),
  throughput_per_hour: count,
});

const share = orNull(t.Number({ minimum: 0, maximum: 1 }));
export const statsSchema = object({
  runs: count,
  by_status: t.Partial(t.Record(oneOf(runStatuses), count)),
  success_rate: share,
  cost_usd: t.Number(),
  median_duration_s: orNull(t.Number()),
  patch_apply_rate: share,
  patches: object({ applied: count, rejected: count }),
  /** Over the last 30 days; tiers: how exactly they had to fit. */
  edits: object({ applied: count, rejected: count, rate: share, tiers: t.Record(t.String(), count) }),
  days: t.Array(object({ day: text, completed: count, failed: count })),
  freed: object({ bytes: count, runs: count, last_at: timeOrNull }),
});

const limit = orNull(t.Integer({ minimum: 1, description: 'variations at the same time; null is no limit' }));
export const settingsSchema = object({
  execution: t.Boolean({ description: 'false keeps new work queued' }),
  limits: object({ all: limit, per_project: limit, per_agent: limit, per_provider: limit }),
  retention_days: orNull(count),
  remove_after_days: orNull(count),
});

export const processedSchema = object({ processed: orNull(object({ run_id: id, position: id })) });

const part = object({
  status: oneOf(['fine', 'degraded', 'down', 'off']),
  detail: textOrNull,
  latency_ms: orNull(t.Number()),
});
export const healthSchema = object({
  status: oneOf(['fine', 'degraded', 'down']),
  version: text,
  unsafe: t.Boolean(),
  parts: object({ database: part, queue: part, sandbox: part, workers: part, models: part }),
});

/** A list with a count of all that its filter lets through. */
export function pageOf<T extends TSchema>(items: T) {
  return object({ items: t.Array(items), total: count, next_cursor: textOrNull });
}

/** What grows while it is read: no count. */
export function readingOf<T extends TSchema>(items: T) {
  return object({ items: t.Array(items), next_cursor: textOrNull });
}
