import type { Price, Provider, Usage } from '../../drizzle/schema';
import type { AssistantMessage, Message } from '../core/conversation';

/** A tool as a model is told of it; `parameters` is a JSON Schema of an object. */
export interface ToolSpec {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

export interface ModelRequest {
  system: string;
  messages: readonly Message[];
  tools: readonly ToolSpec[];
  signal: AbortSignal;
  /** Called with pieces of the answer as they arrive. */
  onDelta?: (kind: 'text' | 'thinking', text: string) => void;
  /** Called before each wait for another try. Pieces seen so far will come again. */
  onRetry?: (retry: { error: string; try: number; delay_ms: number }) => void;
  /** Called when another agent's model takes the call over. */
  onFallback?: (change: { from: string; to: string; error: string }) => void;
}

export type TokenUsage = Omit<Usage, 'model_calls' | 'cost_usd'>;

/** A whole answer: only made when the provider said that it had ended properly. */
export interface ModelResponse {
  message: AssistantMessage;
  /** `length`: cut off by `max_tokens`; its tool calls must not be run. */
  finish_reason: 'stop' | 'tool_calls' | 'length';
  usage: TokenUsage;
  cost_usd: number | null;
  latency_ms: number;
  provider: Provider;
  model: string;
}

/** What answers a prompt: one adapter for each wire protocol. */
export interface Model {
  readonly provider: Provider;
  readonly name: string;
  /** Tokens that prompt and answer may hold together. */
  readonly contextTokens: number;
  readonly maxTokens: number;
  /**
   * Asks once; retries of passing faults included.
   * @throws ModelError when no whole answer could be had, AbortError when `signal` fires.
   */
  respond(request: ModelRequest): Promise<ModelResponse>;
}

/** An agent's side of the model: everything an adapter needs, secrets in clear. Never logged, never an event. */
export interface ModelProfile {
  /** The agent's name. */
  agent: string;
  provider: Provider;
  model: string;
  base_url: string | null;
  api_key: string | null;
  scenario: unknown;
  temperature: number;
  max_tokens: number;
  context_tokens: number;
  price: Price | null;
  fallback: ModelProfile | null;
}

/** No answer: `model_unavailable` may pass (down, slow, overloaded, out of quota, cut off); `model_refused` will not. */
export class ModelError extends Error {
  override name = 'ModelError';
  constructor(
    readonly code: 'model_unavailable' | 'model_refused' | 'context_exceeded',
    message: string,
    /** The provider's own wish for the next try. */
    readonly retryAfterMs: number | null = null,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
