import type { Counts } from '../../drizzle/schema';
import type { Database, Tx } from './db';
import { Fenced } from './errors';
import { append, type Claim } from './event';
import type { CheckResult, Fact } from './fact';

/** A check's run as it is stored; `exit_code` null when it could not be run to its end. */
export interface CheckRow {
  name: string;
  command: string;
  required: boolean;
  exit_code: number | null;
  result: CheckResult;
  duration_ms: number;
  output: string;
  counts?: Counts | null;
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

/**
 * Compares a patch's end with the base's: evidence is what the patch changed. Against no base, a failure says nothing.
 * What the base could start and the patch cannot, is the patch's doing: anybody can end with the shell's codes.
 */
export function compare(base: End, patch: End): PatchResult {
  if (patch === undefined) return 'could_not_run';
  if (patch === 0) return base === 0 ? 'passes' : 'fixed';
  if (base === 0) return 'broken';
  return couldNotRun(base) ? 'could_not_run' : 'still_fails';
}

/** A failure of a required check that is to go back to the agent. What could not run, or is flaky, tells nothing. */
export function fails(row: { required: boolean; result: string; flaky: boolean }): boolean {
  return row.required && !row.flaky && (row.result === 'broken' || row.result === 'still_fails');
}

/**
 * Stores a check's result of a variation, right after its event and in that transaction; run again, it replaces the
 * earlier one.
 */
export async function storeCheck(tx: Tx, runId: number, variationId: number, row: CheckRow): Promise<void> {
  await tx`delete from checks where variation_id = ${variationId} and name = ${row.name}`;
  await insertRow(tx, runId, variationId, row);
  await tx`
    update checks set seq = (select seq from runs where id = ${runId})
    where variation_id = ${variationId} and name = ${row.name}`;
}

/** What looking again, or with the base's version of what judges a patch, has made of a check. */
export interface Amendment {
  /** Absent: as it was. */
  result?: CheckResult;
  /** Its latest end; absent: as it was. */
  exit_code?: number | null;
  flaky: boolean;
  on_base_tests?: { result: CheckResult; exit_code: number | null } | null;
}

/** Brings a stored check of a variation up to what is known of it now. */
export async function amendCheck(
  tx: Tx,
  variationId: number,
  name: string,
  { result, exit_code, flaky, on_base_tests = null }: Amendment,
): Promise<void> {
  await tx`
    update checks set flaky = ${flaky}, result = coalesce(${result ?? null}, result),
      exit_code = ${exit_code === undefined ? tx`exit_code` : exit_code},
      on_base_tests = coalesce(${on_base_tests && tx.json(on_base_tests)}, on_base_tests)
    where variation_id = ${variationId} and name = ${name}`;
}

/** Keeps that a check of the base was looked at twice; `flaky`: it came to another result. Who has once wavered, wavers. */
export async function confirmBaseCheck(tx: Tx, runId: number, name: string, flaky: boolean): Promise<void> {
  await tx`
    update checks set flaky = flaky or ${flaky}, confirmed = true
    where run_id = ${runId} and variation_id is null and name = ${name}`;
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

/**
 * Stores a check's result on the run's base, with its event, in one transaction; false when there is one already, which
 * stands and was told of. Another look is to confirm it, unless an earlier run has had that: a failure at once, what passed
 * when a patch fails it.
 */
export async function storeBaseCheck(
  tx: Tx,
  runId: number,
  row: CheckRow,
  fact: Fact,
  { confirmed = row.result === 'could_not_run', found_at }: { confirmed?: boolean; found_at?: Date } = {},
): Promise<boolean> {
  const made = await insertRow(tx, runId, null, row, {
    confirmed,
    ...(found_at ? { created_at: found_at } : {}),
  });
  if (made.length === 0) return false;
  await append(tx, runId, null, [fact]);
  await tx`
    update checks set seq = (select seq from runs where id = ${runId})
    where run_id = ${runId} and variation_id is null and name = ${row.name}`;
  return true;
}

async function insertRow(
  tx: Tx,
  runId: number,
  variationId: number | null,
  row: CheckRow,
  more: { confirmed?: boolean; created_at?: Date } = {},
) {
  const { counts, ...rest } = row;
  const columns = {
    ...rest,
    ...more,
    run_id: runId,
    variation_id: variationId,
    counts: counts ? tx.json({ ...counts }) : null,
  };
  return tx`
    insert into checks ${tx(columns)}
    on conflict (run_id, name) where variation_id is null do nothing returning id`;
}

/** Days for which what was found out about a commit is believed. */
const baselineDays = 7;
/** Runs of the project that are looked at for it. */
const baselineRuns = 50;

type Known = CheckRow & { flaky: boolean; confirmed: boolean; run_id: number; found_at: Date };

/**
 * What an earlier run of the same project has found out about the same commit, by the same commands, since the project was
 * last changed: it need not be found out again. Newest first counts; `confirmed`: it was looked at twice.
 */
export async function earlierBaseline(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  names: readonly string[],
): Promise<Known[]> {
  if (names.length === 0) return [];
  return sql<Known[]>`
    select distinct on (c.name) c.name, c.command, c.required, c.exit_code, c.result, c.duration_ms, c.output, c.counts,
      c.flaky, c.confirmed, c.run_id, c.created_at as found_at
    from runs r join projects p on p.id = r.project_id
    join lateral (
      select id, base_sha from runs o where o.project_id = r.project_id and o.id <> r.id
      order by o.created_at desc nulls first, o.id desc nulls first limit ${baselineRuns}
    ) o on o.base_sha = r.base_sha
    join checks c on c.run_id = o.id and c.variation_id is null
    where r.id = ${runId} and c.name in ${sql(names)} and c.result <> 'could_not_run'
      and (c.confirmed or c.result = 'passed')
      and c.created_at > p.updated_at and c.created_at > now() - make_interval(days => ${baselineDays})
    order by c.name, c.id desc`;
}

/** A variation's results of before are evidence of something else: they are taken anew. Harmless for an old claim. */
export async function forgetChecks({ sql }: Pick<Database, 'sql'>, claim: Claim): Promise<void> {
  await sql`
    delete from checks c using variations v
    where v.id = ${claim.variationId} and v.epoch = ${claim.epoch} and v.status = 'running' and c.variation_id = v.id`;
}

/** What the base's checks gave, by name. A flaky one tells nothing of the patch either. */
export async function baseResults(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
): Promise<Map<string, { exit_code: number | null; flaky: boolean; confirmed: boolean }>> {
  const rows = await sql<{ name: string; exit_code: number | null; flaky: boolean; confirmed: boolean }[]>`
    select name, exit_code, flaky, confirmed from checks where run_id = ${runId} and variation_id is null`;
  return new Map(rows.map(({ name, ...rest }) => [name, rest]));
}

/** A variation's results as they stand, for what is to be made of them. */
export async function variationChecks(
  { sql }: Pick<Database, 'sql'>,
  variationId: number,
): Promise<VariationCheck[]> {
  return sql<VariationCheck[]>`
    select c.name, c.command, c.required, c.exit_code, c.result, c.duration_ms, c.output, c.counts,
      c.flaky or coalesce(b.flaky, false) as flaky, c.on_base_tests
    from checks c left join checks b on b.run_id = c.run_id and b.variation_id is null and b.name = c.name
    where c.variation_id = ${variationId} order by c.id`;
}

export type VariationCheck = CheckRow & {
  flaky: boolean;
  on_base_tests: { result: CheckResult; exit_code: number | null; output?: string } | null;
};
