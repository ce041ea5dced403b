import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { chooseSandbox } from '../agent/environments';
import { Checkouts } from '../agent/environments/checkout';
import { refusingWorkspaces } from '../agent/environments/refusing';
import { Mirrors } from '../agent/mirror';
import { Shared } from '../agent/shared';
import type { WorkspaceSource } from '../agent/workspace';
import type { Config } from '../config';
import { type DataDir, secretFile, takeDataDir } from '../core/data-dir';
import { type Database, type DatabaseAddress, migrateDatabase, openDatabase } from '../core/db';
import { VariationFailure } from '../core/failure';
import { type PrivatePostgres, startPrivatePostgres } from '../core/private-postgres';
import { openVault, type Vault } from '../core/secret';
import { StartError, whyNoStart } from '../core/start-error';
import { retireAll } from '../core/worker';
import { type Log, openLog } from '../log';
import { Closers } from './closers';
import type { Parts } from './parts';
import { type JobQueue, openQueue } from './queue';
import { startUpkeep } from './upkeep';

/** What is under way is safe to break off: the next one goes on with it. */
const upkeepStopMs = 300;
/** A private Postgres is stopped gently for 10 s, then killed. */
const postgresStopMs = 12_000;

/** Everything a process of Bakeoff stands on, opened; `close` in reverse order. */
export interface Ground {
  parts: Parts;
  queue: JobQueue;
  sandbox: { kind: string; detail: string };
  close(): Promise<void>;
}

/**
 * Takes the data directory, opens the database (its own, or a private one), brings the schema up to date, opens the
 * queue, and proves the sandbox.
 * @throws StartError with one clear line; nothing stays open then
 */
export async function openGround(
  config: Config,
  apiKey: (dataDir: string) => string | null,
): Promise<Ground> {
  const log = openLog(config.logLevel);
  const closers = new Closers(log);
  try {
    const dataDir = takeDataDir(config.dataDir);
    closers.push(() => dataDir.release());
    const [{ address, database }, { sandbox, workspaces, mirrors }] = await Promise.all([
      openStore(config, dataDir, log, closers),
      openWorkplace(config, log),
    ]);
    const vault = await openOurVault(config, database);
    const queue = await openQueue({ redisUrl: config.redisUrl, database: address }, (error) =>
      log.warn('queue', { error: error.message }),
    ).catch((error) => {
      throw new StartError(`The queue cannot be opened: ${(error as Error).message}`);
    });
    closers.push(() => queue.close());
    const secrets = [apiKey(config.dataDir), config.secret, ...providerKeys(config), ...forgeKeys(config)];
    const parts = {
      ...{ config, database, vault, mirrors, workspaces, log, secrets },
      baseChecks: new Shared<string>(),
    };
    closers.push(startUpkeep(parts), upkeepStopMs);
    return { parts, queue, sandbox, close: () => closers.close() };
  } catch (error) {
    await closers.close();
    throw whyNoStart(error);
  }
}

function providerKeys({ providers }: Config): (string | null)[] {
  return [providers.openai?.apiKey ?? null, providers.anthropic?.apiKey ?? null];
}

function forgeKeys({ forges: { github, forgejo } }: Config): (string | null)[] {
  return [github.token, github.webhookSecret, forgejo?.token ?? null, forgejo?.webhookSecret ?? null];
}

/** The database, migrated; whatever is opened is pushed to `closers` at once. */
async function openStore(
  config: Config,
  dataDir: DataDir,
  log: Log,
  closers: Closers,
): Promise<{ address: string | DatabaseAddress; database: Database }> {
  let address: string | DatabaseAddress;
  if (config.databaseUrl === null) {
    const postgres = await startPrivatePostgres(dataDir.path);
    const keeper = keepAlive(postgres, dataDir.path, log);
    closers.push(() => keeper.stop(), postgresStopMs);
    address = postgres.address;
  } else {
    address = config.databaseUrl;
  }
  try {
    await migrateDatabase(address);
  } catch (error) {
    throw new StartError(`The database cannot be used: ${rootMessage(error)}; see DATABASE_URL`);
  }
  const database = openDatabase(address);
  closers.push(() => database.close());
  // On a Postgres of our own we are the only worker: what others have by the record, they took with them.
  if (config.databaseUrl === null) await retireAll(database);
  return { address, database };
}

/** A private Postgres that dies is started again, at the same place, so that the pools find it by themselves. */
function keepAlive(first: PrivatePostgres, dataDir: string, log: Log): { stop(): Promise<void> } {
  let current = first;
  let stopping = false;
  let restart: Promise<void> = Promise.resolve();
  const watch = (): void => {
    void current.died.then((reason) => {
      if (stopping) return;
      log.error('database', { error: reason });
      restart = again();
    });
  };
  const again = async (): Promise<void> => {
    for (let pause = 200; !stopping; pause = Math.min(pause * 2, 30_000)) {
      try {
        current = await startPrivatePostgres(dataDir);
        log.info('the private Postgres runs again');
        watch();
        return;
      } catch (error) {
        log.error('the private Postgres does not start again', { error: error as Error, next_try_ms: pause });
        await Bun.sleep(pause);
      }
    }
  };
  watch();
  return {
    stop: async () => {
      stopping = true;
      await restart;
      await current.stop();
    },
  };
}

async function openWorkplace(
  config: Config,
  log: Log,
): Promise<{ sandbox: { kind: string; detail: string }; workspaces: WorkspaceSource; mirrors: Mirrors }> {
  const dir = join(config.dataDir, 'workspaces');
  const mirrorsDir = join(config.dataDir, 'mirrors');
  try {
    const sandbox = await chooseSandbox(config);
    if (sandbox.kind === 'plain')
      log.warn('UNSAFE: agents run without a sandbox, as this user, on this machine');
    const workspaces = new Checkouts(dir, sandbox);
    // The data directory is ours alone, so whatever lies there was left by a crash.
    await workspaces.sweep();
    return {
      sandbox: { kind: sandbox.kind, detail: sandbox.detail },
      workspaces,
      mirrors: new Mirrors({ dir: mirrorsDir, config, sandbox }),
    };
  } catch (error) {
    if (!(error instanceof VariationFailure)) throw error;
    log.error('no agents are run here', { error: error.message });
    return {
      sandbox: { kind: 'none', detail: error.message },
      workspaces: refusingWorkspaces(error.message),
      mirrors: new Mirrors({ dir: mirrorsDir, config, sandbox: { makeReadable: async () => {} } }),
    };
  }
}

/**
 * The key of sealed columns. All processes on a database must have the same one, so its fingerprint is kept there.
 * @throws StartError when this one is another
 */
async function openOurVault(config: Config, database: Database): Promise<Vault> {
  const secret = config.secret ?? secretFile(config.dataDir, 'secret');
  const vault = openVault(secret);
  const mine = createHash('sha256').update(vault.sign('fingerprint', 'bakeoff')).digest('hex');
  await database.sql`
    insert into settings (key, value) values ('secret_fingerprint', ${database.sql.json(mine)}) on conflict do nothing`;
  const [row] = await database.sql<
    { value: string }[]
  >`select value from settings where key = 'secret_fingerprint'`;
  if (row?.value !== mine) {
    throw new StartError(
      'This database was made with another secret: set BAKEOFF_SECRET to the same on all machines',
    );
  }
  return vault;
}

/** drizzle wraps the driver's error; the cause is what a person can act on. */
function rootMessage(error: unknown): string {
  const { message, cause } = error as { message: string; cause?: unknown };
  return cause instanceof Error ? rootMessage(cause) : (message.split('\n')[0] ?? message);
}
