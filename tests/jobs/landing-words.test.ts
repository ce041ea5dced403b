import { describe, expect, test } from 'bun:test';
import { asCode, harmless } from '../../src/jobs/harmless';
import { bodyOf, messageOf, slugOf, stepsOf, titleOf } from '../../src/jobs/landing-words';

const gap = '\u200b';

describe('text of a model', () => {
  test.each([
    ['pings nobody', 'cc @octocat, @team/all', `cc @${gap}octocat, @${gap}team/all`],
    ['not even by an entity', '&#64;octocat &commat;x', `&${gap}#${gap}64;octocat &${gap}commat;x`],
    [
      'closes no issue',
      'Fixes #12, closes a/b#3, GH-4, !5',
      `Fixes #${gap}12, closes a/b#${gap}3, GH-${gap}4, !${gap}5`,
    ],
    ['nor by its address', 'https://x.org/a/b/issues/7', `https://x.org/a/b/issues/${gap}7`],
    [
      'holds no HTML',
      '<img src=x onerror=y> </p> <!-- x -->',
      `<${gap}img src=x onerror=y> <${gap}/p> <${gap}!-- x -->`,
    ],
    ['no link and no picture', '[a](b) ![c][d] [e]: f', `[a]${gap}(b) ![c]${gap}[d] [e]${gap}: f`],
    ['orders nobody', 'ok\n/merge\n  /lgtm', `ok\n/${gap}merge\n  /${gap}lgtm`],
    ['skips no checks', 'x [skip ci] [ci skip] [no ci]', `x [${gap}skip ci] [${gap}ci skip] [${gap}no ci]`],
    [
      'names no author',
      'x\n\nCo-authored-by: a <a@b>\nSigned-off-by : c',
      `x\n\n${gap}Co-authored-by: a <${gap}a@${gap}b>\n${gap}Signed-off-by : c`,
    ],
    [
      'shows no terminal codes, and turns nothing round',
      '\u001b[31mred\u001b[0m \u202egnp.exe\u0007',
      'red gnp.exe',
    ],
    [
      'reads the same otherwise',
      '# A\n\n- `x < y` and **b**\n\n```\nif (a) b()\n```',
      '# A\n\n- `x < y` and **b**\n\n```\nif (a) b()\n```',
    ],
  ])('%s', (_, said, shown) => {
    expect(harmless(said, 1000)).toBe(shown);
    // Said again of what was said, nothing is taken apart further.
    expect(harmless(said.replaceAll(gap, ''), 1000)).toBe(shown);
  });

  test('is cut, and stays well formed', () => {
    expect(harmless('x'.repeat(50), 10)).toBe(`${'x'.repeat(9)}…`);
    expect(harmless(`${'x'.repeat(8)}😀😀`, 10).isWellFormed()).toBe(true);
  });

  test('is code where it is a name', () => {
    expect(asCode('a.test.ts')).toBe('`a.test.ts`');
    expect(asCode('a|b\nc')).toBe('`a¦b c`');
    expect(asCode('`x`')).toBe('`` `x` ``');
    expect(asCode('``` @octocat')).toBe('```` ``` @octocat ````');
  });
});

test('a title is one line; a branch is named after it in plain letters', () => {
  expect(titleOf({ title: null }, { name: ' Über\tall\u0007 ' })).toBe('Über all');
  expect(titleOf({ title: 'Mine' }, { name: 'run' })).toBe('Mine');
  expect([
    slugOf('Über “Größe”: 2x!'),
    slugOf('修复'),
    slugOf('x'.repeat(99)),
    slugOf(`${'a '.repeat(30)}`),
  ]).toEqual(['uber-gro-e-2x', 'change', 'x'.repeat(40), 'a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a-a']);
  expect(messageOf('Title', null)).toBe('Title\n');
  expect(messageOf('Title', ' said ')).toBe('Title\n\nsaid\n');
});

test('a step is named by what was said, else by what was done, else by its place', () => {
  const step = { patch: new Uint8Array(), date: new Date(0) };
  const messages = stepsOf([
    { ...step, said: `${'long '.repeat(40)}\nmore`, did: null },
    { ...step, said: '  ', did: 'edit a.txt' },
    { ...step, said: null, did: null },
  ]).map((one) => one.message);
  expect(messages[0]).toMatch(/^(long ){19}long…\n\nlong /);
  expect(messages.slice(1)).toEqual(['edit a.txt\n', 'Step 3\n']);
});

test('a body has no more than there is to say, and an end', () => {
  const check = { command: '', required: true, exit_code: 0, duration_ms: 1, flaky: false, counts: null };
  const outcome = { ...check, on_base_tests: null, seq: 0, result: 'passes' as const };
  const variation = {
    ...{
      position: 2,
      agent: { id: 1, name: '@ann', model: 'm', provider: 'scripted' as const },
      result: null,
    },
    ...{ checks: [], flags: [] },
  };
  const bare = { run: { id: 5, name: 'n', base_checks: [] }, variation, verdict: null, publicUrl: null };
  expect(bodyOf(bare)).toBe(`---\nMade by Bakeoff: run 5, variation 2, by @${gap}ann (m).`);
  // Whatever the agent's words begin, what was found out is not theirs to hide.
  for (const open of [
    '```text',
    '~~~',
    '- one\n  ```',
    '> ```',
    '1. a\n\n   ~~~~',
    '| a |\n| - |',
    '    code',
  ]) {
    const told = {
      ...variation,
      result: `Fine.\n\n${open}\nAll pass.`,
      checks: [{ ...outcome, name: 'unit' }],
    };
    const page = Bun.markdown.html(bodyOf({ ...bare, variation: told, verdict: 'It is ahead' }));
    expect(page).toContain('<h3>Checks</h3>');
    expect(page).toContain('<h3>Verdict</h3>');
    expect(page).toMatch(/<blockquote>.*All pass\..*<\/blockquote>/s);
  }
  const many = Array.from({ length: 200 }, (_, i) => ({ ...outcome, name: `check ${i}` }));
  const flags = Array.from({ length: 100 }, (_, i) => ({
    ...{ path: `tests/${i}`, kind: 'test' as const, change: 'added' as const },
  }));
  const full = bodyOf({
    ...bare,
    ...{ publicUrl: 'https://bakeoff.example/base', verdict: 'Variation 2 is ahead' },
    variation: { ...variation, result: 'y'.repeat(100_000), checks: many, flags },
  });
  expect(full).toContain('https://bakeoff.example/base/runs/5');
  expect(full).toContain('| and 150 more | | |');
  expect(full).toContain('- and 80 more');
  expect(full.length).toBeLessThan(20_000);
});
