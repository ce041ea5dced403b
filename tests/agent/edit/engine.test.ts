import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { applyEdits, type Options } from '../../../src/agent/edit/apply';
import { editText, wholeFile } from '../../../src/agent/edit/edit';

const body = 'one\n  two\n    three\nfour\nfive\nsix\nseven\n';
const files = { 'src/a.ts': body };

function result(patch: string, given: Record<string, string> = files, options: Options = {}) {
  return applyEdits(given, patch, options);
}

function after(patch: string, given: Record<string, string> = files) {
  const done = result(patch, given);
  if (!done.ok) throw new Error(done.error.message);
  return done.files;
}

function refused(patch: string, given: Record<string, string> = files, options: Options = {}) {
  const done = result(patch, given, options);
  if (done.ok) throw new Error(`it was applied: ${JSON.stringify(done.changes)}`);
  return done.error;
}

const hunk = ' four\n-five\n+5\n six\n';
const changed = body.replace('five', '5');

describe('formats', () => {
  const spellings: Record<string, string> = {
    git: `diff --git a/src/a.ts b/src/a.ts\nindex 1..2 100644\n--- a/src/a.ts\n+++ b/src/a.ts\n@@ -4,3 +4,3 @@\n${hunk}`,
    'without prefixes': `--- src/a.ts\n+++ src/a.ts\n@@ -4,3 +4,3 @@\n${hunk}`,
    'only the new name': `+++ b/src/a.ts\n@@ -4,3 +4,3 @@\n${hunk}`,
    'only the git line': `diff --git a/src/a.ts b/src/a.ts\n@@ -4,3 +4,3 @@\n${hunk}`,
    'wrong numbers': `--- a/src/a.ts\n+++ b/src/a.ts\n@@ -40,9 +41,2 @@\n${hunk}`,
    'no numbers': `--- a/src/a.ts\n+++ b/src/a.ts\n@@ ... @@\n${hunk}`,
    'no hunk header': `--- a/src/a.ts\n+++ b/src/a.ts\n${hunk}`,
    CRLF: `--- a/src/a.ts\n+++ b/src/a.ts\n@@ @@\n${hunk}`.replaceAll('\n', '\r\n'),
    'fenced, in prose': `I changed it:\n\n\`\`\`diff\n--- a/src/a.ts\n+++ b/src/a.ts\n@@ @@\n${hunk}\`\`\`\n\n- It is better now.\n`,
    'prose after it': `--- a/src/a.ts\n+++ b/src/a.ts\n@@ -4,3 +4,3 @@\n${hunk}\nThis keeps the rest as it was.\n`,
    'an e-mail': `From 1cf6945000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] x\n---\n src/a.ts | 2 +-\n\ndiff --git a/src/a.ts b/src/a.ts\n--- a/src/a.ts\n+++ b/src/a.ts\n@@ -4,3 +4,3 @@\n${hunk}-- \n2.39.5\n\n`,
    'a surplus folder': `--- a/proj/src/a.ts\n+++ b/proj/src/a.ts\n@@ @@\n${hunk}`,
    'the end of the path': `--- a/a.ts\n+++ b/a.ts\n@@ @@\n${hunk}`,
    V4A: `*** Begin Patch\n*** Update File: src/a.ts\n@@\n${hunk}*** End Patch\n`,
    'V4A in a heredoc': `apply_patch <<'EOF'\n*** Begin Patch\n*** Update File: src/a.ts\n@@\n${hunk}*** End Patch\nEOF\n`,
    'search/replace': 'src/a.ts\n```ts\n<<<<<<< SEARCH\nfive\n=======\n5\n>>>>>>> REPLACE\n```\n',
    'search/replace with a heading':
      '### `src/a.ts`\n\n<<<<<<< SEARCH\nfive\nsix\n=======\n5\nsix\n>>>>>>> REPLACE\n',
    'a whole file': `src/a.ts\n\`\`\`ts\n${changed}\`\`\`\n`,
  };
  for (const [name, patch] of Object.entries(spellings)) {
    test(name, () => expect(after(patch)).toEqual({ 'src/a.ts': changed }));
  }

  test('files are made, deleted, moved and copied', () => {
    expect(after('--- /dev/null\n+++ b/new.ts\n@@ -0,0 +1 @@\n+x\n')).toEqual({ ...files, 'new.ts': 'x\n' });
    expect(after('*** Begin Patch\n*** Delete File: src/a.ts\n*** End Patch\n')).toEqual({});
    expect(
      after('diff --git a/src/a.ts b/b.ts\nsimilarity index 100%\nrename from src/a.ts\nrename to b.ts\n'),
    ).toEqual({ 'b.ts': body });
    expect(after('diff --git a/src/a.ts b/b.ts\ncopy from src/a.ts\ncopy to b.ts\n')).toEqual({
      ...files,
      'b.ts': body,
    });
    expect(after('n.ts\n```\n<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE\n```\n')).toEqual({
      ...files,
      'n.ts': 'x\n',
    });
  });

  test('what breaks off is refused', () => {
    expect(refused(`\`\`\`diff\n--- a/src/a.ts\n+++ b/src/a.ts\n@@ @@\n${hunk}`).reason).toBe('cut_off');
    expect(refused(`*** Begin Patch\n*** Update File: src/a.ts\n@@\n${hunk}`).reason).toBe('cut_off');
    expect(refused('src/a.ts\n<<<<<<< SEARCH\nfive\n=======\n5').reason).toBe('cut_off');
    expect(
      refused('src/a.ts\n<<<<<<< SEARCH\nfive\n=======\n5\n>>>>>>> REPLACE\n\nsrc/a.ts\n```\n<<<<<<< SEA')
        .reason,
    ).toBe('cut_off');
    expect(refused(`--- a/src/a.ts\n+++ b/src/a.ts\n@@ -4,3 +4,5 @@\n four\n-five\n+5`).reason).toBe(
      'cut_off',
    );
    expect(refused('I would rather not.').reason).toBe('no_patch');
  });
});

describe('tiers', () => {
  const tier = (patch: string, given: Record<string, string> = files) => {
    const done = result(patch, given);
    return done.ok ? [done.report.tier, Object.values(done.files)[0]] : done.error.message;
  };
  const head = '--- a/f\n+++ b/f\n@@ @@\n';

  test('from exact to context, each keeping the bytes of the file', () => {
    expect(tier(`${head} a\n-b\n+c\n`, { f: 'a\nb\n' })).toEqual(['exact', 'a\nc\n']);
    expect(tier(`${head} a\n-b\n+c\n`, { f: 'a\r\nb\r\n' })).toEqual(['line ends', 'a\r\nc\r\n']);
    expect(tier(`${head} alpha\n-b\n+c\n`, { f: '\ufeffalpha\nb\n' })).toEqual([
      'line ends',
      '\ufeffalpha\nc\n',
    ]);
    expect(tier(`${head} a\n-b\n+c\n`, { f: 'a  \nb\n' })).toEqual(['trailing space', 'a  \nc\n']);
    expect(tier(`${head} it's\n-b\n+c\n`, { f: 'it’s\nb\n' })).toEqual(['punctuation', 'it’s\nc\n']);
    expect(tier(`${head} if a:\n-  b\n+  c\n`, { f: '    if a:\n      b\n' })).toEqual([
      'indentation',
      '    if a:\n      c\n',
    ]);
    expect(tier(`${head} a  b\n-c\n+d\n`, { f: 'a b\nc\n' })).toEqual(['spaces', 'a b\nd\n']);
    const long = 'alpha\nbeta\ngamma\ndelta\nepsilon\n';
    expect(tier(`${head} alphaa\n beta\n-gamma\n+3\n delta\n epsilon\n`, { f: long })).toEqual([
      'context',
      long.replace('gamma', '3'),
    ]);
  });

  test('tabs and spaces, shifts and widths are carried over to added lines', () => {
    expect(tier(`${head} \tif a:\n-\t\tb\n+\t\tc\n+\t\t\td\n`, { f: '  if a:\n    b\n' })).toEqual([
      'indentation',
      '  if a:\n    c\n      d\n',
    ]);
    expect(tier(`${head}     if a:\n-        b\n+\t\tc\n`, { f: '\tif a:\n\t\tb\n' })).toEqual([
      'indentation',
      '\tif a:\n\t\tc\n',
    ]);
  });

  test('a removed line, and one next to a change, must be there', () => {
    const long = { f: 'alpha\nbeta\ngamma\ndelta\nepsilon\n' };
    expect(refused(`${head} alpha\n beta\n-gamm\n+3\n delta\n epsilon\n`, long).reason).toBe('not_found');
    expect(refused(`${head} alpha\n betta\n-gamma\n+3\n delta\n epsilon\n`, long).reason).toBe('not_found');
    expect(
      refused('f\n<<<<<<< SEARCH\nalphaa\nbeta\ngamma\n=======\nalphaa\nbeta\n3\n>>>>>>> REPLACE\n', long)
        .reason,
    ).toBe('not_found');
  });
});

describe('several places', () => {
  const twice = { f: 'a\nx\nb\n\nfunction g() {\na\nx\nb\n' };
  const same = ' a\n-x\n+y\n b\n';

  test('are a refusal that names them all', () => {
    const error = refused(`--- a/f\n+++ b/f\n@@ @@\n${same}`, twice);
    expect(error).toMatchObject({ reason: 'ambiguous', message: expect.stringMatching(/1–3.*6–8/) });
    expect(refused(`--- a/f\n+++ b/f\n@@ -5,3 +5,3 @@\n${same}`, twice).reason).toBe('ambiguous');
  });

  test('unless the exact number, a heading, the end, or as many hunks decide', () => {
    const second = twice.f.replace(/x(?=\nb\n$)/, 'y');
    expect(after(`--- a/f\n+++ b/f\n@@ -6,3 +6,3 @@\n${same}`, twice).f).toBe(second);
    expect(after(`--- a/f\n+++ b/f\n@@ ... @@ function g() {\n${same}`, twice).f).toBe(second);
    expect(
      after(`*** Begin Patch\n*** Update File: f\n@@\n${same}*** End of File\n*** End Patch\n`, twice).f,
    ).toBe(second);
    expect(after(`--- a/f\n+++ b/f\n@@ @@\n${same}@@ @@\n${same}`, twice).f).toBe(
      twice.f.replaceAll('x', 'y'),
    );
  });
});

describe('never', () => {
  const head = '--- a/src/a.ts\n+++ b/src/a.ts\n@@ @@\n';

  test('a placeholder, an unanchored addition, half of several files', () => {
    expect(refused(`${head} four\n-five\n+// ... existing code ...\n six\n`).reason).toBe('placeholder');
    expect(refused('src/a.ts\n```ts\none\n// ... rest of the file unchanged ...\n```\n').reason).toBe(
      'placeholder',
    );
    expect(refused(`${head}+new\n`).reason).toBe('unanchored');
    expect(
      refused(`${head}${hunk}--- a/b.ts\n+++ b/b.ts\n@@ @@\n-gone\n+x\n`, { ...files, 'b.ts': 'y\n' }).path,
    ).toBe('b.ts');
    expect(after(`${head} four\n-five\n+call(...args)\n six\n`)['src/a.ts']).toContain('...args');
  });

  test('twice what is there already', () => {
    expect(refused(`${head}${hunk}`, { 'src/a.ts': changed }).reason).toBe('already_applied');
    expect(refused(`${head} six\n seven\n+eight\n`, { 'src/a.ts': `${body}eight\n` }).reason).toBe(
      'already_applied',
    );
  });

  test('out of the tree, into git, through links', () => {
    for (const path of [
      '../x',
      '/etc/x',
      'a/../../x',
      '.git/config',
      '.GIT/x',
      'sub/.git/x',
      'C:\\x',
      '~/x',
      'link/x',
      'link',
    ]) {
      for (const patch of [
        `--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+x\n`,
        `*** Begin Patch\n*** Add File: ${path}\n+x\n*** End Patch\n`,
        `*** Begin Patch\n*** Update File: src/a.ts\n*** Move to: ${path}\n@@\n${hunk}*** End Patch\n`,
        `${path}\n\`\`\`\n<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE\n\`\`\`\n`,
      ])
        expect(result(patch, files, { barred: ['link'], paths: ['link'] }).ok).toBe(false);
    }
    expect(
      refused('diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc\n')
        .reason,
    ).toBe('path');
  });
});

test('an error says which hunk, what differs where, and what to do', () => {
  const { message } = refused(
    `--- a/src/a.ts\n+++ b/src/a.ts\n@@ @@\n-one\n+1\n@@ @@\n four\n-5five\n+5\n six\n`,
  );
  expect(message).toContain('src/a.ts: hunk 2 of 2');
  expect(message).toContain('patch: 5five');
  expect(message).toContain('file:  5: five');
  expect(message).toContain('    5\tfive');
  expect(message).toContain('send the whole patch again');
});

test('an edit falls back to whole lines, and a whole file keeps the ways of the old one', () => {
  expect(editText('f', 'a\n\tb\n\tc\n', '    b\n    c\n', '    b\n    d\n')).toMatchObject({
    ok: true,
    text: 'a\n\tb\n\td\n',
    tier: 'indentation',
  });
  expect(editText('f', 'x = 1\n', '= 1', '= 2')).toMatchObject({ ok: true, text: 'x = 2\n', tier: 'exact' });
  expect(editText('f.ts', 'x\n', 'x', '// ... rest of the code unchanged ...')).toMatchObject({ ok: false });
  expect(wholeFile('f', 'a\nb\n', '\ufeffx\r\n')).toBe('\ufeffa\r\nb\r\n');
  expect(() => wholeFile('f.ts', 'a\n// ... existing code ...\n', 'x\n')).toThrow('left out');
});

test('no tool writes a file but through the engine', () => {
  const folder = resolve(import.meta.dir, '../../../src/agent/tools');
  const writers = readdirSync(folder).filter((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    return name !== 'files.ts' && /writeWhole\(|\bcat >|Bun\.write|writeFile\(/.test(text);
  });
  expect(writers.sort()).toEqual(['apply_patch.ts', 'edit_file.ts', 'write_file.ts']);
  for (const name of writers)
    expect(readFileSync(join(folder, name), 'utf8')).toMatch(/from '\.\.\/edit\/(apply|edit)'/);
});
