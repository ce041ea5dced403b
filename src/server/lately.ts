/** What was found so lately is given again. */
export const latelyMs = 2_000;
/** Questions kept for one source; a search is one, and people may ask anything. */
const keptAnswers = 100;

const answers = new WeakMap<object, Map<string, { at: number; answer: Promise<unknown> }>>();

/**
 * The answer to `question` about `source`, found at most once in `latelyMs` for all who ask; so it may be that old. An
 * answer that failed is not kept. The question says all that the answer depends on, its type included.
 */
export function lately<T>(source: object, question: string, find: () => Promise<T>): Promise<T> {
  const known = answers.get(source) ?? new Map<string, { at: number; answer: Promise<unknown> }>();
  answers.set(source, known);
  const found = known.get(question);
  if (found && performance.now() - found.at < latelyMs) return found.answer as Promise<T>;
  const answer = find();
  known.delete(question);
  const [oldest] = known.keys();
  if (known.size >= keptAnswers && oldest !== undefined) known.delete(oldest);
  const entry = { at: performance.now(), answer };
  known.set(question, entry);
  answer.catch(() => known.get(question) === entry && known.delete(question));
  return answer;
}
