import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { fit, harmless, json, pad, plain } from '../../src/cli/screen';
import { cost, diffStat, duration } from '../../src/cli/words';

describe('foreign text on a terminal', () => {
  test.each([
    ['\u001b[2J\u001b]0;owned\u0007hi', '�[2J�]0;owned�hi'],
    ['a\r\nb\tc\u2028d', 'a b c d'],
    ['\u009b31mred', '�31mred'],
    ['safe\u202Etxt.exe', 'safe�txt.exe'],
    ['zero\u200Bwidth\u{E0041}', 'zero�width�'],
    ['ordinary – ünïcode 日本', 'ordinary – ünïcode 日本'],
  ])('%j becomes %j', (text, shown) => {
    expect(plain(text)).toBe(shown);
  });

  test('of several lines keeps line feeds and tabs only', () => {
    expect(harmless('+a\n\tb\r\u001b[0m\n')).toBe('+a\n\tb��[0m\n');
  });

  test('stays the same JSON, without what would command a terminal', () => {
    const value = { name: 'a\u009b31m\u202e\u{E0041}\u001b[2Jé日' };
    expect(json(value)).toBe('{\n  "name": "a\\u009b31m\\u202e\\udb40\\udc41\\u001b[2Jé日"\n}\n');
    expect(JSON.parse(json(value))).toEqual(value);
  });

  test('never holds a control character, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        (text) => !/[\p{Cc}\u202A-\u202E\u2066-\u2069]/u.test(plain(text)),
      ),
    );
  });
});

test('text is cut and filled up to columns as they show', () => {
  expect(fit('abcdef', 4)).toBe('abc…');
  expect(fit('日本語テキスト', 6)).toBe('日本…');
  expect(pad('日本', 6)).toBe('日本  ');
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 40 }), (text, columns) => {
      const shown = plain(text);
      return Bun.stringWidth(fit(shown, columns)) <= columns;
    }),
  );
});

test('numbers are said with their units', () => {
  expect([duration(850), duration(4210), duration(200_000), duration(7_500_000)]).toEqual([
    '850 ms',
    '4.2 s',
    '3 min 20 s',
    '2 h 5 min',
  ]);
  expect([cost(null), cost(0), cost(0.0012), cost(1.5)]).toEqual([
    'cost unknown',
    '$0.00',
    '$0.0012',
    '$1.50',
  ]);
  expect(diffStat({ files: 1, additions: 2, deletions: 3, bytes: 9 })).toBe('1 file  +2 −3');
  expect(diffStat({ files: 0, additions: 0, deletions: 0, bytes: 0 })).toBe('no change');
  expect(diffStat(null)).toBe('no patch');
});
