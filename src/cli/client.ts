import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config';
import type { Run } from '../core/contract';
import { Exit } from './exit';
import { plain } from './screen';

const requestMs = 30_000;

/** The service as this command line sees it: its JSON API over HTTP, and nothing else. */
export interface Client {
  readonly url: string;
  /** One call. @throws Exit 3 when the service cannot be reached, 2 when it refuses, 1 when it fails. */
  call<T>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T>;
  /** A call whose answer is not JSON, or never ends; errors as with `call`. */
  raw(path: string, init?: { headers?: Record<string, string>; signal?: AbortSignal }): Promise<Response>;
  run(id: number): Promise<Run>;
  /** Whether a Bakeoff answers there now. */
  answers(): Promise<boolean>;
}

/** @param url the service's address; default is this machine's, on the configured port */
export function openClient(config: Config, url: string | null, key: string | null = null): Client {
  const base = url ?? localUrl(config);
  const call = async (path: string, init: RequestInit): Promise<Response> => {
    const bearer = key ?? config.apiKey ?? keyOf(config.dataDir);
    const headers = new Headers(init.headers);
    if (bearer !== null) headers.set('authorization', `Bearer ${bearer}`);
    let response: Response;
    try {
      response = await fetch(base + path, { ...init, headers, redirect: 'manual' });
    } catch (error) {
      if (error instanceof Error && error.name === 'AbortError') throw error;
      throw new Exit(3, `no service answers at ${base}; start one with ./bakeoff up, or set BAKEOFF_URL`);
    }
    if (!response.ok) throw await refusal(response, base);
    return response;
  };
  const client: Client = {
    url: base,
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      const response = await call(`/api/v1${path}`, {
        method,
        signal: AbortSignal.timeout(requestMs),
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      if (response.status === 204) return undefined as T;
      try {
        return (await response.json()) as T;
      } catch {
        throw new Exit(3, `what answers at ${base} is not Bakeoff, or broke off`);
      }
    },
    raw: (path, init) => call(`/api/v1${path}`, { ...init }),
    run: (id) => client.call<Run>('GET', `/runs/${id}`),
    async answers() {
      try {
        const response = await fetch(`${base}/health`, {
          signal: AbortSignal.timeout(3000),
          redirect: 'manual',
        });
        const body: unknown = await response.json();
        return typeof body === 'object' && body !== null && 'parts' in body;
      } catch {
        return false;
      }
    },
  };
  return client;
}

/** Where this machine's service listens; an address that means "everywhere" is reached over loopback. */
function localUrl(config: Config): string {
  const host = ['0.0.0.0', '::', ''].includes(config.host) ? '127.0.0.1' : config.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${config.port}`;
}

function keyOf(dataDir: string): string | null {
  try {
    return readFileSync(join(dataDir, 'api-key'), 'utf8').trim() || null;
  } catch {
    return null;
  }
}

/** The service's error as one line, with the exit code that tells whose fault it is. */
async function refusal(response: Response, base: string): Promise<Exit> {
  const text = await response.text().catch(() => '');
  const message = messageOf(text) ?? `the service at ${base} answered ${response.status}`;
  if (response.status === 401 || response.status === 403) {
    return new Exit(
      2,
      `${message} (key: BAKEOFF_API_KEY, or the file api-key in the service's data directory)`,
    );
  }
  if ([502, 503, 504].includes(response.status)) return new Exit(3, message);
  return new Exit(response.status >= 500 && response.status !== 501 ? 1 : 2, message);
}

function messageOf(text: string): string | null {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: unknown; message?: unknown; field?: unknown } };
    if (typeof error?.message !== 'string') return null;
    const field = typeof error.field === 'string' ? `${error.field}: ` : '';
    return plain(`${field}${error.message}`).slice(0, 2000);
  } catch {
    return null;
  }
}
