import type { Candidate } from './ranking';
import { levels, type Settled } from './refine';
import type { Cell, LevelResult, LevelValues, RankLevel } from './verdict-contract';

const mostConflicts = 20;

/** What each level had for each candidate, and how it was used: the rows of the matrix. */
export function levelResults(settled: Settled, decided_by: RankLevel | null): LevelResult[] {
  return levels.map((level) => {
    const state = settled.states[level];
    const values = Object.fromEntries(
      candidatesOf(settled).map((one) => [
        one.position,
        { ...cellOf(settled, level, one), ...known(settled, level, one) },
      ]),
    );
    // The value is that of its level by `known`, which the compiler cannot follow through a union.
    return { level, state, decided: level === decided_by, values } as LevelResult;
  });
}

function candidatesOf({ order }: Settled): Candidate[] {
  return order.flatMap((group) => group.members).toSorted((a, b) => a.position - b.position);
}

function cellOf(settled: Settled, level: RankLevel, { position }: Candidate): Cell {
  const { fell, scores, spokesmen, states } = settled;
  const fellAt = fell.get(position);
  const distance = fellAt === undefined ? 1 : levels.indexOf(fellAt) - levels.indexOf(level);
  const leading = states[level] === 'not_needed' ? 'not_needed' : 'in';
  const spokesman = spokesmen.get(position)?.position ?? position;
  const shared = spokesman !== position && (level === 'criteria' || level === 'judged');
  return {
    score: scores[level].get(position) ?? null,
    standing: distance < 0 ? 'out' : distance === 0 ? 'out_here' : leading,
    as: shared ? spokesman : null,
  };
}

function known(settled: Settled, level: RankLevel, one: Candidate): LevelValues[RankLevel] {
  switch (level) {
    case 'applies': {
      const { base, target, conflicts = [] } = one.applies;
      return { base, target, conflicts: conflicts.slice(0, mostConflicts) };
    }
    case 'broken':
      return { broken: one.broken };
    case 'fixed':
      return { fixed: one.fixed, of: one.total_failing_on_base };
    case 'criteria':
      return { met: one.criteria?.met ?? null, of: one.criteria?.of ?? null };
    case 'judged': {
      const spokesman = settled.spokesmen.get(one.position)?.position ?? one.position;
      const judged = settled.judged.get(spokesman);
      return {
        wins: judged?.wins ?? null,
        losses: judged?.losses ?? null,
        ties: judged?.ties ?? null,
        disagreed: judged?.disagreed ?? null,
      };
    }
    case 'size':
      return { lines: one.size };
    case 'cost':
      return { cost_usd: one.cost_usd };
  }
}
