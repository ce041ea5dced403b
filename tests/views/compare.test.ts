import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  compareAddress,
  fileValue,
  hunkValue,
  partsOf,
  readCompareQuery,
  readPicks,
  type Taken,
} from '../../src/views/compare-address';
import { parseDiff } from '../../src/views/diff';
import { GapLines, readGap } from '../../src/views/gap';
import { Tray } from '../../src/views/tray';
import {
  changesOf,
  comment,
  compared,
  comparedRun,
  comparePage,
  criteria,
  files,
  outcome,
  query,
  verdictOf,
} from './compare-fixtures';

/** The cells of a row of the matrix, as text. */
function row(page: string, name: string): string[] {
  const found = page
    .slice(page.indexOf('id="matrix"'))
    .split('<tr')
    .find((one) => textOf(one.slice(one.indexOf('>') + 1)).startsWith(name));
  if (!found) throw new Error(`no row ${name}`);
  return found
    .slice(found.indexOf('>') + 1)
    .split(/<(?=t[hd])/)
    .slice(1)
    .map((cell) => textOf(`<${cell}`));
}
const textOf = (html: string) =>
  html
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
/** The classes of a row's cells. */
function classes(page: string, name: string): string[] {
  const at = page.indexOf(name, page.indexOf('id="matrix"'));
  const html = page.slice(at, page.indexOf('</tr>', at));
  return [...html.matchAll(/<td(?: class="([^"]*)")?>/g)].map((match) => match[1] ?? '');
}
const many = (n: number) => Array.from({ length: n }, (_, i) => compared(i + 1));
const numbers = (n: number) => many(n).map((one) => one.position);

describe('the compare page', () => {
  test('has no inline style or script, no id twice, and a label for every field', () => {
    for (const page of [
      comparePage(),
      comparePage({ query: query('from=0&to=1&view=split&file=1:test/csv.test.ts') }),
      comparePage({ verdict: null, events: null }),
    ]) {
      expect(page).not.toMatch(/ style=|<style| on[a-z]+=|hx-on|javascript:/);
      expect(page.replaceAll(/<script src="\/assets\/[^"]+" defer><\/script>/g, '')).not.toContain('<script');
      const ids = [...page.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]);
      expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
      for (const [, id] of page.matchAll(/<(?:input(?! type="hidden")|select|textarea)[^>]* id="([^"]+)"/g)) {
        if (id !== 'keys-on') expect(page).toContain(`for="${id}"`);
      }
      const shapes = [...page.matchAll(/<use href="#([^"]+)"/g)].map((match) => match[1]);
      for (const shape of new Set(shapes)) expect(page).toContain(`<symbol id="${shape}"`);
    }
  });

  test('shows hostile names, paths, notes and code as text', () => {
    const evil = '"><script>x</script>\u202e&amp;';
    const path = `src/${evil}/a.ts`;
    const poison = <T>(value: T): T =>
      JSON.parse(JSON.stringify(value), (key, one) =>
        typeof one === 'string' &&
        !/_at$|status|result|kind|^by$|^at$|why|side|type|change|provider|approval|mode/.test(key)
          ? `${evil}${one}`
          : one,
      );
    const change = { ...files[0]!, path };
    const page = comparePage({
      run: poison(
        comparedRun({
          variations: [
            compared(1, { flags: [{ path, kind: 'test', change: 'modified' }] }),
            compared(2),
            compared(3),
          ],
          winner: { position: 1, by: 'person', note: evil, at: comment.created_at },
        }),
      ),
      criteria: poison(criteria),
      files: [change],
      changes: changesOf([change]),
      same: [`${path}2`],
      comments: [{ ...comment, path, text: evil }],
      composed: {
        ok: false,
        clashes: [{ path, parts: [{ variation: 1, hunk: 1 }], reason: evil }],
      },
      query: {
        ...query('from=0&to=1'),
        path,
        taken: [
          { variation: 1, path, hunk: 1 },
          { variation: 2, path, hunk: 1 },
        ],
      },
      token: evil,
    });
    expect(page.replaceAll(/<script src="\/assets\/[^"]+" defer><\/script>/g, '').includes('<script')).toBe(
      false,
    );
    const main = page.slice(page.indexOf('<main'), page.indexOf('id="new-run"'));
    expect(main.replaceAll(/ (?:value|href|hx-get)="[^"]*"/g, '').includes('\u202e')).toBe(false);
    // A box gives back exactly the path that it was made for.
    const [, value = ''] = /name="hunk" value="([^"]*)"/.exec(page) ?? [];
    const read = value
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&#34;', '"')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&');
    expect(read).toBe(`1:${path}:1`);
  });

  test.each([2, 3, 4, 6, 7, 16])('holds %d variations', (n) => {
    const all = many(n);
    const fell = Object.fromEntries(
      numbers(n)
        .slice(1)
        .map((one) => [one, one % 7]),
    );
    const page = comparePage({ run: comparedRun({ variations: all }), verdict: verdictOf(numbers(n), fell) });
    expect(row(page, '1 Applies')).toHaveLength(n + 1);
    expect(row(page, 'unit tests')).toHaveLength(n + 1);
    expect(page.includes(`data-n="${n}"`)).toBe(n <= 4);
    expect(page.includes('class="matrix many"')).toBe(n > 6);
    expect(page.includes('<section class="scroll" id="matrix" tabindex="0" aria-label=')).toBe(n > 4);
    expect(page.includes('class="columns"')).toBe(n > 6);
    expect(page).toContain(`Make variation ${n + 1}`);
  });

  test('shows the columns that are asked for', () => {
    const all = many(9);
    const page = comparePage({
      run: comparedRun({ variations: all }),
      verdict: verdictOf(numbers(9), { 2: 5, 3: 5, 4: 5, 5: 5, 6: 5, 7: 5, 8: 5, 9: 5 }),
      query: readCompareQuery(new URLSearchParams('from=0&to=1&show=1&show=7'), numbers(9), 1),
    });
    expect(row(page, '1 Applies')).toHaveLength(3);
    expect(page).toContain('2 of 9 variations');
    expect(page).toContain('data-n="2"');
  });

  test('says of each level what it told, where one falls, and which one decided', () => {
    const page = comparePage();
    expect(row(page, '1 Applies')).toEqual([
      '1 Applies to the base and to main as it is now',
      'both',
      'both',
      'both',
      'conflict on main 1 file src/export/csv.ts',
    ]);
    expect(classes(page, 'Applies')).toEqual(['first', '', '', 'out-here']);
    expect(row(page, '2 Nothing')).toEqual(['2 Nothing required broken', 'none', 'none', '1 broken', 'out']);
    expect(classes(page, 'Nothing required broken')).toEqual(['first', '', 'out-here', 'gone']);
    expect(row(page, '6 Smaller')).toEqual([
      '6 Smaller diff decides between 3 and 1',
      '103 lines',
      '157 lines',
      'out',
      'out',
    ]);
    expect(classes(page, 'Smaller diff')).toEqual(['first best', '', 'gone', 'gone']);
    expect(page.match(/<tr class="decides">/g)).toHaveLength(1);
    expect(row(page, '7 Cost')[0]).toBe('7 Cost not needed');
    expect(row(page, '5 Blind')[0]).toContain('1 and 3: the judge contradicted itself');
  });

  test('leads from each place to the event that caused it', () => {
    const page = comparePage();
    expect(page).toContain('<a href="/runs/208?v=2#e702">3rd</a>');
    expect(page).toContain('<a href="/runs/208/compare#e733">The 19 events behind this</a>');
    expect(page).toMatch(/<a href="\/runs\/208\?v=2#e702">\s*<span class="state" data-s="broken">/);
  });

  test('says that a tie is one, and asks a person', () => {
    const page = comparePage({ verdict: verdictOf([1, 3, 2, 4], { 2: 1, 4: 0 }) });
    expect(page.match(/1st, tied/g)).toHaveLength(2);
    expect(page).not.toContain('<tr class="decides">');
    expect(page).not.toContain('Pick 1<');
    expect(page).toMatch(/class="btn primary"[^>]*commandfor="pick"[^>]*data-key="w"/);
  });

  test('says of checks what they were on the base, that they are flaky, and how they went with its tests', () => {
    const page = comparePage();
    expect(row(page, 'unit tests')).toEqual([
      'unit tests base: passes, 318',
      'passes 322 of 322',
      'passes 322 of 322',
      'broken 318 of 320 with the base’s tests: broken',
      'passes 318 of 318',
    ]);
    expect(row(page, 'first byte')[3]).toBe('fixed flaky: decides nothing');
    expect(row(page, 'lint')).toEqual([
      'lint base: fails, 4 findings · not required',
      'still fails 4 findings',
      'still fails 4 findings',
      'still fails',
      'not run',
    ]);
    expect(row(page, 'Flags')[3]).toBe(
      'edits a test test/csv.test.ts judges it; the base’s version ran as well',
    );
    const none = comparePage({
      run: comparedRun({ base_checks: [], variations: [compared(1, { checks: [] })] }),
    });
    expect(none).toContain('this project has none');
  });

  test('shows criteria as the opinion that they are, with their quotations', () => {
    const page = comparePage();
    expect(page).toContain('as a model read them');
    expect(row(page, 'Memory does')[0]).toContain(
      '4: “flat” its quotation is not in the patch word for word',
    );
    expect(page).toContain('to=3&amp;path=src%2Fexport%2Fcsv.ts">csv.ts:13</a>');
    expect(comparePage({ criteria: [] })).not.toContain('Criteria from the goal');
  });

  test('of a run without a verdict shows what there is, and who is not over', () => {
    const page = comparePage({
      ...{ verdict: null, events: null, criteria: [] },
      run: comparedRun({
        status: 'running',
        variations: [compared(1), compared(2, { status: 'running', completed_at: null, patch: null })],
      }),
    });
    expect(page).toContain('No verdict yet');
    expect(page).toContain('2 is not over yet.');
    expect(page).toContain('Judge now');
    expect(page).not.toContain('Why this order');
    expect(page).toMatch(/aria-disabled="true" title="Pick a winner first"/);
    expect(page).toContain('Stop the others, of which 1 is not over');
  });

  test('of a picked winner says by whom and why, and lets land and unpick', () => {
    const winner = { position: 3, by: 'person' as const, note: 'Small', at: '2026-11-21T20:40:00Z' };
    const page = comparePage({ run: comparedRun({ winner }) });
    expect(textOf(page)).toContain('3 is picked Picked by a person, 81 s ago : “Small”');
    expect(page).toContain('action="/runs/208/unpick"');
    expect(page).toContain('href="/runs/208?sheet=land"');
    expect(page).not.toContain('Pick a winner first');
    const byVerdict = comparePage({ run: comparedRun({ winner: { ...winner, by: 'verdict', note: null } }) });
    expect(byVerdict).toContain('3 is picked by the verdict');
  });

  test('tells what a graft is made of', () => {
    const graft = {
      on: null,
      parts: [
        { variation: 1, path: 'a', hunks: [1, 2] },
        { variation: 1, path: 'b', hunks: [1] },
        { variation: 2, path: 'c' },
      ],
    };
    const run = comparedRun({
      variations: [compared(1), compared(2), compared(3, { kind: 'graft', graft })],
    });
    const page = comparePage({ run, verdict: verdictOf([3, 1, 2], { 1: 5, 2: 1 }, { groups: [[1, 3]] }) });
    expect(page).toContain('3 Graft');
    expect(row(page, 'Made of')).toEqual([
      'Made of',
      '3 hunks of variation 1 in 2 files, 1 file of variation 2',
      '–',
      '–',
    ]);
    expect(row(page, 'Nearly the same')).toEqual(['Nearly the same', 'as 1', 'as 3', '–']);
  });
});

describe('changes between two sides', () => {
  test('carry a box for each hunk and file, which belongs to the form of the graft', () => {
    const page = comparePage();
    const boxes = [
      ...page.matchAll(/<input type="checkbox" form="graft" name="(hunk|file)" value="([^"]+)"( checked)?/g),
    ];
    expect(boxes.map(([, name, value, checked]) => [name, value, Boolean(checked)])).toEqual([
      ['file', '1:src/export/csv.ts', false],
      ['hunk', '1:src/export/csv.ts:1', true],
      ['hunk', '1:src/export/csv.ts:2', true],
      ['hunk', '1:src/export/csv.ts:3', false],
      ['file', '1:src/http/exports.ts', false],
      ['hunk', '1:src/http/exports.ts:1', false],
      ['file', '1:test/csv.test.ts', false],
      ['hunk', '1:test/csv.test.ts:1', false],
      ['file', '1:test/fixtures/large.bin', false],
    ]);
    expect(page).toContain('@@ −9,5 +8,9 @@ exportCsv');
    expect(page).toContain('no line break at the end');
  });

  test('that make a file of another kind are taken whole', () => {
    const halves = parseDiff(
      'diff --git a/l b/l\ndeleted file mode 100644\n--- a/l\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n' +
        'diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+y\n\\ No newline at end of file\n',
    );
    const page = comparePage({ files: halves, changes: [{ ...changesOf(halves)[0]!, status: 'modified' }] });
    expect(page).not.toContain('name="hunk" value="1:l');
    expect(page.match(/name="file" value="1:l"/g)).toHaveLength(1);
  });

  test('fold the lines between them, which lead to a page of their own without script', () => {
    const page = comparePage();
    const gaps = [
      ...page.matchAll(/<tr class="gap"><td colspan="(\d)"><a href="([^"]+)" hx-get="([^"]+)"[^>]*>([^<]+)/g),
    ];
    expect(gaps.map((gap) => gap[4])).toEqual([
      'Show 4 lines',
      'Show 1 line',
      'Show 31 lines to the end',
      'Show 19 lines',
    ]);
    expect(gaps[0]?.[2]).toBe(
      '/runs/208/compare?from=3&amp;to=1&amp;path=src%2Fexport%2Fcsv.ts&amp;hunk=1%3Asrc%2Fexport%2Fcsv.ts%3A1&amp;hunk=1%3Asrc%2Fexport%2Fcsv.ts%3A2',
    );
    const asked = new URL(gaps[0]![3]!.replaceAll('&amp;', '&'), 'http://localhost');
    const gap = readGap(asked.searchParams)!;
    expect(gap).toEqual({ path: 'src/export/csv.ts', old: 5, now: 4, count: 4, toEnd: false });
    const some = GapLines({ run: 208, query: query(), gap, lines: ['<a>', 'b'] }) as string;
    expect(some).toContain('<td>6</td><td>5</td>');
    expect(some).toContain('&lt;a&gt;');
    expect(some).toContain('Show 2 lines');
    expect(
      GapLines({ run: 208, query: query(), gap, lines: ['1', '2', '3', '4', '5'] }) as string,
    ).not.toContain('Show');
    for (const wrong of [
      '',
      'path=a&old=1&now=1',
      'path=a&old=0&now=1&count=1',
      'path=a&old=1&now=1&count=1e9',
      'old=1&now=1&count=2',
    ])
      expect(readGap(new URLSearchParams(wrong))).toBeNull();
  });

  test('show their folded lines where these are at hand', () => {
    const lines = Array.from({ length: 51 }, (_, i) => `line ${i + 1}`);
    const page = comparePage({ texts: new Map([['src/export/csv.ts', { total: 51, lines }]]) });
    expect(page).toContain('<span class="tn">51</span>');
    expect(page.match(/<tr class="gap">/g)).toHaveLength(1);
  });

  test('carry comments below their lines, on the side of who was told; others are below the file', () => {
    const place = (position: number, line: number, address = 'from=3&to=1') => {
      const page = comparePage({
        comments: [{ ...comment, position, line, text: 'Here' }],
        query: query(address),
      });
      const at = page.indexOf('<p class="said">Here');
      if (at < 0) return null;
      const before = page.slice(0, at);
      return before.lastIndexOf('class="notes"') > before.lastIndexOf('class="note"')
        ? 'below'
        : [...before.matchAll(/<td>(\d*)<\/td><td>(\d*)<\/td>/g)].at(-1)?.slice(1, 3);
    };
    expect(place(1, 9)).toEqual(['', '9']);
    expect(place(3, 11)).toEqual(['11', '']);
    expect(place(1, 3)).toEqual(['4', '3']);
    expect(place(1, 40)).toBe('below');
    expect(place(2, 9)).toBeNull();
    expect(place(3, 11, 'from=0&to=1')).toBeNull();
    expect(comparePage({ comments: [comment] })).toContain('1 reads it at its next turn');
  });

  test('may be told to either side, or to the right one where the left one is the base', () => {
    const sends = (page: string) =>
      [...page.matchAll(/name="to" value="(\d+)"/g)].slice(0, 2).map((match) => match[1]);
    expect(sends(comparePage())).toEqual(['1', '3']);
    expect(sends(comparePage({ query: query('from=0&to=1') }))).toEqual(['1', '1']);
  });

  test('are bounded, and say what is left out', () => {
    const rows = Array.from({ length: 900 }, (_, i) => `+line ${i}\n`).join('');
    const big = (name: string) =>
      `diff --git a/${name} b/${name}\nnew file mode 100644\n--- /dev/null\n+++ b/${name}\n@@ -0,0 +1,900 @@\n${rows}`;
    const all = parseDiff(Array.from({ length: 120 }, (_, i) => big(`f${i}`)).join(''));
    const page = comparePage({ files: all, changes: changesOf(all), total: 5000 });
    expect(page.match(/<tr class="add">/g)).toHaveLength(3000);
    expect(page).toContain('500 more lines that differ.');
    expect(page).toContain('20 more files');
    expect(page).toContain('4880 more files in the patch.');
    const alone = comparePage({ files: all.slice(0, 1), query: query('from=0&to=1&path=f0') });
    expect(alone.match(/<tr class="add">/g)).toHaveLength(900);
    expect(comparePage({ files: null })).toContain('Too large to be shown');
    expect(comparePage({ files: [], query: query('from=1&to=1') })).toContain('one and the same');
    expect(comparePage({ files: [], query: query('from=0&to=1') })).toContain('Variation 1 changes nothing.');
  });
});

describe('what is taken for a graft', () => {
  test('is one part for each file of each variation; a whole file is more than its hunks', () => {
    const { taken } = query(
      'from=3&to=1&hunk=1:a:b:2&hunk=1:a:b:1&hunk=2:c:1&file=2:c&hunk=x&file=:y&hunk=1:z',
    );
    expect(partsOf(taken)).toEqual([
      { variation: 2, path: 'c' },
      { variation: 1, path: 'a:b', hunks: [2, 1] },
    ]);
  });

  test('comes back from a form and an address as it went, whatever its path', () => {
    const taken = fc.record({
      variation: fc.integer({ min: 1, max: 16 }),
      path: fc.string({ minLength: 1, unit: fc.constantFrom(...'a:%2\r\n&"<\u00e4/0A', '%0A') }),
      hunk: fc.option(fc.integer({ min: 1, max: 999 })),
    });
    fc.assert(
      fc.property(taken, (one: Taken) => {
        const form = new URLSearchParams();
        if (one.hunk === null) form.set('file', fileValue(one));
        else form.set('hunk', hunkValue(one));
        // As a browser sends it.
        const sent = new URLSearchParams(
          [...form].map(([name, value]) => [name, value.replace(/\r?\n|\r/g, '\r\n')]),
        );
        expect(readPicks(sent)).toEqual([one]);
        const address = compareAddress(1, { ...query('from=3&to=1'), taken: [one] });
        expect(readPicks(new URL(address, 'http://localhost').searchParams)).toEqual([one]);
      }),
    );
  });

  test('stays on the way to another view or variation, and goes with another start, where hunks have other numbers', () => {
    const start = query();
    const reread = (address: string) => query(address.split('?')[1]);
    expect(reread(compareAddress(208, start, { split: true }))).toEqual({ ...start, split: true });
    expect(reread(compareAddress(208, start, { to: 2 })).taken).toEqual(start.taken);
    expect(reread(compareAddress(208, start, { from: 2 })).taken).toEqual([]);
    expect(query('from=0&to=1&on=3&hunk=1:a:1')).toMatchObject({ taken: [], dropped: true });
    expect(query('from=3&to=1&on=3&hunk=1:a:1')).toMatchObject({ dropped: false });
    expect(query('from=9&to=x&show=77')).toEqual({
      ...{ from: 0, to: 3, split: false, path: null, columns: null, taken: [], dropped: false },
    });
  });

  test('is counted in the tray, which keeps what is not on its page', () => {
    const page = comparePage({
      query: query('from=3&to=1&hunk=1:src/export/csv.ts:2&hunk=2:src/export/csv.ts:1'),
    });
    expect(page).toContain('1 hunk of variation 1 in 1 file, 1 hunk of variation 2 in 1 file');
    expect(page).toContain('1 of it taken elsewhere');
    expect(page).toContain('<input type="checkbox" name="hunk" value="2:src/export/csv.ts:1" checked');
    expect(page.match(/value="1:src\/export\/csv.ts:2"/g)).toHaveLength(1);
    expect(page).toContain('<input type="hidden" name="on" value="3"');
  });

  test('is not made a variation while nothing is taken, or while parts of it conflict', () => {
    const tray = (taken: Taken[], composed: Parameters<typeof Tray>[0]['composed']) =>
      Tray({
        run: 1,
        query: { ...query(), taken },
        composed,
        next: 5,
        here: new Set(),
        token: 't',
      }) as string;
    const one = { variation: 1, path: 'a', hunk: 1 };
    expect(tray([], null)).toContain('title="Take a hunk or a file first"');
    expect(tray([one], { ok: true })).not.toContain('aria-disabled');
    const parts = [
      { variation: 1, hunk: 1 },
      { variation: 2, hunk: null },
    ];
    const clash = tray([one], { ok: false, clashes: [{ path: 'a', parts, reason: 'Why.' }] });
    expect(clash).toContain('title="Solve the conflicts first"');
    expect(textOf(clash)).toContain('one conflict');
    expect(textOf(clash)).toContain('a hunk 1 of variation 1 and the file of variation 2 Why.');
    const page = comparePage({
      composed: {
        ok: false,
        clashes: [
          {
            path: 'src/export/csv.ts',
            parts: [
              { variation: 1, hunk: 2 },
              { variation: 2, hunk: 1 },
            ],
            reason: 'Why.',
          },
        ],
      },
    });
    expect(textOf(page)).toContain('Take hunk 2 of variation 1 conflicts with hunk 1 of variation 2');
  });
});

test('a check that the base could not run says so', () => {
  const run = comparedRun({ base_checks: [outcome('unit tests', 'could_not_run')] });
  expect(row(comparePage({ run }), 'unit tests')[0]).toBe('unit tests base: could not run');
});
