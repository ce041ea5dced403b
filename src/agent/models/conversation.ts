import type { AssistantMessage, Message, ToolCall, ToolMessage, UserMessage } from '../../core/conversation';

/**
 * The conversation as any provider takes it: begins and ends with the user's side, every tool call answered right
 * after its message and once, no answer without a call, ids unique and of the letters both providers allow, no text
 * empty, no NUL or lone surrogate, and arguments that were not JSON replaced by `{}` (their answer says what was
 * wrong). The same input gives the same output, so that prompt caches stay warm. The input is not changed.
 *
 * Sources: https://platform.openai.com/docs/api-reference/chat/create,
 * https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use
 */
export function repairConversation(messages: readonly Message[]): Message[] {
  const repaired: Message[] = [];
  const taken = new Set<string>();
  let at = 0;
  while (at < messages.length) {
    const message = messages[at];
    at += 1;
    if (message?.role === 'user') repaired.push(repairUser(message));
    if (message?.role !== 'assistant') continue;
    // Answers count wherever they stand before the next assistant message: a directive may have come between.
    const until = messages.findIndex((one, index) => index >= at && one.role === 'assistant');
    const following = messages.slice(at, until < 0 ? undefined : until);
    const text = cleanText(message.text);
    if (text.trim() === '' && message.tool_calls.length === 0) continue;
    if (repaired.at(-1)?.role !== 'user' && repaired.at(-1)?.role !== 'tool') repaired.push(goOn);
    const calls = message.tool_calls.map((call) => repairCall(call, taken));
    repaired.push({ ...message, text, tool_calls: calls });
    repaired.push(...answersTo(message.tool_calls, calls, following));
  }
  if (repaired.length === 0 || repaired.at(-1)?.role === 'assistant') repaired.push(goOn);
  return repaired;
}

/**
 * Reads a tool call's arguments as a provider sent them. Nothing at all is no arguments; what is not a JSON object
 * (or is nested past any use) comes back as `raw`, cut to 20,000 characters.
 */
export function readArguments(raw: string): Pick<ToolCall, 'arguments' | 'raw'> {
  if (raw.trim() === '') return { arguments: {} };
  try {
    const value: unknown = nesting(raw) > maxNesting ? null : JSON.parse(raw);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { arguments: value as Record<string, unknown> };
    }
  } catch {
    // Not JSON: told to the model by whoever runs the call.
  }
  return { arguments: null, raw: raw.slice(0, 20_000) };
}

/** Gives a new answer's calls ids that no call of the conversation has yet; some servers number from 0 in each answer. */
export function withDistinctIds(calls: readonly ToolCall[], messages: readonly Message[]): ToolCall[] {
  const taken = new Set<string>();
  for (const message of messages) {
    if (message.role === 'assistant') for (const call of message.tool_calls) taken.add(call.id);
  }
  return calls.map((call) => ({ ...call, id: distinctId(call.id, taken) }));
}

/** Text that every provider and Postgres take: no NUL, no lone surrogate. */
export function cleanText(text: string): string {
  return text.replaceAll('\u0000', '').toWellFormed();
}

const goOn: UserMessage = { role: 'user', text: 'Go on.' };
const maxNesting = 100;

function repairUser(message: UserMessage): UserMessage {
  const text = cleanText(message.text);
  return { role: 'user', text: text.trim() === '' ? '(empty message)' : text };
}

function repairCall(call: ToolCall, taken: Set<string>): ToolCall {
  const name = call.name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, 64) || 'unknown';
  return { id: distinctId(call.id, taken), name, arguments: cleanArguments(call.arguments ?? {}) };
}

function distinctId(wish: string, taken: Set<string>): string {
  let id = wish.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, 64);
  for (let number = taken.size + 1; id === '' || taken.has(id); number += 1) id = `call_${number}`;
  taken.add(id);
  return id;
}

/** One answer for each call, in the calls' order, under their repaired ids. */
function answersTo(
  calls: AssistantMessage['tool_calls'],
  repaired: readonly ToolCall[],
  following: readonly Message[],
): ToolMessage[] {
  const answers = following.filter((message) => message.role === 'tool');
  return calls.map((call, index) => {
    const found = answers.findIndex((answer) => answer.tool_call_id === call.id);
    const answer = found < 0 ? undefined : answers.splice(found, 1)[0];
    const { id, name } = repaired[index] ?? call;
    if (!answer) {
      const text =
        call.arguments === null
          ? 'The arguments were not a JSON object, so the tool was not run.'
          : 'The tool was not run, or its result was lost.';
      return { role: 'tool', tool_call_id: id, name, text, is_error: true };
    }
    const text = cleanText(answer.text);
    return { ...answer, tool_call_id: id, name, text: text.trim() === '' ? '(no output)' : text };
  });
}

/** JSON.stringify writes NUL and lone surrogates as escapes, and these in no other way. */
function cleanArguments(value: Record<string, unknown>): Record<string, unknown> {
  const json = JSON.stringify(value);
  const clean = json.replace(/\\(?:u0000|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)/g, (written) => {
    if (written.length < 6) return written;
    if (written === '\\u0000') return '';
    return /^\\u[dD]/.test(written) ? '\\ufffd' : written;
  });
  return clean === json ? value : JSON.parse(clean);
}

/** Deepest level of brackets outside strings; in one pass, for the text may be long and hostile. */
function nesting(json: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let at = 0; at < json.length; at += 1) {
    const letter = json[at];
    if (letter === '"') quoted = !quoted;
    else if (quoted && letter === '\\') at += 1;
    else if (!quoted && (letter === '{' || letter === '[')) deepest = Math.max(deepest, ++depth);
    else if (!quoted && (letter === '}' || letter === ']')) depth -= 1;
  }
  return deepest;
}
