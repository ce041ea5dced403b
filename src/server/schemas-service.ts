import { Type as t } from '@sinclair/typebox';
import { runStatuses, taskTypes } from '../../drizzle/schema';
import { count, id, object, oneOf, orNull, text, textOrNull, time, timeOrNull } from './schema-parts';

/** What the service tells of itself, as JSON schemas: a part of `schemas.ts`. */

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

const fraction = t.Number({ minimum: 0, maximum: 1 });
const share = orNull(fraction);
const contestant = { agent: text, model: text };
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
  /** Over the last 90 days. */
  wins: t.Array(
    object({
      ...contestant,
      task_type: oneOf(taskTypes),
      runs: count,
      wins: count,
      rate: fraction,
      low: fraction,
      high: fraction,
      cost_usd: orNull(t.Number()),
    }),
  ),
  wins_by_week: t.Array(object({ week: text, ...contestant, runs: count, wins: count })),
  days: t.Array(object({ day: text, completed: count, failed: count })),
  freed: object({ bytes: count, runs: count, last_at: timeOrNull }),
});

const limit = orNull(t.Integer({ minimum: 1, description: 'variations at the same time; null is no limit' }));
export const settingsSchema = object({
  execution: t.Boolean({ description: 'false keeps new work queued' }),
  limits: object({ all: limit, per_project: limit, per_agent: limit, per_provider: limit }),
  retention_days: orNull(count),
  remove_after_days: orNull(count),
  judges: t.Array(text, { description: 'names of agents, the preferred first' }),
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
  parts: object({ database: part, queue: part, sandbox: part, workers: part, models: part, forges: part }),
});
