/** An inner half of disk-full.test.ts: a recorder on a Postgres whose disk, the argument, is filled and freed again. */
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { migrateDatabase, openDatabase } from '../../src/core/db';
import { listEvents } from '../../src/core/event';
import { startPrivatePostgres } from '../../src/core/private-postgres';
import { Recorder } from '../../src/core/recorder';
import { claimOne, gapless, makeRun, note, recordOf } from '../core/scene';
import { removeAllTemps } from '../support/temp';

const [disk = ''] = process.argv.slice(2);
mkdirSync(join(disk, 'data'), { mode: 0o755 });
const postgres = await startPrivatePostgres(join(disk, 'data'), { durable: false });
await migrateDatabase(postgres.address);
const database = openDatabase(postgres.address);
const run = await makeRun(database);
const claim = await claimOne(database, run);

const filler = join(disk, 'filler');
const file = openSync(filler, 'w');
try {
  for (;;) writeSync(file, new Uint8Array(64 * 1024).fill(1));
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
}
closeSync(file);

const failures: string[] = [];
const recorder = new Recorder(
  database.sql,
  claim,
  (text) => text,
  (error) => failures.push(error.message),
);
for (let at = 0; at < 300; at += 1) recorder.emit(note(`${at} ${randomBytes(10_000).toString('hex')}`));
const written = recorder.flush();
// Whatever the recorder meets, another connection meets, too.
const large = randomBytes(2_000_000).toString('hex');
const refused =
  await database.sql`insert into settings (key, value) values ('large', to_jsonb(${large}::text))`.then(
    () => null,
    (error: { code?: string }) => error.code ?? String(error),
  );
rmSync(filler);
await written;
const events = (await listEvents(database, run, { limit: 1000, types: ['agent.message'] })).map((event) =>
  event.type === 'agent.message' ? event.payload.text.split(' ')[0] : null,
);
const inOrder = events.every((said, at) => said === String(at));
const whole = inOrder && gapless(await recordOf(database, run));
await database.close();
await postgres.stop();
removeAllTemps();
console.log(JSON.stringify({ refused, failures, events: events.length, whole }));
process.exit(0);
