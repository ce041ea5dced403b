import { toOpenAPISchema } from '@elysiajs/openapi';
import type { AnyElysia } from 'elysia';
import { takesKey } from './describe';

export interface OpenApi {
  openapi: string;
  info: { title: string; version: string; description: string };
  servers: { url: string }[];
  security: Record<string, string[]>[];
  components: { securitySchemes: Record<string, unknown> };
  paths: Record<string, Record<string, Operation>>;
}

export interface Operation {
  summary?: string;
  description?: string;
  tags?: string[];
  security?: Record<string, string[]>[];
  parameters?: {
    name: string;
    in: string;
    required?: boolean;
    description?: string;
    schema: Record<string, unknown>;
  }[];
  requestBody?: { required?: boolean; content: Record<string, { schema: Record<string, unknown> }> };
  [takesKey]?: Record<string, unknown>;
  responses: Record<string, { description: string; content?: Record<string, { schema: unknown }> }>;
}

/** The routes' own schemas as an OpenAPI 3.1 document; the pages are not in it. */
export function describeApi(app: AnyElysia, version: string, cookie: string): OpenApi {
  const { paths } = toOpenAPISchema(app, { paths: [/^\/(?!api\/|health|metrics)/], methods: ['ALL'] });
  return {
    openapi: '3.1.0',
    info: {
      title: 'Bakeoff',
      version,
      description: 'Runs of coding agents: started, watched, steered, and their patches read.',
    },
    servers: [{ url: '/' }],
    security: [{ key: [] }, { browser: [] }],
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'the API key' },
        browser: { type: 'apiKey', in: 'cookie', name: cookie, description: 'set by the printed link' },
      },
    },
    paths: Object.fromEntries(
      Object.entries(paths as Record<string, Record<string, Operation>>).map(([path, calls]) => [
        path,
        Object.fromEntries(Object.entries(calls).map(([method, call]) => [method, completed(path, call)])),
      ]),
    ),
  };
}

/** Every `{name}` of a path is declared, as the integer that it is; and the body that the call takes. */
function completed(path: string, call: Operation): Operation {
  const named = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1] ?? '');
  const declared = named.map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'integer', minimum: 1 },
  }));
  const { [takesKey]: takes, requestBody: _, parameters = [], ...rest } = call;
  return {
    ...rest,
    parameters: [...declared, ...parameters.filter((one) => one.in !== 'path')],
    ...(takes === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: takes } } } }),
  };
}
