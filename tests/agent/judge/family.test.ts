import { describe, expect, test } from 'bun:test';
import { familyOf, pickJudge } from '../../../src/agent/judge/family';

describe('the family of a model is its maker', () => {
  test.each([
    ['openai', 'gpt-5.5', 'openai'],
    ['openai', 'o3-mini', 'openai'],
    ['openai', 'openai/o4-mini', 'openai'],
    ['ollama', 'gpt-oss:20b', 'openai'],
    ['openai', 'gpt-5-codex', 'openai'],
    ['anthropic', 'claude-opus-4-8', 'anthropic'],
    ['openai', 'anthropic/claude-sonnet-4', 'anthropic'],
    ['ollama', 'llama3.3:70b', 'meta'],
    ['openai', 'meta-llama/Llama-4-Scout', 'meta'],
    ['ollama', 'deepseek-r1-distill-llama:70b', 'deepseek'],
    ['ollama', 'qwen3-coder:30b', 'alibaba'],
    ['openai', 'devstral-small', 'mistral'],
    ['openai', 'gemini-3-pro', 'google'],
    ['ollama', 'gemma3:27b', 'google'],
    ['ollama', 'phi4', 'microsoft'],
    ['openai', 'moonshotai/Kimi-K2', 'moonshot'],
    ['openai', 'house-model-2', 'openai:house'],
    ['ollama', 'olmo2', 'ai2'],
    ['ollama', '7b', 'ollama:7b'],
    ['scripted', 'test-model', 'scripted:test'],
  ])('%s %s', (provider, model, family) => {
    expect(familyOf({ provider, model })).toBe(family);
  });
});

describe('the judge', () => {
  const claude = { name: 'Careful', provider: 'anthropic', model: 'claude-opus-4-8' };
  const gpt = { name: 'Quick', provider: 'openai', model: 'gpt-5.5' };
  const qwen = { name: 'Local', provider: 'ollama', model: 'qwen3' };

  test('is the first of another family than all of the authors’', () => {
    expect(
      pickJudge([claude, gpt, qwen], [claude, { provider: 'openai', model: 'openai/gpt-5-mini' }]),
    ).toEqual({
      ...{ judge: qwen, same_family: false },
    });
    expect(pickJudge([claude, gpt], [qwen])).toEqual({ judge: claude, same_family: false });
  });

  test('else the first, and it is said', () => {
    const viaRouter = { provider: 'openai', model: 'anthropic/claude-haiku-4-5' };
    expect(pickJudge([claude], [viaRouter, gpt])).toEqual({ judge: claude, same_family: true });
  });

  test('there may be none', () => {
    expect(pickJudge([], [claude])).toBeNull();
  });
});
