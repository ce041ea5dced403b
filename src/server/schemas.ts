import { type TSchema, Type as t } from '@sinclair/typebox';
import {
  approvalModes,
  pickers,
  providers,
  runStatuses,
  runTypes,
  taskTypes,
  variationStatuses,
} from '../../drizzle/schema';
import { outputTypes } from '../core/contract';
import {
  anyObject,
  count,
  failure,
  id,
  object,
  oneOf,
  orNull,
  percent,
  text,
  textOrNull,
  time,
  timeOrNull,
} from './schema-parts';
import { check, graft, landingRequest, landingSchema, winnerSchema } from './schemas-outcome';
import { usage, verdictSchema } from './schemas-verdict';

/** The objects of the contract as JSON schemas: what `/openapi.json` says of answers, and tests hold answers to. */

export const errorSchema = object({
  error: object({ code: text, message: text, field: t.Optional(text) }),
});

const patch = object({ files: count, additions: count, deletions: count, bytes: count });

export const variationSchema = object({
  id,
  position: id,
  agent: object({ id, name: text, model: text, provider: oneOf(providers) }),
  status: oneOf(variationStatuses),
  kind: oneOf(['agent', 'graft']),
  graft: orNull(graft),
  flags: t.Array(
    t.Object(
      { path: text, kind: oneOf(['test', 'runner']), change: oneOf(['added', 'modified', 'deleted']) },
      { description: 'a file that judges the patch and that the patch touches' },
    ),
  ),
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
    max_iterations: count,
    stop_losers: t.Boolean(),
    pick: oneOf(pickers),
    land: orNull(landingRequest),
  }),
  metadata: anyObject,
  depends_on: t.Array(id),
  scheduled_at: timeOrNull,
  usage,
  result: textOrNull,
  error: orNull(failure),
  verdict: orNull(verdictSchema),
  judging: t.Boolean({ description: 'its variations are being judged, or about to be' }),
  winner: orNull(winnerSchema),
  landing: orNull(landingSchema),
  flow: orNull(
    t.Object(
      { place: id, runs: t.Array(id) },
      {
        additionalProperties: false,
        description: 'the workflow or pipeline that it is a part of: all of its runs in order',
      },
    ),
  ),
  on_dependency_failure: oneOf(['fail', 'wait']),
  waits_for_winner_of: orNull(
    t.Integer({ minimum: 1, description: 'the completed run that it starts from once that has a winner' }),
  ),
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
  checks: t.Array(
    object({ name: text, command: text, timeout_s: count, required: t.Boolean(), report: t.Optional(text) }),
  ),
  checks_set: t.Boolean({ description: 'a person has said which there are; else they are detected' }),
  has_token: t.Boolean({ description: 'whether a token is set; the token itself is never read back' }),
  token_user: textOrNull,
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

/** A list with a count of all that its filter lets through. */
export function pageOf<T extends TSchema>(items: T) {
  return object({ items: t.Array(items), total: count, next_cursor: textOrNull });
}

/** What grows while it is read: no count. */
export function readingOf<T extends TSchema>(items: T) {
  return object({ items: t.Array(items), next_cursor: textOrNull });
}
