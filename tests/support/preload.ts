import { afterAll, setDefaultTimeout } from 'bun:test';
import { closeSharedPostgres } from './database';

// Set here, since bunfig.toml's `timeout` is not heard; hooks that start Postgres need it on a busy machine.
setDefaultTimeout(30_000);

// Runs once for the whole suite, after every file.
afterAll(closeSharedPostgres);
