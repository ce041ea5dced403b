import type { Config } from '../../config';
import type { Model, ModelProfile } from '../model';
import { anthropicModel } from './anthropic';
import { withFallback } from './fallback';
import { openaiModel } from './openai';
import { type Pace, paceOf } from './retry';
import { scriptedModel } from './scripted';

/**
 * The model of a profile, with its fallback behind it where it has one. It keeps what it learns of its provider, so
 * make one for each variation, not for each call. No connection is made before the first call.
 * @param pace for tests: other pauses and clocks than the service's.
 * @throws Error when a scripted agent's scenario cannot be read, or a base_url is no URL.
 */
export function makeModel(
  profile: ModelProfile,
  config: Pick<Config, 'modelTimeoutS'>,
  pace: Partial<Pace> = {},
): Model {
  const whole = { ...paceOf(config.modelTimeoutS), ...pace };
  const model = single(profile, whole);
  // One step only: agents may name each other as fallbacks, and a chain of them would have no end.
  if (!profile.fallback) return model;
  const second = { agent: profile.fallback.agent, model: single(profile.fallback, whole) };
  return withFallback({ agent: profile.agent, model }, second, whole.now);
}

function single(profile: ModelProfile, pace: Pace): Model {
  switch (profile.provider) {
    case 'openai':
    case 'ollama':
      return openaiModel(profile, pace);
    case 'anthropic':
      return anthropicModel(profile, pace);
    case 'scripted':
      return scriptedModel(profile, pace.timeoutMs, pace.sleep);
  }
}
