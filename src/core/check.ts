import type { Database, Tx } from './db';
import { Fenced } from './errors';
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
export type End = number | null | undefined;

/** What a check says of a patch. */
export type PatchResult = Exclude<CheckResult, 'passed' | 'failed'>;

/** What the shell answers when a command cannot be started is no verdict on the code. That it hangs or crashes, is. */
function couldNotRun(end: End): boolean {
  return end === undefined || end === 126 || end === 127;
}

export function judgeBase(end: End): CheckResult {
  if (couldNotRun(end)) return 'could_not_run';
  return end === 0 ? 'passed' : 'failed';
}

/** Compares a patch's end with the base's: evidence is what the patch changed. Against no base, a failure says nothing. */
export function compare(base: End, patch: End): PatchResult {
  if (couldNotRun(patch)) return 'could_not_run';
  if (patch === 0) return base === 0 ? 'passes' : 'fixed';
  if (base === 0) return 'broken';
  return couldNotRun(base) ? 'could_not_run' : 'still_fails';
}

/** Stores a check's result of a variation; run again, it replaces the earlier one. */
export async function storeCheck(tx: Tx, runId: number, variationId: number, row: CheckRow): Promise<void> {
  await tx`delete from checks where variation_id = ${variationId} and name = ${row.name}`;
  await tx`insert into checks ${tx({ ...row, run_id: runId, variation_id: variationId })}`;
}

/**
 * Holds that a worker still has a variation of a run, until the transaction ends: only then may it speak for the run.
 * @throws Fenced
 */
export async function requireWorker(tx: Tx, runId: number, worker: string): Promise<void> {
  const [row] = await tx`
    select id from variations where run_id = ${runId} and worker = ${worker} and status = 'running'
    order by id limit 1 for share`;
  if (!row) throw new Fenced(runId, 0);
}

/** Stores a check's result on the run's base; false when there is one already, which stands. */
export async function storeBaseCheck(tx: Tx, runId: number, row: CheckRow): Promise<boolean> {
  const made = await tx`
    insert into checks ${tx({ ...row, run_id: runId, variation_id: null })}
    on conflict (run_id, name) where variation_id is null do nothing returning id`;
  return made.length > 0;
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
