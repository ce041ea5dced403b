import { afterAll, beforeAll, expect, test } from 'bun:test';
import { insertCheckpoint, presentCheckpoint, readCheckpoint } from '../../src/core/checkpoint';
import type { Claim } from '../../src/core/event';
import { freshDatabase, type TestDatabase } from '../support/database';
import { claimOne, makeRun } from './scene';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

async function save(claim: Claim, number: number, bytes: Uint8Array): Promise<void> {
  const stat = { files: number, additions: 1, deletions: 0, bytes: bytes.length };
  const content = { base_sha: 'b'.repeat(40), bytes, sha256: `sha-${number}`, stat };
  await database.sql.begin((tx) => insertCheckpoint(tx, claim, number, content, number));
}

test('a patch comes back byte by byte, and the newest counts', async () => {
  const runId = await makeRun(database);
  const claim = await claimOne(database, runId);
  expect(await readCheckpoint(database, runId, 1)).toBeNull();
  expect(await presentCheckpoint(database, claim.variationId)).toEqual({ highest: 0, sha256: null });
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7919) % 256);
  await save(claim, 1, Uint8Array.of(0, 255, 10));
  await save(claim, 2, bytes);
  const patch = await readCheckpoint(database, runId, 1);
  expect(Buffer.from(patch!.bytes).equals(Buffer.from(bytes))).toBe(true);
  expect([patch!.sha256, patch!.stat.files, patch!.base_sha]).toEqual(['sha-2', 2, 'b'.repeat(40)]);
  expect(await presentCheckpoint(database, claim.variationId)).toEqual({ highest: 2, sha256: 'sha-2' });
  const [row] = await database.sql`select patch from variations where id = ${claim.variationId}`;
  expect(row?.patch).toMatchObject({ files: 2, bytes: 70_000 });
});

test('what an earlier worker saved is where the next one goes on', async () => {
  const runId = await makeRun(database);
  const old = await claimOne(database, runId);
  await save(old, 1, Uint8Array.of(1));
  const present = await claimOne(database, runId, 1, 'worker-b');
  expect(await readCheckpoint(database, runId, 1)).toMatchObject({ number: 1, step: 1, sha256: 'sha-1' });
  expect(await presentCheckpoint(database, present.variationId)).toEqual({ highest: 1, sha256: 'sha-1' });
  await save(present, 2, Uint8Array.of(2));
  expect([...(await readCheckpoint(database, runId, 1))!.bytes]).toEqual([2]);
});

test('a variation that is not there is 404', async () => {
  const runId = await makeRun(database);
  for (const [run, position] of [
    [runId, 2],
    [999_999, 1],
  ] as const) {
    expect((await readCheckpoint(database, run, position).catch((error) => error)).code).toBe(
      'variation_not_found',
    );
  }
});
