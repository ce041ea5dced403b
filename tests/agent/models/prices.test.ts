import { describe, expect, test } from 'bun:test';
import { costOf, priceOf } from '../../../src/agent/models/prices';

const usage = {
  input_tokens: 1_000_000,
  cached_tokens: 400_000,
  output_tokens: 100_000,
  reasoning_tokens: 50_000,
};

describe('priceOf', () => {
  test('knows a model by its id, with or without a date', () => {
    const known = { input: 1.25, output: 10, cached: 0.125 };
    for (const model of ['gpt-5', 'gpt-5-2025-08-07']) {
      expect(priceOf({ provider: 'openai', model, price: null })).toEqual(known);
    }
    const sonnet = { input: 3, output: 15, cached: 0.3 };
    for (const model of ['claude-sonnet-4-5', 'claude-sonnet-4-5-20250929']) {
      expect(priceOf({ provider: 'anthropic', model, price: null })).toEqual(sonnet);
    }
  });

  test('guesses nothing: a longer name is another model, and so is the same name elsewhere', () => {
    for (const model of [
      'gpt-5-pro',
      'gpt-5.9',
      'gpt-5-mini-high',
      'gpt',
      '',
      'constructor',
      'claude-sonnet-4-5',
    ]) {
      expect(priceOf({ provider: 'openai', model, price: null })).toBeNull();
    }
  });

  test("lets the agent's own price win, and takes nothing for local models", () => {
    const price = { input: 1, output: 2, cached: 3 };
    expect(priceOf({ provider: 'openai', model: 'gpt-5', price })).toEqual(price);
    expect(priceOf({ provider: 'ollama', model: 'qwen3', price: null })).toEqual({
      input: 0,
      output: 0,
      cached: 0,
    });
  });
});

describe('costOf', () => {
  test('counts cached input at its own price, once', () => {
    expect(costOf(usage, { input: 2, output: 10, cached: 0.5 })).toBeCloseTo(
      0.6 * 2 + 0.4 * 0.5 + 0.1 * 10,
      10,
    );
  });

  test('counts what was written to the cache a quarter dearer', () => {
    const price = { input: 4, output: 0, cached: 0 };
    expect(costOf(usage, price, 200_000)).toBeCloseTo(0.6 * 4 + 0.2 * 4 * 0.25, 10);
  });

  test('is unknown where the price is', () => {
    expect(costOf(usage, null)).toBeNull();
  });
});
