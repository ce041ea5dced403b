import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoAgents } from '../../src/cli/demo/agents';
import { makeSample } from '../../src/cli/demo/sample';
import { readConfig } from '../../src/config';
import { type Service, startService } from '../../src/server/service';

export interface Served {
  service: Service;
  /** A git repository with a failing test, under the service's local roots. */
  sample: string;
  /** Asks as a browser that is signed in; `path` may be absolute. */
  get(path: string, init?: RequestInit): Promise<Response>;
  /** Sends a form, as that browser. */
  post(path: string, fields: Record<string, string | string[]>): Promise<Response>;
  /** Calls the API as a script. */
  api<T>(path: string, body?: unknown): Promise<T>;
  stop(): Promise<void>;
}

/** A whole service on an empty data directory of its own, with the demo's scripted agents and sample repository. */
export async function serve(): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), 'bakeoff-served-'));
  // As root the database and the sandbox run under other users, who have to get here.
  chmodSync(folder, 0o711);
  const sample = join(folder, 'howlong');
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    await makeSample(sample);
    const service = await startService(
      readConfig({
        HOME: folder,
        PORT: '0',
        LOG_LEVEL: 'error',
        BAKEOFF_DATA: join(folder, 'data'),
        BAKEOFF_LOCAL_ROOTS: folder,
        ...(process.env.BAKEOFF_UNSAFE_EXEC ? { BAKEOFF_UNSAFE_EXEC: process.env.BAKEOFF_UNSAFE_EXEC } : {}),
      }),
    );
    const entered = await fetch(service.loginUrl, { redirect: 'manual' });
    const cookie = (entered.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const get: Served['get'] = (path, init = {}) =>
      fetch(new URL(path, service.url), {
        redirect: 'manual',
        ...init,
        headers: { accept: 'text/html', cookie, ...(init.headers as Record<string, string>) },
      });
    const post: Served['post'] = (path, fields) => {
      const form = new URLSearchParams();
      for (const [name, value] of Object.entries(fields))
        for (const one of [value].flat()) form.append(name, one);
      return get(path, {
        method: 'POST',
        body: form.toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded', origin: service.url },
      });
    };
    const api: Served['api'] = async (path, body) => {
      const response = await fetch(`${service.url}/api/v1${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${service.apiKey}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return response.json() as never;
    };
    for (const agent of demoAgents())
      await api('/agents', { ...agent, kind: 'builtin', provider: 'scripted' });
    return {
      ...{ service, sample, get, post, api },
      stop: async () => {
        await service.stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}
