import type { Message } from '../core/conversation';
import { VariationFailure } from '../core/failure';
import { coalesce } from './coalesce';
import type { Journal } from './journal';
import { type Model, ModelError, type ModelResponse, type ToolSpec } from './model';
import { withDistinctIds } from './models/conversation';
import { mostPromptTokens } from './models/most';

export interface AskInput {
  model: Model;
  journal: Journal;
  signal: AbortSignal;
  /** Counts the variation's model calls. */
  call: number;
  system: string;
  messages: readonly Message[];
  tools: readonly ToolSpec[];
  /** What the model is told that it was not told before. */
  added: string[];
  /** The directives among it, by id. */
  directives: readonly number[];
  /** What checks have against the work is among it. */
  feedback: boolean;
  /** The whole prompt goes into the record. */
  verbose: boolean;
}

/**
 * Asks the model once, shows its answer as it comes, and has it committed before anyone acts on it (invariant 5).
 * @throws VariationFailure with the model's code, or the journal's; the signal's reason as soon as it fires.
 */
export async function ask(input: AskInput): Promise<ModelResponse> {
  const { model, journal, signal, call, system, messages, tools } = input;
  await journal.requested(
    {
      call,
      provider: model.provider,
      model: model.name,
      messages: messages.length,
      added: input.added,
      ...(input.verbose ? { prompt: { system, messages: [...messages], tools } } : {}),
    },
    { directives: input.directives, feedback: input.feedback, prompt: mostPromptTokens(input) },
  );
  signal.throwIfAborted();
  let streamed = false;
  const stream = coalesce<'text' | 'thinking'>((kind, text) =>
    journal.emit({ type: kind === 'text' ? 'agent.message' : 'agent.thinking', payload: { call, text } }),
  );
  try {
    const response = await unlessAborted(
      signal,
      model.respond({
        system,
        messages,
        tools,
        signal,
        onDelta(kind, text) {
          if (signal.aborted) return;
          if (kind === 'text') streamed = true;
          stream.push(kind, text);
        },
        onRetry(retry) {
          // What was seen will come again; readers drop the pieces before this event.
          stream.flush();
          streamed = false;
          journal.emit({ type: 'model.retried', payload: { call, ...retry } });
        },
        onFallback(change) {
          stream.flush();
          streamed = false;
          journal.emit({ type: 'model.fell_back', payload: { call, ...change } });
        },
      }),
    );
    const message = {
      ...response.message,
      tool_calls: withDistinctIds(response.message.tool_calls, messages),
    };
    if (!streamed) stream.push('text', message.text);
    stream.flush();
    const { provider, finish_reason, usage, cost_usd, latency_ms } = response;
    await journal.answered({
      call,
      provider,
      model: response.model,
      finish_reason,
      usage,
      cost_usd,
      latency_ms,
      message,
    });
    signal.throwIfAborted();
    return { ...response, message };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ModelError) {
      const transient = error.code === 'model_unavailable';
      throw new VariationFailure(error.code, error.message, { cause: error, transient });
    }
    throw error;
  } finally {
    stream.flush();
  }
}

/** A model that is slow to give up must not keep a stop waiting. */
async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  promise.catch(() => {}); // Nobody may be left to hear it.
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
