import { describe, expect, test } from 'bun:test';
import type { ModelProfile } from '../../../src/agent/model';
import { mostOf, mostPromptTokens } from '../../../src/agent/models/most';
import { costOf, priceOf } from '../../../src/agent/models/prices';

const profile = (change: Partial<ModelProfile> = {}): ModelProfile => ({
  agent: 'anna',
  provider: 'openai',
  model: 'gpt-5',
  base_url: null,
  api_key: null,
  scenario: null,
  temperature: 0,
  max_tokens: 1000,
  context_tokens: 100_000,
  price: null,
  fallback: null,
  ...change,
});

describe('what a call may cost at most', () => {
  test('is prompt and all of the answer, at their prices', () => {
    expect(mostOf(profile(), 2000)).toEqual({ tokens: 3000, usd: (2000 * 1.25 + 1000 * 10) / 1e6 });
  });

  test('is the dearer of agent and fallback, in tokens and in dollars', () => {
    const fallback = profile({ provider: 'anthropic', model: 'claude-opus-4-1', max_tokens: 500 });
    const most = mostOf(profile({ fallback }), 2000);
    expect(most.tokens).toBe(3000);
    expect(most.usd).toBeCloseTo((2000 * 15 * 1.25 + 500 * 75) / 1e6, 12);
  });

  test('is not known when either price is not', () => {
    expect(mostOf(profile({ model: 'own-1' }), 10).usd).toBeNull();
    expect(mostOf(profile({ fallback: profile({ model: 'own-1' }) }), 10).usd).toBeNull();
    expect(mostOf(profile({ provider: 'ollama', model: 'own-1' }), 10)).toEqual({ tokens: 1010, usd: 0 });
  });

  test('covers a cache that is written, and one that is not hit', () => {
    const claude = profile({ provider: 'anthropic', model: 'claude-sonnet-4-5' });
    const used = { input_tokens: 2000, output_tokens: 1000, cached_tokens: 0, reasoning_tokens: 0 };
    expect(mostOf(claude, 2000).usd).toBeGreaterThanOrEqual(costOf(used, priceOf(claude), 2000)!);
  });
});

describe('tokens of a prompt', () => {
  const count = (text: string): number =>
    mostPromptTokens({ system: '', messages: [{ role: 'user', text }], tools: [] });

  test('are over, never under, what such texts have: digits in hexadecimal go in twos at the worst', () => {
    expect(count('The quick brown fox jumps over the lazy dog.')).toBeGreaterThan(10);
    expect(count('d41d8cd98f00b204e9800998ecf8427e'.repeat(100))).toBeGreaterThan(1600);
    // One token a character, which has three bytes.
    expect(count('退款金额应四舍五入到最接近的分'.repeat(100))).toBeGreaterThan(1500);
  });

  test('count calls, their answers, state that a provider wants back, and tools', () => {
    const call = { id: 'c1', name: 'read_file', arguments: { path: 'a'.repeat(1000) } };
    const plain = mostPromptTokens({ system: '', messages: [], tools: [] });
    const of = (request: Partial<Parameters<typeof mostPromptTokens>[0]>): number =>
      mostPromptTokens({ system: '', messages: [], tools: [], ...request }) - plain;
    expect(of({ messages: [{ role: 'assistant', text: '', tool_calls: [call] }] })).toBeGreaterThan(500);
    expect(
      of({ messages: [{ role: 'assistant', text: '', tool_calls: [], provider_state: 'x'.repeat(1000) }] }),
    ).toBeGreaterThan(500);
    expect(
      of({ tools: [{ name: 'a', description: 'b'.repeat(1000), parameters: {} }], system: 'c'.repeat(1000) }),
    ).toBeGreaterThan(1000);
  });
});
