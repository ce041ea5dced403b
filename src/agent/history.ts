import type { AssistantMessage, Message, ToolCall } from '../core/conversation';
import type { Fact, FactType } from '../core/fact';

/** Where a variation was when its work broke off. */
export interface Past {
  /** The conversation, the first prompt included. */
  messages: Message[];
  /** Ids of calls at its end that were begun, and must be run again. */
  begun: ReadonlySet<string>;
  /** Steps that the model has answered. */
  step: number;
}

/** Types of the events that a conversation is made of. */
export const pastTypes: readonly FactType[] = [
  'model.requested',
  'model.responded',
  'tool.started',
  'tool.repeated',
  'tool.finished',
  'step.completed',
];

/**
 * Makes a conversation again from a variation's events, to go on with it on the workspace of its newest checkpoint.
 * Results of the last answer stand if its step was completed, or that checkpoint taken after them; else those from the first call on that
 * changes files are dropped, since their changes went with the workspace: these calls are run again.
 * @param facts those of `pastTypes`, in order
 * @param checkpointStep the step after which the newest checkpoint was taken; 0 without one
 */
export function rebuild(
  facts: readonly Fact[],
  checkpointStep: number,
  changesFiles: (tool: string) => boolean,
  maxTokens: number,
): Past {
  const messages: Message[] = [];
  const begun = new Set<string>();
  let step = 0;
  let whole = checkpointStep;
  let owed: string | null = null;
  for (const fact of facts) {
    switch (fact.type) {
      case 'model.requested':
        for (const text of fact.payload.added) messages.push({ role: 'user', text });
        if (fact.payload.added.length > 0) owed = null;
        break;
      case 'model.responded': {
        const { finish_reason, message } = fact.payload;
        step += 1;
        begun.clear();
        owed = complaintOf(finish_reason, message, maxTokens);
        messages.push(owed === null ? message : withoutCalls(message));
        break;
      }
      case 'tool.started':
        begun.add(fact.payload.id);
        break;
      case 'tool.repeated': {
        // It and what came after it had gone with a workspace before.
        const { id } = fact.payload;
        const first = messages.findLastIndex((one) => one.role === 'tool' && one.tool_call_id === id);
        if (first >= 0) messages.splice(first);
        break;
      }
      case 'step.completed':
        whole = Math.max(whole, fact.payload.step);
        break;
      case 'tool.finished': {
        const { id, name, output, ok } = fact.payload;
        messages.push({ role: 'tool', tool_call_id: id, name, text: output, is_error: !ok });
        break;
      }
      default:
        break;
    }
  }
  // The crash came between an answer that could not be used and its being told so.
  if (owed !== null) messages.push({ role: 'user', text: owed });
  const lost = whole >= step ? -1 : firstChange(messages, changesFiles);
  if (lost >= 0) messages.splice(lost);
  const answered = new Set(messages.map((one) => (one.role === 'tool' ? one.tool_call_id : '')));
  return { messages, begun: new Set([...begun].filter((id) => !answered.has(id))), step };
}

/** Index of the first result after the last answer whose call changes files; -1 without one. */
function firstChange(messages: readonly Message[], changesFiles: (tool: string) => boolean): number {
  const last = messages.findLastIndex((one) => one.role === 'assistant');
  return messages.findIndex((one, i) => i > last && one.role === 'tool' && changesFiles(one.name));
}

/** What a model is told whose answer cannot be used, and nothing of which is run; null when it can. */
export function complaintOf(
  finishReason: string,
  message: AssistantMessage,
  maxTokens: number,
): string | null {
  if (finishReason === 'length') {
    return (
      `Your answer was cut off at the limit of ${maxTokens} tokens, and nothing of it was run. Answer again, in smaller ` +
      'parts: fewer calls at once, a large file in several edits.'
    );
  }
  if (message.tool_calls.length > 0 || message.text.trim() !== '') return null;
  return 'Your answer was empty. Call a tool, or call `finish` if the work is done.';
}

/** An answer none of whose calls was run. Never empty: some providers refuse the conversation then. */
export function withoutCalls(message: AssistantMessage): Message {
  return {
    role: 'assistant',
    text: message.text.trim() === '' ? '(no answer)' : message.text,
    tool_calls: [],
  };
}

/** The summary, where the history ends with it: the crash came between the end of the work and its being told. */
export function lastSummary(messages: readonly Message[]): string | null {
  const last = messages.at(-1);
  if (last?.role === 'assistant') return last.tool_calls.length === 0 ? last.text : null;
  const at = messages.findLastIndex((message) => message.role === 'assistant');
  const answer = messages[at];
  if (answer?.role !== 'assistant' || last?.role !== 'tool') return null;
  const call = answer.tool_calls.find((one) => one.name === 'finish');
  const done = messages
    .slice(at)
    .some((one) => one.role === 'tool' && one.tool_call_id === call?.id && !one.is_error);
  return done && typeof call?.arguments?.summary === 'string' ? call.arguments.summary : null;
}

/** Calls of the last answer that a crash left without theirs. */
export function unanswered(messages: readonly Message[]): ToolCall[] {
  const at = messages.findLastIndex((message) => message.role === 'assistant');
  const last = messages[at];
  if (last?.role !== 'assistant') return [];
  const answered = new Set(
    messages.slice(at + 1).flatMap((one) => (one.role === 'tool' ? [one.tool_call_id] : [])),
  );
  return last.tool_calls.filter((one) => !answered.has(one.id));
}
