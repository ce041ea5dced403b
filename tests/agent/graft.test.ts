import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { type Graft, type GraftPart, graft } from '../../src/agent/graft';
import { applied, bareMirror, commits, contentOf, type Files, treeOf } from './commits';
import { scratch } from './environments/support';

// A busy machine is slow, not wrong.
setDefaultTimeout(60_000);

const { dir, end } = scratch();
afterAll(end);

const mirror = bareMirror(dir);

/** Variations' results on one base, and grafts of them. */
function scene(base: Files, ...variations: Files[]) {
  const [baseSha, ...shas] = commits(mirror, base, ...variations) as [string, ...string[]];
  const make = (parts: (Omit<GraftPart, 'commit'> & { commit?: string })[], on = baseSha) =>
    graft({
      ...{ mirror, base: baseSha, on },
      parts: parts.map((part) => ({ commit: shas[part.variation - 1]!, ...part })),
    });
  /** The tree of a graft that goes well, applied by git to the base. */
  const tree = async (...given: Parameters<typeof make>): Promise<string> => {
    const made = await make(...given);
    if (!made.ok) throw new Error(JSON.stringify(made.conflicts));
    expect(made.patch).toMatchObject({ base_sha: baseSha, stat: { bytes: made.patch.bytes.length } });
    const after = applied(mirror, baseSha, made.patch.bytes);
    expect(after).toBeString();
    return after!;
  };
  const refusal = (...given: Parameters<typeof make>) => make(...given).catch((error: Error) => error);
  return { baseSha, shas, make, tree, refusal };
}

const conflictsOf = (made: Graft) => (made.ok ? [] : made.conflicts);
const numbers = Array.from({ length: 40 }, (_, i) => `${i + 1}\n`);
/** Forty numbered lines, some of them other ones. */
const lines = (changed: Record<number, string> = {}) =>
  numbers.map((line, i) => changed[i + 1] ?? line).join('');

describe('hunks of several variations', () => {
  test('go together where they are apart', async () => {
    const { tree } = scene(
      { a: lines(), b: 'b\n' },
      { a: lines({ 3: 'three\n', 30: 'thirty\n' }), b: 'b\n' },
      { a: lines({ 5: 'five\n', 20: '', 38: '38\n38.5\n' }), b: 'other\n' },
    );
    const made = await tree([
      { variation: 2, path: 'a', hunks: [2, 1] },
      { variation: 1, path: 'a', hunks: [1] },
    ]);
    expect(contentOf(mirror, made, 'a')).toBe(lines({ 3: 'three\n', 5: 'five\n', 20: '' }));
    expect(contentOf(mirror, made, 'b')).toBe('b\n');
  });

  test('are shown, and nothing made, where they overlap or touch', async () => {
    const { make } = scene(
      { a: lines() },
      { a: lines({ 3: 'x\n', 20: '20\nin\n', 30: 'thirty\n' }) },
      { a: lines({ 4: 'y\n', 20: '20\nout\n', 30: '' }) },
    );
    const all = [1, 2].map((variation) => ({ variation, path: 'a', hunks: [1, 2, 3] }));
    const places = (hunk: number) => [
      { variation: 1, hunk },
      { variation: 2, hunk },
    ];
    expect(await make(all)).toEqual({
      ok: false,
      conflicts: [
        {
          path: 'a',
          parts: places(1),
          reason:
            'They change the same lines, or lines next to each other: lines 3 to 4 of what the graft starts from.',
        },
        {
          path: 'a',
          parts: places(2),
          reason: 'They put different lines in at the same place, after line 20.',
        },
        {
          path: 'a',
          parts: places(3),
          reason:
            'They change the same lines, or lines next to each other: line 30 of what the graft starts from.',
        },
      ],
    });
    expect(await make(all.toReversed())).toEqual(await make(all));
  });

  test('that are the same are made once', async () => {
    const { tree } = scene(
      { a: lines() },
      { a: lines({ 20: '20\nin\n', 22: 'one\n' }) },
      { a: lines({ 20: '20\nin\n', 24: 'two\n' }) },
    );
    const both = [1, 2].map((variation) => ({ variation, path: 'a', hunks: [1] }));
    expect(contentOf(mirror, await tree(both), 'a')).toBe(
      lines({ 20: '20\nin\n', 22: 'one\n', 24: 'two\n' }),
    );
  });

  test('are counted against what the graft starts from, and told against the base', async () => {
    const { shas, tree, refusal } = scene(
      { a: lines() },
      { a: lines({ 3: 'three\n', 30: 'thirty\n' }) },
      { a: lines({ 3: 'three\n', 20: 'twenty\n' }), more: 'more\n' },
    );
    const on = shas[0]!;
    const made = await tree([{ variation: 2, path: 'a', hunks: [1] }], on);
    expect(contentOf(mirror, made, 'a')).toBe(lines({ 3: 'three\n', 20: 'twenty\n', 30: 'thirty\n' }));
    // The second one takes the first variation's change back.
    expect(contentOf(mirror, await tree([{ variation: 2, path: 'a', hunks: [2] }], on), 'a')).toBe(
      lines({ 3: 'three\n' }),
    );
    expect(await refusal([{ variation: 1, path: 'a', hunks: [1] }], on)).toMatchObject({
      field: 'parts.0.hunks',
      message: 'Variation 1 changes nothing in "a".',
    });
  });

  test('keep every byte: line ends, Latin-1, and a last line without one', async () => {
    const start = `top\r\n${lines()}caf\xe9\r\nend`;
    const { tree } = scene(
      { a: start },
      { a: start.replace('top\r\n', 'na\xefve\r\r\n') },
      { a: start.replace('\r\nend', '\nend\n') },
      { a: start.replace('20\n', '20\r\n') },
    );
    const made = await tree([1, 2, 3].map((variation) => ({ variation, path: 'a', hunks: [1] })));
    expect(contentOf(mirror, made, 'a')).toBe(`na\xefve\r\r\n${lines({ 20: '20\r\n' })}caf\xe9\nend\n`);
  });

  test('take a mode along where all of them are taken', async () => {
    const start = lines();
    const both = lines({ 3: 'x\n', 30: 'y\n' });
    const { tree } = scene(
      { a: start },
      { a: { content: both, mode: '100755' } },
      { a: { content: lines({ 20: 'z\n' }), mode: '100644' } },
    );
    const modeOf = (made: string) => lsTree(made).get('a');
    expect(modeOf(await tree([{ variation: 1, path: 'a', hunks: [1] }]))).toBe('100644');
    const all = [
      { variation: 1, path: 'a', hunks: [1] },
      { variation: 2, path: 'a', hunks: [1] },
      { variation: 1, path: 'a', hunks: [2] },
    ];
    expect(modeOf(await tree(all))).toBe('100755');
  });

  test('of an empty file, and up to emptying it', async () => {
    const { tree, make } = scene({ e: '', f: 'x\ny' }, { e: 'one\n', f: '' }, { e: 'two', f: 'x\ny\n' });
    const made = await tree([
      { variation: 1, path: 'e', hunks: [1] },
      { variation: 1, path: 'f', hunks: [1] },
    ]);
    expect([contentOf(mirror, made, 'e'), contentOf(mirror, made, 'f')]).toEqual(['one\n', '']);
    const both = await make([1, 2].map((variation) => ({ variation, path: 'e', hunks: [1] })));
    expect(conflictsOf(both)[0]?.reason).toBe('They put different lines in at the same place, at the top.');
  });
});

describe('whole files', () => {
  const { tree, make, baseSha, shas } = scene(
    { keep: 'k\n', gone: 'g\n', kind: 'k\n', bin: '\0a', mode: 'm\n' },
    {
      ...{ keep: 'k\n', new: 'n\n', 'deep/er/new': 'd', bin: '\0b' },
      ...{ kind: { content: 'keep', mode: '120000' }, mode: { content: 'm\n', mode: '100755' } },
    },
    { keep: 'other\n', gone: 'g\n', kind: 'k\n', bin: '\0c', mode: 'm\n', new: 'n\n', '"ä\n': 'odd\n' },
  );

  test('come as they are: new, gone, binary, links, modes', async () => {
    const paths = ['gone', 'kind', 'bin', 'mode', 'new', 'deep/er/new'];
    const made = await tree(paths.map((path) => ({ variation: 1, path })));
    expect(made).toBe(treeOf(mirror, shas[0]!));
    expect(contentOf(mirror, await tree([{ variation: 2, path: '"ä\n' }]), '"ä\n')).toBe('odd\n');
  });

  test('that are new or gone may also be taken by their one hunk', async () => {
    const made = await tree([
      { variation: 1, path: 'gone', hunks: [1] },
      { variation: 1, path: 'new', hunks: [1] },
    ]);
    expect([...lsTree(made).keys()].sort()).toEqual(['bin', 'keep', 'kind', 'mode', 'new']);
  });

  test('are taken of one variation only, unless they are the same', async () => {
    expect(await tree([1, 2].map((variation) => ({ variation, path: 'new' })))).toBeString();
    const both = [2, 1].map((variation) => ({ variation, path: 'bin' }));
    expect(conflictsOf(await make(both))).toEqual([
      {
        path: 'bin',
        parts: [
          { variation: 1, hunk: null },
          { variation: 2, hunk: null },
        ],
        reason: 'Each makes something else of it, and it can be taken whole from one of them only.',
      },
    ]);
  });

  test('leave no room for hunks, unless these make the same of it', async () => {
    const { tree, make } = scene(
      { a: lines() },
      { a: lines({ 3: 'x\n', 30: 'y\n' }) },
      { a: lines({ 20: 'z\n' }) },
    );
    const whole = { variation: 1, path: 'a' };
    expect(await tree([whole, { ...whole, hunks: [1, 2] }])).toBeString();
    for (const other of [
      { ...whole, hunks: [1] },
      { variation: 2, path: 'a', hunks: [1] },
    ]) {
      const [conflict] = conflictsOf(await make([other, whole]));
      expect(conflict?.reason).toContain('no room for hunks');
      expect(conflict?.parts).toContainEqual({ variation: 1, hunk: null });
      expect(conflict?.parts).toContainEqual({ variation: other.variation, hunk: 1 });
    }
  });

  test('that stay as the start has them change nothing', async () => {
    expect(await tree([{ variation: 1, path: 'keep' }])).toBe(treeOf(mirror, baseSha));
    const back = await make([{ variation: 2, path: 'bin', commit: baseSha }], shas[0]!);
    expect(back.ok && back.patch.stat.files).toBe(5);
  });

  test('may not stand where a folder is needed', async () => {
    const { tree, make } = scene(
      { a: 'a\n', 'd/x': 'x\n' },
      { 'a/b': 'b\n', d: 'd\n' },
      { a: 'a\n', 'd/x': 'y\n' },
    );
    const all = ['a', 'a/b', 'd', 'd/x'].map((path) => ({ variation: 1, path }));
    expect([...lsTree(await tree(all)).keys()]).toEqual(['a/b', 'd']);
    expect(conflictsOf(await make([{ variation: 1, path: 'a/b' }]))).toEqual([
      {
        path: 'a',
        parts: [{ variation: 1, hunk: null }],
        reason: 'It is a file, and "a/b" needs a folder of that name.',
      },
    ]);
    const apart = await make([
      { variation: 1, path: 'd' },
      { variation: 2, path: 'd/x', hunks: [1] },
    ]);
    expect(conflictsOf(apart)[0]?.parts).toEqual([
      { variation: 1, hunk: null },
      { variation: 2, hunk: 1 },
    ]);
  });

  test('are screened as any patch is', async () => {
    const { refusal } = scene(
      { a: 'a\n' },
      { a: 'a\n', l: { content: '/etc/passwd', mode: '120000' }, '.gitmodules': 'x' },
    );
    expect(await refusal([{ variation: 1, path: 'l' }])).toMatchObject({
      name: 'GraftError',
      field: 'parts',
      message: expect.stringContaining('leaves the repository'),
    });
    expect(await refusal([{ variation: 1, path: '.gitmodules' }])).toHaveProperty('field', 'parts');
  });
});

describe('a part that cannot be taken', () => {
  const { refusal, baseSha, shas } = scene(
    { a: lines(), bin: '\0a', kind: 'k\n', mode: 'm\n', sub: { content: '1'.repeat(40), mode: '160000' } },
    {
      ...{ a: lines({ 3: 'x\n', 30: 'y\n' }), bin: '\0b', new: 'n\n', void: '', 'bin.new': '\0' },
      ...{ kind: { content: 'a', mode: '120000' }, mode: { content: 'm\n', mode: '100755' } },
      sub: { content: '1'.repeat(40), mode: '160000' },
    },
  );

  test.each([
    ['a', [3], 'hunks', 'There is no hunk 3 in "a": what variation 1 changes there are hunks 1 to 2.'],
    ['new', [2], 'hunks', 'There is no hunk 2 in "new": what variation 1 changes there is hunk 1.'],
    ['bin', [1], 'hunks', '"bin" is binary in variation 1: take it whole.'],
    ['bin.new', [1], 'hunks', '"bin.new" is binary in variation 1: take it whole.'],
    ['kind', [1], 'hunks', 'Variation 1 makes "kind" a file of another kind: take it whole.'],
    ['mode', [1], 'hunks', 'What variation 1 changes of "mode" has no hunks: take it whole.'],
    ['void', [1], 'hunks', 'What variation 1 changes of "void" has no hunks: take it whole.'],
    ['a', [], 'hunks', 'Hunks are named by their numbers, from 1.'],
    ['a', [0], 'hunks', 'Hunks are named by their numbers, from 1.'],
    ['a', [1.5], 'hunks', 'Hunks are named by their numbers, from 1.'],
    ['nowhere', undefined, 'path', 'Variation 1 has no file "nowhere".'],
    ['../a', undefined, 'path', 'Variation 1 has no file "../a".'],
    ['a\0', undefined, 'path', 'Variation 1 has no file "a\\u0000".'],
    ['', [1], 'path', 'Variation 1 has no file "".'],
    ['sub', undefined, 'path', '"sub" is a submodule, which a graft leaves as it is.'],
  ] as const)('is named: %j %j', async (path, hunks, field, message) => {
    const good = { variation: 1, path: 'a', hunks: [1] };
    expect(await refusal([good, { variation: 1, path, ...(hunks && { hunks: [...hunks] }) }])).toMatchObject({
      name: 'GraftError',
      field: `parts.1.${field}`,
      message,
    });
  });

  test('is one of too many, or of none', async () => {
    expect(await refusal([])).toHaveProperty('field', 'parts');
    const many = Array.from({ length: 2001 }, () => ({ variation: 1, path: 'a' }));
    expect(await refusal(many)).toHaveProperty('field', 'parts');
    expect(await refusal(many.slice(0, 2000))).toHaveProperty('ok', true);
  });

  test('is of a commit that the mirror does not have', async () => {
    const missing = '1'.repeat(40);
    const wanted = { variation: 1, path: 'a' };
    for (const [on, commit, base] of [
      [missing, shas[0]!, baseSha],
      [baseSha, missing, baseSha],
      [baseSha, shas[0]!, missing],
    ] as const) {
      const made = graft({ mirror, base, on, parts: [{ ...wanted, commit }] });
      await expect(made).rejects.toHaveProperty('code', 'base_not_found');
    }
    const named = graft({ mirror, base: baseSha, on: 'HEAD', parts: [{ ...wanted, commit: shas[0]! }] });
    await expect(named).rejects.toThrow(TypeError);
  });

  test('leaves nothing behind', async () => {
    const aborted = AbortSignal.abort();
    const made = graft({
      ...{ mirror, base: baseSha, on: baseSha, signal: aborted },
      parts: [{ variation: 1, commit: shas[0]!, path: 'a' }],
    });
    await expect(made).rejects.toHaveProperty('name', 'AbortError');
    expect(readdirSync(mirror).filter((name) => name.startsWith('bakeoff'))).toEqual([]);
  });
});

/** Modes of a tree's files, by path. */
function lsTree(tree: string): Map<string, string> {
  const said = Bun.spawnSync(['git', 'ls-tree', '-r', '-z', tree], { cwd: mirror }).stdout.toString();
  const records = said.split('\0').filter(Boolean);
  return new Map(records.map((record) => [record.slice(record.indexOf('\t') + 1), record.slice(0, 6)]));
}
