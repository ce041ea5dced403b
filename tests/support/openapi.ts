import Ajv, { type ValidateFunction } from 'ajv';

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
}

interface Operation {
  parameters?: (Parameter | { $ref: string })[];
  requestBody?: { required?: boolean; content?: Record<string, { schema?: object }> };
  responses: Record<string, object>;
}

export interface OpenApi {
  paths: Record<string, Record<string, unknown>>;
  components: Record<string, Record<string, unknown>>;
}

/** A request that the description knows. */
export interface Call {
  /** As the description writes it. */
  path: string;
  method: string;
  params: Record<string, string>;
  query: Record<string, string>;
  body: Record<string, unknown>;
}

/** Holds requests and answers against an OpenAPI 3.0 description; what is wrong is said, not thrown. */
export class Description {
  /** Parameters are text on their way, whatever they mean; bodies are not. */
  private readonly ajv = { text: ajv(true), json: ajv(false) };
  private readonly compiled = new Map<string, ValidateFunction>();

  /** @param base what the paths of the description stand after */
  constructor(
    private readonly document: OpenApi,
    private readonly base: string,
  ) {
    for (const one of Object.values(this.ajv)) one.addSchema(withNull(document), 'api');
  }

  /** The call that a request is, and what is wrong with it: fields and parameters that the description does not know, too. */
  async read(request: Request): Promise<{ call: Call | null; wrong: string[] }> {
    const url = new URL(request.url);
    const method = request.method.toLowerCase();
    for (const path of Object.keys(this.document.paths)) {
      const params = match(path, url.pathname.slice(this.base.length));
      if (params === null || this.document.paths[path]?.[method] === undefined) continue;
      const query = Object.fromEntries(url.searchParams);
      const text = await request.text();
      const call = { path, method, params, query, body: text === '' ? {} : JSON.parse(text) };
      const typed = request.headers.get('content-type')?.startsWith('application/json');
      const wrong = this.wrongWith(call);
      return { call, wrong: text === '' || typed ? wrong : [...wrong, 'the body is not sent as JSON'] };
    }
    return { call: null, wrong: [`${request.method} ${url.pathname} is not described`] };
  }

  /** What is wrong with an answer to a call. */
  wrongAnswer(call: Call, status: number, body: unknown): string[] {
    const at = ['paths', call.path, call.method, 'responses', `${status}`];
    const answer = this.resolve(at);
    if (answer === null) return [`${call.method} ${call.path} never answers ${status}`];
    const schema = [...answer.at, 'content', 'application/json', 'schema'];
    return this.resolve(schema) === null ? [] : this.check(schema, structuredClone(body));
  }

  /** The example of an answer, a copy. */
  example(name: string): Record<string, unknown> {
    const found = this.resolve(['components', 'examples', name, 'value']);
    return structuredClone(found?.value as Record<string, unknown>);
  }

  private wrongWith({ path, method, params, query, body }: Call): string[] {
    const operation = this.document.paths[path]?.[method] as Operation;
    const wrong: string[] = [];
    const known = { path: new Set<string>(), query: new Set<string>(), header: new Set<string>() };
    const told = { path: params, query, header: {} as Record<string, string> };
    for (const [at] of (operation.parameters ?? []).entries()) {
      const found = this.resolve(['paths', path, method, 'parameters', `${at}`]);
      if (found === null) continue;
      const { name, in: place, required } = found.value as Parameter;
      known[place].add(name);
      const value = told[place][name];
      if (value === undefined && required && place !== 'header') wrong.push(`${name} is missing`);
      if (value !== undefined) wrong.push(...this.check([...found.at, 'schema'], value, name, 'text'));
    }
    for (const name of Object.keys(query))
      if (!known.query.has(name)) wrong.push(`?${name}= is not described`);
    const schema = ['paths', path, method, 'requestBody', 'content', 'application/json', 'schema'];
    const found = this.resolve(schema);
    if (found === null) return Object.keys(body).length > 0 ? [...wrong, 'there may be no body'] : wrong;
    wrong.push(...this.check(schema, body, 'the body'));
    const fields = (found.value as { properties?: object }).properties;
    for (const name of Object.keys(body))
      if (fields && !(name in fields)) wrong.push(`${name} is not described`);
    return wrong;
  }

  private check(at: readonly string[], value: unknown, name = 'the answer', as: 'text' | 'json' = 'json') {
    const pointer = at
      .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/');
    const key = `${as} ${pointer}`;
    const validate = this.compiled.get(key) ?? this.ajv[as].compile({ $ref: `api#/${pointer}` });
    this.compiled.set(key, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map((error) => `${name}${error.instancePath} ${error.message}`);
  }

  /** What lies at a place, through references; null when nothing does. */
  private resolve(at: readonly string[]): { at: string[]; value: unknown } | null {
    let place: string[] = [];
    let value: unknown = this.document;
    for (const part of at) {
      value = (value as Record<string, unknown> | undefined)?.[part];
      place = [...place, part];
      const ref = (value as { $ref?: string } | undefined)?.$ref;
      if (typeof ref === 'string') {
        place = ref.slice(2).split('/');
        value = place.reduce<unknown>(
          (found, name) => (found as Record<string, unknown>)?.[name],
          this.document,
        );
      }
    }
    return value === undefined ? null : { at: place, value };
  }
}

function ajv(coerceTypes: boolean): Ajv {
  return new Ajv({ strict: false, validateFormats: false, allErrors: true, coerceTypes });
}

/** OpenAPI 3.0 means by `nullable` that null is one of an enumeration too; JSON Schema does not. */
function withNull<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withNull) as T;
  if (value === null || typeof value !== 'object') return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withNull(one)]));
  if (copy.nullable === true && Array.isArray(copy.enum)) copy.enum = [...copy.enum, null];
  return copy as T;
}

function match(path: string, actual: string): Record<string, string> | null {
  const [wanted, given] = [path.split('/'), actual.split('/')];
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const name = part.match(/^\{(.+)\}$/)?.[1];
    if (name !== undefined) params[name] = decodeURIComponent(given[at] ?? '');
    else if (part !== given[at]) return null;
  }
  return params;
}
