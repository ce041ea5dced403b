import { ModelError } from '../agent/model';
import { makeModel } from '../agent/models';
import { VariationFailure } from '../core/failure';
import { masker } from '../core/secret';
import type { Parts } from './parts';
import { toProfile } from './profile';

const limitMs = 30_000;

/** Asks an agent's model one small question: is it there, does the key fit, what does it cost. Never throws for the model. */
export async function testAgent(parts: Pick<Parts, 'database' | 'vault' | 'config'>, id: number) {
  const { profile } = await toProfile(parts, id);
  const mask = masker([profile.api_key]);
  const started = performance.now();
  try {
    const model = makeModel(
      { ...profile, fallback: null, max_tokens: Math.min(profile.max_tokens, 64) },
      parts.config,
    );
    const answer = await model.respond({
      system: 'You are asked whether you are there.',
      messages: [{ role: 'user', text: 'Answer with the one word: ready' }],
      tools: [],
      signal: AbortSignal.timeout(limitMs),
    });
    const { text } = answer.message;
    return {
      ok: true,
      model: answer.model,
      latency_ms: Math.round(performance.now() - started),
      cost_usd: answer.cost_usd,
      answer: mask(text.slice(0, 200)),
      error: null,
    };
  } catch (error) {
    const known = error instanceof ModelError || error instanceof VariationFailure;
    const code = known ? error.code : 'model_unavailable';
    const message = known ? error.message : `no answer within ${limitMs / 1000} s`;
    return {
      ok: false,
      model: profile.model,
      latency_ms: null,
      cost_usd: null,
      answer: null,
      error: { code, message: mask(message) },
    };
  }
}
