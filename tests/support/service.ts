import { tmpdir } from 'node:os';
import { type Config, readConfig } from '../../src/config';
import type { Run } from '../../src/core/contract';
import { type Service, startService } from '../../src/server/service';
import { removeTemp, tempDir } from './temp';
import { until } from './wait';

export interface TestService extends Service {
  config: Config;
  /** A call of the JSON API with the key; `body` makes it a POST unless `method` says otherwise. */
  call<T = Record<string, unknown>>(
    path: string,
    body?: unknown,
    method?: string,
  ): Promise<{ status: number; body: T; headers: Headers }>;
  /** Waits for a run to end. */
  ended(id: number, limitMs?: number): Promise<Run>;
  /** Stops the service and removes its data. */
  remove(): Promise<void>;
}

/** The settings of a test's service: a data directory of its own, a free port, quiet. */
export function testConfig(change: Partial<Config> = {}): Config {
  return {
    ...readConfig({ PORT: '0', LOG_LEVEL: 'silent', BAKEOFF_LOCAL_ROOTS: tmpdir() }),
    dataDir: change.dataDir ?? tempDir('data'),
    sweepIntervalS: 1,
    ...change,
  };
}

/** The whole service as it ships, on an empty data directory and a free port. */
export async function startTestService(change: Partial<Config> = {}): Promise<TestService> {
  const config = testConfig(change);
  const service = await startService(config);
  const call: TestService['call'] = async (path, body, method) => {
    const answer = await fetch(`${service.url}/api/v1${path}`, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        authorization: `Bearer ${service.apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const json = answer.headers.get('content-type')?.startsWith('application/json');
    return { status: answer.status, body: json ? JSON.parse(text) : text, headers: answer.headers };
  };
  return {
    ...service,
    config,
    call,
    ended: (id, limitMs = 30_000) =>
      until(
        async () => {
          const { body } = await call<Run>(`/runs/${id}`);
          return body.completed_at !== null && body;
        },
        `the end of run ${id}`,
        limitMs,
      ),
    remove: async () => {
      await service.stop();
      removeTemp(config.dataDir);
    },
  };
}

/** A scripted agent's scenario of one tool call a turn, with a last turn that finishes. */
export function scenario(
  ...calls: { name: string; arguments: Record<string, unknown>; delay_ms?: number }[]
) {
  return {
    turns: [
      ...calls.map(({ delay_ms, ...call }) => ({ tool_calls: [call], ...(delay_ms ? { delay_ms } : {}) })),
      { text: 'Done.', tool_calls: [{ name: 'finish', arguments: { summary: 'Did what was asked.' } }] },
    ],
  };
}
