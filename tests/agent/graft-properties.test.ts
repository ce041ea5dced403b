import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import { diffBetween, listChanges } from '../../src/agent/compare';
import { type GraftPart, graft } from '../../src/agent/graft';
import { applied, bareMirror, commits, contentOf, type Files, type TestFile, treeOf } from './commits';
import { scratch } from './environments/support';

// A busy machine is slow, not wrong.
setDefaultTimeout(120_000);

const { dir, end } = scratch();
afterAll(end);
const mirror = bareMirror(dir);

/** Lines that look like git's own, or alike, so that there is more than one way to tell them apart. */
const line = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'b',
    '}',
    '-- x',
    '@@ -1 +1 @@',
    '\\ No newline',
    'x\r',
    'caf\xe9',
    'diff --git a/a b/a',
  ),
  fc.string({ maxLength: 6 }).map((one) =>
    Buffer.from(one)
      .toString('latin1')
      .replaceAll(/[\n\0]/g, ''),
  ),
);
const ended = fc.boolean();
const joined = (lines: readonly string[], end: boolean) =>
  lines.length === 0 ? '' : lines.join('\n') + (end ? '\n' : '');

/** What becomes of a text: at some lines some go and others come. */
const change = fc.record({
  at: fc.nat({ max: 40 }),
  gone: fc.nat({ max: 3 }),
  put: fc.array(line, { maxLength: 3 }),
});
const changed = (
  lines: readonly string[],
  changes: readonly { at: number; gone: number; put: string[] }[],
) => {
  const now = [...lines];
  for (const { at, gone, put } of changes) now.splice(Math.min(at, now.length), gone, ...put);
  return now;
};

const mode = fc.constantFrom<TestFile['mode']>('100644', '100644', '100644', '100755');
/** A file that is something else altogether, or not there. */
const other = fc.constantFrom<TestFile | null>(
  null,
  { content: '\0binary' },
  { content: 'text', mode: '120000' },
  { content: '' },
  { content: 'whole\n' },
);

/** A base of three files, and variations of it. */
const scenes = (variations: number) =>
  fc
    .record({
      lines: fc.array(fc.array(line, { maxLength: 40 }), { minLength: 3, maxLength: 3 }),
      ended: fc.array(ended, { minLength: 3, maxLength: 3 }),
      others: fc.array(fc.option(other, { freq: 6, nil: undefined }), { minLength: 3, maxLength: 3 }),
    })
    .chain((base) => {
      const file = (i: number) =>
        fc
          .record({
            changes: fc.array(change, { maxLength: 5 }),
            ended,
            mode,
            other: fc.option(other, { freq: 6, nil: undefined }),
          })
          .map(({ changes, ended, mode, other }): TestFile | null =>
            other === undefined
              ? { content: joined(changed(base.lines[i]!, changes), ended), ...(mode && { mode }) }
              : other,
          );
      const start = (i: number): TestFile | null =>
        base.others[i] === undefined ? { content: joined(base.lines[i]!, base.ended[i]!) } : base.others[i]!;
      const variation = fc.tuple(file(0), file(1), file(2));
      return fc.tuple(
        fc.constant([start(0), start(1), start(2)] as const),
        fc.array(variation, { minLength: variations, maxLength: variations }),
      );
    })
    .map(([base, trees]) => commits(mirror, named(base), ...trees.map(named)) as [string, ...string[]]);

function named(files: readonly (TestFile | null)[]): Files {
  const names = ['a.txt', 'sub/b c.txt', 'sub/\u00e4.txt'];
  return Object.fromEntries([...files.entries()].flatMap(([i, file]) => (file ? [[names[i]!, file]] : [])));
}

/** Every part that there is between two commits: the hunks, one by one, of what has any, and else the whole files. */
async function partsOf(from: string, commit: string, variation: number): Promise<GraftPart[]> {
  const { changes } = await listChanges(mirror, from, commit);
  const parts = changes.map(async ({ path }): Promise<GraftPart[]> => {
    const part = { variation, commit, path };
    const bytes = (await diffBetween(mirror, from, commit, { path, maxBytes: 2 ** 20 }))!;
    const patch = Buffer.from(bytes).toString('latin1');
    const hunks = patch.split('\n').filter((one) => one.startsWith('@@ ')).length;
    const kinds = patch.split('\n').filter((one) => one.startsWith('diff --git ')).length;
    if (hunks === 0 || kinds > 1) return [part];
    return Array.from({ length: hunks }, (_, i) => ({ ...part, hunks: [i + 1] }));
  });
  return (await Promise.all(parts)).flat();
}

const all = { maxBytes: 2 ** 20 };
const text = (bytes: Uint8Array | null) => Buffer.from(bytes!).toString('latin1');

describe('a graft', () => {
  test("of all that one variation did is that variation's patch, whatever it starts from", async () => {
    await fc.assert(
      fc.asyncProperty(scenes(2), fc.boolean(), async ([base, one, two], fromOther) => {
        const on = fromOther ? two! : base;
        const parts = await partsOf(on, one!, 1);
        fc.pre(parts.length > 0);
        const made = await graft({ mirror, base, on, parts });
        if (!made.ok) throw new Error(JSON.stringify(made.conflicts));
        expect(text(made.patch.bytes)).toBe(text(await diffBetween(mirror, base, one!, all)));
      }),
      { numRuns: 25 },
    );
  });

  test('of anything is the same in any order, and applies to the base', async () => {
    const scene = scenes(3).chain((shas) =>
      fc.tuple(
        fc.constant(shas),
        fc.nat({ max: 3 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 8 }),
        fc.nat(),
      ),
    );
    let good = 0;
    await fc.assert(
      fc.asyncProperty(scene, async ([[base, ...shas], start, picks, turn]) => {
        const on = start === 0 ? base : shas[start - 1]!;
        const pool = (await Promise.all(shas.map((sha, i) => partsOf(on, sha, i + 1)))).flat();
        fc.pre(pool.length > 0);
        const parts = picks.map((pick) => pool[pick % pool.length]!);
        const made = await graft({ mirror, base, on, parts });
        const at = turn % parts.length;
        const turned = [...parts.slice(at), ...parts.slice(0, at)].toReversed();
        expect(await graft({ mirror, base, on, parts: turned })).toEqual(made);
        if (!made.ok) return;
        good++;
        const tree = applied(mirror, base, made.patch.bytes);
        expect(tree).toBeString();
        expect(text(await diffBetween(mirror, base, tree!, all))).toBe(text(made.patch.bytes));
      }),
      { numRuns: 30 },
    );
    expect(good).toBeGreaterThan(5);
  });

  test('of hunks of two is what git makes of their patches, where git can make anything', async () => {
    // No line twice: git, too, then has only one place for each.
    const edits = fc.array(fc.tuple(fc.nat({ max: 59 }), fc.constantFrom('gone', 'other', 'more')), {
      minLength: 1,
      maxLength: 4,
    });
    const start = Array.from({ length: 60 }, (_, i) => `line ${i}${i % 7 === 0 ? '\r' : ''}\n`);
    const edited = (by: string, changes: readonly (readonly [number, string])[]) => {
      const lines = [...start];
      for (const [at, what] of changes) {
        if (what === 'gone') lines[at] = '';
        else lines[at] = what === 'other' ? `${by} ${at}\n` : `${start[at]}${by} after ${at}\n`;
      }
      return lines.join('');
    };
    let good = 0;
    await fc.assert(
      fc.asyncProperty(edits, edits, async (first, second) => {
        const [base, one, two] = commits(
          mirror,
          { f: start.join('') },
          { f: edited('one', first) },
          { f: edited('two', second) },
        ) as [string, string, string];
        const patches = [
          (await diffBetween(mirror, base, one, all))!,
          (await diffBetween(mirror, base, two, all))!,
        ] as const;
        const byGit = applied(mirror, base, ...patches);
        const parts = [...(await partsOf(base, one, 1)), ...(await partsOf(base, two, 2))];
        const made = await graft({ mirror, base, on: base, parts });
        if (byGit === null) return;
        good++;
        if (!made.ok) throw new Error(JSON.stringify(made.conflicts));
        const tree = applied(mirror, base, made.patch.bytes)!;
        expect(contentOf(mirror, tree, 'f')).toBe(contentOf(mirror, byGit, 'f'));
        expect(tree).toBe(treeOf(mirror, byGit));
      }),
      { numRuns: 30 },
    );
    expect(good).toBeGreaterThan(10);
  });
});
