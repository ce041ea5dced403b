import type { JudgedPair } from '../../core/opinion';
import { type Author, hideNames } from './blind';
import { criteriaPart, mostCriteria, rules, type Task, taskParts } from './criteria';
import { fenced } from './fence';
import type { Read } from './json';
import { askJudge, type Judge, type Opinion } from './judge';
import { roomIn, toMaterial, type Work } from './material';
import pairRules from './prompts/pair.md' with { type: 'text' };
import { sentence, under } from './read';

export interface PairOpinion {
  better: 'first' | 'second' | 'tie';
  reason: string;
}

export interface PairQuestion {
  task: Task;
  criteria: readonly string[];
  first: Work;
  second: Work;
  /** Whose names are taken out of the works. */
  authors: readonly Author[];
}

/**
 * Asks once which of two works is better. Blind: they are A and B, and nothing of their authors, positions or branches is
 * told. One order alone proves little: ask again with the two swapped. What `askJudge` promises.
 */
export function judgePair(judge: Judge, question: PairQuestion): Promise<Opinion<PairOpinion>> {
  const { task, criteria, authors } = question;
  const room = roomIn(judge.model);
  const hide = hideNames(authors, `${task.goal}\n${task.instructions ?? ''}`);
  const shown = (work: Work): string => toMaterial(work, Math.floor(room * 0.35), hide).text;
  const parts = fenced([
    ...taskParts(task, room),
    ...(criteria.length > 0 ? [criteriaPart(criteria.slice(0, mostCriteria))] : []),
    ['candidate_a', shown(question.first)],
    ['candidate_b', shown(question.second)],
  ]);
  return askJudge(judge, {
    about: 'pair',
    system: rules(pairRules),
    prompt: `${parts}\n\nWhich reaches the goal better, A or B, or neither?`,
    read(value): Read<PairOpinion> {
      const said = under(value, 'better', 'winner', 'choice', 'answer');
      const better = typeof said === 'string' ? words.get(said.trim().toLowerCase()) : undefined;
      if (!better) return { complaint: 'It needs "better", which is "A", "B" or "neither".' };
      return { value: { better, reason: sentence(under(value, 'reason', 'why'), 500) } };
    },
  });
}

/** What two opinions of a pair, the second asked in the other order, come to. */
export function outcomeOf(
  [low, high]: [number, number],
  inOrder: PairOpinion | null,
  swapped: PairOpinion | null,
): JudgedPair {
  const pair: [number, number] = [low, high];
  if (!inOrder || !swapped) return { pair, winner: null, why: 'no_answer' };
  const one = { first: low, second: high, tie: null }[inOrder.better];
  const other = { first: high, second: low, tie: null }[swapped.better];
  if (one !== other) return { pair, winner: null, why: 'disagreed' };
  return { pair, winner: one, why: one === null ? 'even' : 'agreed' };
}

const words = new Map<string, PairOpinion['better']>([
  ...['a', 'candidate a', 'candidate_a'].map((word) => [word, 'first'] as const),
  ...['b', 'candidate b', 'candidate_b'].map((word) => [word, 'second'] as const),
  ...['neither', 'none', 'both', 'tie', 'equal', 'same'].map((word) => [word, 'tie'] as const),
]);
