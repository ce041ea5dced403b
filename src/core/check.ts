import type { Database, Tx } from './db';
import type { CheckResult } from './fact';

/** A check's run as it is stored; `exit_code` null when it could not be run to its end. */
export interface CheckRow {
  name: string;
  command: string;
  required: boolean;
  exit_code: number | null;
  result: CheckResult;
  duration_ms: number;
  output: string;
}

/** What the shell answers when a command cannot be started: not a verdict on the code. */
function couldNotRun(exitCode: number | null): boolean {
  return exitCode === null || exitCode === 126 || exitCode === 127;
}

export function judgeBase(exitCode: number | null): CheckResult {
  if (couldNotRun(exitCode)) return 'could_not_run';
  return exitCode === 0 ? 'passed' : 'failed';
}

/** Compares a patch's exit code with the base's: evidence is what the patch changed. */
export function compare(base: number | null, patch: number | null): CheckResult {
  if (couldNotRun(patch)) return 'could_not_run';
  if (patch === 0) return base === 0 ? 'passes' : 'fixed';
  return base === 0 ? 'broken' : 'still_fails';
}

/** Stores a check's result; run again, it replaces the earlier one. `variationId` null: the base's. */
export async function storeCheck(
  tx: Tx,
  runId: number,
  variationId: number | null,
  row: CheckRow,
): Promise<void> {
  // Two processes may check one base at the same time.
  const place = `check:${runId}:${variationId ?? 'base'}:${row.name}`;
  await tx`select pg_advisory_xact_lock(hashtextextended(${place}, 0))`;
  await tx`
    delete from checks
    where run_id = ${runId} and name = ${row.name} and variation_id is not distinct from ${variationId}`;
  await tx`insert into checks ${tx({ ...row, run_id: runId, variation_id: variationId })}`;
}

/** What the base's checks gave: exit code by name. */
export async function baseResults(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
): Promise<Map<string, number | null>> {
  const rows = await sql<{ name: string; exit_code: number | null }[]>`
    select name, exit_code from checks where run_id = ${runId} and variation_id is null`;
  return new Map(rows.map((row) => [row.name, row.exit_code]));
}
