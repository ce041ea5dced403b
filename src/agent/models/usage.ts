import type { ToolCall } from '../../core/conversation';
import type { ModelRequest, TokenUsage } from '../model';

/** Tokens of a text, by the rule of thumb of four characters each; for when nobody counted. */
export function estimateTokens(chars: number): number {
  return Math.ceil(chars / 4);
}

/** What a call used, from the lengths of its texts alone: the same every time for the same texts. */
export function estimateUsage(
  request: Pick<ModelRequest, 'system' | 'messages' | 'tools'>,
  text: string,
  thinking: string,
  toolCalls: readonly ToolCall[],
): TokenUsage {
  let prompt = request.system.length;
  if (request.tools.length > 0) prompt += JSON.stringify(request.tools).length;
  for (const message of request.messages) {
    prompt += message.text.length;
    if (message.role === 'assistant') prompt += callChars(message.tool_calls);
  }
  return {
    input_tokens: estimateTokens(prompt),
    output_tokens: estimateTokens(text.length + thinking.length + callChars(toolCalls)),
    cached_tokens: 0,
    reasoning_tokens: estimateTokens(thinking.length),
  };
}

function callChars(calls: readonly ToolCall[]): number {
  let chars = 0;
  for (const call of calls) {
    chars += call.name.length + (call.raw?.length ?? JSON.stringify(call.arguments).length);
  }
  return chars;
}
