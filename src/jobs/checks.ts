import type { Flag, ProjectCheck } from '../../drizzle/schema';
import type { Workspace } from '../agent/workspace';
import {
  amendCheck,
  baseResults,
  compare,
  confirmBaseCheck,
  type End,
  earlierBaseline,
  judgeBase,
  requireWorker,
  storeBaseCheck,
  storeCheck,
  type VariationCheck,
  variationChecks,
} from '../core/check';
import type { Claimed } from '../core/claim';
import { type Database, persist, type Tx } from '../core/db';
import { append, type Claim } from '../core/event';
import type { CheckResult, Fact } from '../core/fact';
import { VariationFailure } from '../core/failure';
import { baseAgain, baseInDoubt, outcome, patchAgain, type Settled, settle } from '../core/outcome';
import type { Recorder } from '../core/recorder';
import { type CheckBook, runChecks } from './check-run';

export interface BaseRequest {
  checks: readonly ProjectCheck[];
  /** Opens a fresh workspace of the base. */
  open: () => Promise<Workspace>;
  signal: AbortSignal;
}

/**
 * Finds out what the project's checks say of the base, and records it as the run's own, as long as this worker has a
 * variation of it. What an earlier run has found out about the same commit is taken over; what fails is run again,
 * on a fresh workspace: whether it does so each time.
 */
export async function checkBase(
  database: Pick<Database, 'sql'>,
  { runId, worker }: Pick<Claimed, 'runId' | 'worker'>,
  { checks, open, signal }: BaseRequest,
): Promise<void> {
  const { record, say } = recordOf(database, { runId, worker }, signal);
  // Of an interrupted look, what was recorded stands; a failure that was not looked at twice still is to be.
  const present = await persist(() => baseResults(database, runId), { signal });
  const missing = checks.filter((one) => !present.has(one.name));
  const names = missing.map((one) => one.name);
  const known = await persist(() => earlierBaseline(database, runId, names), { signal });
  const same = known.filter((row) =>
    missing.some((one) => one.name === row.name && one.command === row.command),
  );
  for (const { flaky, confirmed, run_id, found_at, ...row } of same) {
    const { required: _, counts, ...told } = row;
    const payload = { ...told, on: 'base', cached: run_id, ...(counts ? { counts } : {}) } as const;
    const known = { confirmed, found_at };
    await record(async (tx) => {
      const made = await storeBaseCheck(tx, runId, row, { type: 'check.finished', payload }, known);
      if (made && flaky) await confirmBaseCheck(tx, runId, row.name, flaky);
    });
  }
  const fresh = missing.filter((one) => !same.some((row) => row.name === one.name));
  const rows = await runChecks(
    { checks: fresh, open, on: 'base', judge: judgeOnBase, signal },
    // Said again after a connection that broke, or by another process: the first one stands.
    { started: say, finished: (fact, row) => record((tx) => storeBaseCheck(tx, runId, row, fact)) },
  );
  const first = (name: string): End =>
    present.has(name) ? present.get(name)?.exit_code : rows.find((row) => row.name === name)?.exit_code;
  const doubtful = checks.filter(
    ({ name }) =>
      baseAgain([first(name)]) &&
      present.get(name)?.confirmed !== true &&
      !same.some((row) => row.name === name),
  );
  await lookAgain(database, { runId, worker }, { checks: doubtful, open, signal }, first);
}

/**
 * Runs checks again that passed on the base, since a patch fails them: a base that passed by chance is found out to be
 * flaky. What was looked at twice already is left alone.
 */
export async function confirmBase(
  database: Pick<Database, 'sql'>,
  claimed: Pick<Claimed, 'runId' | 'worker'>,
  { checks, open, signal }: BaseRequest,
): Promise<void> {
  const present = await persist(() => baseResults(database, claimed.runId), { signal });
  const once = checks.filter(({ name }) => present.get(name)?.confirmed === false);
  await lookAgain(database, claimed, { checks: once, open, signal }, (name) => present.get(name)?.exit_code);
}

/** @param first what each came to before */
async function lookAgain(
  database: Pick<Database, 'sql'>,
  { runId, worker }: Pick<Claimed, 'runId' | 'worker'>,
  request: BaseRequest,
  first: (name: string) => End,
): Promise<void> {
  const { record, say } = recordOf(database, { runId, worker }, request.signal);
  await runChecks(
    { ...request, on: 'base', again: true, judge: judgeOnBase },
    {
      started: say,
      finished: (fact, row) =>
        record(async (tx) => {
          const ends = [first(row.name), row.exit_code];
          await append(tx, runId, null, [marked(fact, ends)]);
          await confirmBaseCheck(tx, runId, row.name, settle(ends).flaky);
        }),
    },
  );
}

function judgeOnBase(_name: string, end: End): CheckResult {
  return judgeBase(end);
}

/** How a worker speaks for the run, as long as it has a variation of it. */
function recordOf(
  database: Pick<Database, 'sql'>,
  { runId, worker }: Pick<Claimed, 'runId' | 'worker'>,
  signal: AbortSignal,
) {
  const record = (change: (tx: Tx) => Promise<unknown>): Promise<void> =>
    persist(
      async () => {
        await database.sql.begin(async (tx) => {
          await requireWorker(tx, runId, worker);
          await change(tx);
        });
      },
      { signal },
    );
  return { record, say: (fact: Fact) => record((tx) => append(tx, runId, null, [fact])) };
}

export interface PatchRequest {
  checks: readonly ProjectCheck[];
  /** Opens a fresh workspace of base and patch. */
  open: () => Promise<Workspace>;
  /** The same with the base's version of what judges the patch; null when the patch touches nothing of that. */
  openWithBaseTests: (() => Promise<Workspace>) | null;
  /** What the same patch came to in the round before. */
  earlier: readonly VariationCheck[];
  /** Has these checks run on the base again; see `confirmBase`. */
  confirmBase: (checks: readonly ProjectCheck[]) => Promise<void>;
  signal: AbortSignal;
  boundary: () => void;
}

/**
 * Runs the checks on base and patch and records them as evidence: each result compares with the base's. What differs
 * from the base is run again, on another fresh workspace; what judges the patch is also taken as the base has it. The
 * agent's word counts for nothing here.
 * @returns the results as they stand
 */
export async function checkPatch(
  database: Pick<Database, 'sql'>,
  recorder: Recorder,
  claim: Claim,
  { checks, open, openWithBaseTests, earlier, confirmBase, signal, boundary }: PatchRequest,
): Promise<VariationCheck[]> {
  let base = await persist(() => baseResults(database, claim.runId), { signal });
  const { variationId } = claim;
  const own = new Ends();
  const judged = new Ends();
  for (const { name, exit_code, result } of earlier) if (result !== 'could_not_run') own.add(name, exit_code);
  /** What was said with the base's version of what judges: told to the agent, and kept in the record alone. */
  const saidThere = new Map<string, string>();
  const onBase = (name: string): Settled => {
    const found = base.get(name);
    return { end: found?.exit_code, flaky: found?.flaky ?? false };
  };
  const judge = (name: string, end: End): CheckResult => compare(onBase(name).end, end);
  const rounds = openWithBaseTests ? 2 : 1;
  const book = (round: number, finished: CheckBook['finished']): CheckBook => ({
    started: (fact, name, share) => {
      // The agent's plan fills the first nine tenths.
      const percentage = 90 + Math.floor((9 * (round + share)) / rounds);
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
    finished,
  });
  /** Whatever comes to be known of a check is weighed with all that is known of it. */
  const weigh = (ends: Ends): CheckBook['finished'] => {
    return (fact, { name, exit_code, result: alone }) => {
      ends.add(name, exit_code === null && alone === 'could_not_run' ? undefined : exit_code);
      const {
        result,
        flaky,
        judged: said,
      } = outcome(onBase(name), settle(own.of(name)), judged.has(name) ? settle(judged.of(name)) : null);
      const on_base_tests = said && { result: said, exit_code: judged.of(name).at(-1) ?? null };
      return recorder.commit([marked(fact, ends.of(name))], (tx) =>
        amendCheck(tx, variationId, name, {
          ...{ result, flaky, on_base_tests },
          exit_code: own.of(name).at(-1) ?? null,
        }),
      );
    };
  };
  const again = (ends: Ends) => checks.filter(({ name }) => patchAgain(onBase(name), ends.of(name)));
  /** What the patch fails each time may be a matter of chance, if the base was only lucky. */
  const doubt = async (ends: Ends): Promise<void> => {
    const doubtful = checks.filter(
      ({ name }) => base.get(name)?.confirmed === false && baseInDoubt(onBase(name), ends.of(name)),
    );
    if (doubtful.length === 0) return;
    await confirmBase(doubtful);
    base = await persist(() => baseResults(database, claim.runId), { signal });
  };
  const common = { judge, signal, boundary };

  await runChecks(
    { ...common, checks, open, on: 'patch' },
    book(0, (fact, row) => {
      own.add(row.name, row.exit_code);
      const ends = own.of(row.name);
      return recorder.commit([marked(fact, ends)], async (tx) => {
        await storeCheck(tx, claim.runId, variationId, row);
        const { result, flaky } = outcome(onBase(row.name), settle(ends));
        if (flaky) await amendCheck(tx, variationId, row.name, { result, flaky });
      });
    }),
  );
  await runChecks({ ...common, checks: again(own), open, on: 'patch', again: true }, book(0, weigh(own)));
  await doubt(own);
  if (openWithBaseTests) {
    const where = { ...common, open: openWithBaseTests, on: 'base_tests' } as const;
    try {
      const rows = await runChecks({ ...where, checks }, book(1, weigh(judged)));
      for (const { name, output } of rows) saidThere.set(name, output);
      await runChecks({ ...where, checks: again(judged), again: true }, book(1, weigh(judged)));
      await doubt(judged);
    } catch (error) {
      // The patch's dependencies and the base's configuration need not go together. That is no failure of the patch's,
      // and nothing that speaks for it.
      if (!(error instanceof VariationFailure) || error.code !== 'setup_failed') throw error;
      for (const check of checks.filter(({ name }) => !judged.has(name))) {
        const { name, command, required } = check;
        const end = {
          exit_code: null,
          result: 'could_not_run',
          duration_ms: 0,
          output: error.message,
        } as const;
        const fact: Fact = { type: 'check.finished', payload: { name, command, ...end, on: 'base_tests' } };
        await weigh(judged)(fact, { name, command, required, ...end });
      }
    }
  }
  const found = await persist(() => variationChecks(database, variationId), { signal });
  return found.map((one) => {
    const output = saidThere.get(one.name);
    if (!one.on_base_tests || output === undefined) return one;
    return { ...one, on_base_tests: { ...one.on_base_tests, output } };
  });
}

/** The ends that checks have come to on the same files, by name. */
class Ends {
  readonly #byName = new Map<string, End[]>();

  add(name: string, end: End): void {
    this.#byName.set(name, [...this.of(name), end]);
  }

  of(name: string): readonly End[] {
    return this.#byName.get(name) ?? [];
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }
}

/** The files that judge a patch, and that it touches, on its row and in the record. */
export function flagPatch(recorder: Recorder, claim: Claim, flags: readonly Flag[]): Promise<void> {
  const facts: Fact[] = flags.length > 0 ? [{ type: 'patch.flagged', payload: { files: [...flags] } }] : [];
  return recorder.commit(facts, async (tx) => {
    await tx`
      update variations set flags = ${tx.json(flags.map((one) => ({ ...one })))}, updated_at = now()
      where id = ${claim.variationId}`;
  });
}

/** Says of a check that was run again whether it came to another result. */
function marked(fact: Fact, ends: readonly End[]): Fact {
  if (fact.type !== 'check.finished' || !settle(ends).flaky) return fact;
  return { ...fact, payload: { ...fact.payload, flaky: true } };
}
