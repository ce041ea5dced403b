import type { Message } from '../../core/conversation';
import type { ModelProfile, ToolSpec } from '../model';
import { priceOf } from './prices';

/** Bytes of UTF-8 that make a token at the least: prose has 4, code 3, hexadecimal and Chinese 2 to 3. */
const bytesPerToken = 2;
/** What providers add around each message, call and tool, in tokens. */
const aroundEach = 16;
/** Anthropic's charge for what it writes to its cache, against plain input. */
const cacheWrite = 1.25;

/**
 * What a call may cost at most, to be set aside before it is made: the prompt and all of `max_tokens`, by the dearer
 * of an agent and its fallback. What is left over comes back with the answer.
 * @param prompt its tokens, as `mostPromptTokens` has them
 * @returns `usd` null when a price of either is not known
 */
export function mostOf(profile: ModelProfile, prompt: number): { tokens: number; usd: number | null } {
  const each = [profile, ...(profile.fallback ? [profile.fallback] : [])];
  const costs = each.map((one) => mostUsd(one, prompt)).filter((usd) => usd !== null);
  return {
    tokens: prompt + Math.max(...each.map((one) => one.max_tokens)),
    usd: costs.length < each.length ? null : Math.max(...costs),
  };
}

/**
 * Tokens that a prompt may have, rather too many than too few. Nobody can count a provider's tokens beforehand, so
 * a token is taken to be only two bytes long: English and code are overestimated by half to twice.
 */
export function mostPromptTokens(request: {
  system: string;
  messages: readonly Message[];
  tools: readonly ToolSpec[];
}): number {
  const { system, messages, tools } = request;
  let bytes = size(system) + size(JSON.stringify(tools));
  let things = 1 + messages.length + tools.length;
  for (const message of messages) {
    bytes += size(message.text);
    if (message.role === 'tool') bytes += size(message.tool_call_id) + size(message.name);
    if (message.role !== 'assistant') continue;
    things += message.tool_calls.length;
    for (const call of message.tool_calls)
      bytes += size(call.id) + size(call.name) + size(call.raw ?? JSON.stringify(call.arguments));
    if (message.provider_state !== undefined) bytes += size(JSON.stringify(message.provider_state));
  }
  return Math.ceil(bytes / bytesPerToken) + things * aroundEach;
}

function mostUsd(profile: ModelProfile, prompt: number): number | null {
  const price = priceOf(profile);
  if (!price) return null;
  const input = price.input * (profile.provider === 'anthropic' ? cacheWrite : 1);
  return (prompt * Math.max(input, price.cached) + profile.max_tokens * price.output) / 1_000_000;
}

function size(text: string): number {
  return Buffer.byteLength(text);
}
