import fc from 'fast-check';
import type { JudgedPair } from '../../src/core/opinion';
import { type Candidate, type Field, rank } from '../../src/core/ranking';

/** A good candidate: applies, ran, broke nothing, fixed all, met all. */
export function candidate(position: number, change: Partial<Candidate> = {}): Candidate {
  return {
    position,
    applies: { base: true, target: 'clean' },
    broken: 0,
    unmet: 0,
    doubtful: 0,
    fixed: 2,
    total_failing_on_base: 2,
    criteria: { met: 5, of: 5 },
    size: 100,
    cost_usd: 1,
    executed: true,
    inconclusive: false,
    ...change,
  };
}

export function field(candidates: Candidate[], change: Partial<Omit<Field, 'candidates'>> = {}): Field {
  return { candidates, alike: [], judging: null, ...change };
}

export const orderOf = (...given: Parameters<typeof field>): number[] =>
  rank(field(...given)).ranking.map((one) => one.position);

export function pair(a: number, b: number, winner: number | null, why?: JudgedPair['why']): JudgedPair {
  return {
    pair: a < b ? [a, b] : [b, a],
    winner,
    why: why ?? (winner === null ? 'even' : 'agreed'),
  };
}

/** What a judge says of any pair by a taste of its own: the same however often it is asked. */
export function tasteful(
  positions: readonly number[],
  taste: (a: number, b: number) => number,
): JudgedPair[] {
  const pairs: JudgedPair[] = [];
  for (const a of positions)
    for (const b of positions)
      if (a < b) {
        const preference = taste(a, b);
        pairs.push(pair(a, b, preference > 0 ? a : preference < 0 ? b : null));
      }
  return pairs;
}

const few = (max: number) => fc.integer({ min: 0, max });

/** Of few values, so that ties are many. */
export const anyCandidate: fc.Arbitrary<Omit<Candidate, 'position'>> = fc.record({
  applies: fc.record({
    base: fc.boolean(),
    target: fc.constantFrom('clean' as const, 'conflict' as const, 'unknown' as const),
  }),
  broken: few(1),
  unmet: few(1),
  doubtful: few(1),
  fixed: few(2),
  total_failing_on_base: fc.constant(2),
  criteria: fc.option(fc.record({ met: few(2), of: fc.constant(2) }), { freq: 6 }),
  size: few(3),
  cost_usd: fc.option(few(2), { freq: 6 }),
  executed: fc.boolean(),
  inconclusive: fc.boolean(),
});

/** Up to eight candidates, some near-identical, and a judge with an opinion of every pair, or none. */
export const anyField: fc.Arbitrary<Field> = fc
  .record({
    given: fc.array(anyCandidate, { maxLength: 8 }),
    sets: fc.array(few(5), { minLength: 8, maxLength: 8 }),
    tastes: fc.option(fc.array(fc.integer({ min: -1, max: 1 }), { minLength: 64, maxLength: 64 }), {
      freq: 4,
    }),
  })
  .map(({ given, sets, tastes }) => {
    const candidates = given.map((one, index) => ({ ...one, position: index + 1 }));
    const positions = candidates.map((one) => one.position);
    const alike = [...Map.groupBy(positions, (one) => sets[one - 1]).values()].filter(
      (one) => one.length > 1,
    );
    const pairs = tastes && tasteful(positions, (a, b) => tastes[(a - 1) * 8 + (b - 1)] ?? 0);
    return { candidates, alike, judging: pairs && { pairs, same_family: false } };
  });
