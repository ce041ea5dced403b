import { afterAll, setDefaultTimeout } from 'bun:test';
import { closeSharedPostgres } from './database';
import { removeAllTemps } from './temp';

// Set here, since bunfig.toml's `timeout` is not heard; hooks that start Postgres need it on a busy machine.
setDefaultTimeout(30_000);

// Run by itself, this comes once, after every file. A worker of a parallel run comes here after each of its files, and
// keeps its Postgres for the next: that ends with the worker, and what is temporary with the folder of the whole run.
if (process.env.BUN_TEST_WORKER_ID === undefined) {
  afterAll(async () => {
    await closeSharedPostgres();
    removeAllTemps();
  });
}
