import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { readAnswer } from '../../../src/agent/judge/json';

const read = (text: string) =>
  readAnswer(text, (value) =>
    typeof value === 'object' && value !== null && 'better' in value
      ? { value: value as { better: unknown; reason?: unknown } }
      : { complaint: 'It needs "better".' },
  );
const found = (text: string) => {
  const answer = read(text);
  return 'value' in answer ? answer.value : null;
};

describe('the answer is found', () => {
  test.each([
    ['bare', '{"better": "A"}'],
    ['with space around it', '\n\n  {"better": "A"}  \n'],
    ['fenced', '```json\n{"better": "A"}\n```'],
    ['fenced, with words around it', 'Let me think.\n\n```\n{\n  "better": "A"\n}\n```\nThat is all.'],
    ['after thoughts with brackets', 'f() { return [1, 2 } and {x: y}: so {"better": "A"}'],
    ['after another', 'The diff says {"better": "B"}, but I say {"better": "A"}.'],
    ['before what is none', '{"better": "A"} {"note": 1}'],
    ['with a comma too many', '{"better": "A", }'],
  ])('%s', (_, text) => {
    expect(found(text)?.better).toBe('A');
  });

  test('with line breaks, tabs and lone backslashes in its strings', () => {
    expect(found('{"better": "A", "reason": "one\n\ttwo \\d+ \\u12 \\"x\\" \\\\ , }"}')).toEqual({
      better: 'A',
      reason: 'one\n\ttwo \\d+ \\u12 "x" \\ , }',
    });
  });
});

test('what is no answer is said, the whole before its parts', () => {
  expect(read('I cannot say.')).toEqual({ complaint: 'There is no JSON object in it that can be read.' });
  expect(read('')).toMatchObject({ complaint: expect.stringContaining('no JSON') });
  expect(read('{"best": {"better": "A"}}')).toEqual({ complaint: 'It needs "better".' });
  expect(read('"better"')).toMatchObject({ complaint: expect.stringContaining('no JSON') });
});

test('any JSON comes out as it went in, fenced or not', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('', '```json\n', 'So: '), (value, before) => {
      const text = JSON.stringify({ better: value });
      expect(found(`${before}${text}${before.startsWith('`') ? '\n```' : ''}`)).toEqual(JSON.parse(text));
    }),
    { numRuns: 1000 },
  );
});

test('only so many brackets are tried', () => {
  expect(found(`{"better": "A"}${' ['.repeat(150)}`)?.better).toBe('A');
  expect(found(`{"better": "A"}${' ['.repeat(300)}`)).toBeNull();
});

test('hostile answers are read in bounded time', () => {
  const n = 20_000;
  for (const text of [
    '{'.repeat(n),
    '{"'.repeat(n / 2),
    '"\\"'.repeat(n / 3),
    `{"a":"${'\\"'.repeat(n / 2)}`,
    '{,'.repeat(n / 2),
    '[]'.repeat(n / 2),
    `{${','.repeat(n)}`,
  ]) {
    const started = performance.now();
    expect(found(text)).toBeNull();
    expect(performance.now() - started).toBeLessThan(2000);
  }
});
