import type { Message, ToolCall } from '../core/conversation';

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
