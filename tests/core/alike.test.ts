import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { groupAlike, readBytes } from '../../src/core/alike';

interface Hunk {
  /** `+added`, `-gone`, ` same`. */
  rows: string[];
  at?: number;
}

function diff(path: string, hunks: Hunk[], headers: string[] = ['index 1111111..2222222 100644']): string {
  const written = hunks.map(({ rows, at = 1 }) => {
    const [old, now] = ['-', '+'].map(
      (sign) => rows.filter((row) => row[0] === sign || row[0] === ' ').length,
    );
    return `@@ -${at},${old} +${at},${now} @@\n${rows.join('\n')}\n`;
  });
  const sides = hunks.length > 0 ? [`--- a/${path}`, `+++ b/${path}`] : [];
  return `${[`diff --git a/${path} b/${path}`, ...headers, ...sides].join('\n')}\n${written.join('')}`;
}

const lines = (n: number, from = 0) => Array.from({ length: n }, (_, index) => `+line ${from + index};`);
const group = (...patches: string[]) =>
  groupAlike(patches.map((patch, index) => ({ position: index + 1, bytes: Buffer.from(patch) })));
const same = (a: string, b: string) => group(a, b).length === 1;

describe('the same change', () => {
  const plain = diff('a.ts', [{ rows: [' x', '-old();', '+  fresh(1, 2);', '+done();', ' y'] }]);

  test('is seen through white space, blank lines, context, places and order', () => {
    expect(same(plain, plain)).toBe(true);
    const other = diff('a.ts', [
      { rows: ['+done();', '+', '+   '], at: 7 },
      { rows: [' other context', '+\tfresh(1,  2);\r', '-\told();'], at: 90 },
    ]);
    expect(same(plain, other)).toBe(true);
  });

  test('in another file, with the signs turned, or with white space where there was none, is another', () => {
    expect(same(plain, plain.replaceAll('a.ts', 'b.ts'))).toBe(false);
    expect(same(diff('a', [{ rows: ['+x', '-y'] }]), diff('a', [{ rows: ['-x', '+y'] }]))).toBe(false);
    expect(same(diff('a', [{ rows: ['+ab'] }]), diff('a', [{ rows: ['+a b'] }]))).toBe(false);
  });

  test('counts lines as often as they are changed', () => {
    expect(same(diff('a', [{ rows: ['+x', '+x'] }]), diff('a', [{ rows: ['+x'] }]))).toBe(false);
  });

  test('may differ in one line of twenty, not in more', () => {
    const forty = diff('a', [{ rows: lines(40) }]);
    expect(same(forty, diff('a', [{ rows: [...lines(39), '+other'] }]))).toBe(true);
    expect(same(forty, diff('a', [{ rows: [...lines(38), '+other', '+more'] }]))).toBe(false);
    expect(same(diff('a', [{ rows: lines(19) }]), diff('a', [{ rows: lines(20) }]))).toBe(true);
    expect(same(diff('a', [{ rows: lines(18) }]), diff('a', [{ rows: lines(19) }]))).toBe(false);
  });
});

describe('what must be the same to the letter', () => {
  const text = diff('a', [{ rows: lines(100) }]);
  const binary = (blob: string, body = 'zcmV+b0RR91\n\n') =>
    `${text}diff --git a/x.png b/x.png\nindex 0000000..${blob} 100644\nGIT binary patch\nliteral 9\n${body}\n`;

  test('binary files, by their blob ids', () => {
    expect(same(binary('aaaa'), binary('aaaa', 'something else\n'))).toBe(true);
    expect(same(binary('aaaa'), binary('bbbb'))).toBe(false);
    expect(same(binary('aaaa'), text)).toBe(false);
    const bare = (body: string) => `diff --git a/x b/x\nGIT binary patch\nliteral 9\n${body}\n\n${text}`;
    expect(same(bare('one'), bare('one'))).toBe(true);
    expect(same(bare('one'), bare('two'))).toBe(false);
    expect(same(bare('one'), bare('one').replace('line 50', '-- 50'))).toBe(true);
  });

  test('modes, and files made, deleted and moved', () => {
    for (const headers of [
      ['old mode 100644', 'new mode 100755'],
      ['new file mode 100644'],
      ['deleted file mode 100644'],
      ['similarity index 100%', 'rename from y', 'rename to x'],
    ]) {
      const other = text + diff('x', [], headers);
      expect(same(other, other)).toBe(true);
      expect(same(other, text)).toBe(false);
    }
    expect(same(diff('x', [], ['new file mode 100644']), diff('x', [], ['new file mode 100755']))).toBe(
      false,
    );
    expect(same(diff('x', [], ['new file mode 100644']), diff('x', [], ['new file mode 100644']))).toBe(true);
  });

  test('content that looks like a header is content', () => {
    const rows = ['-- a/y', '+++ b/y', '+@@ -1 +1 @@', '+diff --git a/z b/z', '+rename from q'];
    expect(same(diff('a', [{ rows }]), diff('a', [{ rows: rows.toReversed() }]))).toBe(true);
    expect(same(diff('a', [{ rows }]), diff('a', [{ rows: rows.slice(0, 4) }]))).toBe(false);
  });
});

test('nothing, and white space alone, is like no other', () => {
  expect(group('', '')).toEqual([]);
  const blank = diff('a', [{ rows: ['+', '+  '] }]);
  expect(group(blank, blank)).toEqual([]);
});

test('sets are by position, whatever the order, and no chain joins what is not alike', () => {
  const patches = [lines(40), lines(40, 1), lines(40, 2), lines(40, 3), ['+alone'], lines(40)].map(
    (rows, index) => ({
      position: index + 1,
      bytes: Buffer.from(diff('a', [{ rows }])),
    }),
  );
  // 1 and 2 share 39 of 41; 1 and 3 only 38 of 42; 3 and 4 again 39 of 41.
  const expected = [
    [1, 2, 6],
    [3, 4],
  ];
  expect(groupAlike(patches)).toEqual(expected);
  expect(groupAlike(patches.toReversed())).toEqual(expected);
});

test('what lies behind the bytes that are read must be the same', () => {
  const long = diff('a', [{ rows: lines(90_000) }]);
  expect(long.length).toBeGreaterThan(readBytes + 1000);
  expect(same(long, long)).toBe(true);
  expect(same(long, long.replace('line 7;', 'line x;'))).toBe(true);
  expect(same(long, long.replace('line 89999;', 'line 8999x;'))).toBe(false);
});

test('several of 48 MiB are compared in bounded time, whatever is in them', () => {
  const head = 'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1,90000000 @@\n';
  const files = `diff --git a/${'x'.repeat(300_000)} b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1,90000000 @@\n`;
  for (const text of [
    head + '+a\n'.repeat(2 ** 24),
    `${head}+${' \t'.repeat(2 ** 24)}`,
    files + '+a\n'.repeat(2 ** 24),
  ]) {
    const bytes = Buffer.from(text);
    const patches = Array.from({ length: 5 }, (_, index) => ({ position: index + 1, bytes }));
    const started = performance.now();
    groupAlike(patches);
    expect(performance.now() - started).toBeLessThan(15_000);
  }
});

test('any bytes are read without a crash, and are like themselves or empty', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...[
        'diff --git a/x b/x\n',
        '@@ -1,2 +1,2 @@\n',
        '@@ -1 +1 @@\n',
        '@@ x @@\n',
        '+a\n',
        '-b\n',
        ' c\n',
        '\n',
        '\\ No newline\n',
      ],
      ...[
        'GIT binary patch\n',
        'Binary files a and b differ\n',
        'index 1..2\n',
        'rename from x\n',
        '--- a/x\n',
        '+++ b/x\n',
      ],
    ),
    fc.string({ unit: 'binary', maxLength: 10 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      const [found] = group(text, text);
      expect(found === undefined || found.length === 2).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
