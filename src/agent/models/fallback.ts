import { type Model, ModelError, type ModelRequest, type ModelResponse } from '../model';
import { Fault } from './faults';

/** How long a primary that failed is left alone, milliseconds. */
const restMs = 60_000;

/**
 * A model with another behind it. The second answers a call that the first could not: it was not to be had, or its
 * key or model name is not accepted (401, 403, 404). The calls of the next minute go straight to the second; then
 * the first is tried again. What the first refuses for other reasons, and too long a conversation, comes through.
 * @throws ModelError that tells of both when the second fails too.
 */
export function withFallback(
  primary: { agent: string; model: Model },
  second: { agent: string; model: Model },
  now: () => number = Date.now,
): Model {
  let resting: { until: number; error: string } | null = null;
  const rested = () => resting === null || now() >= resting.until;

  async function takeOver(request: ModelRequest, error: string): Promise<ModelResponse> {
    request.onFallback?.({ from: primary.agent, to: second.agent, error });
    try {
      return await second.model.respond(request);
    } catch (thrown) {
      if (!(thrown instanceof ModelError) || thrown.code === 'context_exceeded') throw thrown;
      throw new ModelError(
        thrown.code,
        `${error}; then ${second.agent}: ${thrown.message}`,
        thrown.retryAfterMs,
      );
    }
  }

  return {
    provider: primary.model.provider,
    name: primary.model.name,
    // Of the one that answers next, so that a conversation is made to fit it.
    get contextTokens() {
      return rested() ? primary.model.contextTokens : second.model.contextTokens;
    },
    get maxTokens() {
      return rested() ? primary.model.maxTokens : second.model.maxTokens;
    },
    async respond(request) {
      if (resting && !rested()) return takeOver(request, resting.error);
      try {
        const response = await primary.model.respond(request);
        resting = null;
        return response;
      } catch (thrown) {
        if (!(thrown instanceof ModelError) || !isReplaceable(thrown)) throw thrown;
        resting = { until: now() + restMs, error: thrown.message };
        return takeOver(request, thrown.message);
      }
    },
  };
}

function isReplaceable(error: ModelError): boolean {
  if (error.code === 'model_unavailable') return true;
  return (
    error instanceof Fault && error.code === 'model_refused' && [401, 403, 404].includes(error.status ?? 0)
  );
}
