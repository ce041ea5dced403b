import type { AssistantMessage, Message, ToolCall } from '../core/conversation';
import type { Fact, FactType } from '../core/fact';

/** Where a variation was when its work broke off. */
export interface Past {
  /** The conversation, the first prompt included. */
  messages: Message[];
  /** Ids of calls at its end that were begun, and must be run again. */
  begun: ReadonlySet<string>;
  /** Numbers of its last step (and model call) and last answered tool call: the next ones go on from there. */
  step: number;
  tool: number;
  /** The workspace was saved after its last answer. */
  saved: boolean;
}

/** What a conversation is made of: a fact, and its place in the record. */
export type PastFact = Fact & { seq: number };

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
 * Makes a conversation again from a variation's events, to go on with it on the workspace of its checkpoint.
 * Results of the last answer stand if its step was completed, or where the checkpoint was taken after them; else those
 * from the first call on that changes files are dropped, since their changes went with the workspace: these calls are
 * run again.
 * @param facts those of `pastTypes`, in order
 * @param savedSeq the event up to which the workspace is known to be as its checkpoint has it; 0 without one
 */
export function rebuild(
  facts: readonly PastFact[],
  savedSeq: number,
  changesFiles: (tool: string) => boolean,
  maxTokens: number,
): Past {
  const messages: Message[] = [];
  /** Of each tool's answer: its number, and its place in the record. */
  const places = new Map<Message, { tool: number; seq: number }>();
  const begun = new Set<string>();
  let step = 0;
  let answeredAt = 0;
  let whole = 0;
  let owed: string | null = null;
  for (const fact of facts) {
    switch (fact.type) {
      case 'model.requested':
        for (const text of fact.payload.added) messages.push({ role: 'user', text });
        if (fact.payload.added.length > 0) owed = null;
        break;
      case 'model.responded': {
        const { finish_reason, message, call } = fact.payload;
        step = call;
        answeredAt = fact.seq;
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
        const { id, name, output, ok, tool } = fact.payload;
        const message: Message = { role: 'tool', tool_call_id: id, name, text: output, is_error: !ok };
        messages.push(message);
        places.set(message, { tool, seq: fact.seq });
        break;
      }
      default:
        break;
    }
  }
  // The crash came between an answer that could not be used and its being told so.
  if (owed !== null) messages.push({ role: 'user', text: owed });
  const last = messages.findLastIndex((one) => one.role === 'assistant');
  const lost =
    whole >= step
      ? -1
      : messages.findIndex((one, i) => {
          if (i <= last || one.role !== 'tool' || !changesFiles(one.name)) return false;
          return (places.get(one)?.seq ?? 0) > savedSeq;
        });
  if (lost >= 0) messages.splice(lost);
  const answered = new Set(messages.map((one) => (one.role === 'tool' ? one.tool_call_id : '')));
  return {
    messages,
    begun: new Set([...begun].filter((id) => !answered.has(id))),
    step,
    saved: step > 0 && savedSeq > answeredAt,
    tool: messages.reduce((most, one) => Math.max(most, places.get(one)?.tool ?? 0), 0),
  };
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
