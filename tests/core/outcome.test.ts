import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { compare, type End, judgeBase, type PatchResult } from '../../src/core/check';
import { baseAgain, baseInDoubt, outcome, patchAgain, settle, worst } from '../../src/core/outcome';

/** ✔ exit 0, ✘ exit 1, † killed, ∅ no such command; two signs: run twice. */
const ends = (signs: string): End[] =>
  [...signs].map((sign) => ({ '✔': 0, '✘': 1, '†': null, '∅': 127 })[sign]);

describe('a check’s outcome', () => {
  test.each<[base: string, patch: string, judges: string, result: PatchResult, flaky: boolean]>([
    ['✔', '✔', '', 'passes', false],
    ['✔', '✘✘', '', 'broken', false],
    ['✔', '††', '', 'broken', false],
    ['✔', '✘†', '', 'broken', false],
    ['✔', '∅∅', '', 'broken', false],
    ['✘✘', '✔✔', '', 'fixed', false],
    ['✘†', '✔✔', '', 'fixed', false],
    ['✘✘', '✘', '', 'still_fails', false],
    ['✘✘', '†', '', 'still_fails', false],
    ['✘✘', '∅∅', '', 'still_fails', false],
    ['∅', '∅', '', 'could_not_run', false],
    ['∅', '✔✔', '', 'fixed', false],
    ['∅', '✘✘', '', 'could_not_run', false],
    // It changes by itself.
    ['✔', '✘✔', '', 'passes', true],
    ['✔', '✔✘', '', 'broken', true],
    ['✘✘', '✔✘', '', 'still_fails', true],
    ['✘✔', '✔', '', 'passes', true],
    ['✘✔', '✘', '', 'broken', true],
    ['✔', '✘∅', '', 'broken', false],
    // The worse of its own and the base's judges.
    ['✔', '✔', '✔', 'passes', false],
    ['✔', '✔', '✘✘', 'broken', false],
    ['✔', '✘✘', '✔', 'broken', false],
    ['✔', '✔', '∅∅', 'broken', false],
    ['✘✘', '✔✔', '✔✔', 'fixed', false],
    ['✘✘', '✔✔', '✘', 'still_fails', false],
    ['✘✘', '✘', '✔✔', 'still_fails', false],
    ['✘✘', '✔✔', '∅∅', 'still_fails', false],
    ['∅', '✔✔', '✘✘', 'could_not_run', false],
    // Tests that were made to waver hide nothing that the base's own show, and the other way round.
    ['✔', '✘✔', '✘✘', 'broken', false],
    ['✘✘', '✔✘', '✘', 'still_fails', false],
    ['✔', '✘✘', '✘✔', 'broken', false],
    ['✔', '✔', '✘✔', 'passes', true],
    ['✔', '✘✔', '✔', 'passes', true],
    ['✘✘', '✔✔', '✔✘', 'still_fails', true],
    ['✘✘', '✔✔', '✘✔', 'fixed', true],
    ['✘✔', '✘', '✘✘', 'broken', true],
  ])('base %s, patch %s, with the base’s judges %s: %s, flaky %p', (base, patch, judges, result, flaky) => {
    const said = outcome(settle(ends(base)), settle(ends(patch)), judges ? settle(ends(judges)) : null);
    expect(said).toMatchObject({ result, flaky });
    expect(said.judged === null).toBe(judges === '');
  });

  test.each<[base: string, patch: string, doubted: boolean]>([
    ['✔', '✘✘', true],
    ['✔', '††', true],
    ['✔', '∅∅', true],
    ['✔', '✘', false],
    ['✔', '✘✔', false],
    ['✔', '✔', false],
    ['✘✘', '✘', false],
    ['✔✘', '✘✘', false],
    ['∅', '✘✘', false],
  ])('base %s, patch %s: whether the base was only lucky is to be found out: %p', (base, patch, doubted) => {
    expect(baseInDoubt(settle(ends(base)), ends(patch))).toBe(doubted);
  });

  test('is run again where chance may have decided, and only once', () => {
    expect(['', '✔', '✘', '†', '∅', '✘✘', '✘✔'].map((signs) => baseAgain(ends(signs)))).toEqual([
      ...[false, false, true, true, false, false, false],
    ]);
    const again = (base: string, patch: string) => patchAgain(settle(ends(base)), ends(patch));
    expect(['', '✔', '✘', '∅', '✘✘'].map((patch) => again('✔', patch))).toEqual([
      false,
      false,
      true,
      true,
      false,
    ]);
    expect(['✔', '✘', '†', '∅', '✔✘'].map((patch) => again('✘✘', patch))).toEqual([
      ...[true, false, false, true, false],
    ]);
    // The base itself wavers: the check decides nothing already.
    expect(again('✘✔', '✘')).toBe(false);
  });

  test('without a second run and other judges is the plain comparison', () => {
    expect(settle([])).toEqual({ end: undefined, flaky: false });
    for (const base of [0, 1, null, 126, 127, undefined])
      for (const patch of [0, 1, null, 126, 127, undefined]) {
        const own = compare(base, patch);
        const judged = outcome(settle([base]), settle([patch]));
        expect(judged).toEqual({ result: own, flaky: false, own, judged: null });
      }
  });

  test('is never better than one of its sides, and never good or bad when it wavers for the base', () => {
    const run = fc.array(fc.constantFrom<End>(0, 1, 2, null, 126, 127), { minLength: 1, maxLength: 2 });
    fc.assert(
      fc.property(run, run, run, (base, patch, judges) => {
        const settled = [settle(base), settle(patch), settle(judges)] as const;
        const said = outcome(...settled);
        expect(worst(said.result, said.own)).toBe(said.result);
        expect(worst(said.result, said.judged)).toBe(said.result);
        if (settled[0].flaky) expect(said.flaky).toBe(true);
        if (settled.every((one) => !one.flaky)) expect(said.flaky).toBe(false);
        // What counts as good was good on both sides, and steadily.
        if (!said.flaky && (said.result === 'passes' || said.result === 'fixed'))
          expect([...patch, ...judges].map(judgeBase)).not.toContain('failed');
      }),
    );
  });
});
