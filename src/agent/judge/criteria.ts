import type { ContextText } from '../../../drizzle/schema';
import type { CriterionAnswer } from '../../core/opinion';
import { cleanText } from '../models/conversation';
import { fenced, harmless, type Part } from './fence';
import type { Read } from './json';
import { askJudge, type Judge, type Opinion, spentTogether } from './judge';
import { brief, type Material, roomIn, toMaterial, type Work } from './material';
import answers from './prompts/answers.md' with { type: 'text' };
import criteriaRules from './prompts/criteria.md' with { type: 'text' };
import data from './prompts/data.md' with { type: 'text' };
import { findQuotation } from './quotation';
import { sentences, under, yesOrNo } from './read';

/** What was asked for, as the judge is told it. */
export interface Task {
  goal: string;
  instructions: string | null;
}

export const mostCriteria = 8;
const criterionChars = 200;
const quotationChars = 1000;

/**
 * Asks once for the acceptance criteria of a goal: one to eight short sentences, each to be answered yes or no by reading
 * the work. What `askJudge` promises.
 */
export function listCriteria(
  judge: Judge,
  { task, context }: { task: Task; context: readonly ContextText[] },
): Promise<Opinion<string[]>> {
  const room = roomIn(judge.model);
  const share = Math.floor((room * 0.4) / Math.max(1, context.length));
  const texts = context.map(({ title, text }): [Part, string] => [
    'the_context',
    brief(`${title}\n\n${text}`, share),
  ]);
  return askJudge(judge, {
    about: 'criteria',
    system: rules(criteriaRules),
    prompt: `${fenced([...taskParts(task, room), ...texts])}\n\nList the criteria.`,
    read(value): Read<string[]> {
      const list = sentences(
        Array.isArray(value) ? value : under(value, 'criteria'),
        mostCriteria,
        criterionChars,
      );
      if (list === null) return { complaint: 'It needs a list of sentences under "criteria".' };
      return list.length > 0 ? { value: list } : { complaint: 'The list of criteria is empty.' };
    },
  });
}

export interface Answers {
  /** In the order of the criteria. */
  answers: CriterionAnswer[];
  /** The work was too long to be shown whole. */
  cut: boolean;
}

/**
 * Asks once which criteria a work meets, the first eight of them. A yes counts only with a quotation that stands, word for
 * word, in the work as it was shown; `why` says so. What `askJudge` promises.
 */
export function answerCriteria(
  judge: Judge,
  { criteria, work }: { criteria: readonly string[]; work: Work },
): Promise<Opinion<Answers>> {
  const asked = criteria.slice(0, mostCriteria);
  if (asked.length === 0)
    return Promise.resolve({ value: { answers: [], cut: false }, failure: null, ...spentTogether([]) });
  const material = toMaterial(work, Math.floor(roomIn(judge.model) * 0.9));
  return askJudge(judge, {
    about: 'answers',
    system: rules(answers),
    prompt: `${fenced([criteriaPart(asked), ['the_work', material.text]])}\n\nWhich of the ${asked.length} criteria does the work meet?`,
    read(value): Read<Answers> {
      const list = Array.isArray(value) ? value : under(value, 'answers', 'criteria');
      if (!Array.isArray(list)) return { complaint: 'It needs a list under "answers".' };
      const said = list.slice(0, 100).map((one, index) => ({
        criterion: Number(under(one, 'criterion', 'number', 'id') ?? index + 1),
        met: yesOrNo(under(one, 'met', 'answer')),
        quotation: under(one, 'quotation', 'quote'),
      }));
      if (said.every((one) => one.met === null)) return { complaint: 'No entry has "met" as true or false.' };
      const own = asked.map((_, index) =>
        said.find((one) => one.criterion === index + 1 && one.met !== null),
      );
      return { value: { answers: own.map((one) => settle(one, material)), cut: material.cut } };
    },
  });
}

/** The rules of a question, with what all of them say of data. */
export function rules(own: string): string {
  return `${own.trim()}\n\n${data.trim()}`;
}

/** The goal and the instructions as parts of a question. */
export function taskParts({ goal, instructions }: Task, room: number): [Part, string][] {
  const parts: [Part, string][] = [['the_goal', brief(goal, Math.floor(room * 0.2))]];
  if (instructions?.trim()) parts.push(['the_instructions', brief(instructions, Math.floor(room * 0.1))]);
  return parts;
}

export function criteriaPart(criteria: readonly string[]): [Part, string] {
  const lines = criteria.map((one, index) => `${index + 1}. ${harmless(one)}`);
  return ['the_criteria', lines.join('\n')];
}

function settle(
  said: { met: boolean | null; quotation: unknown } | undefined,
  material: Material,
): CriterionAnswer {
  if (!said || said.met === null) return { met: false, quotation: '', why: 'not_answered', place: null };
  const whole = typeof said.quotation === 'string' ? cleanText(said.quotation) : '';
  const quotation = whole.trim().slice(0, quotationChars).toWellFormed();
  if (!said.met) return { met: false, quotation, why: 'denied', place: null };
  const found = findQuotation(whole, material);
  return {
    met: found.why === 'quoted',
    ...{ quotation, why: found.why, place: found.why === 'quoted' ? found.place : null },
  };
}
