import { copeland, type Judged } from './copeland';
import type { Candidate, Field } from './ranking';
import type { LevelState, RankLevel } from './verdict-contract';

/** More than so many are not judged: thirty calls are asked for six. */
export const mostJudged = 6;

export const levels = ['applies', 'broken', 'fixed', 'criteria', 'judged', 'size', 'cost'] as const;

/** Levels that near-identical ones are not told apart by: opinions of one hold for all. */
const opinions: ReadonlySet<RankLevel> = new Set(['criteria', 'judged']);

/** Decided by what was run, not by what somebody thinks of it. */
export function isEvidence(level: RankLevel): boolean {
  return level === 'applies' || level === 'broken' || level === 'fixed';
}

export interface Group {
  members: Candidate[];
  parted_at: RankLevel | null;
}

/** Everything that the refinement found out. */
export interface Settled {
  order: Group[];
  fell: Map<number, RankLevel>;
  /** The leading group as it came to each level. */
  before: Record<RankLevel, Candidate[]>;
  states: Record<RankLevel, LevelState>;
  scores: Record<RankLevel, Map<number, number | null>>;
  /** The near-identical ones that each belongs to, itself included. */
  twins: Map<number, number[]>;
  groups: number[][];
  /** Whose opinions count for each: the best of its near-identical ones. */
  spokesmen: Map<number, Candidate>;
  /** Of the spokesmen in the leading tie, when they were judged. */
  judged: Map<number, Judged>;
}

/** Refines the field level by level. Whatever comes in any order is put in the order of positions first. */
export function settle({
  candidates,
  alike,
  judging,
}: Pick<Field, 'candidates' | 'alike' | 'judging'>): Settled {
  const all = candidates.toSorted((a, b) => a.position - b.position);
  const groups = sameEvidence(all, alike);
  const twins = new Map(groups.flatMap((group) => group.map((position) => [position, group] as const)));
  const spokesmen = spokesmenOf(all, twins);
  const settled: Settled = {
    order: all.length > 0 ? [{ members: all, parted_at: null }] : [],
    ...{ fell: new Map(), before: record(() => []), states: record(() => 'not_needed') },
    scores: record((level) => new Map(all.map((one) => [one.position, scoreOf(level, one, spokesmen)]))),
    ...{ twins, groups, spokesmen, judged: new Map() },
  };
  for (const level of levels) {
    const lead = settled.order[0]?.members ?? [];
    settled.before[level] = lead;
    if (level === 'judged') judge(settled, judging);
    settled.states[level] = stateOf(settled, level, judging);
    const scores = settled.scores[level];
    settled.order = settled.order.flatMap((group) => split(group, level, scores));
    for (const one of lead)
      if (!settled.order[0]?.members.includes(one)) settled.fell.set(one.position, level);
  }
  return settled;
}

/** Sorts a group's members into groups of the same score, the best first. */
function split(group: Group, level: RankLevel, scores: ReadonlyMap<number, number | null>): Group[] {
  const found = Map.groupBy(group.members, (one) => scores.get(one.position) ?? null);
  if (found.has(null)) return [group];
  return [...found]
    .toSorted(([a], [b]) => Number(b) - Number(a))
    .map(([, members], index) => ({ members, parted_at: index === 0 ? group.parted_at : level }));
}

/** Scores of the leading tie; those behind keep none, so that the judge does not separate them. */
function judge(settled: Settled, judging: Field['judging']): void {
  const { before, spokesmen, scores } = settled;
  const names = namesIn(before.judged, spokesmen);
  if (names.length < 2 || names.length > mostJudged || judging === null) return;
  settled.judged = copeland(names, judging.pairs);
  for (const { position } of before.judged) {
    const spoken = spokesmen.get(position)?.position ?? position;
    scores.judged.set(position, settled.judged.get(spoken)?.score ?? null);
  }
}

function stateOf(settled: Settled, level: RankLevel, judging: Field['judging']): LevelState {
  const { before, scores, spokesmen, judged } = settled;
  const lead = before[level];
  if (level === 'criteria' && [...scores.criteria.values()].every((score) => score === null))
    return 'not_asked';
  const names = namesIn(lead, spokesmen);
  if ((opinions.has(level) ? names : lead).length < 2) return 'not_needed';
  if (level === 'judged') {
    if (judging === null) return 'no_judge';
    if (names.length > mostJudged) return 'too_many';
    const heard = judging.pairs.some(
      ({ pair, why }) => why !== 'no_answer' && pair.every((one) => judged.has(one)),
    );
    return heard ? 'compared' : 'no_answer';
  }
  const missing = lead.filter((one) => scores[level].get(one.position) === null);
  if (missing.length === 0) return 'compared';
  return level === 'criteria' && missing.length === lead.length ? 'not_asked' : 'incomplete';
}

function scoreOf(level: RankLevel, one: Candidate, spokesmen: ReadonlyMap<number, Candidate>): number | null {
  switch (level) {
    case 'applies':
      if (!one.applies.base) return 0;
      return one.applies.target === 'conflict' ? 1 : 2;
    // Less is better; and 0 - 0 is 0, where -0 would come out of JSON as another number.
    case 'broken':
      return 0 - one.broken;
    case 'fixed':
      return one.fixed;
    case 'criteria':
      return (spokesmen.get(one.position) ?? one).criteria?.met ?? null;
    case 'judged':
      return null;
    case 'size':
      return 0 - one.size;
    case 'cost':
      return one.cost_usd === null ? null : 0 - one.cost_usd;
  }
}

/** The near-identical ones, apart where evidence says different things of them; the others each alone. By position. */
function sameEvidence(all: readonly Candidate[], alike: Field['alike']): number[][] {
  const setOf = new Map(alike.flatMap((set, index) => set.map((position) => [position, index] as const)));
  const none = new Map<number, Candidate>();
  const key = (one: Candidate): string => {
    const set = setOf.get(one.position);
    if (set === undefined) return `alone ${one.position}`;
    return [set, ...levels.filter(isEvidence).map((level) => scoreOf(level, one, none))].join(' ');
  };
  return [...Map.groupBy(all, key).values()].map((group) => group.map((one) => one.position));
}

/** The best of each set by what is left to tell them apart. */
function spokesmenOf(
  all: readonly Candidate[],
  twins: ReadonlyMap<number, number[]>,
): Map<number, Candidate> {
  const best = new Map<number[] | undefined, Candidate>();
  const better = (a: Candidate, b: Candidate): number =>
    (b.criteria?.met ?? -1) - (a.criteria?.met ?? -1) ||
    a.size - b.size ||
    compareCost(a.cost_usd, b.cost_usd) ||
    a.position - b.position;
  for (const one of all.toSorted(better)) {
    const set = twins.get(one.position);
    if (!best.has(set)) best.set(set, one);
  }
  return new Map(all.map((one) => [one.position, best.get(twins.get(one.position)) ?? one]));
}

function compareCost(a: number | null, b: number | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return a - b;
}

/** The spokesmen of a group, by position. */
export function namesIn(lead: readonly Candidate[], spokesmen: ReadonlyMap<number, Candidate>): number[] {
  const names = new Set(lead.map((one) => spokesmen.get(one.position)?.position ?? one.position));
  return [...names].toSorted((a, b) => a - b);
}

function record<T>(make: (level: RankLevel) => T): Record<RankLevel, T> {
  return {
    applies: make('applies'),
    broken: make('broken'),
    fixed: make('fixed'),
    criteria: make('criteria'),
    judged: make('judged'),
    size: make('size'),
    cost: make('cost'),
  };
}
