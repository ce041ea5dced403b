import type { ProjectCheck } from '../../drizzle/schema';
import { decode } from '../agent/environment';
import type { Workspace } from '../agent/workspace';
import {
  baseResults,
  type CheckRow,
  compare,
  judgeBase,
  requireWorker,
  storeBaseCheck,
  storeCheck,
} from '../core/check';
import type { Claimed } from '../core/claim';
import { type Database, persist, type Tx } from '../core/db';
import { append, type Claim } from '../core/event';
import type { CheckResult, Fact } from '../core/fact';
import type { Recorder } from '../core/recorder';

/** Bytes of each stream of a check that are kept as evidence, head and tail. */
const outputBytes = 8 * 1024;

export interface CheckRequest {
  checks: readonly ProjectCheck[];
  /** Opens a fresh workspace of what is to be checked, and nothing else. */
  open: () => Promise<Workspace>;
  signal: AbortSignal;
  /** Called between two checks; throws to end here. */
  boundary?: () => void;
}

/**
 * Runs the project's checks on the base and records the results as the run's own, as long as this worker has a variation
 * of it.
 */
export async function checkBase(
  { sql }: Pick<Database, 'sql'>,
  { runId, worker }: Pick<Claimed, 'runId' | 'worker'>,
  request: CheckRequest,
): Promise<void> {
  const record = (fact: Fact, change: (tx: Tx) => Promise<boolean>): Promise<void> =>
    persist(
      async () => {
        await sql.begin(async (tx) => {
          await requireWorker(tx, runId, worker);
          if (await change(tx)) await append(tx, runId, null, [fact]);
        });
      },
      { signal: request.signal },
    );
  await execute(request, 'base', (_name, code) => judgeBase(code), {
    started: (fact) => record(fact, async () => true),
    // Said again after a connection that broke, or by another process: the first one stands.
    finished: (fact, row) => record(fact, (tx) => storeBaseCheck(tx, runId, row)),
  });
}

/**
 * Runs the checks on base and patch and records them as evidence: each result compares with the base's. The agent's
 * word counts for nothing here.
 */
export async function checkPatch(
  database: Pick<Database, 'sql'>,
  recorder: Recorder,
  claim: Claim,
  request: CheckRequest,
): Promise<void> {
  const base = await persist(() => baseResults(database, claim.runId), { signal: request.signal });
  await execute(request, 'patch', (name, code) => compare(base.get(name), code), {
    started: (fact, name, share) => {
      // The agent's plan fills the first nine tenths.
      const percentage = 90 + Math.floor(9 * share);
      const step = recorder.mask(`check: ${name}`);
      return recorder.commit(
        [fact, { type: 'variation.progress', payload: { percentage, step } }],
        async (tx) => {
          await tx`
            update variations set progress_percentage = greatest(progress_percentage, ${percentage}),
              current_step = ${step}, updated_at = now()
            where id = ${claim.variationId}`;
        },
      );
    },
    finished: (fact, row) =>
      recorder.commit([fact], (tx) => storeCheck(tx, claim.runId, claim.variationId, row)),
  });
}

interface Book {
  /** `share`: how many of the checks are done, 0…1. */
  started(fact: Fact, name: string, share: number): Promise<void>;
  finished(fact: Fact, row: CheckRow): Promise<void>;
}

/** One workspace for all checks, in their order. */
async function execute(
  { checks, open, signal, boundary }: CheckRequest,
  on: 'base' | 'patch',
  judge: (name: string, exitCode: number | null) => CheckResult,
  book: Book,
): Promise<void> {
  if (checks.length === 0) return;
  const workspace = await open();
  try {
    for (const [i, { name, command, required, timeout_s }] of checks.entries()) {
      boundary?.();
      const started: Fact = { type: 'check.started', payload: { name, command, on } };
      await book.started(started, name, i / checks.length);
      const done = await workspace.environment.exec(['sh', '-c', command], {
        timeoutMs: timeout_s * 1000,
        maxOutputBytes: outputBytes,
        signal,
      });
      const ended = done.timed_out ? `\n(ended after ${timeout_s} s)` : '';
      const row: CheckRow = {
        name,
        command,
        required,
        exit_code: done.exit_code,
        result: judge(name, done.exit_code),
        duration_ms: Math.round(done.duration_ms),
        output: `${decode(done.stdout)}${decode(done.stderr)}${ended}`,
      };
      const { required: _, ...told } = row;
      await book.finished({ type: 'check.finished', payload: { ...told, on } }, row);
    }
  } finally {
    await workspace.remove();
  }
}
