import { afterAll } from 'bun:test';
import { closeSharedPostgres } from './database';

// Runs once for the whole suite, after every file.
afterAll(closeSharedPostgres);
