import { Type as t } from '@sinclair/typebox';
import { landingModes, landingStatuses, pickers } from '../../drizzle/schema';
import { count, id, object, oneOf, orNull, text, textOrNull, time, timeOrNull } from './schema-parts';

/** What comes of a run's variations, as JSON schemas: a part of `schemas.ts`. */

const author = object({ name: text, email: text });
export const landingRequest = object({
  mode: oneOf(landingModes),
  target: textOrNull,
  title: textOrNull,
  body: textOrNull,
  labels: t.Array(text),
  squash: t.Boolean(),
  author: orNull(author),
  co_authors: t.Array(author),
  checkout: t.Boolean(),
});
export const graft = object({
  on: orNull(id),
  parts: t.Array(object({ variation: id, path: text, hunks: t.Optional(t.Array(id)) })),
});
export const check = object({
  name: text,
  command: text,
  required: t.Boolean(),
  result: text,
  exit_code: orNull(t.Integer()),
  duration_ms: count,
  flaky: t.Boolean({ description: 'its result changed on being run again: it decides nothing' }),
  counts: orNull(
    t.Union([
      object({ kind: t.Literal('tests'), passed: count, failed: count, skipped: count, total: count }),
      object({ kind: t.Literal('findings'), findings: count }),
    ]),
  ),
  on_base_tests: orNull(
    t.Object(
      { result: text, exit_code: orNull(t.Integer()) },
      { description: 'with the base’s version of the files that judge the patch, where it touches any' },
    ),
  ),
  seq: t.Integer({ minimum: 0, description: 'the event that told of it' }),
});
export const winnerSchema = object({ position: id, by: oneOf(pickers), note: textOrNull, at: time });
export const landingSchema = object({
  id,
  status: oneOf(landingStatuses),
  mode: oneOf(landingModes),
  variation: id,
  branch: textOrNull,
  target: textOrNull,
  commit: textOrNull,
  pull_request: orNull(
    object({
      number: id,
      url: text,
      state: oneOf(['open', 'closed', 'merged']),
      checks: oneOf(['pending', 'passed', 'failed', 'none']),
      merged_sha: textOrNull,
    }),
  ),
  error: orNull(object({ code: text, message: text, paths: t.Optional(t.Array(text)) })),
  retry_at: timeOrNull,
  created_at: time,
  landed_at: timeOrNull,
});

export const preflightSchema = object({
  variation: id,
  target: text,
  target_sha: text,
  clean: orNull(t.Boolean({ description: 'null when it cannot be known beforehand: `reason` says why' })),
  conflicts: t.Array(text, { description: 'paths on which both have changed the same places, at most 100' }),
  conflict_count: count,
  reason: textOrNull,
});
