import type { JudgedPair } from './opinion';
import { levelResults } from './ranking-levels';
import { summarise } from './ranking-words';
import { isEvidence, mostJudged, namesIn, type Settled, settle } from './refine';
import type { Place, Verdict } from './verdict-contract';

/** A variation or graft, with what is known of it. All counts are of its final evidence. */
export interface Candidate {
  position: number;
  applies: { base: boolean; target: 'clean' | 'conflict' | 'unknown'; conflicts?: string[] };
  /** Required checks broken, without the flaky ones. */
  broken: number;
  fixed: number;
  /** Required checks that do not pass: broken, still failing, or not to be run; without the flaky ones. */
  unmet: number;
  /** Required checks that waver with the patch alone, or pass having run fewer tests than on the base: for a person to see. */
  doubtful: number;
  /** Checks that failed on the base: what could be fixed. */
  total_failing_on_base: number;
  /** Null: nobody was asked, or no answer was had. */
  criteria: { met: number; of: number } | null;
  /** Lines added and deleted. */
  size: number;
  /** Null: a price is not known. */
  cost_usd: number | null;
  /** Some check was really executed on it, and came to a result that counts. */
  executed: boolean;
  /** There were checks, and none came to a result that counts: each wavers, or could not be run. */
  inconclusive: boolean;
}

export interface Field {
  candidates: readonly Candidate[];
  /** Near-identical ones, as `groupAlike` has them: sets of positions that do not overlap. */
  alike: readonly (readonly number[])[];
  /** What the judge made of those that `toJudge` names; null when no judge is configured. */
  judging: { pairs: readonly JudgedPair[]; same_family: boolean } | null;
}

/**
 * Ranks the candidates level by level; the first level that tells two apart decides between them. All go through all
 * levels but the judge, who is only heard on the leading tie. What is not known punishes nobody: a target that
 * could not be looked at counts as clean, and among some of which one has no criteria or no known cost, that level tells
 * none apart. Near-identical ones share their opinions (those of the best of them) and are told apart by size and cost
 * only; but where evidence says different things of them it counts, for a fault may be in a single line.
 *
 * The order of what it is given changes nothing. One that is worse than the first at an earlier level never
 * changes who is first; one that reaches the judged tie can, as in any vote: by beating others there, or as the seventh.
 */
export function rank(field: Field): Verdict {
  const settled = settle(field);
  const { groups, order, twins, judged } = settled;
  const ranking = places(settled);
  const lead = order[0]?.members ?? [];
  const ownTwins = twins.get(lead[0]?.position ?? 0);
  const tie = lead.some((one) => twins.get(one.position) !== ownTwins);
  const next = ranking.find((one) => twins.get(one.position) !== ownTwins);
  const decided_by = tie ? null : (next?.fell_at ?? null);
  const isSound = ({ executed, applies, unmet, doubtful }: Candidate) =>
    executed && applies.base && unmet === 0 && doubtful === 0;
  const sound = lead.length > 0 && lead.every(isSound);
  const verdict = {
    ranking,
    levels: levelResults(settled, decided_by),
    leaders: lead.map((one) => one.position),
    decided_by,
    tie,
    executed_decided: sound && !tie && (decided_by === null || isEvidence(decided_by)),
    groups: groups.filter((one) => one.length > 1),
    pairs: pairsAmong(judged, field.judging?.pairs ?? []),
  };
  return { ...verdict, summary: summarise(verdict, field) };
}

/**
 * Positions whose every pair the judge is to be asked about: one for each set of near-identical ones in the leading tie.
 * Empty when nothing is to be judged: no tie, or more than six in it.
 */
export function toJudge(field: Pick<Field, 'candidates' | 'alike'>): number[] {
  const { before, spokesmen } = settle({ ...field, judging: null });
  const names = namesIn(before.judged, spokesmen);
  return names.length > 1 && names.length <= mostJudged ? names : [];
}

function places({ order, fell }: Settled): Place[] {
  const ranking: Place[] = [];
  for (const { members, parted_at } of order) {
    const rank = ranking.length + 1;
    const positions = members.map((one) => one.position);
    for (const position of positions) {
      const tied_with = positions.filter((one) => one !== position);
      ranking.push({ position, rank, tied_with, fell_at: fell.get(position) ?? null, parted_at });
    }
  }
  return ranking;
}

function pairsAmong(judged: ReadonlyMap<number, unknown>, pairs: readonly JudgedPair[]): JudgedPair[] {
  return pairs
    .filter(({ pair }) => pair.every((one) => judged.has(one)))
    .map(({ pair: [a, b], winner, why }): JudgedPair => ({ pair: a < b ? [a, b] : [b, a], winner, why }))
    .toSorted((a, b) => a.pair[0] - b.pair[0] || a.pair[1] - b.pair[1]);
}
