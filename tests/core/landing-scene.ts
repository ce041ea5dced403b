import { createHash } from 'node:crypto';
import type { LandingRequest, PullRequest } from '../../drizzle/schema';
import { insertCheckpoint } from '../../src/core/checkpoint';
import { finish } from '../../src/core/claim';
import type { Database } from '../../src/core/db';
import { append } from '../../src/core/event';
import { chooseWinner } from '../../src/core/winner';
import { claimOne, makeRun } from './scene';

export const landRequest: LandingRequest = {
  ...{ mode: 'branch', target: null, title: null, body: null, labels: [] },
  ...{ squash: true, author: null, co_authors: [], checkout: false },
};

export const plan = {
  ...{ branch: 'bakeoff/1-x', target: 'main' },
  ...{ target_sha: 'a'.repeat(40), commit_sha: 'c'.repeat(40) },
};

export const openPull: PullRequest = {
  ...{ number: 7, url: 'https://forge.example/team/project/pulls/7', state: 'open' },
  ...{ checks: 'none', merged_sha: null },
};

/** A variation that is completed with a patch, made in the database alone. */
export async function completeOne(
  database: Database,
  runId: number,
  position = 1,
  patch = 'patch',
): Promise<void> {
  const claimed = await claimOne(database, runId, position);
  const bytes = new TextEncoder().encode(patch);
  const stat = { files: 1, additions: 1, deletions: 1, bytes: bytes.length };
  await database.sql.begin(async (tx) => {
    const saved = { checkpoint: 1, step: 1, ...stat };
    await append(tx, runId, position, [{ type: 'checkpoint.saved', payload: saved }]);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await insertCheckpoint(tx, claimed, 1, { base_sha: 'b'.repeat(40), bytes, sha256, stat }, 1);
    await tx`update runs set base_sha = ${'b'.repeat(40)} where id = ${runId}`;
  });
  await finish(database.sql, claimed, {
    ...{ status: 'completed', summary: 'Did it.', patch: stat },
    ...{ commit_sha: 'd'.repeat(40), branch: `refs/bakeoff/${runId}/${position}` },
  });
}

/** A run whose first variation is completed, and chosen. */
export async function wonRun(database: Database, count = 1): Promise<number> {
  const runId = await makeRun(database, count);
  await completeOne(database, runId);
  await chooseWinner(database, runId, { position: 1, by: 'person', note: null });
  return runId;
}
