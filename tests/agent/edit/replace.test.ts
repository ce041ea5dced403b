import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { replaceOnce } from '../../../src/agent/edit/replace';

const text = 'function a() {\n  return 1;\n}\n\nfunction b() {\n  return 1;\n}\n';

function errorOf(...args: Parameters<typeof replaceOnce>): string {
  const result = replaceOnce(...args);
  if (result.ok) throw new Error('it was replaced');
  return result.error;
}

describe('replaceOnce', () => {
  test('replaces the one place and nothing else', () => {
    const result = replaceOnce(text, 'function b() {\n  return 1;', 'function b() {\n  return 2;');
    expect(result).toEqual({ ok: true, text: text.replace(/1;\n}\n$/, '2;\n}\n'), first: 5, last: 6 });
  });

  test('what it puts in is taken literally', () => {
    expect(replaceOnce('a b c', 'b', "$& $1 $$ $'")).toMatchObject({ text: "a $& $1 $$ $' c" });
  });

  test('names every line when there are several places', () => {
    expect(errorOf(text, '  return 1;', 'x')).toContain('2 places, on lines 2, 6');
    expect(errorOf('aaa', 'aa', 'x')).toContain('2 places');
  });

  test('shows the closest place, and when only white space differs', () => {
    const error = errorOf(text, 'function b() {\n\treturn 1;\n}', 'x');
    expect(error).toContain('white space only');
    expect(error).toContain('    6\t  return 1;');
    expect(errorOf(text, 'functoin b() {', 'x')).toContain('    5\tfunction b() {');
    expect(errorOf(text, '%%%%', 'x')).toContain('Nothing in it is like it');
    expect(errorOf(text, '    1\tfunction a() {', 'x')).toContain('line numbers');
    expect(errorOf('', 'x', 'y')).toContain('empty');
  });

  test('refuses an empty search and a change that is none', () => {
    expect(errorOf(text, '', 'x')).toContain('empty');
    expect(errorOf(text, 'a', 'a')).toContain('same');
  });

  test('CRLF text keeps its line ends; mixed text is taken as it is', () => {
    expect(replaceOnce('a\r\nb\r\nc\r\n', 'a\nb', 'x\ny')).toMatchObject({ text: 'x\r\ny\r\nc\r\n' });
    expect(replaceOnce('a\r\nb\r\nc\r\n', 'b', 'x\ny')).toMatchObject({ text: 'a\r\nx\r\ny\r\nc\r\n' });
    expect(replaceOnce('a\r\nb\nc\n', 'a\r\nb', 'x')).toMatchObject({ text: 'x\nc\n' });
  });

  test('property: it succeeds exactly when there is one place, and changes only that', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '\n', ' ', 'é', '😀'), maxLength: 12 });
    fc.assert(
      fc.property(
        word,
        fc.string({ unit: fc.constantFrom('a', 'b', '\n'), minLength: 1, maxLength: 3 }),
        word,
        (body, search, put) => {
          fc.pre(search !== put);
          const places = [...Array(body.length).keys()].filter((at) => body.startsWith(search, at));
          const result = replaceOnce(body, search, put);
          expect(result.ok).toBe(places.length === 1);
          if (result.ok)
            expect(result.text).toBe(body.slice(0, places[0]) + put + body.slice(places[0]! + search.length));
        },
      ),
      { numRuns: 500 },
    );
  });
});
