import { createHash } from 'node:crypto';
import { quoted } from '../prompt';
import { withoutCodes } from '../tools/text';

/** What the parts of a question are called. Nothing foreign may open or close one. */
const parts = [
  'the_goal',
  'the_instructions',
  'the_context',
  'the_criteria',
  'the_work',
  'candidate_a',
  'candidate_b',
] as const;
export type Part = (typeof parts)[number];

const lookAlike = new RegExp(`<(?=[\\s/]*(?:${parts.join('|')}))`, 'gi');
/**
 * What a model reads and a person does not see: tag characters, those that turn the direction of writing, and those
 * without a width, which would also hide a name from whoever looks for it.
 */
const unseen = /\p{Default_Ignorable_Code_Point}/gu;

/**
 * Parts of a question, each between tags whose names end in the same sixteen characters. These are made of the texts
 * themselves: no text can hold what it would take to end its part, and the same question is always asked in the same words.
 */
export function fenced(given: readonly (readonly [Part, string])[]): string {
  const nonce = createHash('sha256').update(JSON.stringify(given)).digest('hex').slice(0, 16);
  return given.map(([part, text]) => quoted(`${part}_${nonce}`, {}, text)).join('\n\n');
}

/** Foreign text as a model may be shown it: nothing unseen in it, and nothing that looks like our tags. */
export function harmless(text: string): string {
  return withoutCodes(text).replace(unseen, '').replace(lookAlike, '&lt;');
}
