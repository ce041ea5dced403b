import type { Database, Tx } from './db';
import type { Claim } from './event';
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

/** A check's end: its exit code; null when it was killed, by a signal or for its time; undefined when there was none. */
type End = number | null | undefined;

/** What the shell answers when a command cannot be started is no verdict on the code. That it hangs or crashes, is. */
function couldNotRun(end: End): boolean {
  return end === undefined || end === 126 || end === 127;
}

export function judgeBase(end: End): CheckResult {
  if (couldNotRun(end)) return 'could_not_run';
  return end === 0 ? 'passed' : 'failed';
}

/** Compares a patch's end with the base's: evidence is what the patch changed. Against no base, a failure says nothing. */
export function compare(base: End, patch: End): CheckResult {
  if (couldNotRun(patch)) return 'could_not_run';
  if (patch === 0) return base === 0 ? 'passes' : 'fixed';
  if (base === 0) return 'broken';
  return couldNotRun(base) ? 'could_not_run' : 'still_fails';
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

/** A variation's results of before are evidence of something else: they are taken anew. Harmless for an old claim. */
export async function forgetChecks({ sql }: Pick<Database, 'sql'>, claim: Claim): Promise<void> {
  await sql`
    delete from checks c using variations v
    where v.id = ${claim.variationId} and v.epoch = ${claim.epoch} and v.status = 'running' and c.variation_id = v.id`;
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
