import {
  type Database,
  type DatabaseAddress,
  migrateDatabase,
  openDatabase,
  openSql,
} from '../../src/core/db';
import { type PrivatePostgres, startPrivatePostgres } from '../../src/core/private-postgres';
import { removeTemp, tempDir } from './temp';

/** One real Postgres for the suite, started by the first test that wants one; each test has its own database in it. */
let shared: Promise<{ postgres: PrivatePostgres; dir: string }> | null = null;
let count = 0;

async function start(): Promise<{ postgres: PrivatePostgres; dir: string }> {
  const dir = tempDir('postgres');
  const postgres = await startPrivatePostgres(dir, { durable: false });
  const template = { ...postgres.address, database: 'template_bakeoff' };
  const admin = openSql({ ...postgres.address, database: 'postgres' }, { max: 1 });
  await admin`create database template_bakeoff`;
  await migrateDatabase(template);
  await admin.end();
  return { postgres, dir };
}

export interface TestDatabase extends Database {
  address: DatabaseAddress;
  /** Closes the pools and drops the database. */
  drop(): Promise<void>;
}

/** A database of the present schema, cloned from a template in some milliseconds. */
export async function freshDatabase(): Promise<TestDatabase> {
  shared ??= start();
  const { postgres } = await shared;
  count += 1;
  const name = `test_${count}`;
  const admin = openSql({ ...postgres.address, database: 'postgres' }, { max: 1 });
  await admin.unsafe(`create database ${name} template template_bakeoff`);
  const address = { ...postgres.address, database: name };
  const database = openDatabase(address, { max: 6 });
  return {
    ...database,
    address,
    drop: async () => {
      await database.close();
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}

export async function closeSharedPostgres(): Promise<void> {
  if (!shared) return;
  const { postgres, dir } = await shared;
  shared = null;
  await postgres.stop();
  removeTemp(dir);
}
