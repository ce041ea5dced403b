import { expect, test } from 'bun:test';
import { rank } from '../../src/core/ranking';
import { choiceWords, type Standing } from '../../src/core/ranking-words';
import { candidate, field, pair } from './ranking-setup';

const said = (...given: Parameters<typeof field>) => rank(field(...given)).summary;
const judged = (...pairs: ReturnType<typeof pair>[]) => ({ judging: { pairs, same_family: false } });
const small = candidate(3, { size: 103, cost_usd: 0.82 });
const decided = { executed_decided: true, leaders: [3] };
const undecided = { executed_decided: false, leaders: [3] };
const large = candidate(1, { size: 157, cost_usd: 1.04 });

test('a small margin, with all that came before it', () => {
  expect(said([small, large], judged(pair(1, 3, null, 'disagreed')))).toEqual({
    headline: '3 is ahead, by a small margin',
    sentences: [
      '3 and 1 tie on everything that was run.',
      'They meet as many criteria, 5 of 5.',
      'The judge contradicted itself when the order was swapped, so that is a tie too.',
      '3 is ahead because its diff is 54 lines smaller.',
    ],
  });
});

test('no judge, no answer, too many to judge: said', () => {
  expect(said([small, large]).sentences).toContain('No judge is configured: the levels that remain decide.');
  expect(said([small, large], judged()).sentences).toContain('The judge gave no answer that counts.');
  expect(said([small, large], judged(pair(1, 3, null))).sentences).toContain('The judge sees no difference.');
  const seven = [1, 2, 3, 4, 5, 6, 7].map((position) => candidate(position));
  expect(said(seven, judged())).toEqual({
    headline: 'All 7 tie',
    sentences: [
      '1, 2, 3, 4, 5, 6 and 7 tie on everything that was run.',
      'They meet as many criteria, 5 of 5.',
      'More than six tie, so they were not judged.',
      '1, 2, 3, 4, 5, 6 and 7 tie on every level.',
    ],
  });
});

test('what was run decides', () => {
  expect(said([small, candidate(1, { broken: 2 })])).toEqual({
    headline: '3 is clearly ahead',
    sentences: ['1 breaks 2 required checks, 3 none.'],
  });
  expect(said([small, candidate(1, { fixed: 1 })]).sentences[0]).toBe(
    '3 fixes 2 of what failed before, 1 fixes 1.',
  );
  expect(said([small, candidate(1, { applies: { base: true, target: 'conflict' } })]).sentences[0]).toBe(
    '1 conflicts with the target as it is now.',
  );
  expect(said([small, candidate(1, { applies: { base: false, target: 'clean' } })]).sentences[0]).toBe(
    '1 does not apply to its base.',
  );
});

test('an opinion is called one', () => {
  const few = candidate(1, { criteria: { met: 4, of: 5 } });
  expect(said([small, few])).toEqual({
    headline: '3 is ahead, as a model reads the criteria',
    sentences: ['3 and 1 tie on everything that was run.', '3 meets 5 of 5 criteria, 1 meets 4.'],
  });
  const kin = { judging: { pairs: [pair(1, 3, 3)], same_family: true } };
  expect(said([small, large], kin)).toMatchObject({
    headline: '3 is ahead, in a judge’s opinion',
    sentences: expect.arrayContaining([
      'A blind judge, asked in both orders, puts 3 first.',
      'The judge is of the same family as one of the authors.',
    ]),
  });
});

test('a tie is a tie, and a cost that is not known is said', () => {
  const verdict = said([candidate(1, { cost_usd: null }), candidate(2)], judged(pair(1, 2, null)));
  expect(verdict.headline).toBe('1 and 2 tie');
  expect(verdict.sentences).toContain('What one of them cost is not known, so the cost decides nothing.');
  expect(verdict.sentences).toContain('1 and 2 tie on every level.');
  expect(said([candidate(1), candidate(2, { cost_usd: 1.004 })]).sentences).toContain(
    '1 is ahead because it cost $0.0040 less.',
  );
});

test('what the judge said of a near-identical one is said of the leader', () => {
  // 2 speaks for 1, which is smaller, and leads.
  const given = [candidate(1, { size: 9, criteria: { met: 4, of: 5 } }), candidate(2), candidate(3)];
  const { headline, sentences } = said(given, { alike: [[1, 2]], ...judged(pair(2, 3, null, 'disagreed')) });
  expect(headline).toBe('1 is ahead, by a small margin');
  expect(sentences.slice(1, 3)).toEqual([
    'They meet as many criteria, 5 of 5.',
    'The judge contradicted itself when the order was swapped, so that is a tie too.',
  ]);
});

test('near-identical ones are said to be', () => {
  const alike = { alike: [[1, 3]] };
  const same =
    '1 and 3 are nearly the same: opinions of one hold for both, and only size and cost tell them apart.';
  expect(said([small, large], alike)).toEqual({
    headline: '3 and 1 are nearly the same',
    sentences: ['3 breaks nothing required, and fixes 2 of 2 that failed before.', same],
  });
  expect(
    said([small, candidate(1, { ...small, position: 1 }), candidate(2, { fixed: 0 })], alike),
  ).toMatchObject({
    headline: '1 and 3, nearly the same, are clearly ahead',
    sentences: ['1 fixes 2 of what failed before, 2 fixes none.', same],
  });
});

test('the first is not called good where it is not', () => {
  expect(said([candidate(1, { broken: 1 })]).headline).toBe('1 is the only one, but breaks 1 required check');
  expect(said([candidate(1, { applies: { base: false, target: 'unknown' } })]).headline).toBe(
    '1 is the only one, but does not apply',
  );
  const bare = { executed: false, criteria: null, fixed: 0, total_failing_on_base: 0 };
  const nothing = said([candidate(1, bare), candidate(2, { ...bare, size: 99 })]);
  expect(nothing.sentences[0]).toBe('No check was run, so there is no evidence of that kind.');
  expect(nothing.sentences.join(' ')).not.toContain('everything that was run');
  expect(said([candidate(1, { ...bare, inconclusive: true })]).sentences[0]).toBe(
    'No check came to a result that counts: each wavers, or could not be run.',
  );
  const half = said([candidate(1, { fixed: 1, unmet: 1 }), candidate(2, { fixed: 0, unmet: 2 })]);
  expect(half.headline).toBe('1 is clearly ahead, but does not pass everything required');
  const stuck = { applies: { base: true, target: 'conflict' as const } };
  expect(said([candidate(1, stuck)]).sentences).toContain('1 conflicts with the target as it is now.');
  expect(said([])).toEqual({ headline: 'There is nothing to rank', sentences: [] });
});

test.each<[string, Parameters<typeof choiceWords>[0], Partial<Standing>]>([
  ['You asked to pick yourself.', decided, { pick: 'person' }],
  ['What was run decides, so 3 is picked, as you asked.', decided, {}],
  ['You asked the verdict to pick, but what was run does not decide: a person is asked.', undecided, {}],
  ['A person has picked 2, and that stays.', decided, { winner: { position: 2, by: 'person' } }],
  ['Something of this run has landed, so a person is asked.', decided, { landed: true }],
  [
    '3 was picked before, as you asked, and stays.',
    decided,
    { landed: true, winner: { position: 3, by: 'verdict' } },
  ],
  [
    'What was run does not decide any more; 3, picked before, stays.',
    undecided,
    { winner: { position: 3, by: 'verdict' } },
  ],
])('who chooses: %s', (sentence, verdict, standing) => {
  const open: Standing = { pick: 'verdict', winner: { position: null, by: null }, landed: false };
  expect(choiceWords(verdict, { ...open, ...standing })).toBe(sentence);
});
