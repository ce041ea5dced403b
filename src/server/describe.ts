import type { TSchema } from '@sinclair/typebox';
import type { DocumentDecoration } from 'elysia';
import { errorSchema } from './schemas';

/** A parameter of the query, or a header. */
export interface Parameter {
  name: string;
  in?: 'query' | 'header';
  schema: Record<string, unknown>;
  description?: string;
}

interface Answers {
  status?: number;
  /** The body that it takes. */
  takes?: TSchema;
  /** What is answered: an object of the contract, or the content type of a text; nothing is 204. */
  gives?: TSchema | string;
  parameters?: readonly Parameter[];
}

/** Where a call's body schema waits to be put into the document. */
export const takesKey = 'x-takes';

/** What the OpenAPI document says of a call besides its path and body. */
export function describe(
  tag: string,
  summary: string,
  { status = 200, takes, gives, parameters = [] }: Answers = {},
) {
  const content =
    gives === undefined
      ? {}
      : typeof gives === 'string'
        ? { content: { [gives]: { schema: { type: 'string' } } } }
        : { content: { 'application/json': { schema: gives } } };
  const code = gives === undefined ? 204 : status;
  return {
    detail: {
      summary,
      tags: [tag],
      parameters: parameters.map((one) => ({ in: 'query', ...one })),
      // Not `requestBody`: the generator empties it where a route parses by itself. See openapi.ts.
      ...(takes === undefined ? {} : { [takesKey]: takes }),
      responses: {
        [code]: { description: words[code] ?? 'Done', ...content },
        default: {
          description: 'A refusal, with its reason',
          content: { 'application/json': { schema: errorSchema } },
        },
      },
      // Through unknown: Elysia's type of a document wants literal unions throughout.
    } as unknown as DocumentDecoration,
  };
}

const words: Record<number, string> = {
  200: 'Done',
  201: 'Made; `Location` says where it is. The same Idempotency-Key again is 200',
  202: 'Begun',
  204: 'Done; nothing more to say',
};

const many = (schema: Record<string, unknown>) => ({ type: 'array', items: schema });

export const paging: readonly Parameter[] = [
  {
    name: 'limit',
    schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
    description: 'items at most',
  },
  { name: 'cursor', schema: { type: 'string' }, description: '`next_cursor` of the page before' },
];

/** A filter that may be given more than once: either. */
export function filter(name: string, schema: Record<string, unknown>, description?: string): Parameter {
  return { name, schema: many(schema), ...(description === undefined ? {} : { description }) };
}

export const after: Parameter = {
  name: 'after',
  schema: { type: 'integer', minimum: 0, default: 0 },
  description: 'the number of the last event seen',
};

export const idempotencyKey: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  schema: { type: 'string', maxLength: 200 },
  description: 'the same key and body again give the same resource back',
};
