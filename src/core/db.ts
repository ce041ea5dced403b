import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import * as schema from '../../drizzle/schema';

export { isAway, persist } from './away';

/** Where a database is: the parts, since a unix socket does not fit a URL that both drivers read. */
export interface DatabaseAddress {
  /** A host name, or the folder of a unix socket. */
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}

export type Sql = postgres.Sql;
export type Db = PostgresJsDatabase<typeof schema>;
/** Inside a transaction. */
export type Tx = postgres.TransactionSql;

/** One of our objects as jsonb: the driver's own type takes no interface, whatever that holds. */
export function jsonb(tx: Sql | Tx, value: object) {
  return tx.json(value as { [key: string]: string });
}

/** The pools of one process: plain SQL for what must be fast or exact, drizzle for the rest. */
export interface Database {
  /** For who needs a connection of its own. */
  address: string | DatabaseAddress;
  sql: Sql;
  db: Db;
  close(): Promise<void>;
}

/** Seconds that a statement may take; a longer one is a mistake. */
const statementLimitS = 30;
/** Milliseconds between two statements of one transaction: ours follow each other at once. */
export const idleInTransactionMs = 5_000;
/** A server that has said nothing for this long while we wait is frozen, or out of reach: the connection is given up. */
const silenceS = statementLimitS + 5;
/** Seconds between two attempts of one connection, at most: a database that is back is found soon. */
const reconnectS = 1;
/** Seconds that a step of a migration, or the wait for another process's, may take. */
const migrationLimitS = 600;
/** When the pools are closed, statements under way are given so many seconds. */
const closeS = 1;

/** Opens the pools; nothing is connected before the first query. */
export function openDatabase(address: string | DatabaseAddress, options: { max?: number } = {}): Database {
  const sql = openSql(address, { max: options.max ?? 16 });
  // drizzle changes the parsers of the client it is given, so it has one of its own.
  const own = openSql(address, { max: Math.max(2, Math.floor((options.max ?? 16) / 2)) });
  return {
    address,
    sql,
    db: drizzle(own, { schema }),
    close: async () => {
      await Promise.all([sql.end({ timeout: closeS }), own.end({ timeout: closeS })]);
    },
  };
}

/** One postgres.js client with our limits; `limitS` is a statement's. */
export function openSql(
  address: string | DatabaseAddress,
  options: { max: number; limitS?: number; connection?: Record<string, string | number> },
): Sql {
  const { max, limitS = statementLimitS } = options;
  const settings = {
    max,
    idle_timeout: 60,
    // A connection begun while Postgres dies is noticed by this limit only.
    connect_timeout: 5,
    // Ours (patches/): ends a connection whose server keeps silent though it was asked.
    silence_timeout: limitS + silenceS - statementLimitS,
    backoff: (failures: number) => (0.5 + Math.random() / 2) * Math.min(0.05 * 2 ** failures, reconnectS),
    onnotice: () => {},
    connection: {
      application_name: 'bakeoff',
      statement_timeout: limitS * 1000,
      // A process that is stopped in the middle of a transaction must not keep its locks from all others.
      idle_in_transaction_session_timeout: idleInTransactionMs,
      // Days are UTC's, whatever zone an outside Postgres is set to.
      TimeZone: 'UTC',
      ...options.connection,
    },
    transform: { undefined: null },
  };
  if (typeof address === 'string') return postgres(address, settings);
  return postgres({ ...settings, ...address, user: address.user, pass: address.password });
}

/** All that is read in it is of one moment, whatever is committed meanwhile; only through the `db` that it is given. */
export function atOneMoment<T>(db: Db, read: (db: Db) => Promise<T>): Promise<T> {
  return db.transaction(read, { isolationLevel: 'repeatable read', accessMode: 'read only' });
}

/** Brings the schema up to date; any number of processes may ask at once. */
export async function migrateDatabase(address: string | DatabaseAddress): Promise<void> {
  const client = openSql(address, { max: 1, limitS: migrationLimitS });
  try {
    const key = migrationLock();
    await client`select pg_advisory_lock(${key})`;
    await migrate(drizzle(client), {
      migrationsFolder: join(import.meta.dir, '..', '..', 'drizzle', 'migrations'),
    });
    await client`select pg_advisory_unlock(${key})`;
  } finally {
    await client.end({ timeout: 5 });
  }
}

/** One number for all processes of all versions. */
function migrationLock(): number {
  return createHash('sha256').update('bakeoff migrations').digest().readUInt32BE(0);
}
