import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { cleanJson, cleanText, mapStrings } from '../../src/core/text';

test('clean text has no NUL and no half of a pair, and clean text stays as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const clean = cleanText(text);
      expect(clean.isWellFormed()).toBe(true);
      expect(clean).not.toContain('\u0000');
      expect(cleanText(clean)).toBe(clean);
    }),
  );
  expect(cleanText('a\u0000b\ud800c\udc00d😀\u0001')).toBe('a\ufffdb\ufffdc\ufffdd😀\u0001');
});

test('clean JSON is the same value with clean strings and keys', () => {
  const value = { 'k\u0000': ['\ud800', 1, null, true, { deep: 'x\u0000' }], plain: 'ok' };
  expect(cleanJson(value)).toEqual({
    'k\ufffd': ['\ufffd', 1, null, true, { deep: 'x\ufffd' }],
    plain: 'ok',
  });
  const own = JSON.parse('{"__proto__": {"polluted": "yes"}, "constructor": "c"}');
  const clean = cleanJson(own) as Record<string, unknown>;
  expect(JSON.stringify(clean)).toBe('{"__proto__":{"polluted":"yes"},"constructor":"c"}');
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test('strings are changed wherever they are', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.stringify(mapStrings(value, (text) => text))).toBe(JSON.stringify(value));
    }),
  );
  expect(mapStrings({ a: ['b'] }, (text) => `${text}!`)).toEqual({ 'a!': ['b!'] });
});
