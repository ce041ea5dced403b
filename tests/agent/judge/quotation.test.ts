import { describe, expect, test } from 'bun:test';
import { toMaterial } from '../../../src/agent/judge/material';
import { findQuotation } from '../../../src/agent/judge/quotation';
import { diff, work } from './setup';

const material = toMaterial(work(diff), 100_000);
const why = (quotation: string, of = material) => findQuotation(quotation, of).why;

describe('a quotation stands', () => {
  test.each([
    ['a part of a line', 'await (const row of rows)'],
    ['a line with its sign', '+    yield csvLine(row);'],
    ['a line without it', '    yield csvLine(row);'],
    ['a line without its indentation', 'yield csvLine(row);'],
    ['an unchanged line', 'const out = open();'],
    ['a removed line', 'return rows.map(csvLine).join("\\n");'],
    [
      'lines that follow each other, with signs',
      '+  for await (const row of rows) {\n+    yield csvLine(row);\n+  }',
    ],
    ['without', 'for await (const row of rows) {\n    yield csvLine(row);\n  }\n  close(out);'],
    ['with some', 'for await (const row of rows) {\n+    yield csvLine(row);'],
    ['with the line ends of Windows', '+  for await (const row of rows) {\r\n+    yield csvLine(row);'],
    ['in part at both ends', 'row of rows) {\n    yield csv'],
    ['with space around it', '\n  yield csvLine(row);  \n'],
  ])('%s', (_, quotation) => {
    expect(why(quotation)).toBe('quoted');
  });
});

describe('a near miss is none', () => {
  test.each([
    ['another letter case', 'Yield csvLine(row);'],
    ['other white space', 'yield  csvLine(row);'],
    ['a letter changed', 'yield csvLines(row);'],
    ['shortened', 'for await (…) {'],
    ['in quotation marks', '"yield csvLine(row);"'],
    ['lines that do not follow each other', '  for await (const row of rows) {\n  }'],
    ['lines in another order', '    yield csvLine(row);\n  for await (const row of rows) {'],
    ['a middle line in part', 'for await (const row of rows) {\n  yield csvLine\n  }'],
    ['lines joined', 'for await (const row of rows) { yield csvLine(row); }'],
    ['not there', 'the export is streamed now'],
    ['too long', `yield csvLine(row);${' '.repeat(5000)}`],
  ])('%s', (_, quotation) => {
    expect(why(quotation)).toBe('not_found');
  });
});

test('what stands in every diff is none', () => {
  const text =
    'diff --git a/x.ts b/x.ts\nindex 1234567..89abcde 100644\n--- a/x.ts\n+++ b/x.ts\n@@ -1,2 +1,2 @@\n-old value\n+new value\n\\ No newline at end of file\n';
  const of = toMaterial(work(text), 9999);
  for (const line of ['@@ -1,2 +1,2 @@', 'index 1234567..89abcde', '\\ No newline at end of file'])
    expect([line, why(line, of)]).toEqual([line, 'not_found']);
  // That a file is there, or gone, is said nowhere else.
  expect(why('+++ b/x.ts', of)).toBe('quoted');
});

describe('too little is none', () => {
  test('nothing, and white space', () => {
    expect(why('')).toBe('quotation_missing');
    expect(why(' \n\t ')).toBe('quotation_missing');
  });

  test('fewer than eight characters, unless they are a whole changed line that says something', () => {
    expect(why('rows')).toBe('quotation_trivial');
    expect(why('for a w')).toBe('not_found');
    expect(why('of rows')).toBe('quotation_trivial');
    expect(why('+  }')).toBe('quotation_trivial');
    const small = toMaterial(
      work('diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-y = 1\n+y = 2\n z = 3\n'),
      9999,
    );
    expect(why('y = 2', small)).toBe('quoted');
    expect(why('+y = 2', small)).toBe('quoted');
    expect(why('y = 1', small)).toBe('quoted');
    expect(why('= 2', small)).toBe('quotation_trivial');
    expect(why('z = 3', small)).toBe('quotation_trivial');
  });
});

test('where it begins is told: file, line, and side', () => {
  const place = (quotation: string, of = material) => {
    const found = findQuotation(quotation, of);
    return found.why === 'quoted' ? found.place : found.why;
  };
  expect(place('yield csvLine(row);')).toEqual({ path: 'src/csv.ts', line: 12, side: 'patch' });
  expect(place('close(out);\n }')).toEqual({ path: 'src/csv.ts', line: 14, side: 'patch' });
  expect(place('return rows.map')).toEqual({ path: 'src/csv.ts', line: 11, side: 'base' });
  expect(place('Exports are streamed.')).toEqual({ path: 'README.md', line: 2, side: 'patch' });
  expect(place('+++ b/README.md')).toBeNull();
});

test('a text is quoted as it stands: its lines have no signs', () => {
  const text = toMaterial(work('# Findings\n\n- The lock is taken twice.\n+ more\n', 'text'), 9999);
  expect(why('The lock is taken twice.', text)).toBe('quoted');
  expect(findQuotation('- The lock is taken', text)).toEqual({ why: 'quoted', place: null });
  expect(why('more', text)).toBe('quotation_trivial');
  expect(why('# Findings\n\n- The lock', text)).toBe('quoted');
});

test('of a work that was cut only what was shown can be quoted, and never the words that say so', () => {
  const rows = Array.from({ length: 2000 }, (_, index) => `+const value${index} = ${index};`);
  const long = `diff --git a/a.ts b/a.ts\n--- a/a.ts\n+++ b/a.ts\n@@ -0,0 +1,2000 @@\n${rows.join('\n')}\n${diff}`;
  const cut = toMaterial(work(long), 3000);
  expect(cut).toMatchObject({ cut: true });
  expect(cut.text.length).toBeLessThan(3100);
  expect(why('const value0 = 0;', cut)).toBe('quoted');
  expect(why('const value1000 = 1000;', cut)).toBe('not_found');
  expect(findQuotation('const value1999 = 1999;', cut)).toEqual({
    why: 'quoted',
    place: { path: 'a.ts', line: null, side: 'patch' },
  });
  // The short file is whole, and its lines are known again.
  expect(findQuotation('yield csvLine(row);', cut)).toMatchObject({
    place: { path: 'src/csv.ts', line: 12 },
  });
  expect(why(/\[… .* cut here …\]/.exec(cut.text)?.[0] ?? '', cut)).toBe('not_found');
});

test('where there are too many files the largest are left out, and it is said', () => {
  const file = (at: number, rows: number) =>
    `diff --git a/f${at} b/f${at}\n--- a/f${at}\n+++ b/f${at}\n@@ -0,0 +1,${rows} @@\n${`+row of ${at}\n`.repeat(rows)}`;
  const many = Array.from({ length: 100 }, (_, at) => file(at, at === 7 ? 999 : 1 + (at % 9))).join('');
  const cut = toMaterial(work(many), 4000);
  expect(cut.text.length).toBeLessThan(4500);
  expect(findQuotation('row of 99', cut)).toEqual({
    why: 'quoted',
    place: { path: 'f99', line: 1, side: 'patch' },
  });
  expect(cut.text).not.toContain('a/f7 b/f7');
  expect(cut.text).toMatch(/\[… \d+ files left out …\]\n$/);
  expect(why('[… 56 files left out …]', cut)).toBe('not_found');
});

test('contents of binary files are left out, and only they', () => {
  const binary = `diff --git a/x.png b/x.png\nnew file mode 100644\nindex 0..1\nGIT binary patch\nliteral 3\nKcmZQzzzzzz\n\nliteral 0\nHcmV?d00001\n\n${diff}`;
  const { text, cut } = toMaterial(work(binary), 9999);
  expect(text).toContain('new file mode 100644');
  expect(text).not.toContain('KcmZQ');
  expect(text).toContain('yield csvLine(row);');
  expect(cut).toBe(false);
});
