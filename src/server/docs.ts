import { type Call, DocsPage, type FieldRow } from '../views/docs';
import type { OpenApi, Operation } from './openapi';
import { pageHeaders, shellOf } from './pages';
import type { Services } from './services';

/** `/docs`: the OpenAPI document as a page, made here; it needs no script and nothing from elsewhere. */
export async function docsPage(services: Services, request: Request, api: OpenApi): Promise<Response> {
  const shell = await shellOf(services, request);
  return new Response(await DocsPage({ shell, version: api.info.version, calls: callsOf(api) }), {
    headers: pageHeaders,
  });
}

/** Every call of the document, in its order. */
export function callsOf(api: OpenApi): Call[] {
  return Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => callOf(path, method.toUpperCase(), operation)),
  );
}

function callOf(path: string, method: string, operation: Operation): Call {
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const answers = Object.entries(operation.responses).filter(([status]) => status !== 'default');
  const [status = '200', answer] = answers[0] ?? [];
  const [type, given] = Object.entries(answer?.content ?? {})[0] ?? [null, null];
  const example = Array.isArray(body?.examples) ? body.examples[0] : undefined;
  return {
    method,
    path,
    summary: operation.summary ?? '',
    group: operation.tags?.[0] ?? 'other',
    parameters: (operation.parameters ?? []).map((one) => ({
      name: one.name,
      place: one.in,
      type: typeOf(one.schema),
      limits: limitsOf(one.schema),
      required: one.required === true,
      description: one.description ?? '',
    })),
    fields: body ? fieldsOf(body, '') : [],
    example: example === undefined ? null : JSON.stringify(example, null, 2),
    answer: {
      status,
      type,
      fields: type === 'application/json' ? fieldsOf(given?.schema as Schema, '').slice(0, mostFields) : [],
    },
  };
}

type Schema = Record<string, unknown>;
const mostFields = 80;
const deepest = 3;

/** An object's fields, those of objects within it under their whole path. */
function fieldsOf(schema: Schema, prefix: string, depth = 0): FieldRow[] {
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  const required = new Set((schema.required as string[] | undefined) ?? []);
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const row: FieldRow = {
      name: path,
      place: 'body',
      type: typeOf(field),
      limits: limitsOf(field),
      required: required.has(name),
      description: String(field.description ?? ''),
    };
    const inner = field.type === 'array' ? (field.items as Schema | undefined) : solid(field);
    const below = inner?.properties && depth < deepest;
    return below ? [row, ...fieldsOf(inner, field.type === 'array' ? `${path}[]` : path, depth + 1)] : [row];
  });
}

/** What is there when it is not null. */
function solid(schema: Schema): Schema {
  const choices = choicesOf(schema).filter((one) => one.type !== 'null');
  return choices.length === 1 && choices[0] ? choices[0] : schema;
}

function choicesOf(schema: Schema): Schema[] {
  return Array.isArray(schema.anyOf) ? (schema.anyOf as Schema[]) : [];
}

function typeOf(schema: Schema): string {
  const choices = choicesOf(schema);
  if (choices.length > 0) {
    const named = choices.map((one) => ('const' in one ? String(one.const) : typeOf(one)));
    return [...new Set(named)].join(' | ');
  }
  if (Array.isArray(schema.enum)) return schema.enum.join(' | ');
  if ('const' in schema) return String(schema.const);
  if (schema.type === 'array') return `list of ${typeOf((schema.items ?? {}) as Schema)}`;
  return typeof schema.type === 'string' ? schema.type : 'anything';
}

function limitsOf(schema: Schema): string {
  const own = solid(schema);
  const { minimum, maximum, exclusiveMinimum, minLength, maxLength, minItems, maxItems } = own;
  const parts = [
    range(minimum, maximum, ''),
    exclusiveMinimum === undefined ? '' : `over ${exclusiveMinimum}`,
    range(minLength, maxLength, ' characters'),
    range(minItems, maxItems, ' items'),
    own.default === undefined ? '' : `default ${own.default}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function range(from: unknown, to: unknown, unit: string): string {
  if (from === undefined && to === undefined) return '';
  if (to === undefined) return `${from}${unit} or more`;
  return from === undefined ? `at most ${to}${unit}` : `${from} to ${to}${unit}`;
}
