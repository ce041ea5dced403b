import { Type as t } from '@sinclair/typebox';
import { count, id, object, oneOf, orNull, text, time } from './schema-parts';

/** The verdict as a JSON schema: a part of `schemas.ts`. What each field means is said in core/verdict-contract.ts. */

const level = oneOf(['applies', 'broken', 'fixed', 'criteria', 'judged', 'size', 'cost']);
const byPosition = <T extends Parameters<typeof t.Record>[1]>(value: T) =>
  t.Record(t.String({ pattern: '^\\d+$' }), value);

export const usage = object({
  input_tokens: count,
  output_tokens: count,
  cached_tokens: count,
  reasoning_tokens: count,
  model_calls: count,
  cost_usd: orNull(t.Number({ minimum: 0, description: 'null as soon as one call has no known price' })),
});

export const verdictSchema = object({
  id,
  asked_by: oneOf(['run', 'person']),
  seq: t.Integer({ minimum: 0, description: 'the event that told of it' }),
  given_at: time,
  ranking: t.Array(
    object({
      position: id,
      rank: id,
      tied_with: t.Array(id),
      fell_at: orNull(level),
      parted_at: orNull(level),
    }),
    { description: 'by rank, then by position' },
  ),
  levels: t.Array(
    object({
      level,
      state: oneOf([
        'compared',
        'not_needed',
        'incomplete',
        'not_asked',
        'no_judge',
        'too_many',
        'no_answer',
      ]),
      decided: t.Boolean(),
      values: byPosition(t.Object({}, { additionalProperties: true })),
    }),
    { description: 'all seven, in order; the first that tells two apart decides between them' },
  ),
  leaders: t.Array(id),
  decided_by: orNull(level),
  tie: t.Boolean(),
  executed_decided: t.Boolean({
    description: 'what was run decided; only then `pick: "verdict"` chooses by itself',
  }),
  groups: t.Array(t.Array(id), { description: 'near-identical patches' }),
  pairs: t.Array(
    object({
      pair: t.Array(id),
      winner: orNull(id),
      why: oneOf(['agreed', 'even', 'disagreed', 'same', 'no_answer']),
    }),
  ),
  summary: object({ headline: text, sentences: t.Array(text) }),
  criteria: t.Array(text),
  answers: byPosition(
    t.Array(
      object({
        met: t.Boolean(),
        quotation: text,
        why: oneOf([
          'quoted',
          'denied',
          'quotation_missing',
          'quotation_trivial',
          'not_found',
          'not_answered',
        ]),
        place: orNull(object({ path: text, line: orNull(t.Integer()), side: oneOf(['base', 'patch']) })),
      }),
    ),
  ),
  judge: orNull(object({ agent: text, model: text, same_family: t.Boolean() })),
  usage,
});
