import type { Config } from '../config';
import type { Health, HealthPart, WorkerStatus } from '../core/contract';
import type { Database } from '../core/db';
import { listWorkers } from '../core/worker';
import type { JobQueue } from '../jobs/queue';

const probeMs = 2_000;
/** What lies outside is asked at most this often. */
const outsideMs = 60_000;

/** Tells how the parts of the service are. */
export interface HealthWatch {
  read(): Promise<Health>;
}

export function watchHealth(
  config: Config,
  version: string,
  database: Database,
  queue: JobQueue,
): HealthWatch {
  const askModels = kept(outsideMs, () => probeModels(config));
  const askForges = kept(outsideMs, () => probeForges(config));
  const askDatabase = oneAtATime(async () => {
    await database.sql`select 1`;
    return config.databaseUrl ? 'outside' : 'private';
  });
  const askQueue = oneAtATime(async () => {
    const counts = await queue.counts();
    return `${counts.waiting + counts.prioritized + counts.delayed} waiting, ${counts.active} active, on ${queue.backend}`;
  });
  const askWorkers = oneAtATime(() => listWorkers(database));
  return {
    async read() {
      const [db, jobs, workers, providers, forges] = await Promise.all([
        timed(askDatabase),
        timed(askQueue),
        probeWorkers(askWorkers),
        askModels(),
        askForges(),
      ]);
      const parts = { database: db, queue: jobs, ...workers, models: providers, forges };
      const down = [db, jobs, workers.workers, workers.sandbox].some((part) => part.status === 'down');
      const degraded = Object.values(parts).some((part) => part.status === 'degraded');
      return {
        status: down ? 'down' : degraded ? 'degraded' : 'fine',
        version,
        unsafe: config.unsafeExec,
        parts,
      };
    },
  };
}

/** An answer is good for so long. */
function kept<T>(ms: number, probe: () => Promise<T>): () => Promise<T> {
  let last: { at: number; answer: Promise<T> } | null = null;
  return () => {
    if (last === null || Date.now() - last.at > ms) last = { at: Date.now(), answer: probe() };
    return last.answer;
  };
}

/** Whoever asks while an answer is awaited shares it: a server that hangs is asked once, not by every look at it. */
function oneAtATime<T>(probe: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null;
  return () => {
    underWay ??= probe().finally(() => {
      underWay = null;
    });
    return underWay;
  };
}

async function timed(probe: () => Promise<string>): Promise<HealthPart> {
  const started = performance.now();
  try {
    const detail = await within(probeMs, probe());
    return { status: 'fine', detail, latency_ms: Math.round((performance.now() - started) * 10) / 10 };
  } catch (error) {
    return { status: 'down', detail: (error as Error).message.slice(0, 200), latency_ms: null };
  }
}

/** Workers, and the sandbox as the living ones report it. */
async function probeWorkers(
  ask: () => Promise<WorkerStatus[]>,
): Promise<{ workers: HealthPart; sandbox: HealthPart }> {
  try {
    const living = (await within(probeMs, ask())).filter((worker) => worker.alive);
    const busy = living.reduce((all, worker) => all + worker.busy.length, 0);
    const bad = living.find((worker) => worker.sandbox === 'none');
    const unsafe = living.find((worker) => worker.sandbox === 'plain');
    const shown = bad ?? unsafe ?? living[0];
    return {
      workers: {
        status: living.length === 0 ? 'down' : 'fine',
        detail: living.length === 0 ? 'no worker is running' : `${living.length}, ${busy} busy`,
        latency_ms: null,
      },
      sandbox: {
        status: bad ? 'down' : unsafe ? 'degraded' : shown ? 'fine' : 'off',
        detail: unsafe && !bad ? `UNSAFE: ${unsafe.sandbox_detail}` : (shown?.sandbox_detail ?? null),
        latency_ms: null,
      },
    };
  } catch (error) {
    const part: HealthPart = {
      status: 'down',
      detail: (error as Error).message.slice(0, 200),
      latency_ms: null,
    };
    return { workers: part, sandbox: { ...part, status: 'off' } };
  }
}

async function probeModels(config: Config): Promise<HealthPart> {
  const { openai, anthropic, ollama } = config.providers;
  return await probeAddresses([
    openai && { name: 'openai', url: openai.baseUrl ?? 'https://api.openai.com/v1' },
    anthropic && { name: 'anthropic', url: anthropic.baseUrl ?? 'https://api.anthropic.com' },
    ollama && { name: 'ollama', url: ollama.baseUrl },
  ]);
}

/** GitHub is configured by its token, or by another address than the public one's. */
async function probeForges({ forges: { github, forgejo }, sslCertFile }: Config): Promise<HealthPart> {
  const named = github.token !== null || new URL(github.apiUrl).hostname !== 'api.github.com';
  const ca = sslCertFile === null ? undefined : Bun.file(sslCertFile);
  return await probeAddresses(
    [
      named ? { name: 'github', url: github.apiUrl } : null,
      forgejo && { name: 'forgejo', url: `${forgejo.url}/api/v1/version` },
    ],
    ca && { ca },
  );
}

/** Whether these addresses answer at all; any answer counts, also a refusal. */
async function probeAddresses(
  all: readonly ({ name: string; url: string } | null)[],
  tls?: { ca: Bun.BunFile },
): Promise<HealthPart> {
  const wanted = all.filter((one) => one !== null);
  if (wanted.length === 0) return { status: 'off', detail: 'none configured', latency_ms: null };
  const started = performance.now();
  const answers = await Promise.all(
    wanted.map(async ({ name, url }) => {
      try {
        await fetch(url, {
          ...{ method: 'HEAD', signal: AbortSignal.timeout(probeMs), redirect: 'manual' },
          ...(tls ? { tls } : {}),
        });
        return { name, reached: true };
      } catch {
        return { name, reached: false };
      }
    }),
  );
  const silent = answers.filter((one) => !one.reached).map((one) => one.name);
  return {
    status: silent.length === 0 ? 'fine' : 'degraded',
    detail:
      silent.length === 0 ? answers.map((one) => one.name).join(', ') : `no answer from ${silent.join(', ')}`,
    latency_ms: Math.round(performance.now() - started),
  };
}

function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return Promise.race([
    promise,
    Bun.sleep(ms).then(() => {
      throw new Error(`no answer within ${ms / 1000} s`);
    }),
  ]);
}
