import type { AssistantMessage, Message, ToolMessage, UserMessage } from '../core/conversation';
import { VariationFailure } from '../core/failure';
import { fit, oneLine } from './tools/text';

/** What a model can hold, in tokens. */
export interface Window {
  contextTokens: number;
  /** Kept free for the answer. */
  maxTokens: number;
  /** Taken by the system prompt and the tools. */
  fixedTokens: number;
}

/** Estimates are off by some; this share of the window is left free for that. */
const margin = 0.1;
/** Compacting goes down to this share of the room, so that it is not done, and the provider's cache lost, at every step. */
const target = 0.6;
/** Newest turns that are left whole as long as possible. */
const recent = 4;

/** Tokens for messages that a window has room for. */
export function roomFor(window: Window): number {
  return Math.floor(window.contextTokens * (1 - margin)) - window.maxTokens - window.fixedTokens;
}

/** About 4 characters a token; Chinese, Japanese and Korean about one. */
export function estimateTokens(text: string): number {
  const wide =
    text.match(/[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]/g)?.length ?? 0;
  return wide + Math.ceil((text.length - wide) / 4);
}

/** Tokens of a conversation, the few that each message costs by itself included. */
export function conversationTokens(messages: readonly Message[]): number {
  return messages.reduce((sum, message) => sum + messageTokens(message), 0);
}

/**
 * The conversation as it fits the window: unchanged when it does, else with outputs of older tool calls replaced by a
 * line each, then older turns told in a line each, then newer ones too. The first message always stays whole, and what
 * comes out is valid: every tool call has its answer, right after it. The same input gives the same output.
 * @throws VariationFailure `context_exceeded` when even the least does not fit.
 */
export function compact(messages: readonly Message[], window: Window): Message[] {
  const room = roomFor(window);
  if (conversationTokens(messages) <= room) return [...messages];
  const story = tell(messages, room);
  const goal = Math.floor(room * target);
  const old = () => story.turns.length - recent;

  for (let i = 0; i < old() && size(story) > goal; i++) stubOutputs(story, i);
  while (old() > 0 && size(story) > goal) summariseOldest(story);
  for (let i = 0; i < story.turns.length - 1 && size(story) > room; i++) stubOutputs(story, i);
  while (story.turns.length > 1 && size(story) > room) summariseOldest(story);
  for (let limit = 8000; limit >= 500 && size(story) > room; limit /= 2) shortenOutputs(story, limit);
  while (story.turns.length > 0 && size(story) > room) summariseOldest(story);
  while (story.lines.length > 1 && size(story) > room) dropOldestLine(story);
  if (size(story) > room) {
    throw new VariationFailure(
      'context_exceeded',
      `The goal and its context take about ${size(story)} tokens; the model has room for ${Math.max(0, room)} ` +
        `(${window.contextTokens} less ${window.maxTokens} for the answer and ${window.fixedTokens} for the rules and tools)`,
    );
  }
  return told(story);
}

/** An answer of the model with all that followed it, up to the next. */
interface Turn {
  assistant: AssistantMessage;
  after: (ToolMessage | UserMessage)[];
}

interface Story {
  first: Message[];
  /** Summaries of turns, oldest first. */
  lines: string[];
  left_out: number;
  /** Characters that the lines may take. */
  lineRoom: number;
  turns: Turn[];
}

const marker = '[Earlier work on this goal, shortened to save room:]';

function tell(messages: readonly Message[], room: number): Story {
  const story: Story = {
    first: [],
    lines: [],
    left_out: 0,
    lineRoom: Math.max(400, Math.floor(room * 0.6)),
    turns: [],
  };
  for (const message of messages) {
    const turn = story.turns.at(-1);
    if (message.role === 'assistant') story.turns.push({ assistant: message, after: [] });
    else if (turn) turn.after.push(message);
    else if (story.first.length > 0 && message.role === 'user' && message.text.startsWith(marker)) {
      story.lines = message.text.split('\n').slice(1);
      const count = /^\[(\d+) earlier/.exec(story.lines[0] ?? '');
      if (count) {
        story.left_out = Number(count[1]);
        story.lines.shift();
      }
    } else story.first.push(message);
  }
  return story;
}

function told(story: Story): Message[] {
  const [first, ...rest] = story.first;
  return [
    ...(first ? [first] : []),
    ...summary(story),
    ...rest,
    ...story.turns.flatMap((turn) => [turn.assistant, ...turn.after]),
  ];
}

function summary(story: Story): Message[] {
  if (story.lines.length === 0) return [];
  const left = story.left_out > 0 ? [`[${story.left_out} earlier steps left out]`] : [];
  return [{ role: 'user', text: [marker, ...left, ...story.lines].join('\n') }];
}

function size(story: Story): number {
  return conversationTokens(told(story));
}

/** One line in the place of each output that is longer. */
function stubOutputs(story: Story, index: number): void {
  editOutputs(story, index, (message) => {
    const stub = `[Output of ${message.name} left out to save room: ${message.text.length} characters. Call it again if it is needed.]`;
    return stub.length < message.text.length ? stub : message.text;
  });
}

function shortenOutputs(story: Story, limit: number): void {
  editOutputs(story, story.turns.length - 1, (message) => fit(message.text, limit).text);
}

function editOutputs(story: Story, index: number, edit: (message: ToolMessage) => string): void {
  const turn = story.turns[index];
  if (!turn) return;
  const after = turn.after.map((message) =>
    message.role === 'tool' ? { ...message, text: edit(message) } : message,
  );
  story.turns[index] = { assistant: turn.assistant, after };
}

function summariseOldest(story: Story): void {
  const turn = story.turns.shift();
  if (!turn) return;
  story.lines.push(...turnLines(turn));
  while (story.lines.length > 1 && story.lines.join('\n').length > story.lineRoom) dropOldestLine(story);
}

function dropOldestLine(story: Story): void {
  story.lines.shift();
  story.left_out++;
}

function turnLines(turn: Turn): string[] {
  const said = turn.assistant.text.trim() === '' ? [] : [`- You said: ${oneLine(turn.assistant.text, 300)}`];
  const called = turn.assistant.tool_calls.map((call) => {
    const result = turn.after.find((message) => message.role === 'tool' && message.tool_call_id === call.id);
    const args = oneLine(call.arguments === null ? (call.raw ?? '') : JSON.stringify(call.arguments), 160);
    const how = result?.role === 'tool' && result.is_error ? 'failed' : 'ok';
    return `- You called ${oneLine(call.name, 60)} ${args}: ${how}. ${oneLine(result?.text.slice(-400) ?? '', 120)}`;
  });
  const heard = turn.after
    .filter((message) => message.role === 'user')
    .map((message) => `- You were told: ${oneLine(message.text, 2000)}`);
  return [...said, ...called, ...heard];
}

const counted = new WeakMap<Message, number>();

function messageTokens(message: Message): number {
  const known = counted.get(message);
  if (known !== undefined) return known;
  let tokens = 8 + estimateTokens(message.text);
  if (message.role === 'assistant') {
    for (const call of message.tool_calls) {
      tokens += 12 + estimateTokens(call.name) + estimateTokens(call.raw ?? JSON.stringify(call.arguments));
    }
    if (message.provider_state !== undefined)
      tokens += estimateTokens(JSON.stringify(message.provider_state) ?? '');
  }
  counted.set(message, tokens);
  return tokens;
}
