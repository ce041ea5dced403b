import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { coalesce } from '../../../src/agent/coalesce';
import { asShown, fit, headAndTail, oneLine, withoutCodes } from '../../../src/agent/tools/text';

describe('text for a model', () => {
  test('has no terminal codes, no NUL, no half characters', () => {
    const hostile =
      'a\u001b[1;31mb\u001b]0;title\u0007c\u001b]8;;http://x\u001b\\d\u009b2Je\0f\u001b(Bg\ud800h\u0008i\tj\n';
    expect(withoutCodes(hostile)).toBe('abcdefg\ufffdhi\tj\n');
  });

  test('a title that is never ended hides nothing of what follows', () => {
    expect(withoutCodes('\u001b]0;x\nthe rest')).toBe('0;x\nthe rest');
  });

  test('a progress bar leaves its last state', () => {
    expect(asShown('10%\r50%\r100%\r\ndone\r\n')).toBe('100%\ndone\n');
  });

  test('hostile text of half a megabyte costs little time', () => {
    const started = performance.now();
    for (const text of ['x', '\u001b', '\u001b[1', '\u001b]', '\r', '<', ' '])
      asShown(text.repeat(500_000 / text.length));
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('property: fitting keeps start and end, says what it cut, and stays near its limit', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('ab', '\n', '😀', ' '), maxLength: 3000 }), (text) => {
        const out = fit(text, 300);
        expect(out.truncated).toBe(text.length > 300);
        if (!out.truncated) expect(out.text).toBe(text);
        expect(out.text.length).toBeLessThan(400);
        expect(out.text.isWellFormed()).toBe(true);
        expect(out.text.slice(0, 40)).toBe(text.slice(0, 40).toWellFormed());
      }),
    );
  });

  test('head and tail of an endless stream are kept in bounded memory', () => {
    const seen = headAndTail(100);
    for (let n = 0; n < 10_000; n++) seen.push(`${n} `);
    expect(seen.text()).toStartWith('0 1 2 3');
    expect(seen.text()).toEndWith('9998 9999 ');
    expect(seen.text().length).toBeLessThan(400);
    const exact = headAndTail(4);
    for (const piece of ['abc', 'def', 'gh']) exact.push(piece);
    expect(exact.text()).toBe('abcdefgh');
  });

  test('one line is one line', () => {
    expect(oneLine('a\n  b\tc')).toBe('a b c');
    expect(oneLine('x'.repeat(500)).length).toBe(120);
  });
});

describe('coalesce', () => {
  test('property: the pieces are the text, none too long, none half a character', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 30 }), (parts) => {
        const pieces: string[] = [];
        const stream = coalesce<'a'>((_, text) => pieces.push(text), { size: 8, everyMs: 60_000 });
        // Cut in code units, as a stream may.
        for (const part of parts) for (const unit of part.split('')) stream.push('a', unit);
        stream.flush();
        expect(pieces.join('')).toBe(parts.join('').replaceAll('\0', ''));
        expect(pieces.every((piece) => piece.length <= 8 && piece.isWellFormed())).toBe(true);
      }),
    );
  });

  test('what is held back comes by itself after a while', async () => {
    const said = await new Promise<string>((resolve) => {
      const stream = coalesce<'a'>((_, text) => resolve(text), { everyMs: 5 });
      stream.push('a', 'x');
      stream.push('a', 'y');
    });
    expect(said).toBe('xy');
  });
});
