import type { Price } from '../../../drizzle/schema';
import type { ModelProfile, TokenUsage } from '../model';

/**
 * USD per million tokens (input, output, input read from the cache), as the providers' price pages had them in
 * mid-2026: standard tier, short context. Prices change and this table does not know: an agent's own `price`
 * overrides it, and a model that is not in it costs `null`, never a guess.
 *
 * Sources: https://platform.openai.com/docs/pricing and https://docs.anthropic.com/en/docs/about-claude/pricing
 */
const table: Record<'openai' | 'anthropic', Record<string, readonly [number, number, number]>> = {
  openai: {
    'gpt-5.5': [5, 30, 0.5],
    'gpt-5.4': [2.5, 15, 0.25],
    'gpt-5.4-mini': [0.75, 4.5, 0.075],
    'gpt-5.4-nano': [0.2, 1.25, 0.02],
    'gpt-5.2': [1.75, 14, 0.175],
    'gpt-5.1': [1.25, 10, 0.125],
    'gpt-5.1-codex': [1.25, 10, 0.125],
    'gpt-5': [1.25, 10, 0.125],
    'gpt-5-codex': [1.25, 10, 0.125],
    'gpt-5-mini': [0.25, 2, 0.025],
    'gpt-5-nano': [0.05, 0.4, 0.005],
    'gpt-4.1': [2, 8, 0.5],
    'gpt-4.1-mini': [0.4, 1.6, 0.1],
    'gpt-4.1-nano': [0.1, 0.4, 0.025],
    'gpt-4o': [2.5, 10, 1.25],
    'gpt-4o-mini': [0.15, 0.6, 0.075],
    'o4-mini': [1.1, 4.4, 0.275],
    o3: [2, 8, 0.5],
    'o3-mini': [1.1, 4.4, 0.55],
    o1: [15, 60, 7.5],
  },
  anthropic: {
    'claude-opus-4-8': [5, 25, 0.5],
    'claude-opus-4-7': [5, 25, 0.5],
    'claude-opus-4-6': [5, 25, 0.5],
    'claude-sonnet-4-6': [3, 15, 0.3],
    'claude-opus-4-5': [5, 25, 0.5],
    'claude-sonnet-4-5': [3, 15, 0.3],
    'claude-haiku-4-5': [1, 5, 0.1],
    'claude-opus-4-1': [15, 75, 1.5],
    'claude-opus-4': [15, 75, 1.5],
    'claude-sonnet-4': [3, 15, 0.3],
    'claude-3-7-sonnet': [3, 15, 0.3],
    'claude-3-5-haiku': [0.8, 4, 0.08],
  },
};

const free: Price = { input: 0, output: 0, cached: 0 };

/** What an agent's model costs: its own price, else the table's, else null. `ollama` and `scripted` cost nothing. */
export function priceOf(profile: Pick<ModelProfile, 'provider' | 'model' | 'price'>): Price | null {
  if (profile.price) return profile.price;
  if (profile.provider === 'ollama' || profile.provider === 'scripted') return free;
  const models = table[profile.provider];
  // Only a date may follow a known name: `gpt-5.5` is not a kind of `gpt-5`, and `gpt-5-pro` costs twelve times more.
  const name = [profile.model, profile.model.replace(/-(\d{4}-\d{2}-\d{2}|\d{8}|latest|0)$/, '')].find(
    (one) => Object.hasOwn(models, one),
  );
  const price = name === undefined ? undefined : models[name];
  return price ? { input: price[0], output: price[1], cached: price[2] } : null;
}

/**
 * USD of one call, or null when the price is not known.
 * @param cacheWrites those of the input tokens that were written to Anthropic's five-minute cache: a quarter dearer.
 */
export function costOf(usage: TokenUsage, price: Price | null, cacheWrites = 0): number | null {
  if (!price) return null;
  const fresh = Math.max(0, usage.input_tokens - usage.cached_tokens);
  const micro =
    fresh * price.input +
    usage.cached_tokens * price.cached +
    Math.min(cacheWrites, fresh) * price.input * 0.25 +
    usage.output_tokens * price.output;
  return micro / 1_000_000;
}
