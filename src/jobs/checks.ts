import type { ProjectCheck } from '../../drizzle/schema';
import { decode } from '../agent/environment';
import type { Workspace } from '../agent/workspace';
import { baseResults, type CheckRow, compare, judgeBase, storeCheck } from '../core/check';
import type { Database } from '../core/db';
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
}

/** Runs the project's checks on the base and records the results as the run's own. */
export async function checkBase(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  request: CheckRequest,
): Promise<void> {
  await execute(request, 'base', (_name, code) => judgeBase(code), {
    started: (fact) => append(sql, runId, null, [fact]),
    finished: async (fact, row) => {
      await sql.begin(async (tx) => {
        await storeCheck(tx, runId, null, row);
        await append(tx, runId, null, [fact]);
      });
    },
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
  const base = await baseResults(database, claim.runId);
  await execute(request, 'patch', (name, code) => compare(base.get(name), code), {
    started: async (fact) => recorder.emit(fact),
    finished: (fact, row) =>
      recorder.commit([fact], (tx) => storeCheck(tx, claim.runId, claim.variationId, row)),
  });
}

interface Book {
  started(fact: Fact): Promise<void>;
  finished(fact: Fact, row: CheckRow): Promise<void>;
}

/** One workspace for all checks, in their order. */
async function execute(
  { checks, open, signal }: CheckRequest,
  on: 'base' | 'patch',
  judge: (name: string, exitCode: number | null) => CheckResult,
  book: Book,
): Promise<void> {
  if (checks.length === 0) return;
  const workspace = await open();
  try {
    for (const { name, command, required, timeout_s } of checks) {
      await book.started({ type: 'check.started', payload: { name, command, on } });
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
