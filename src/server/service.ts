import { type Config, isLoopback } from '../config';
import { ensureEnvironmentAgents } from '../core/agent';
import { secretFile } from '../core/data-dir';
import { Feed } from '../core/feed';
import { Pulse } from '../core/pulse';
import { StartError, whyNoStart } from '../core/start-error';
import { openAgentSide } from '../jobs/agent-side';
import { Closers } from '../jobs/closers';
import { openGround } from '../jobs/open';
import type { Parts } from '../jobs/parts';
import { openResults } from '../jobs/results';
import { startRounds, sweep } from '../jobs/sweep';
import { startWorker } from '../jobs/worker';
import { version } from '../version';
import { createApp } from './app';
import { entryToken, type Gate } from './auth';
import { maxBodyBytes } from './body';
import { watchHealth } from './health';
import type { Services } from './services';

/** A feed whose database is away cannot say goodbye. */
const feedStopMs = 300;
const groundCloseMs = 15_000;

export interface Service {
  /** Where it listens, without a slash at the end. */
  url: string;
  /** Sets the browser's cookie. */
  loginUrl: string;
  apiKey: string;
  /** Ends streams, gives back what is under way, closes everything: within 10 s. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts the whole service in this process: pages, API and, unless told otherwise, a worker.
 * @throws StartError with one clear line
 */
export async function startService(
  config: Config,
  options: { work: boolean } = { work: true },
): Promise<Service> {
  const keyOf = (dataDir: string): string => config.apiKey ?? secretFile(dataDir, 'api-key');
  const ground = await openGround(config, keyOf);
  const { parts, queue, sandbox } = ground;
  const { database, vault, log } = parts;
  const closers = new Closers(log);
  closers.push(() => ground.close(), groundCloseMs);
  try {
    const apiKey = keyOf(config.dataDir);
    const stopping = new AbortController();
    await ensureEnvironmentAgents(database, vault, config.providers, await ollamaModel(config));
    const feed = new Feed(database.sql);
    await feed.start();
    closers.push(() => feed.stop(), feedStopMs);
    const worker = options.work ? await startWorker(parts, queue, sandbox, version) : null;
    if (worker) closers.push(() => worker.stop());
    const pulse = worker ?? (await startPulse(parts, closers));
    // On a Postgres of our own nobody else can be at work: what a crash has left goes on at once.
    // What cannot be done now, since the queue is away for one, is done by the rounds that follow.
    await sweep(database, queue, log, config.databaseUrl === null ? undefined : () => pulse.contactS()).catch(
      (error) => log.warn('sweep failed', { error }),
    );
    const rounds = startRounds(
      { database, queue, log, contactS: () => pulse.contactS() },
      config.sweepIntervalS * 1000,
    );
    closers.push(() => rounds.stop());

    const gate: Gate = { apiKey, vault, hosts: ownNames(config), publicUrl: config.publicUrl };
    const services: Services = {
      ...{ config, version, database, feed, queue, vault, log, apiKey, worker },
      agentSide: openAgentSide(parts),
      results: openResults(parts),
      health: watchHealth(config, version, database, queue),
      stopping: stopping.signal,
    };
    const app = createApp(services, gate);
    listen(app, config);
    closers.push(async () => {
      // Open streams would keep the server from ending.
      stopping.abort(new Error('the service stops'));
      await app.server?.stop(true);
    });
    const port = app.server?.port ?? config.port;
    const url = `http://${shownHost(config.host)}:${port}`;
    if (!isLoopback(config.host))
      log.warn('listens beyond loopback: there are no accounts yet', { host: config.host });
    log.info('service started', { url, sandbox: sandbox.kind, queue: queue.backend });
    const entry = config.publicUrl?.replace(/\/$/, '') ?? url;
    return { url, apiKey, loginUrl: `${entry}/enter?token=${entryToken(gate)}`, stop: () => closers.close() };
  } catch (error) {
    await closers.close();
    throw whyNoStart(error);
  }
}

/** Without a worker of its own, a service watches its contact for the sweep's sake. */
async function startPulse({ database, log }: Parts, closers: Closers): Promise<Pulse> {
  const pulse = new Pulse(database.address, null, (error) => {
    if (error) log.warn('contact with the database is lost', { error });
    else log.info('contact with the database is there again');
  });
  closers.push(() => pulse.stop());
  await pulse.start();
  return pulse;
}

function listen(app: ReturnType<typeof createApp>, config: Config): void {
  try {
    app.listen({
      port: config.port,
      hostname: config.host,
      // Above our own limit, so that ours is told in the contract's words.
      maxRequestBodySize: 2 * maxBodyBytes,
      idleTimeout: 30,
      // Bun's own page of an error would show our source.
      development: false,
      // Elysia's default shares the port with another service that does so too, and the kernel deals out the requests.
      reusePort: false,
    });
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === 'EADDRINUSE') {
      throw new StartError(`Port ${config.port} is taken; set PORT to another, or to 0 for a free one`);
    }
    if (code === 'EACCES')
      throw new StartError(`Port ${config.port} may not be used by this user; set PORT to one above 1023`);
    throw new StartError(`Cannot listen on ${config.host}:${config.port}: ${(error as Error).message}`);
  }
}

/** Names in the Host header that are us: loopback, and what the operator adds. */
function ownNames(config: Config): Set<string> {
  const names = ['localhost', '127.0.0.1', '[::1]', ...config.allowedHosts.map((name) => name.toLowerCase())];
  if (config.publicUrl) names.push(new URL(config.publicUrl).hostname);
  return new Set(names);
}

function shownHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

/** The first model that Ollama has, since there is none that it always has. */
async function ollamaModel(config: Config): Promise<string> {
  const fallback = 'qwen3-coder';
  if (!config.providers.ollama) return fallback;
  try {
    const answer = await fetch(`${config.providers.ollama.baseUrl}/api/tags`, {
      signal: AbortSignal.timeout(1_000),
    });
    const { models } = (await answer.json()) as { models?: { name?: string }[] };
    return models?.[0]?.name ?? fallback;
  } catch {
    return fallback; // Not there now: the agent says so when it is asked.
  }
}
