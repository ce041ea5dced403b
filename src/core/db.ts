import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import * as schema from '../../drizzle/schema';

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

/** The pools of one process: plain SQL for what must be fast or exact, drizzle for the rest. */
export interface Database {
  sql: Sql;
  db: Db;
  close(): Promise<void>;
}

/** Seconds that a statement may take; a longer one is a mistake. */
const statementLimitS = 30;

/** Opens the pools; nothing is connected before the first query. */
export function openDatabase(address: string | DatabaseAddress, options: { max?: number } = {}): Database {
  const sql = openSql(address, { max: options.max ?? 16 });
  // drizzle changes the parsers of the client it is given, so it has one of its own.
  const own = openSql(address, { max: Math.max(2, Math.floor((options.max ?? 16) / 2)) });
  return {
    sql,
    db: drizzle(own, { schema }),
    close: async () => {
      await Promise.all([sql.end({ timeout: 5 }), own.end({ timeout: 5 })]);
    },
  };
}

/** One postgres.js client with our limits. */
export function openSql(address: string | DatabaseAddress, options: { max: number; quiet?: boolean }): Sql {
  const settings = {
    max: options.max,
    idle_timeout: 60,
    // A connection begun while Postgres dies is noticed by this limit only.
    connect_timeout: 5,
    onnotice: () => {},
    // Days are UTC's, whatever zone an outside Postgres is set to.
    connection: { application_name: 'bakeoff', statement_timeout: statementLimitS * 1000, TimeZone: 'UTC' },
    transform: { undefined: null },
  };
  if (typeof address === 'string') return postgres(address, settings);
  return postgres({ ...settings, ...address, user: address.user, pass: address.password });
}

/** Brings the schema up to date; any number of processes may ask at once. */
export async function migrateDatabase(address: string | DatabaseAddress): Promise<void> {
  const client = openSql(address, { max: 1 });
  try {
    const key = migrationLock();
    await client`set statement_timeout = '10min'`;
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
