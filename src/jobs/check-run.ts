import type { ProjectCheck } from '../../drizzle/schema';
import { decode } from '../agent/environment';
import { readCounts } from '../agent/evidence/counts';
import type { Workspace } from '../agent/workspace';
import type { CheckRow, End } from '../core/check';
import type { CheckedOn, CheckResult, Fact } from '../core/fact';

/** Bytes of each stream of a check that are kept as evidence, head and tail. */
const outputBytes = 8 * 1024;
/** Bytes of a report that are read. */
const reportBytes = 1024 * 1024;
const reportMs = 10_000;

export interface CheckRun {
  checks: readonly ProjectCheck[];
  /** Opens a fresh workspace of what is to be checked, and nothing else. */
  open: () => Promise<Workspace>;
  on: CheckedOn;
  /** They were run on the same before: does it come out as it did? */
  again?: boolean;
  judge: (name: string, end: End) => CheckResult;
  signal: AbortSignal;
  /** Called between two checks; throws to end here. */
  boundary?: () => void;
}

/** Where a check's run goes. */
export interface CheckBook {
  /** `share`: how many of the checks are done, 0…1. */
  started(fact: Fact, name: string, share: number): Promise<void>;
  finished(fact: Fact, row: CheckRow): Promise<void>;
}

/**
 * Runs checks in their order, each in a workspace of its own, which is removed after it: a check runs code of the patch,
 * and what that leaves behind, in ignored files or its home, is not to help the next one. Each ends the whole tree of its
 * processes.
 */
export async function runChecks(request: CheckRun, book: CheckBook): Promise<CheckRow[]> {
  const { checks, open, on, judge, signal, boundary } = request;
  const rows: CheckRow[] = [];
  const again = request.again ? ({ again: true } as const) : {};
  for (const [i, check] of checks.entries()) {
    boundary?.();
    const { name, command } = check;
    const workspace = await open();
    try {
      await book.started(
        { type: 'check.started', payload: { name, command, on, ...again } },
        name,
        i / checks.length,
      );
      const row = await runOne(workspace, check, judge, signal);
      rows.push(row);
      const { required: _, counts, ...told } = row;
      const payload = { ...told, on, ...again, ...(counts ? { counts } : {}) };
      await book.finished({ type: 'check.finished', payload }, row);
    } finally {
      await workspace.remove();
    }
  }
  return rows;
}

async function runOne(
  workspace: Workspace,
  { name, command, required, timeout_s, report }: ProjectCheck,
  judge: CheckRun['judge'],
  signal: AbortSignal,
): Promise<CheckRow> {
  // A report that the patch brings along would be taken for the check's own.
  if (report !== undefined)
    await workspace.environment.exec(['rm', '-rf', '--', report], { timeoutMs: reportMs, signal });
  const done = await workspace.environment.exec(['sh', '-c', command], {
    timeoutMs: timeout_s * 1000,
    maxOutputBytes: outputBytes,
    signal,
  });
  const [stdout, stderr] = [decode(done.stdout), decode(done.stderr)];
  const ended = done.timed_out ? `\n(ended after ${timeout_s} s)` : '';
  return {
    ...{ name, command, required, exit_code: done.exit_code, result: judge(name, done.exit_code) },
    duration_ms: Math.round(done.duration_ms),
    output: `${stdout}${stderr}${ended}`,
    counts: readCounts({ stdout, stderr, report: await readReport(workspace, report, signal) }),
  };
}

/** What a check has written to its report, read inside of the environment, where links lead nowhere else. */
async function readReport(
  workspace: Workspace,
  path: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const read = await workspace.environment.exec(['head', '-c', String(reportBytes), '--', path], {
    timeoutMs: reportMs,
    maxOutputBytes: reportBytes,
    signal,
  });
  return read.exit_code === 0 ? decode(read.stdout) : undefined;
}
