import { type TProperties, type TSchema, Type as t } from '@sinclair/typebox';

/** What the schemas of the contract's objects are made of. */

export const object = <T extends TProperties>(properties: T) =>
  t.Object(properties, { additionalProperties: false });
export const orNull = <T extends TSchema>(schema: T) => t.Union([schema, t.Null()]);
export const oneOf = <T extends string>(values: readonly T[]) =>
  t.Union(values.map((value) => t.Literal(value)));
export const text = t.String();
export const textOrNull = orNull(text);
export const count = t.Integer({ minimum: 0 });
export const id = t.Integer({ minimum: 1 });
export const time = t.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$',
  description: 'ISO 8601, UTC',
});
export const timeOrNull = orNull(time);
export const percent = t.Integer({ minimum: 0, maximum: 100 });
export const anyObject = t.Object({}, { additionalProperties: true });

export const failure = object({ code: text, message: text });
