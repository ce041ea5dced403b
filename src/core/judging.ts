import type { ContextText, PatchStat, RunOptions, TaskType, Usage } from '../../drizzle/schema';
import type { Reservation } from './budget';
import type { RunVerdict } from './contract-outcome';
import { type Database, jsonb, type Sql, type Tx } from './db';
import { type Errand, holdsErrand } from './errand';
import { Fenced } from './errors';
import { append } from './event';
import type { CheckResult } from './fact';
import { hasLanding } from './landing';
import type { JudgeAnswer } from './opinion';
import { choiceWords } from './ranking-words';
import { sumWith } from './usage';
import { choose } from './winner';

/** A completed variation, as it comes to be judged. */
export interface Contender {
  variation_id: number;
  position: number;
  /** The commit of its patch; null when it changed nothing. */
  commit_sha: string | null;
  patch: PatchStat | null;
  result: string | null;
  cost_usd: number | null;
  agent: string;
  provider: string;
  model: string;
  checks: {
    name: string;
    required: boolean;
    result: CheckResult;
    flaky: boolean;
    /** Of this patch, not of the base: it wavers, or passed having run fewer tests than there. */
    doubtful: boolean;
    exit_code: number | null;
  }[];
}

/** A run that is to be judged, with all that the record says of it. */
export interface Matter {
  run: {
    id: number;
    goal: string;
    instructions: string | null;
    context: ContextText[];
    task_type: TaskType;
    base_sha: string | null;
    options: RunOptions;
  };
  /** Where its code lives. */
  project: {
    id: number;
    repo_url: string | null;
    local_path: string | null;
    default_branch: string | null;
  };
  contenders: Contender[];
  /** Checks that failed on the base, each time. */
  failing_on_base: number;
  /** What judges have answered already, by key. */
  answers: Map<string, JudgeAnswer>;
}

/**
 * Reads what a claimed verdict is about: the variations that are completed, with their final evidence.
 * @throws Fenced when somebody else has it
 */
export async function readMatter({ sql }: Pick<Database, 'sql'>, errand: Errand): Promise<Matter> {
  const [row] = await sql<(Pick<Matter, 'run' | 'project'> & { answers: Record<string, JudgeAnswer> })[]>`
    select jsonb_build_object('id', r.id, 'goal', r.goal, 'instructions', r.instructions, 'context', r.context,
        'task_type', r.task_type, 'base_sha', r.base_sha, 'options', r.options) as run,
      jsonb_build_object('id', p.id, 'repo_url', p.repo_url, 'local_path', p.local_path,
        'default_branch', p.default_branch) as project,
      j.answers
    from verdicts j join runs r on r.id = j.run_id join projects p on p.id = r.project_id
    where j.id = ${errand.id} and j.epoch = ${errand.epoch} and j.status = 'judging'`;
  if (!row) throw new Fenced(errand.id, errand.epoch);
  const contenders = await sql<Contender[]>`
    select v.id as variation_id, v.position, v.commit_sha, v.patch, v.result, (v.usage->>'cost_usd')::float8 as cost_usd,
      a.name as agent, a.provider, a.model,
      coalesce((
        select jsonb_agg(jsonb_build_object('name', c.name, 'required', c.required, 'result', c.result,
          'flaky', c.flaky or coalesce(b.flaky, false) or ${disagrees(sql)}, 'exit_code', c.exit_code,
          'doubtful', not coalesce(b.flaky, false)
            and (c.flaky or ${disagrees(sql)} or c.exit_code = 0 and ${ran(sql, 'c')} < ${ran(sql, 'b')})) order by c.id)
        from checks c left join checks b on b.run_id = v.run_id and b.variation_id is null and b.name = c.name
        where c.variation_id = v.id), '[]') as checks
    from variations v join agents a on a.id = v.agent_id
    where v.run_id = ${errand.run_id} and v.status = 'completed' order by v.position`;
  const [base] = await sql<{ failing: number }[]>`
    select count(*)::int as failing from checks
    where run_id = ${errand.run_id} and variation_id is null and result = 'failed' and not flaky`;
  const { answers, run, project } = row;
  return {
    ...{ run, project, contenders, failing_on_base: base?.failing ?? 0 },
    answers: new Map(Object.entries(answers)),
  };
}

/** Whether a check (`c`) of a variation (`v`) came to another result on the very same commit of a sibling: it wavers. */
function disagrees(sql: Sql | Tx) {
  const passes = (alias: 'c' | 'other') => sql`${sql(alias)}.result in ('passes', 'fixed')`;
  return sql`(c.result <> 'could_not_run' and exists (
    select from variations twin join checks other on other.variation_id = twin.id
    where twin.run_id = v.run_id and twin.status = 'completed' and twin.commit_sha = v.commit_sha
      and other.name = c.name and other.result <> 'could_not_run' and ${passes('other')} <> (${passes('c')})))`;
}

/** How many tests a check has run, by its own words. */
function ran(sql: Sql, check: 'b' | 'c') {
  const counts = sql`${sql(check)}.counts`;
  return sql`(coalesce((${counts}->>'passed')::numeric, 0) + coalesce((${counts}->>'failed')::numeric, 0))`;
}

/** Whether the run's budget has room for a call that may cost so much, as long as no other call of the run is under way. */
export async function canAfford(
  { sql }: Pick<Database, 'sql'>,
  runId: number,
  most: Reservation,
  { budget_usd, budget_tokens }: Pick<RunOptions, 'budget_usd' | 'budget_tokens'>,
): Promise<boolean> {
  if (budget_usd === null && budget_tokens === null) return true;
  const [run] = await sql<{ usage: Usage }[]>`select usage from runs where id = ${runId}`;
  if (!run) return false;
  const { input_tokens, output_tokens, cost_usd } = run.usage;
  if (budget_tokens !== null && input_tokens + output_tokens + most.tokens > budget_tokens) return false;
  if (budget_usd === null) return true;
  return cost_usd !== null && most.usd !== null && cost_usd + most.usd <= budget_usd;
}

/**
 * Records what a judge has answered, before it is used, with what it cost the run.
 * @param about positions, in the order in which they were shown
 * @throws Fenced
 */
export async function recordAnswer(
  { sql }: Pick<Database, 'sql'>,
  errand: Errand,
  { agent, about, answer }: { agent: string; about: number[]; answer: JudgeAnswer },
): Promise<void> {
  const { question, model, text, failure, usage, cost_usd } = answer;
  await sql.begin(async (tx) => {
    await lockRun(tx, errand.run_id);
    await requireErrand(tx, errand);
    const sum = sumWith(tx, { ...usage, cost_usd }, text === null ? 0 : 1);
    const kept = jsonb(tx, { [answer.key]: answer });
    await tx`update verdicts set answers = answers || ${kept}, usage = ${sum} where id = ${errand.id}`;
    await tx`update runs set usage = ${sum}, updated_at = now() where id = ${errand.run_id}`;
    const payload = { verdict: errand.id, question, about, agent, model, text, failure, cost_usd };
    await append(tx, errand.run_id, null, [{ type: 'judge.answered', payload }]);
  });
}

/** A verdict as its judge made it; the rest is its row's. */
export type MadeVerdict = Omit<RunVerdict, 'id' | 'asked_by' | 'seq' | 'given_at' | 'usage'>;

/**
 * Gives a claimed verdict, with its event. Where the run is to be picked by the verdict, and what was executed decided,
 * the winner is chosen in the same transaction; else, or where something of the run has landed, a person is asked.
 * @throws Fenced
 */
export async function giveVerdict(
  { sql }: Pick<Database, 'sql'>,
  errand: Errand,
  verdict: MadeVerdict,
  options: Pick<RunOptions, 'pick'>,
): Promise<void> {
  const { id, run_id } = errand;
  await sql.begin(async (tx) => {
    await tx`select id from variations where run_id = ${run_id} order by id for share`;
    const winner = await lockRun(tx, run_id);
    await requireErrand(tx, errand);
    const [first] = verdict.leaders;
    // What a person has picked stays; what an earlier verdict has, is as good as this one finds it.
    const open = options.pick === 'verdict' && winner.by !== 'person';
    // A winner that has gone on since may have landed: what is out is a person's to take back.
    const landed = await hasLanding(tx, run_id);
    const picks = open && verdict.executed_decided && first !== undefined && !landed;
    const { decided_by, tie } = verdict;
    const { headline } = verdict.summary;
    const choice = first === undefined ? [] : [choiceWords(verdict, { pick: options.pick, winner, landed })];
    const sentences = [...verdict.summary.sentences, ...choice];
    const payload = {
      ...{ verdict: id, decided_by, tie, asks: open && !picks && winner.position !== first },
      ranking: verdict.ranking.map(({ position, rank }) => ({ position, rank })),
      summary: [`${headline}.`, ...sentences].join(' '),
    };
    await append(tx, run_id, null, [{ type: 'verdict.given', payload }]);
    await tx`
      update checks c set flaky = true from variations v
      where v.run_id = ${run_id} and v.status = 'completed' and c.variation_id = v.id and ${disagrees(tx)}`;
    await tx`
      update verdicts set status = 'given', worker = null, given_at = now(),
        verdict = ${jsonb(tx, { ...verdict, summary: { headline, sentences } })},
        seq = (select seq from runs where id = ${run_id})
      where id = ${id}`;
    await tx`update runs set updated_at = now() where id = ${run_id}`;
    if (picks) await choose(tx, run_id, { position: first, by: 'verdict', note: null });
  });
}

/** The run's row comes before the errand's, as everywhere. Its winner. */
async function lockRun(
  tx: Tx,
  runId: number,
): Promise<{ position: number | null; by: 'person' | 'verdict' | null }> {
  const [run] = await tx<{ position: number | null; by: 'person' | 'verdict' | null }[]>`
    select winner as position, winner_by as by from runs where id = ${runId} for no key update`;
  return run ?? { position: null, by: null };
}

async function requireErrand(tx: Tx, errand: Errand): Promise<void> {
  if (!(await holdsErrand(tx, 'verdicts', errand))) throw new Fenced(errand.id, errand.epoch);
}
