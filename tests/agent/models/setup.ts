import type { ModelError, ModelProfile, ModelRequest, ToolSpec } from '../../../src/agent/model';
import type { Message, ToolCall } from '../../../src/core/conversation';
import type { Provider } from '../../support/providers';

export const protocols = ['openai', 'anthropic', 'ollama'] as const;

export const tool: ToolSpec = {
  name: 'read',
  description: 'Reads a file',
  parameters: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
};

export function profile(change: Partial<ModelProfile> = {}): ModelProfile {
  return {
    agent: 'an agent',
    provider: 'scripted',
    model: 'test-model',
    base_url: null,
    api_key: null,
    scenario: null,
    temperature: 0,
    max_tokens: 1000,
    context_tokens: 100_000,
    price: null,
    fallback: null,
    ...change,
  };
}

/** A profile that reaches the local server by the given protocol. */
export function profileFor(
  server: Provider,
  provider: (typeof protocols)[number],
  change: Partial<ModelProfile> = {},
): ModelProfile {
  const base_url = provider === 'openai' ? server.openaiUrl : server.url;
  return profile({ provider, base_url, api_key: server.key, ...change });
}

export interface Heard {
  text: string;
  thinking: string;
  retries: { error: string; try: number; delay_ms: number }[];
  fallbacks: { from: string; to: string; error: string }[];
}

/** A request, and what came back through its callbacks. */
export function ask(change: Partial<ModelRequest> = {}): ModelRequest & { heard: Heard } {
  const heard: Heard = { text: '', thinking: '', retries: [], fallbacks: [] };
  return {
    system: 'You are a coding agent.',
    messages: [user('Mend it.')],
    tools: [tool],
    signal: new AbortController().signal,
    onDelta(kind, text) {
      heard[kind] += text;
    },
    onRetry: (retry) => void heard.retries.push(retry),
    onFallback: (fallback) => void heard.fallbacks.push(fallback),
    ...change,
    heard,
  };
}

export const user = (text: string): Message => ({ role: 'user', text });

export const assistant = (text: string, ...calls: ToolCall[]): Message => ({
  role: 'assistant',
  text,
  tool_calls: calls,
});

export const call = (id: string, change: Partial<ToolCall> = {}): ToolCall => ({
  id,
  name: 'read',
  arguments: { path: 'a.ts' },
  ...change,
});

export const result = (id: string, text = 'contents'): Message => ({
  role: 'tool',
  tool_call_id: id,
  name: 'read',
  text,
  is_error: false,
});

/** What a promise is rejected with; fails the test when it is not. */
export async function rejection(promise: Promise<unknown>): Promise<ModelError> {
  try {
    await promise;
  } catch (error) {
    return error as ModelError;
  }
  throw new Error('expected a rejection');
}
