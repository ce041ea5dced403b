import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { applyEdits } from '../../../src/agent/edit/apply';
import { editText } from '../../../src/agent/edit/edit';
import { trueDiff } from './diff';

const line = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'b',
    '}',
    '  }',
    '-- x',
    '++ y',
    '@@',
    '\t',
    'x\r',
    '--- a',
    '+++ b',
    '```',
    '...',
  ),
  fc.string({ maxLength: 8 }).map((text) => text.replaceAll('\n', '')),
);
const text = fc
  .tuple(fc.array(line, { maxLength: 25 }), fc.boolean())
  .map(([lines, ended]) => (lines.length === 0 ? '' : lines.join('\n') + (ended ? '\n' : '')));
/** Another text that is like the first. */
const pair = text.chain((before) =>
  fc
    .array(fc.tuple(fc.nat({ max: 30 }), fc.nat({ max: 2 }), fc.array(line, { maxLength: 3 })), {
      minLength: 1,
      maxLength: 3,
    })
    .map((changes) => {
      const lines = before.split('\n');
      for (const [at, gone, put] of changes) lines.splice(Math.min(at, lines.length), gone, ...put);
      return [before, lines.join('\n')] as const;
    }),
);

describe('a true diff', () => {
  test('of two random texts applies and gives exactly the second', () => {
    fc.assert(
      fc.property(pair, ([before, after]) => {
        fc.pre(before !== after && before !== '' && after !== '');
        const result = applyEdits({ 'f.txt': before }, trueDiff('f.txt', before, after));
        expect(result.ok ? result.files['f.txt'] : result.error.message).toBe(after);
      }),
      { numRuns: 3000 },
    );
  });

  test('applied a second time is recognised, or refused, and never applied twice', () => {
    const numbered = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(numbered, fc.nat({ max: 7 }), (marks, at) => {
        const before = `${marks.map((mark, index) => `line ${index} of ${mark}`).join('\n')}\n`;
        const after = before.replace(`line ${at} `, `changed ${at} `);
        const patch = trueDiff('f.txt', before, after);
        const again = applyEdits({ 'f.txt': after }, patch);
        expect(again).toMatchObject({ ok: false, error: { reason: 'already_applied' } });
      }),
      { numRuns: 300 },
    );
  });
});

test('what is returned is untouched, or exact up to the refusal: nothing but what was quoted goes', () => {
  const spoil = fc.constantFrom(
    (patch: string) => patch.replace(/@@ .* @@/g, '@@ ... @@'),
    (patch: string) => patch.replace(/^( .*)$/gm, '$1  '),
    (patch: string) => patch.replace(/^([ +-]) {2}/gm, '$1'),
    (patch: string) => patch.slice(0, Math.floor(patch.length * 0.7)),
    (patch: string) => patch.replace(/^ .*\n/m, ''),
    (patch: string) => `Sure:\n\n\`\`\`diff\n${patch}\`\`\`\nDone.`,
  );
  fc.assert(
    fc.property(pair, spoil, ([before, after], how) => {
      fc.pre(before !== after && before !== '' && after !== '');
      const patch = how(trueDiff('f.txt', before, after));
      const result = applyEdits({ 'f.txt': before, 'g.txt': 'other' }, patch);
      if (!result.ok) return;
      expect(result.files['g.txt']).toBe('other');
      // Every line that is gone was quoted as removed.
      const key = (one: string) => one.replace(/\s+/g, '');
      const count = (lines: string[]) => {
        const found = new Map<string, number>();
        for (const one of lines) found.set(key(one), (found.get(key(one)) ?? 0) + 1);
        return found;
      };
      const left = count((result.files['f.txt'] ?? '').split('\n'));
      const removed = count(
        patch
          .split('\n')
          .filter((one) => one.startsWith('-'))
          .map((one) => one.slice(1)),
      );
      for (const [own, times] of count(before.split('\n')))
        if (own !== '') expect((left.get(own) ?? 0) + (removed.get(own) ?? 0)).toBeGreaterThanOrEqual(times);
    }),
    { numRuns: 2000 },
  );
});

describe('hostile input', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...[
        '--- a/f.txt\n',
        '+++ b/f.txt\n',
        '@@ -1,2 +1,2 @@\n',
        '@@\n',
        '@@ -0,0 +1 @@\n',
        'diff --git a/f.txt b/../x\n',
      ],
      ...[
        'rename from f.txt\n',
        'rename to ../../x\n',
        '*** Begin Patch\n',
        '*** End Patch\n',
        '*** Update File: f.txt\n',
      ],
      ...[
        '*** Add File: /etc/x\n',
        '*** Move to: .git/config\n',
        '*** Delete File: link/x\n',
        '<<<<<<< SEARCH\n',
        '=======\n',
      ],
      ...[
        '>>>>>>> REPLACE\n',
        'f.txt\n',
        '```\n',
        '```diff\n',
        '+a\n',
        '-a\n',
        ' a\n',
        ' b\n',
        '\\ No newline at end of file\n',
      ],
      ...[
        '+++ "b/\\056\\056/x"\n',
        '--- /dev/null\n',
        '+++ b/.GIT/hooks/x\n',
        '+++ C:\\x\n',
        '__proto__\n',
        '+++ b/__proto__\n',
      ],
      ...[
        'new file mode 120000\n',
        '...\n',
        ' ...\n',
        '\0',
        '\r\n',
        '\ufeff',
        '+++ b/link/new\n',
        '*** End of File\n',
      ],
    ),
    fc.string({ unit: 'binary', maxLength: 20 }),
  );
  const hostile = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));

  test('10,000 texts: no crash, no hang, nothing outside, links untouched', () => {
    const files = { 'f.txt': 'a\nb\na\n', 'd/g.txt': '\ufeffa\r\nb\r\n' };
    const started = performance.now();
    fc.assert(
      fc.property(hostile, (patch) => {
        const result = applyEdits(files, patch, { barred: ['link'], paths: ['link'] });
        if (!result.ok) return void expect(result.error.message).not.toBe('');
        for (const path of Object.keys(result.files)) {
          expect(path).not.toMatch(
            // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
            /^[/~\\]|(^|[/\\])\.\.([/\\]|$)|(^|\/)\.git(\/|$)|^link|[\0-\x1f]|^[a-z]:/i,
          );
        }
        for (const change of result.changes) expect(change.before).not.toBe(change.after);
      }),
      { numRuns: 10_000 },
    );
    expect(performance.now() - started).toBeLessThan(60_000);
  });

  test('edits of any text by any words do not crash', () => {
    fc.assert(
      fc.property(text, text, text, (body, search, put) => {
        const done = editText('f.txt', body, search, put);
        if (done.ok) expect(typeof done.text).toBe('string');
        else expect(done.error).not.toBe('');
      }),
      { numRuns: 2000 },
    );
  });

  test('long runs of one kind are read in linear time', () => {
    const many = (unit: string, times: number) => unit.repeat(times);
    const head = '--- a/f.txt\n+++ b/f.txt\n';
    const cases = [
      many('```\n', 50_000),
      head + many('@@ @@\n', 50_000),
      many(head, 20_000),
      `${head}@@ @@\n-${many(' ', 300_000)}x\n+y\n`,
      `diff --git ${many('a ', 50_000)}\n`,
      `${head}${many(`@@ @@\n${many(' a\n', 100)}-a\n+b\n`, 20)}`,
      `${many('*', 200_000)}\n<<<<<<< SEARCH\n`,
      many('*** Begin Patch\n', 50_000),
    ];
    for (const patch of cases) {
      const started = performance.now();
      applyEdits({ 'f.txt': 'a\n'.repeat(100_000) }, patch);
      expect(performance.now() - started).toBeLessThan(5000);
    }
  });
});

test('a megabyte and fifty hunks', () => {
  const lines = Array.from(
    { length: 25_000 },
    (_, at) => `  const value${at} = compute(${at % 97}, 'x'); // a line`,
  );
  const before = `${lines.join('\n')}\n`;
  const hunks = Array.from({ length: 50 }, (_, turn) => {
    const at = 200 + turn * 480;
    const quoted = lines.slice(at, at + 7);
    return `@@ @@\n${quoted.map((own, offset) => (offset === 3 ? `-${own}\n+  changed();` : ` ${own}`)).join('\n')}\n`;
  });
  const patch = `--- a/f.txt\n+++ b/f.txt\n${hunks.join('')}`;
  applyEdits({ 'f.txt': before }, patch);
  const times = Array.from({ length: 5 }, () => {
    const started = performance.now();
    expect(applyEdits({ 'f.txt': before }, patch).ok).toBe(true);
    return performance.now() - started;
  });
  // The machine may be busy; the best of five tells.
  expect(Math.min(...times)).toBeLessThan(100);
});
