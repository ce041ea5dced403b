import { describe, expect, test } from 'bun:test';
import { parseDiff } from '../../src/views/diff';
import { Diff } from '../../src/views/difftable';
import { editsOf } from '../../src/views/edits';
import { painterFor } from '../../src/views/highlight';
import { wordDiff } from '../../src/views/word-diff';
import { patch } from './fixtures';

describe('a patch', () => {
  test('is read into files, hunks and numbered rows', () => {
    const [changed, added] = parseDiff(patch);
    expect(changed).toMatchObject({
      path: 'src/money/refund.ts',
      kind: 'changed',
      additions: 1,
      deletions: 1,
    });
    expect(changed?.hunks[0]?.rows[2]).toEqual({
      kind: 'del',
      old: 16,
      now: null,
      text: '  return gross.round(2);',
    });
    expect(added).toMatchObject({ path: 'test/refund.test.ts', kind: 'added', additions: 7, deletions: 0 });
  });

  test('is counted by its headers, so that content which looks like one stays content', () => {
    const tricky = [
      'diff --git a/x b/x',
      '--- a/x',
      '+++ b/x',
      '@@ -1,2 +1,3 @@',
      '--- a/other',
      ' same',
      '+++ b/other',
      '+diff --git a/y b/y',
      'diff --git "a/\\303\\244 b" "b/\\303\\244 b"',
      'new file mode 100755',
      'GIT binary patch',
      'literal 3',
      'diff --git a/old b/new',
      'similarity index 90%',
      'rename from old',
      'rename to new',
      'diff --git a/gone b/gone',
      'deleted file mode 100644',
      '--- a/gone',
      '+++ /dev/null',
      '@@ -1 +0,0 @@',
      '-last',
      '\\ No newline at end of file',
    ].join('\n');
    expect(parseDiff(tricky)).toMatchObject([
      { path: 'x', additions: 2, deletions: 1 },
      { path: 'ä b', kind: 'added', binary: true, mode: '100755' },
      { path: 'new', from: 'old', kind: 'renamed' },
      { path: 'gone', kind: 'deleted', deletions: 1 },
    ]);
  });

  test('that is no patch gives nothing', () => {
    expect(parseDiff('@@ -1 +1 @@\n-a\n+b')).toEqual([]);
    expect(parseDiff('diff --git a/x b/x\n@@ nonsense\n@@ -1,9 +1,9 @@\n+a')).toMatchObject([{ path: 'x' }]);
  });

  test('is a table with its words marked, bounded, and all of it one link away', async () => {
    const table = await Diff({ files: parseDiff(patch), raw: '/raw' });
    expect(table).toContain('<ins>');
    expect(table).toContain('<td>16</td><td></td>');
    const huge = `diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1,5000 @@\n${'+line\n'.repeat(5000)}`;
    const cut = await Diff({ files: parseDiff(huge), raw: '/raw' });
    expect(cut.match(/<tr class="add">/g)).toHaveLength(400);
    expect(cut).toContain('4600 more lines not shown');
    expect(cut).toContain('href="/raw"');
  });

  test('cannot become markup, nor look like other code than it is', async () => {
    const evil = `diff --git a/<b>.js b/<b>.js\n--- a/<b>.js\n+++ b/<b>.js\n@@ -1 +1 @@ <i>\n-<script>1</script>\n+<script>2</script>// \u202e x\n`;
    const table = await Diff({ files: parseDiff(evil), raw: '/raw' });
    expect(table).not.toMatch(/<script|<i>|<b>/);
    expect(table).toContain('⟨U+202E⟩');
  });
});

describe('words', () => {
  test('that changed are told apart', () => {
    const before = 'return gross.round(2);';
    const after = 'return gross.round(exponentOf(order.currency));';
    const found = wordDiff(before, after);
    expect(found?.removed.map(([from, to]) => before.slice(from, to))).toEqual(['2']);
    expect(found?.added.map(([from, to]) => after.slice(from, to)).join('')).toBe(
      'exponentOf(order.currency)',
    );
  });

  test('of lines with nothing in common are left alone', () => {
    expect(wordDiff('const a = 1;', 'throw new Error(message)')).toBeNull();
  });
});

describe('colours', () => {
  test('are classes, and follow a comment over its lines', () => {
    const paint = painterFor('a.ts');
    expect(paint('const x = "a"; /* one')).toBe(
      '<span class="tk">const</span> x = <span class="ts">&quot;a&quot;</span>; <span class="tc">/* one</span>',
    );
    expect(paint('two */ f(1)')).toContain(
      '<span class="tc">two */</span> <span class="tf">f</span>(<span class="tn">1</span>)',
    );
  });

  test('never lose a character, whatever the line', () => {
    const paint = [
      painterFor('a.ts'),
      painterFor('a.py'),
      painterFor('a.html'),
      painterFor('a.sql'),
      painterFor('README'),
    ];
    for (const line of [
      '/*/',
      "'unended",
      '<!-- -->',
      '--',
      '`',
      '\\',
      '"\\',
      '#',
      'a'.repeat(1500),
      '/* x */ y /* z',
    ]) {
      for (const one of paint) expect(one(line).replace(/<[^>]+>/g, '')).toBe(Bun.escapeHTML(line));
    }
  });
});

test('edits are shown from what was asked for', () => {
  expect(editsOf({ path: 'a.ts', search: 'one\ntwo\n', replace: 'one\n2\n' })).toMatchObject([
    {
      path: 'a.ts',
      additions: 1,
      deletions: 1,
      hunks: [{ rows: [{ kind: 'same' }, { kind: 'del' }, { kind: 'add' }] }],
    },
  ]);
  expect(editsOf({ path: 'a.ts', content: 'x\ny' })).toMatchObject([{ additions: 2 }]);
  expect(editsOf({ patch: '--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n' })).toMatchObject([
    { path: 'x', additions: 1 },
  ]);
  for (const args of [null, 'x', { command: 'ls' }, { path: 'a' }, { path: 1, content: 2 }])
    expect(editsOf(args)).toEqual([]);
});
