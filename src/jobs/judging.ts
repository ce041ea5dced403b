import { answerCriteria, listCriteria } from '../agent/judge/criteria';
import { judgeGroup } from '../agent/judge/group';
import type { Judge } from '../agent/judge/judge';
import type { Work } from '../agent/judge/material';
import { preflight, targetTip } from '../agent/landing/preflight';
import { groupAlike } from '../core/alike';
import { readCheckpoint } from '../core/checkpoint';
import { persist } from '../core/db';
import type { Errand } from '../core/errand';
import { Fenced } from '../core/errors';
import {
  type Contender,
  canAfford,
  giveVerdict,
  type MadeVerdict,
  type Matter,
  readMatter,
  recordAnswer,
} from '../core/judging';
import type { CriterionAnswer, JudgedPair } from '../core/opinion';
import { type Candidate, rank, toJudge } from '../core/ranking';
import { ensureCommit } from './base';
import { accessTo } from './credential';
import type { ErrandWork } from './errands';
import { type Seat, seatJudge, within, workOf } from './judge';
import { winnersCommit } from './landing-commit';
import type { Parts } from './parts';

/** Ranks a run's variations: by what was run, then by opinions where a judge is configured, then by size and cost. */
export const judging: ErrandWork = {
  async run(parts, errand, signal) {
    try {
      const matter = await persist(() => readMatter(parts.database, errand), { signal });
      const verdict = await judge(parts, errand, matter, signal);
      await persist(() => giveVerdict(parts.database, errand, verdict, matter.run.options), { signal });
      const { id, summary } = { id: errand.run_id, ...verdict };
      parts.log.info('verdict given', { run: id, verdict: errand.id, summary: summary.headline });
    } catch (error) {
      // Something of the run goes on, or somebody else has it: what was found out is of no use.
      if (!(error instanceof Fenced)) throw error;
      parts.log.info('verdict dropped', { run: errand.run_id, verdict: errand.id });
    }
  },
  // Without its opinions and its look at the target, what was executed still ranks them.
  async giveUp(parts, errand) {
    const matter = await readMatter(parts.database, errand);
    const candidates = matter.contenders.map((one) => toCandidate(matter, one, 'unknown', []));
    const verdict = rank({ candidates, alike: [], judging: null });
    const made = { ...verdict, criteria: [], answers: {}, judge: null };
    await giveVerdict(parts.database, errand, made, matter.run.options);
  },
};

async function judge(
  parts: Parts,
  errand: Errand,
  matter: Matter,
  signal: AbortSignal,
): Promise<MadeVerdict> {
  const { run, contenders } = matter;
  const candidates = await onTarget(parts, matter, signal);
  const alike = groupAlike(await patchesOf(parts, run.id, contenders));
  const seat = contenders.length > 1 ? await seatJudge(parts, contenders) : null;
  const opinions = seat ? await ask(parts, errand, matter, seat, { candidates, alike }, signal) : null;
  const verdict = rank({
    candidates: opinions?.candidates ?? candidates,
    alike,
    judging: seat && opinions ? { pairs: opinions.pairs, same_family: seat.same_family } : null,
  });
  return {
    ...verdict,
    criteria: opinions?.criteria ?? [],
    answers: opinions?.answers ?? {},
    judge: seat && { agent: seat.agent, model: seat.model.name, same_family: seat.same_family },
  };
}

/** How each goes on top of the target's present tip; nobody is held to what cannot be found out. */
async function onTarget(parts: Parts, matter: Matter, signal: AbortSignal): Promise<Candidate[]> {
  const { run, contenders } = matter;
  const unseen = (error: unknown): null => {
    signal.throwIfAborted();
    parts.log.info('the target could not be looked at', { run: run.id, error: error as Error });
    return null;
  };
  const look = await targetOf(parts, matter, signal).catch(unseen);
  const candidates: Candidate[] = [];
  for (const one of contenders) {
    const found = look && one.commit_sha ? await look(one.position, one.commit_sha).catch(unseen) : null;
    if (found === null) candidates.push(toCandidate(matter, one, one.commit_sha ? 'unknown' : 'clean', []));
    else candidates.push(toCandidate(matter, one, found.state, found.conflicts));
  }
  return candidates;
}

/** Looks as landing would: what was rebased is put onto what it was rebased on. */
async function targetOf(parts: Parts, { run, project }: Matter, signal: AbortSignal) {
  const { mirrored } = await accessTo(parts, project);
  const { path } = await parts.mirrors.sync(mirrored, { signal });
  const { tip } = await targetTip(path, run.options.land?.target ?? null, project);
  return async (position: number, sha: string) => {
    await ensureCommit(parts, project, sha, signal);
    const { commit } = await winnersCommit(parts, {
      ...{ run, position, mirrored, signal, squash: true, ref: `judged-${position}` },
      words: { message: 'judged', date: new Date(0) },
    });
    const merge = await preflight(path, { commit, tip }, signal);
    if (merge.clean === null) return { state: 'unknown' as const, conflicts: [] };
    return merge.clean
      ? { state: 'clean' as const, conflicts: [] }
      : { state: 'conflict' as const, conflicts: merge.conflicts };
  };
}

function toCandidate(
  { failing_on_base }: Matter,
  one: Contender,
  target: Candidate['applies']['target'],
  conflicts: string[],
): Candidate {
  const told = one.checks.filter((check) => !check.flaky);
  const executed = told.some((check) => check.result !== 'could_not_run');
  return {
    position: one.position,
    applies: { base: true, target, conflicts },
    broken: told.filter((check) => check.required && check.result === 'broken').length,
    unmet: told.filter((check) => check.required && !isPass(check.result)).length,
    fixed: told.filter((check) => check.result === 'fixed').length,
    total_failing_on_base: failing_on_base,
    criteria: null,
    size: (one.patch?.additions ?? 0) + (one.patch?.deletions ?? 0),
    cost_usd: one.cost_usd,
    doubtful: one.checks.filter((check) => check.required && check.doubtful).length,
    executed,
    inconclusive: !executed && one.checks.length > 0,
  };
}

function isPass(result: string): boolean {
  return result === 'passes' || result === 'fixed';
}

async function patchesOf(parts: Parts, runId: number, contenders: readonly Contender[]) {
  const patches: { position: number; bytes: Uint8Array }[] = [];
  for (const { position, commit_sha } of contenders) {
    if (commit_sha === null) continue;
    const checkpoint = await readCheckpoint(parts.database, runId, position);
    if (checkpoint) patches.push({ position, bytes: checkpoint.bytes });
  }
  return patches;
}

interface Opinions {
  candidates: Candidate[];
  criteria: string[];
  answers: Record<number, CriterionAnswer[]>;
  pairs: JudgedPair[];
}

/**
 * Criteria from the goal, each answered for those who are still in, and what then still ties judged blind. Who is out
 * by what was run needs no opinion, and where that leaves one, or near-identical ones, nobody is asked. What the budget has no room for is refused: what was answered until then counts.
 */
async function ask(
  parts: Parts,
  errand: Errand,
  matter: Matter,
  seat: Seat,
  field: { candidates: Candidate[]; alike: number[][] },
  signal: AbortSignal,
): Promise<Opinions> {
  const { database } = parts;
  const { run, contenders, answers } = matter;
  const made: Opinions = { candidates: field.candidates, criteria: [], answers: {}, pairs: [] };
  const model = within(seat, (most) => canAfford(database, run.id, most, run.options));
  const judgeOf = (about: number[]): Judge => ({
    ...{ model, signal, answers },
    onAnswer: (answer, shown) =>
      persist(() => recordAnswer(database, errand, { agent: seat.agent, about: shown ?? about, answer }), {
        signal,
      }),
  });
  const task = { goal: run.goal, instructions: run.instructions };
  const works = new Map<number, Work>();
  const workAt = async (position: number): Promise<Work> => {
    const one = contenders.find((each) => each.position === position);
    const result = one?.result ?? null;
    const work =
      works.get(position) ??
      (await workOf(database, run.id, { position, result, changed: one?.commit_sha != null }));
    works.set(position, work);
    return work;
  };
  const lead = inTheLead(field);
  if (lead.length < 2 || field.alike.some((group) => lead.every((one) => group.includes(one)))) return made;
  const criteria = await listCriteria(judgeOf([]), { task, context: run.context });
  made.criteria = criteria.value ?? [];
  if (made.criteria.length > 0) {
    for (const position of lead) {
      const opinion = await answerCriteria(judgeOf([position]), {
        criteria: made.criteria,
        work: await workAt(position),
      });
      if (opinion.value) made.answers[position] = opinion.value.answers;
    }
    made.candidates = field.candidates.map((one) => {
      const said = made.answers[one.position];
      return said
        ? { ...one, criteria: { met: said.filter((each) => each.met).length, of: said.length } }
        : one;
    });
  }
  const tied = toJudge({ candidates: made.candidates, alike: field.alike });
  if (tied.length > 1) {
    const group: { position: number; work: Work }[] = [];
    for (const position of tied) group.push({ position, work: await workAt(position) });
    const authors = contenders.map(({ agent, model }) => ({ agent, model }));
    const { criteria } = made;
    const { budget_usd, budget_tokens } = run.options;
    // What is under way is in no sum yet: with a budget, one call at a time.
    const concurrency = budget_usd === null && budget_tokens === null ? undefined : 1;
    const question = { task, criteria, authors, contenders: group };
    const opinion = await judgeGroup(judgeOf(tied), question, concurrency);
    made.pairs = opinion.pairs.map(({ pair, winner, why }) => ({ pair, winner, why }));
  }
  return made;
}

/** Those whom nothing that was run has put behind the first. */
function inTheLead(field: { candidates: Candidate[]; alike: number[][] }): number[] {
  const { ranking } = rank({ ...field, judging: null });
  const evidence = new Set(['applies', 'broken', 'fixed']);
  return ranking
    .filter(({ fell_at }) => fell_at === null || !evidence.has(fell_at))
    .map(({ position }) => position);
}
