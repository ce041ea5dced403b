import type Anthropic from '@anthropic-ai/sdk';
import type { ToolCall } from '../../core/conversation';
import type { ModelResponse, TokenUsage } from '../model';
import { cleanText, readArguments } from './conversation';
import { Fault, type Place } from './faults';
import { count } from './openai-stream';
import type { Try } from './retry';

/** The order of an answer's blocks: thinking in full, the others only by what it takes to put them back in place. */
export type Layout = (
  | Anthropic.ThinkingBlockParam
  | Anthropic.RedactedThinkingBlockParam
  | { type: 'text'; chars: number }
  | { type: 'tool_use' }
)[];

export interface MessageAnswer {
  text: string;
  thinking: string;
  toolCalls: ToolCall[];
  finishReason: ModelResponse['finish_reason'];
  /** Null when the server counted nothing. */
  usage: TokenUsage | null;
  /** Of the input tokens, those written to the cache. */
  cacheWrites: number;
  /** Null when there was no thinking. */
  layout: Layout | null;
}

type Part =
  | { type: 'text'; text: string }
  | { type: 'thinking'; thinking: string; signature: string }
  | { type: 'redacted_thinking'; data: string }
  | { type: 'tool_use'; id: string; name: string; json: string; whole: unknown };

const maxBlocks = 512;

/**
 * Puts a streamed message together. The stream's types are wishes: nothing in it is trusted to be there.
 * @throws Fault when it ended without `message_stop`: the SDK ends silently when a connection is cut.
 * Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming
 */
export async function readMessageStream(
  stream: AsyncIterable<Anthropic.RawMessageStreamEvent>,
  place: Place,
  one: Try,
): Promise<MessageAnswer> {
  const parts = new Map<unknown, Part>();
  const counted: Counts = {};
  let reason: string | null = null;
  let stopped = false;
  for await (const event of stream) {
    if (event.type === 'message_start') takeCounts(counted, event.message?.usage);
    if (event.type === 'content_block_start') {
      const part = startPart(event.content_block, one);
      if (part) parts.set(event.index, part);
      if (parts.size > maxBlocks) {
        throw new Fault(
          'model_unavailable',
          `${place.name} sent more than ${maxBlocks} blocks in one answer`,
        );
      }
    }
    if (event.type === 'content_block_delta') addDelta(parts.get(event.index), event.delta, one);
    if (event.type === 'message_delta') {
      takeCounts(counted, event.usage);
      reason = event.delta?.stop_reason ?? reason;
    }
    if (event.type === 'message_stop') {
      stopped = true;
      break;
    }
  }
  if (!stopped) {
    throw new Fault('model_unavailable', `${place.name} broke off before its answer ended`, {
      passing: true,
    });
  }
  if (reason === 'refusal')
    throw new Fault('model_refused', `${place.name}: the model declined to answer (refusal)`);
  return assemble([...parts.values()], reason, counted);
}

function startPart(block: Anthropic.ContentBlock | undefined, one: Try): Part | null {
  if (block?.type === 'text') {
    one.say('text', block.text ?? '');
    return { type: 'text', text: block.text ?? '' };
  }
  if (block?.type === 'thinking') {
    one.say('thinking', block.thinking ?? '');
    return { type: 'thinking', thinking: block.thinking ?? '', signature: block.signature ?? '' };
  }
  if (block?.type === 'redacted_thinking') return { type: 'redacted_thinking', data: block.data };
  if (block?.type !== 'tool_use') return null;
  return {
    type: 'tool_use',
    id: String(block.id ?? ''),
    name: String(block.name ?? ''),
    json: '',
    whole: block.input,
  };
}

function addDelta(part: Part | undefined, delta: Anthropic.RawContentBlockDelta | undefined, one: Try): void {
  if (part?.type === 'text' && delta?.type === 'text_delta') {
    part.text += delta.text;
    one.say('text', delta.text);
  }
  if (part?.type === 'thinking' && delta?.type === 'thinking_delta') {
    part.thinking += delta.thinking;
    one.say('thinking', delta.thinking);
  }
  if (part?.type === 'thinking' && delta?.type === 'signature_delta') part.signature += delta.signature;
  if (part?.type === 'tool_use' && delta?.type === 'input_json_delta') part.json += delta.partial_json;
}

function assemble(parts: readonly Part[], reason: string | null, counted: Counts): MessageAnswer {
  const layout: Layout = [];
  const toolCalls: ToolCall[] = [];
  let text = '';
  let thinking = '';
  for (const part of parts) {
    if (part.type === 'text') {
      const clean = cleanText(part.text);
      text += clean;
      layout.push({ type: 'text', chars: clean.length });
    } else if (part.type === 'tool_use') {
      // Compatible servers may send the whole input with the block's start.
      const raw = part.json === '' && part.whole !== undefined ? JSON.stringify(part.whole) : part.json;
      toolCalls.push({
        id: cleanText(part.id),
        name: cleanText(part.name).slice(0, 128),
        ...readArguments(raw),
      });
      layout.push({ type: 'tool_use' });
    } else {
      if (part.type === 'thinking') thinking += part.thinking;
      layout.push(part);
    }
  }
  const cutOff = reason === 'max_tokens' || reason === 'model_context_window_exceeded';
  return {
    text,
    thinking,
    toolCalls,
    finishReason: cutOff ? 'length' : toolCalls.length > 0 ? 'tool_calls' : 'stop',
    usage: usageOf(counted),
    cacheWrites: count(counted.cache_creation_input_tokens),
    layout: parts.some((part) => part.type.endsWith('thinking')) ? layout : null,
  };
}

/** The counts so far; each event's are totals and replace those before. */
interface Counts {
  input_tokens?: unknown;
  output_tokens?: unknown;
  cache_read_input_tokens?: unknown;
  cache_creation_input_tokens?: unknown;
  thinking_tokens?: unknown;
}

function takeCounts(
  counted: Counts,
  usage: Partial<Anthropic.Usage> | Anthropic.MessageDeltaUsage | undefined,
): void {
  counted.input_tokens = usage?.input_tokens ?? counted.input_tokens;
  counted.output_tokens = usage?.output_tokens ?? counted.output_tokens;
  counted.cache_read_input_tokens = usage?.cache_read_input_tokens ?? counted.cache_read_input_tokens;
  counted.cache_creation_input_tokens =
    usage?.cache_creation_input_tokens ?? counted.cache_creation_input_tokens;
  counted.thinking_tokens = usage?.output_tokens_details?.thinking_tokens ?? counted.thinking_tokens;
}

/** Anthropic's `input_tokens` are only those that the cache had no part in; ours are all of the prompt. */
function usageOf(counted: Counts): TokenUsage | null {
  const cached = count(counted.cache_read_input_tokens);
  const input = count(counted.input_tokens) + cached + count(counted.cache_creation_input_tokens);
  const output = count(counted.output_tokens);
  if (input + output === 0) return null;
  return {
    input_tokens: input,
    output_tokens: output,
    cached_tokens: cached,
    reasoning_tokens: Math.min(output, count(counted.thinking_tokens)),
  };
}
