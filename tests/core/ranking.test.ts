import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Candidate, rank, toJudge } from '../../src/core/ranking';
import { levels } from '../../src/core/refine';
import type { RankLevel, Verdict } from '../../src/core/verdict-contract';
import { anyCandidate, anyField, candidate, field, orderOf, pair, tasteful } from './ranking-setup';

const level = <L extends RankLevel>(verdict: Verdict, name: L) =>
  verdict.levels.find((one): one is Extract<Verdict['levels'][number], { level: L }> => one.level === name)!;
const standings = (verdict: Verdict, name: RankLevel) =>
  Object.fromEntries(Object.entries(level(verdict, name).values).map(([own, cell]) => [own, cell.standing]));
const places = (verdict: Verdict) =>
  Object.fromEntries(verdict.ranking.map(({ position, rank }) => [position, rank]));

/** The matrix of the design: 4 conflicts with main, 2 breaks a test, 3 and 1 differ by 54 lines. */
const design = field(
  [
    candidate(1, { size: 157, cost_usd: 1.04 }),
    candidate(2, { broken: 1, criteria: { met: 3, of: 5 }, size: 139, cost_usd: 0.96 }),
    candidate(3, { size: 103, cost_usd: 0.82 }),
    candidate(4, {
      applies: { base: true, target: 'conflict', conflicts: ['src/csv.ts'] },
      ...{ fixed: 0, criteria: { met: 1, of: 5 }, size: 49, cost_usd: 0 },
    }),
  ],
  { judging: { pairs: [pair(1, 3, null, 'disagreed')], same_family: false } },
);

describe('the matrix of the design', () => {
  const verdict = rank(design);

  test('has the order, and where each fell out', () => {
    expect(verdict.ranking).toEqual([
      { position: 3, rank: 1, tied_with: [], fell_at: null, parted_at: null },
      { position: 1, rank: 2, tied_with: [], fell_at: 'size', parted_at: 'size' },
      { position: 2, rank: 3, tied_with: [], fell_at: 'broken', parted_at: 'broken' },
      { position: 4, rank: 4, tied_with: [], fell_at: 'applies', parted_at: 'applies' },
    ]);
    expect(verdict).toMatchObject({ decided_by: 'size', tie: false, leaders: [3], executed_decided: false });
  });

  test('has every level with its values, what it was for, and the one that decides', () => {
    expect(verdict.levels.map(({ level, state, decided }) => [level, state, decided])).toEqual([
      ['applies', 'compared', false],
      ['broken', 'compared', false],
      ['fixed', 'compared', false],
      ['criteria', 'compared', false],
      ['judged', 'compared', false],
      ['size', 'compared', true],
      ['cost', 'not_needed', false],
    ]);
    expect(standings(verdict, 'applies')).toEqual({ 1: 'in', 2: 'in', 3: 'in', 4: 'out_here' });
    expect(standings(verdict, 'broken')).toEqual({ 1: 'in', 2: 'out_here', 3: 'in', 4: 'out' });
    expect(standings(verdict, 'size')).toEqual({ 1: 'out_here', 2: 'out', 3: 'in', 4: 'out' });
    expect(standings(verdict, 'cost')).toEqual({ 1: 'out', 2: 'out', 3: 'not_needed', 4: 'out' });
    expect(level(verdict, 'applies').values[4]).toMatchObject({
      target: 'conflict',
      conflicts: ['src/csv.ts'],
    });
    expect(level(verdict, 'fixed').values[3]).toMatchObject({ fixed: 2, of: 2, score: 2 });
    expect(level(verdict, 'judged').values[3]).toMatchObject({ wins: 0, losses: 0, ties: 1, disagreed: 1 });
    expect(level(verdict, 'judged').values[2]).toMatchObject({ wins: null, score: null });
    expect(level(verdict, 'cost').values[3]).toMatchObject({ cost_usd: 0.82 });
  });

  test('only the leading tie is judged', () => {
    expect(toJudge(design)).toEqual([1, 3]);
  });
});

describe('levels', () => {
  test('applies to both beats applies to the base beats applies nowhere; an unknown target punishes nobody', () => {
    const verdict = rank(
      field([
        candidate(1, { applies: { base: true, target: 'unknown' }, size: 9 }),
        candidate(2, { applies: { base: true, target: 'clean' }, size: 10 }),
        candidate(3, { applies: { base: true, target: 'conflict' }, size: 1 }),
        candidate(4, { applies: { base: false, target: 'clean' }, size: 0 }),
      ]),
    );
    expect(places(verdict)).toEqual({ 1: 1, 2: 2, 3: 3, 4: 4 });
    expect(verdict.decided_by).toBe('size');
    expect(level(verdict, 'applies').values[1]!.target).toBe('unknown');
  });

  test('fewer broken beats more fixed beats more criteria beats a smaller diff beats a lower cost', () => {
    const good = { criteria: { met: 9, of: 9 }, size: 1, cost_usd: 0 };
    expect(orderOf([candidate(1, { broken: 1, fixed: 9, ...good }), candidate(2)])).toEqual([2, 1]);
    expect(orderOf([candidate(1, { fixed: 1, ...good }), candidate(2)])).toEqual([2, 1]);
    expect(
      orderOf([candidate(1, { criteria: { met: 4, of: 5 }, size: 1, cost_usd: 0 }), candidate(2)]),
    ).toEqual([2, 1]);
    expect(orderOf([candidate(1, { size: 101, cost_usd: 0 }), candidate(2)])).toEqual([2, 1]);
    expect(orderOf([candidate(1, { cost_usd: 1.01 }), candidate(2)])).toEqual([2, 1]);
  });

  test('criteria that nobody was asked about are said to be so; one without an answer tells none apart', () => {
    const unasked = rank(
      field([candidate(1, { criteria: null }), candidate(2, { criteria: null, size: 1 })]),
    );
    expect(level(unasked, 'criteria').state).toBe('not_asked');
    const some = rank(
      field([
        candidate(1, { criteria: { met: 1, of: 5 }, size: 1 }),
        candidate(2),
        candidate(3, { criteria: null }),
      ]),
    );
    expect(level(some, 'criteria').state).toBe('incomplete');
    expect(some.leaders).toEqual([1]);
  });

  test('a cost that is not known does not separate', () => {
    const verdict = rank(field([candidate(1, { cost_usd: 9 }), candidate(2, { cost_usd: null })]));
    expect(verdict).toMatchObject({ tie: true, leaders: [1, 2], decided_by: null });
    expect(level(verdict, 'cost').state).toBe('incomplete');
    // Among those behind it, too.
    const behind = rank(
      field([
        candidate(1),
        candidate(2, { fixed: 0, cost_usd: null }),
        candidate(3, { fixed: 0, cost_usd: 7 }),
      ]),
    );
    expect(places(behind)).toEqual({ 1: 1, 2: 2, 3: 2 });
  });

  test('those behind are put in order by what is left, without the judge', () => {
    const behind = [candidate(2, { fixed: 0, size: 20 }), candidate(3, { fixed: 0, size: 10 })];
    const pairs = [pair(1, 2, 2), pair(1, 3, 3), pair(2, 3, 2)];
    const verdict = rank(field([candidate(1), ...behind], { judging: { pairs, same_family: false } }));
    expect(verdict.ranking.map(({ position, fell_at, parted_at }) => [position, fell_at, parted_at])).toEqual(
      [
        [1, null, null],
        [3, 'fixed', 'fixed'],
        [2, 'fixed', 'size'],
      ],
    );
    expect(verdict.pairs).toEqual([]);
  });
});

describe('judging', () => {
  const three = [candidate(1, { size: 30 }), candidate(2, { size: 20 }), candidate(3, { size: 10 })];
  const judged = (...pairs: ReturnType<typeof pair>[]) =>
    rank(field(three, { judging: { pairs, same_family: false } }));

  test('wins less losses decide before the size', () => {
    const verdict = judged(pair(1, 2, 1), pair(1, 3, 1), pair(2, 3, 3));
    expect(places(verdict)).toEqual({ 1: 1, 3: 2, 2: 3 });
    expect(verdict).toMatchObject({ decided_by: 'judged', executed_decided: false });
    expect(level(verdict, 'judged').values[1]).toMatchObject({ wins: 2, losses: 0, ties: 0, score: 2 });
  });

  test('a circle is a tie, also when one of it did better against others', () => {
    expect(judged(pair(1, 2, 1), pair(2, 3, 2), pair(1, 3, 3))).toMatchObject({
      decided_by: 'size',
      leaders: [3],
    });
    const four = [...three, candidate(4, { size: 5 })];
    const pairs = [
      ...[pair(1, 2, 1), pair(2, 3, 2), pair(1, 3, 3)],
      ...[pair(1, 4, 1), pair(2, 4, 2), pair(3, 4, null)],
    ];
    const verdict = rank(field(four, { judging: { pairs, same_family: false } }));
    expect(places(verdict)).toEqual({ 3: 1, 2: 2, 1: 3, 4: 4 });
    expect(level(verdict, 'judged').values[4]!.standing).toBe('out_here');
  });

  test('pairs that were not answered are ties; none answered at all is said', () => {
    expect(judged(pair(1, 2, 1))).toMatchObject({ decided_by: 'judged', leaders: [1] });
    expect(level(judged(), 'judged').state).toBe('no_answer');
    expect(level(judged(pair(1, 2, null, 'no_answer')), 'judged').state).toBe('no_answer');
  });

  test('without a judge, or with more than six in the tie, the levels that remain decide', () => {
    expect(level(rank(field(three)), 'judged').state).toBe('no_judge');
    expect(rank(field(three)).leaders).toEqual([3]);
    const seven = Array.from({ length: 7 }, (_, index) => candidate(index + 1, { size: 50 - index }));
    const pairs = tasteful([1, 2, 3, 4, 5, 6, 7], (a, b) => b - a);
    expect(toJudge(field(seven))).toEqual([]);
    const many = rank(field(seven, { judging: { pairs, same_family: false } }));
    expect(level(many, 'judged').state).toBe('too_many');
    expect(many).toMatchObject({ leaders: [7], pairs: [] });
    // Two of the seven are one to the judge.
    expect(toJudge(field(seven, { alike: [[1, 7]] }))).toEqual([2, 3, 4, 5, 6, 7]);
  });
});

describe('near-identical ones', () => {
  test('share the opinions of the best of them, and are told apart by size and cost', () => {
    const given = [
      candidate(1, { size: 20, criteria: { met: 4, of: 5 } }),
      candidate(2, { size: 25 }),
      candidate(3, { size: 10 }),
    ];
    const options = { alike: [[1, 2]] };
    expect(toJudge(field(given, options))).toEqual([2, 3]);
    const judging = { pairs: [pair(2, 3, 2)], same_family: false };
    const verdict = rank(field(given, { ...options, judging }));
    expect(places(verdict)).toEqual({ 1: 1, 2: 2, 3: 3 });
    expect(verdict).toMatchObject({ decided_by: 'judged', tie: false, groups: [[1, 2]] });
    expect(level(verdict, 'criteria').values[1]).toMatchObject({ met: 4, score: 5, as: 2, standing: 'in' });
    expect(level(verdict, 'judged').values[1]).toMatchObject({ wins: 1, score: 1, as: 2 });
    expect(verdict.ranking[1]).toMatchObject({ position: 2, fell_at: 'size' });
  });

  test('are apart where what was run says different things of them', () => {
    const verdict = rank(
      field([candidate(1, { broken: 1, size: 1 }), candidate(2), candidate(3, { fixed: 1 })], {
        alike: [[1, 2, 3]],
      }),
    );
    expect(verdict).toMatchObject({ groups: [], decided_by: 'fixed', executed_decided: true, leaders: [2] });
  });

  test('that share the first place are no tie', () => {
    const verdict = rank(
      field([candidate(1), candidate(2), candidate(3, { fixed: 0 })], { alike: [[1, 2]] }),
    );
    expect(verdict).toMatchObject({
      tie: false,
      leaders: [1, 2],
      decided_by: 'fixed',
      executed_decided: true,
    });
    expect(verdict.ranking.map((one) => one.tied_with)).toEqual([[2], [1], []]);
  });
});

describe('what was run decided', () => {
  const decided = (...given: Parameters<typeof field>) => rank(field(...given)).executed_decided;

  test('only when evidence put the first before the next', () => {
    expect(decided([candidate(1), candidate(2, { broken: 1 })])).toBe(true);
    expect(decided([candidate(1), candidate(2, { applies: { base: true, target: 'conflict' } })])).toBe(true);
    expect(decided([candidate(1), candidate(2, { criteria: { met: 0, of: 5 } })])).toBe(false);
    expect(decided([candidate(1), candidate(2, { size: 999 })])).toBe(false);
    expect(decided([candidate(1), candidate(2)])).toBe(false);
  });

  test('only when the first was run, applies and passes everything required', () => {
    expect(decided([candidate(1, { executed: false }), candidate(2, { broken: 1 })])).toBe(false);
    expect(decided([candidate(1, { broken: 1, unmet: 1 }), candidate(2, { broken: 2, unmet: 2 })])).toBe(
      false,
    );
    expect(decided([candidate(1, { fixed: 1, unmet: 1 }), candidate(2, { fixed: 0, unmet: 2 })])).toBe(false);
    // A patch that makes a check waver has not passed it.
    expect(decided([candidate(1, { doubtful: 1 }), candidate(2, { fixed: 0 })])).toBe(false);
    const nowhere = { applies: { base: false, target: 'unknown' as const } };
    expect(decided([candidate(1, nowhere), candidate(2, { ...nowhere, broken: 2 })])).toBe(false);
  });

  test('one alone, or nothing but near-identical ones, needs no rival', () => {
    expect(decided([candidate(1)])).toBe(true);
    expect(decided([candidate(1, { executed: false })])).toBe(false);
    expect(decided([candidate(1, { broken: 1, unmet: 1 })])).toBe(false);
    expect(decided([candidate(1, { fixed: 0, unmet: 1 })])).toBe(false);
    expect(decided([candidate(1), candidate(2)], { alike: [[1, 2]] })).toBe(true);
    expect(decided([])).toBe(false);
  });
});

describe('of any field', () => {
  const runs = { numRuns: 2000 };

  test('the order in which the candidates come changes nothing', () => {
    fc.assert(
      fc.property(anyField, fc.infiniteStream(fc.nat()), (given, keys) => {
        const shuffled = <T>(list: readonly T[]): T[] =>
          list
            .map((one) => [keys.next().value as number, one] as const)
            .toSorted(([a], [b]) => a - b)
            .map(([, one]) => one);
        const other = {
          ...given,
          candidates: shuffled(given.candidates),
          alike: shuffled(given.alike.map(shuffled)),
          judging: given.judging && { ...given.judging, pairs: shuffled(given.judging.pairs) },
        };
        expect(rank(other)).toEqual(rank(given));
        expect(toJudge(other)).toEqual(toJudge(given));
      }),
      runs,
    );
  });

  test('everyone has one place, ranks skip what ties take, and ties are mutual', () => {
    fc.assert(
      fc.property(anyField, (given) => {
        const { ranking, leaders } = rank(given);
        expect(ranking.map((one) => one.position).toSorted()).toEqual(
          given.candidates.map((one) => one.position),
        );
        for (const [index, place] of ranking.entries()) {
          const same = ranking.filter((one) => one.rank === place.rank).map((one) => one.position);
          expect([...place.tied_with, place.position].toSorted()).toEqual(same.toSorted());
          expect(place.rank).toBe(1 + ranking.filter((one) => one.rank < place.rank).length);
          expect(place.fell_at === null).toBe(place.rank === 1);
          expect(leaders.includes(place.position)).toBe(place.rank === 1);
          if (index > 0) expect(place.rank).toBeGreaterThanOrEqual(ranking[index - 1]!.rank);
        }
      }),
      runs,
    );
  });

  test('the better at the first level on which two differ is before the other, and neither if none', () => {
    /** Higher is better; the judge left out. */
    const tuple = ({ applies, broken, fixed, criteria, size, cost_usd }: Candidate) => [
      applies.base ? (applies.target === 'conflict' ? 1 : 2) : 0,
      ...[-broken, fixed, criteria!.met, -size, -cost_usd!],
    ];
    fc.assert(
      fc.property(anyField, ({ candidates }) => {
        const known = candidates.map((one) => ({
          ...one,
          criteria: one.criteria ?? { met: 0, of: 2 },
          cost_usd: one.cost_usd ?? 0,
        }));
        const ranks = places(rank(field(known)));
        for (const a of known)
          for (const b of known) {
            const [own, other] = [tuple(a), tuple(b)];
            const at = own.findIndex((value, index) => value !== other[index]);
            const expected = at < 0 ? 0 : Math.sign(other[at]! - own[at]!);
            expect(Math.sign(ranks[a.position]! - ranks[b.position]!)).toBe(expected);
          }
      }),
      runs,
    );
  });

  test('what was run is always stronger than any opinion, and than near-identity', () => {
    const ran = ({ applies, broken, fixed }: Candidate) =>
      (applies.base ? (applies.target === 'conflict' ? 1 : 2) : 0) * 100 - broken * 10 + fixed;
    fc.assert(
      fc.property(anyField, (given) => {
        const ranks = places(rank(given));
        for (const a of given.candidates)
          for (const b of given.candidates)
            if (ran(a) > ran(b)) expect(ranks[a.position]).toBeLessThan(ranks[b.position]!);
      }),
      runs,
    );
  });

  test('one that is worse at a level before the judge, and better nowhere before it, never changes who is first', () => {
    fc.assert(
      fc.property(
        anyField,
        anyCandidate,
        fc.integer({ min: 1, max: 3 }),
        fc.nat(),
        (given, more, kind, like) => {
          fc.pre(given.candidates.length > 0);
          const before = rank(given);
          const first = given.candidates.find((one) => one.position === before.leaders[0])!;
          const position = given.candidates.length + 1;
          const worse = {
            ...more,
            position,
            applies: kind === 1 ? { base: false, target: first.applies.target } : first.applies,
            broken: kind === 2 ? first.broken + 1 : first.broken,
            fixed: kind === 3 ? first.fixed - 1 : first.fixed,
          };
          fc.pre(kind !== 1 || first.applies.base);
          const at = given.alike.length === 0 ? -1 : like % (given.alike.length + 1);
          const alike = given.alike.map((set, index) => (index === at ? [...set, position] : set));
          const after = rank({ ...given, candidates: [...given.candidates, worse], alike });
          expect(after.leaders).toEqual(before.leaders);
        },
      ),
      runs,
    );
  });

  test('one that nobody prefers and that is larger never changes who is first, as long as they can be judged', () => {
    fc.assert(
      fc.property(anyField, (given) => {
        const lead = toJudge(given);
        fc.pre(given.judging !== null && lead.length > 1 && lead.length < 6);
        const before = rank(given);
        const first = given.candidates.find((one) => one.position === before.leaders[0])!;
        const position = given.candidates.length + 1;
        const worse = { ...first, criteria: spokenCriteria(before, first), position, size: first.size + 99 };
        const pairs = [
          ...given.judging!.pairs,
          ...given.candidates.map((one) => pair(one.position, position, one.position)),
        ];
        const candidates = [...given.candidates, worse];
        const after = rank({ ...given, candidates, judging: { pairs, same_family: false } });
        expect(after.leaders).toEqual(before.leaders);
      }),
      { numRuns: 300 },
    );
  });

  test('comes out of JSON as it went in', () => {
    fc.assert(
      fc.property(anyField, (given) => {
        const verdict = rank(given);
        expect(JSON.parse(JSON.stringify(verdict))).toEqual(verdict);
      }),
      runs,
    );
  });

  test('what decides is marked once, and agrees with the tie and with who fell where', () => {
    fc.assert(
      fc.property(anyField, (given) => {
        const verdict = rank(given);
        const marked = verdict.levels.filter((one) => one.decided).map((one) => one.level);
        expect(marked).toEqual(verdict.decided_by === null ? [] : [verdict.decided_by]);
        if (verdict.tie) expect(verdict.decided_by).toBeNull();
        if (verdict.decided_by !== null) {
          expect(level(verdict, verdict.decided_by).state).toBe('compared');
          expect(Object.values(standings(verdict, verdict.decided_by))).toContain('out_here');
        }
        for (const { position, fell_at } of verdict.ranking)
          for (const name of levels) {
            const standing = level(verdict, name).values[position]!.standing;
            expect(standing === 'out_here').toBe(fell_at === name);
          }
        expect(verdict.summary.headline).not.toBe('');
        expect([verdict.summary.headline, ...verdict.summary.sentences].join(' ')).not.toMatch(
          /undefined|null|NaN/,
        );
      }),
      runs,
    );
  });
});

/** Near-identical ones count with the best of them: a copy has as much. */
function spokenCriteria(
  verdict: Verdict,
  first: { position: number; criteria: { met: number; of: number } | null },
) {
  const { score } = level(verdict, 'criteria').values[first.position]!;
  return score === null || first.criteria === null ? first.criteria : { ...first.criteria, met: score };
}
