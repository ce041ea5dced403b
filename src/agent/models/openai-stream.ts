import type OpenAI from 'openai';
import type { ToolCall } from '../../core/conversation';
import type { ModelResponse, TokenUsage } from '../model';
import { cleanText, readArguments } from './conversation';
import { Fault, type Place } from './faults';
import type { Try } from './retry';

export interface ChatAnswer {
  text: string;
  thinking: string;
  toolCalls: ToolCall[];
  finishReason: ModelResponse['finish_reason'];
  /** Null when the server counted nothing. */
  usage: TokenUsage | null;
  /** To be sent back with the message; only when there is something to send. */
  state: { reasoning_content: string } | null;
}

/** A tool call as far as it has come. */
interface Part {
  id: string;
  name: string;
  arguments: string;
}

const maxCalls = 128;

/**
 * Puts a streamed chat completion together. The stream's types are wishes: nothing in it is trusted to be there.
 * @throws Fault when it ended without a `finish_reason`: the SDK ends silently when a connection is cut.
 */
export async function readChatStream(
  stream: AsyncIterable<OpenAI.ChatCompletionChunk>,
  place: Place,
  one: Try,
): Promise<ChatAnswer> {
  const parts: Part[] = [];
  const byIndex = new Map<unknown, Part>();
  let text = '';
  let thinking = '';
  let reasoningContent = false;
  let finish: string | null = null;
  let usage: TokenUsage | null = null;
  try {
    for await (const chunk of stream) {
      usage = readUsage(chunk?.usage) ?? usage;
      const choice = chunk?.choices?.[0];
      // `reasoning_content` (DeepSeek, vLLM) and `reasoning` (Ollama, OpenRouter) are additions to OpenAI's delta.
      const delta: Delta = choice?.delta ?? {};
      const thought = delta.reasoning_content ?? delta.reasoning;
      if (typeof thought === 'string') {
        thinking += thought;
        reasoningContent ||= typeof delta.reasoning_content === 'string';
        one.say('thinking', thought);
      }
      for (const said of [delta.content, delta.refusal]) {
        if (typeof said !== 'string') continue;
        text += said;
        one.say('text', said);
      }
      for (const piece of delta.tool_calls ?? []) addPiece(piece, parts, byIndex);
      if (parts.length > maxCalls) {
        throw new Fault(
          'model_unavailable',
          `${place.name} sent more than ${maxCalls} tool calls in one answer`,
        );
      }
      finish = choice?.finish_reason ?? finish;
    }
  } catch (error) {
    // Once the end was told, only the usage can be missing, and that can be estimated.
    if (finish === null || error instanceof Fault) throw error;
  }
  if (finish === null || finish === 'error') {
    throw new Fault('model_unavailable', `${place.name} broke off before its answer ended`, {
      passing: true,
    });
  }
  if (finish === 'content_filter') {
    throw new Fault('model_refused', `${place.name} withheld its answer (content_filter)`);
  }
  const toolCalls = parts.map(
    (part): ToolCall => ({ id: part.id, name: part.name, ...readArguments(part.arguments) }),
  );
  return {
    text: cleanText(text),
    thinking,
    toolCalls,
    finishReason: finish === 'length' ? 'length' : toolCalls.length > 0 ? 'tool_calls' : 'stop',
    usage,
    state: reasoningContent && toolCalls.length > 0 ? { reasoning_content: cleanText(thinking) } : null,
  };
}

type Delta = Partial<OpenAI.ChatCompletionChunk.Choice.Delta> & {
  reasoning_content?: unknown;
  reasoning?: unknown;
};

/** Some servers number every call 0, or none: a new id means a new call. */
function addPiece(
  piece: OpenAI.ChatCompletionChunk.Choice.Delta.ToolCall,
  parts: Part[],
  byIndex: Map<unknown, Part>,
): void {
  const id = typeof piece.id === 'string' ? piece.id : '';
  let part = byIndex.get(piece.index);
  if (!part || (id !== '' && part.id !== '' && part.id !== id)) {
    part = { id: '', name: '', arguments: '' };
    parts.push(part);
    byIndex.set(piece.index, part);
  }
  if (id !== '') part.id = cleanText(id);
  const { name, arguments: written } = piece.function ?? {};
  // A name comes whole; servers that repeat it with every piece must not make it longer.
  if (typeof name === 'string' && part.name === '') part.name = cleanText(name).slice(0, 128);
  if (typeof written === 'string') part.arguments += written;
  else if (written) part.arguments += JSON.stringify(written);
}

function readUsage(usage: OpenAI.CompletionUsage | null | undefined): TokenUsage | null {
  const input = count(usage?.prompt_tokens);
  const output = count(usage?.completion_tokens);
  if (input + output === 0) return null;
  return {
    input_tokens: input,
    output_tokens: output,
    cached_tokens: Math.min(input, count(usage?.prompt_tokens_details?.cached_tokens)),
    reasoning_tokens: Math.min(output, count(usage?.completion_tokens_details?.reasoning_tokens)),
  };
}

/** A number of tokens as a stranger tells it: 0 for what is none. */
export function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
