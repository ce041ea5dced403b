import type { JudgedPair, NoOpinion } from '../../core/opinion';
import { type Judge, type Opinion, type Spent, spentTogether } from './judge';
import type { Work } from './material';
import { judgePair, outcomeOf, type PairOpinion, type PairQuestion } from './pair';

export interface Contender {
  position: number;
  work: Work;
}

export interface GroupOpinion extends Spent {
  /** Every pair, by position. */
  pairs: (JudgedPair & {
    /** What was said with the pair's first as A, and with its second as A; null where no opinion was had. */
    opinions: [PairOpinion | null, PairOpinion | null];
  })[];
  /** Why some pairs have no answer: the first reason, by pair. */
  failure: NoOpinion | null;
}

export type GroupQuestion = Pick<PairQuestion, 'task' | 'criteria' | 'authors'> & {
  contenders: readonly Contender[];
};

/**
 * Has every pair judged in both orders; a preference counts only when both orders have it. Once the model is down or
 * refuses, the questions that are left are not asked and have no answer. The same contenders are asked about in the same
 * words whatever their order, so that after a crash `judge.answers` holds all that was paid for.
 * @param concurrency calls at the same time
 * @throws what `askJudge` throws, when no call runs any more
 */
export async function judgeGroup(
  judge: Judge,
  { contenders, ...asked }: GroupQuestion,
  concurrency = 4,
): Promise<GroupOpinion> {
  const inOrder = contenders.toSorted((a, b) => a.position - b.position);
  const pairs = inOrder.flatMap((low, index) => inOrder.slice(index + 1).map((high) => ({ low, high })));
  const different = pairs.filter(({ low, high }) => !same(low.work, high.work));
  let down: NoOpinion | null = null;
  const questions = different.flatMap(({ low, high }) => [
    { first: low, second: high },
    { first: high, second: low },
  ]);
  const opinions = await each(judge.signal, questions, concurrency, async ({ first, second }, signal) => {
    if (down) return nothing(down);
    const about = [first.position, second.position];
    const onAnswer: Judge['onAnswer'] = (answer) => judge.onAnswer?.(answer, about);
    const works = { first: first.work, second: second.work };
    const opinion = await judgePair({ ...judge, signal, onAnswer }, { ...asked, ...works });
    if (isDown(opinion.failure)) down ??= opinion.failure;
    return opinion;
  });
  const failures = opinions.flatMap((one) => one.failure ?? []);
  return {
    ...spentTogether(opinions),
    failure: failures[0] ?? null,
    pairs: pairs.map(({ low, high }) => {
      const pair: [number, number] = [low.position, high.position];
      const at = different.findIndex((one) => one.low === low && one.high === high);
      if (at < 0) return { pair, winner: null, why: 'same', opinions: [null, null] };
      const [one, other] = [opinions[2 * at]?.value ?? null, opinions[2 * at + 1]?.value ?? null];
      return { ...outcomeOf(pair, one, other), opinions: [one, other] };
    }),
  };
}

function same(a: Work, b: Work): boolean {
  return a.kind === b.kind && a.text === b.text;
}

/** It will say the same to the next question; that one question was too long says nothing of the others. */
function isDown(failure: NoOpinion | null): boolean {
  return failure?.code === 'model_unavailable' || failure?.code === 'model_refused';
}

function nothing(failure: NoOpinion): Opinion<PairOpinion> {
  return { value: null, failure, ...spentTogether([]) };
}

/**
 * Does something with each, a few at a time, and gives the results in order. When one fails the others are called off,
 * and awaited: nobody works on behind the caller's back.
 */
async function each<T, R>(
  outer: AbortSignal,
  list: readonly T[],
  concurrency: number,
  work: (one: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const failed = new AbortController();
  const signal = AbortSignal.any([outer, failed.signal]);
  const results: R[] = [];
  let next = 0;
  let reason: { error: unknown } | null = null;
  async function go(): Promise<void> {
    for (let at = next++; at < list.length && !reason; at = next++) {
      try {
        results[at] = await work(list[at] as T, signal);
      } catch (error) {
        reason ??= { error };
        failed.abort(error);
      }
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, go));
  if (reason) throw (reason as { error: unknown }).error;
  return results;
}
