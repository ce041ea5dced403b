import { createHash } from 'node:crypto';
import type { LandingRequest, PullRequest } from '../../drizzle/schema';
import { insertCheckpoint } from '../../src/core/checkpoint';
import { finish } from '../../src/core/claim';
import type { Database } from '../../src/core/db';
import { append } from '../../src/core/event';
import type { Fact } from '../../src/core/fact';
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

export interface Made {
  base?: string;
  /** Cumulative, one for each checkpoint. */
  patches?: readonly string[];
  /** What the agent said before each. */
  said?: readonly string[];
  summary?: string;
}

/** A variation that is completed with a patch, made in the database alone. */
export async function completeOne(
  database: Database,
  runId: number,
  position = 1,
  { base = 'b'.repeat(40), patches = ['patch'], said = [], summary = 'Did it.' }: Made = {},
): Promise<void> {
  const claimed = await claimOne(database, runId, position);
  await database.sql`update runs set base_sha = ${base} where id = ${runId}`;
  let stat = { files: 0, additions: 0, deletions: 0, bytes: 0 };
  for (const [i, patch] of patches.entries()) {
    const bytes = new TextEncoder().encode(patch);
    stat = { files: 1, additions: 1, deletions: 1, bytes: bytes.length };
    const number = i + 1;
    await database.sql.begin(async (tx) => {
      await append(tx, runId, position, [
        ...(said[i] === undefined ? [] : [answer(number, said[i])]),
        { type: 'checkpoint.saved', payload: { checkpoint: number, step: number, ...stat } },
      ]);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      await insertCheckpoint(tx, claimed, number, { base_sha: base, bytes, sha256, stat }, number);
    });
  }
  await finish(database.sql, claimed, {
    ...{ status: 'completed', summary, patch: stat },
    ...{ commit_sha: 'd'.repeat(40), branch: `refs/bakeoff/${runId}/${position}` },
  });
}

function answer(call: number, text: string): Fact {
  const usage = { input_tokens: 1, output_tokens: 1, cached_tokens: 0, reasoning_tokens: 0 };
  const payload = {
    ...{ call, provider: 'scripted', model: 'script-1', finish_reason: 'stop', usage, cost_usd: null },
    ...{ latency_ms: 1, message: { role: 'assistant' as const, text, tool_calls: [] } },
  };
  return { type: 'model.responded', payload };
}

/** A run whose first variation is completed, and chosen. */
export async function wonRun(database: Database, count = 1): Promise<number> {
  const runId = await makeRun(database, count);
  await completeOne(database, runId);
  await chooseWinner(database, runId, { position: 1, by: 'person', note: null });
  return runId;
}
