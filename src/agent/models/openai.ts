import OpenAI from 'openai';
import type { Message } from '../../core/conversation';
import type { Model, ModelProfile, ModelRequest, ModelResponse } from '../model';
import { repairConversation, withDistinctIds } from './conversation';
import type { Place } from './faults';
import { readChatStream } from './openai-stream';
import { costOf, priceOf } from './prices';
import { type Pace, type Try, withRetries } from './retry';
import { watchedFetch } from './transport';
import { estimateUsage } from './usage';

/** What the server turned out not to take. Learned from its refusals, once for each, and kept for the next calls. */
interface Quirks {
  temperature: boolean;
  streamOptions: boolean;
  maxTokens: 'max_tokens' | 'max_completion_tokens';
  swapped: boolean;
}

/**
 * Chat completions, streamed, through OpenAI's SDK; for OpenAI, Ollama (its `/v1`) and whatever speaks the same.
 * Source: https://platform.openai.com/docs/api-reference/chat
 */
export function openaiModel(profile: ModelProfile, pace: Pace): Model {
  const baseURL = baseUrlOf(profile);
  const url = new URL(baseURL);
  const apiKey = profile.api_key ?? (profile.provider === 'ollama' ? 'ollama' : 'none');
  const place: Place = {
    name: `${profile.provider} at ${url.origin}`,
    secrets: [profile.api_key ?? '', decodeURIComponent(url.password)],
    now: pace.now,
  };
  const quirks: Quirks = {
    temperature: true,
    streamOptions: true,
    // OpenAI's newer models refuse the old name; other servers often know no other.
    maxTokens: url.hostname === 'api.openai.com' ? 'max_completion_tokens' : 'max_tokens',
    swapped: false,
  };

  async function attempt(request: ModelRequest, messages: Message[], one: Try): Promise<ModelResponse> {
    const started = performance.now();
    // Everything is given, so that the SDK looks for nothing in the environment.
    const client = new OpenAI({
      apiKey,
      baseURL,
      organization: null,
      project: null,
      adminAPIKey: null,
      maxRetries: 0,
      timeout: pace.timeoutMs,
      logLevel: 'off',
      fetch: watchedFetch(place, one.heard),
    });
    const stream = await create(client, bodyOf(profile, quirks, request, messages), quirks, one.signal);
    const answer = await readChatStream(stream, place, one);
    const toolCalls = withDistinctIds(answer.toolCalls, request.messages);
    const usage = answer.usage ?? estimateUsage(request, answer.text, answer.thinking, toolCalls);
    return {
      message: {
        role: 'assistant',
        text: answer.text,
        tool_calls: toolCalls,
        ...(answer.state ? { provider_state: answer.state } : {}),
      },
      finish_reason: answer.finishReason,
      usage,
      cost_usd: costOf(usage, priceOf(profile)),
      latency_ms: Math.round(performance.now() - started),
      provider: profile.provider,
      model: profile.model,
    };
  }

  return {
    provider: profile.provider,
    name: profile.model,
    contextTokens: profile.context_tokens,
    maxTokens: profile.max_tokens,
    respond(request) {
      const messages = repairConversation(request.messages);
      return withRetries(request, place, pace, (one) => attempt(request, messages, one));
    },
  };
}

function baseUrlOf(profile: ModelProfile): string {
  if (profile.provider !== 'ollama') return profile.base_url ?? 'https://api.openai.com/v1';
  const host = (profile.base_url ?? 'http://127.0.0.1:11434').replace(/\/+$/, '');
  return host.endsWith('/v1') ? host : `${host}/v1`;
}

type Body = OpenAI.ChatCompletionCreateParamsStreaming;

async function create(client: OpenAI, body: Body, quirks: Quirks, signal: AbortSignal) {
  for (let asked = body; ; ) {
    try {
      return await client.chat.completions.create(asked, { signal });
    } catch (error) {
      const adapted = adapt(error, asked, quirks);
      if (!adapted) throw error;
      asked = adapted;
    }
  }
}

/** The body without what the refusal names as unsupported; null when it names nothing that can be spared. */
function adapt(error: unknown, body: Body, quirks: Quirks): Body | null {
  if (!(error instanceof OpenAI.APIError) || (error.status !== 400 && error.status !== 422)) return null;
  const text = `${error.param ?? ''} ${error.message}`;
  if (
    !/unsupported|not support|deprecated|unknown|unrecogni[sz]ed|not permitted|only the default|extra_forbidden/i.test(
      text,
    )
  ) {
    return null;
  }
  const { temperature, stream_options, max_tokens, max_completion_tokens, ...rest } = body;
  const limit = max_tokens ?? max_completion_tokens;
  if (quirks.temperature && /\btemperature\b/.test(text)) {
    quirks.temperature = false;
    return { ...rest, stream_options, max_tokens, max_completion_tokens };
  }
  if (!quirks.swapped && text.includes(quirks.maxTokens)) {
    quirks.swapped = true;
    quirks.maxTokens = quirks.maxTokens === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
    return { ...rest, temperature, stream_options, [quirks.maxTokens]: limit };
  }
  if (quirks.streamOptions && text.includes('stream_options')) {
    quirks.streamOptions = false;
    return { ...rest, temperature, max_tokens, max_completion_tokens };
  }
  return null;
}

function bodyOf(profile: ModelProfile, quirks: Quirks, request: ModelRequest, messages: Message[]): Body {
  const system =
    request.system.trim() === '' ? [] : [{ role: 'system' as const, content: request.system.toWellFormed() }];
  return {
    model: profile.model,
    messages: [...system, ...messages.map(toWire)],
    stream: true,
    [quirks.maxTokens]: profile.max_tokens,
    ...(quirks.streamOptions ? { stream_options: { include_usage: true } } : {}),
    ...(quirks.temperature ? { temperature: profile.temperature } : {}),
    ...(request.tools.length > 0
      ? {
          tools: request.tools.map(({ name, description, parameters }) => ({
            type: 'function' as const,
            function: { name, description, parameters },
          })),
        }
      : {}),
  };
}

function toWire(message: Message): OpenAI.ChatCompletionMessageParam {
  if (message.role === 'user') return { role: 'user', content: message.text };
  if (message.role === 'tool') {
    return { role: 'tool', tool_call_id: message.tool_call_id, content: message.text };
  }
  return {
    role: 'assistant',
    content: message.text.trim() === '' ? null : message.text,
    ...(message.tool_calls.length > 0
      ? {
          tool_calls: message.tool_calls.map((call) => ({
            id: call.id,
            type: 'function' as const,
            function: { name: call.name, arguments: JSON.stringify(call.arguments ?? {}) },
          })),
        }
      : {}),
    ...reasoningOf(message.provider_state),
  };
}

/** Thinking models behind some compatible servers want their reasoning back between their own tool calls. */
function reasoningOf(state: unknown): { reasoning_content?: string } {
  if (typeof state !== 'object' || state === null || !('reasoning_content' in state)) return {};
  return typeof state.reasoning_content === 'string' ? { reasoning_content: state.reasoning_content } : {};
}
