import Anthropic from '@anthropic-ai/sdk';
import type { AssistantMessage, Message, ToolCall } from '../../core/conversation';
import type { Model, ModelProfile, ModelRequest, ModelResponse } from '../model';
import { type Layout, readMessageStream } from './anthropic-stream';
import { cleanText, repairConversation, withDistinctIds } from './conversation';
import type { Place } from './faults';
import { costOf, priceOf } from './prices';
import { type Pace, type Try, withRetries } from './retry';
import { watchedFetch } from './transport';
import { estimateUsage } from './usage';

/**
 * Messages, streamed, through Anthropic's SDK, with prompt caching.
 * Sources: https://docs.anthropic.com/en/api/messages, https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching
 */
export function anthropicModel(profile: ModelProfile, pace: Pace): Model {
  // The SDK appends `/v1` itself.
  const baseURL = (profile.base_url ?? 'https://api.anthropic.com').replace(/(\/v1)?\/*$/, '');
  const url = new URL(baseURL);
  const apiKey = profile.api_key ?? 'none';
  // The SDK sends the key as a bearer token; other servers of this protocol often know only the older header.
  const ownServer = url.hostname !== 'api.anthropic.com';
  const place: Place = {
    name: `anthropic at ${url.origin}`,
    secrets: [profile.api_key ?? '', decodeURIComponent(url.password)],
    now: pace.now,
  };
  /** Where the name does not tell, learned from the first refusal. */
  const quirks = { temperature: takesTemperature(profile.model) };

  async function attempt(request: ModelRequest, messages: Message[], one: Try): Promise<ModelResponse> {
    const started = performance.now();
    // Everything is given, so that the SDK looks for nothing in the environment or in the user's files.
    const client = new Anthropic({
      apiKey,
      authToken: null,
      baseURL,
      maxRetries: 0,
      timeout: pace.timeoutMs,
      logLevel: 'off',
      defaultHeaders: ownServer ? { 'x-api-key': apiKey } : {},
      fetch: watchedFetch(place, one.heard),
    });
    const body = bodyOf(profile, request, messages);
    const stream = await create(client, body, quirks, one.signal);
    const answer = await readMessageStream(stream, place, one);
    const toolCalls = withDistinctIds(answer.toolCalls, request.messages);
    const usage = answer.usage ?? estimateUsage(request, answer.text, answer.thinking, toolCalls);
    return {
      message: {
        role: 'assistant',
        text: answer.text,
        tool_calls: toolCalls,
        ...(answer.layout ? { provider_state: stateOf(profile.model, answer.layout) } : {}),
      },
      finish_reason: answer.finishReason,
      usage,
      cost_usd: costOf(usage, priceOf(profile), answer.cacheWrites),
      latency_ms: Math.round(performance.now() - started),
      provider: 'anthropic',
      model: profile.model,
    };
  }

  return {
    provider: 'anthropic',
    name: profile.model,
    contextTokens: profile.context_tokens,
    maxTokens: profile.max_tokens,
    respond(request) {
      const messages = repairConversation(request.messages);
      return withRetries(request, place, pace, (one) => attempt(request, messages, one));
    },
  };
}

/** The SDK's types no longer know `temperature`; models before Claude Opus 4.7 and many compatible servers do. */
type Body = Anthropic.MessageCreateParamsStreaming & { temperature?: number };
type Block = Anthropic.ContentBlockParam;

async function create(client: Anthropic, body: Body, quirks: { temperature: boolean }, signal: AbortSignal) {
  const { temperature: _, ...without } = body;
  if (!quirks.temperature) return client.messages.create(without, { signal });
  try {
    return await client.messages.create(body, { signal });
  } catch (error) {
    if (!(error instanceof Anthropic.APIError) || error.status !== 400) throw error;
    if (!/\btemperature\b.*(deprecated|not support|unsupported|not permitted|only)/i.test(error.message))
      throw error;
    quirks.temperature = false;
    return client.messages.create(without, { signal });
  }
}

/** Claude's newer models refuse it; it is the operator's wish for everything else. */
function takesTemperature(model: string): boolean {
  if (!model.startsWith('claude-')) return true;
  return /^claude-(3|(opus|sonnet|haiku)-4(-[0-6])?(-\d{8})?$)/.test(model);
}

function bodyOf(profile: ModelProfile, request: ModelRequest, messages: Message[]): Body {
  const turns = turnsOf(messages, profile.model);
  // Four marks are allowed. The newest turn's writes the cache for the next call; the one before it finds this call's
  // prefix even when the newest turn has more blocks than the provider looks back over.
  for (const turn of turns.filter((one) => one.role === 'user').slice(-2)) mark(turn.content.at(-1));
  const tools = request.tools.map(
    ({ name, description, parameters }): Anthropic.Tool => ({
      name,
      description,
      input_schema: { ...parameters, type: 'object' },
    }),
  );
  mark(tools.at(-1));
  const system = cleanText(request.system);
  return {
    model: profile.model,
    max_tokens: profile.max_tokens,
    // Anthropic's scale ends at 1.
    temperature: Math.min(1, profile.temperature),
    stream: true,
    messages: turns,
    ...(system.trim() === ''
      ? {}
      : { system: [{ type: 'text', text: system, cache_control: { type: 'ephemeral' } }] }),
    ...(tools.length > 0 ? { tools } : {}),
  };
}

function mark(thing: Block | Anthropic.Tool | undefined): void {
  // Thinking cannot be marked, and never stands in a user's turn.
  if (!thing || thing.type === 'thinking' || thing.type === 'redacted_thinking') return;
  Object.assign(thing, { cache_control: { type: 'ephemeral' } });
}

interface WireTurn {
  role: 'user' | 'assistant';
  content: Block[];
}

/** User texts and tool results that follow each other become one turn: results must all stand in the next message. */
function turnsOf(messages: readonly Message[], model: string): WireTurn[] {
  const turns: WireTurn[] = [];
  for (const message of messages) {
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    let turn = turns.at(-1);
    if (turn?.role !== role) {
      turn = { role, content: [] };
      turns.push(turn);
    }
    if (message.role === 'user') turn.content.push({ type: 'text', text: message.text });
    if (message.role === 'assistant') turn.content.push(...assistantBlocks(message, model));
    if (message.role === 'tool') {
      turn.content.push({
        type: 'tool_result',
        tool_use_id: message.tool_call_id,
        content: message.text,
        ...(message.is_error ? { is_error: true } : {}),
      });
    }
  }
  return turns;
}

/** Kept with a message that had thinking: it must go back as it came, in its place, and only to the same model. */
interface State {
  anthropic: { model: string; layout: Layout };
}

function stateOf(model: string, layout: Layout): State {
  return { anthropic: { model, layout } };
}

function assistantBlocks(message: AssistantMessage, model: string): Block[] {
  const state = message.provider_state as Partial<State> | undefined;
  const layout = state?.anthropic?.model === model ? state.anthropic.layout : [];
  const blocks: Block[] = [];
  const calls = [...message.tool_calls];
  let rest = message.text;
  for (const block of layout) {
    if (block.type === 'text') {
      pushText(blocks, rest.slice(0, block.chars));
      rest = rest.slice(block.chars);
    } else if (block.type === 'tool_use') {
      const call = calls.shift();
      if (call) blocks.push(callBlock(call));
    } else blocks.push(block);
  }
  pushText(blocks, rest);
  blocks.push(...calls.map(callBlock));
  return blocks;
}

function pushText(blocks: Block[], text: string): void {
  if (text.trim() !== '') blocks.push({ type: 'text', text });
}

function callBlock(call: ToolCall): Block {
  return { type: 'tool_use', id: call.id, name: call.name, input: call.arguments ?? {} };
}
