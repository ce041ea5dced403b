import { describe, expect, test } from 'bun:test';
import { ansi, plain } from '../../src/views/ansi';
import { ago, clock, count, duration, money } from '../../src/views/format';
import { partial } from '../../src/views/partial';
import { inlineProse, prose } from '../../src/views/prose';
import { queryString, readQuery } from '../../src/views/query';

const esc = '\u001b';

describe('terminal output', () => {
  test('has its colours as classes', () => {
    expect(ansi(`${esc}[1;31mno${esc}[0m ${esc}[92myes${esc}[39m .`)).toBe(
      '<span class="ar aB">no</span> <span class="ag">yes</span> .',
    );
    expect(ansi(`${esc}[38;5;196mx${esc}[m`)).toBe('x');
  });

  test('can neither move the cursor, set a title, nor link', () => {
    const evil = `a${esc}[2J${esc}[1;1Hb${esc}]0;title\u0007c${esc}]8;;http://evil.example${esc}\\d${esc}(Be${esc}7f\u009b31mg`;
    expect(plain(evil)).toBe('abcdefg');
    expect(ansi(evil)).not.toContain('evil');
  });

  test('shows what a progress bar ended as', () => {
    expect(ansi('10 %\r50 %\r100 %\nok\r\n')).toBe('100 %\nok\n');
  });

  test('is escaped, also between its codes', () => {
    expect(ansi(`<${esc}[31mscript>${esc}[0m`)).toBe('&lt;<span class="ar">script&gt;</span>');
    expect(ansi('\u0000\u0008\u202e')).toBe('␀␈⟨U+202E⟩');
  });
});

test('prose keeps code, and nothing else of what was written', () => {
  expect(inlineProse('use `a<b` and **c** <i>')).toBe('use <code>a&lt;b</code> and <b>c</b> &lt;i&gt;');
  expect(prose('one\n\n```js\n<x>\n```\ntwo')).toBe(
    '<p class="said">one</p><pre class="out"><code>&lt;x&gt;</code></pre><p class="said">two</p>',
  );
});

test('numbers come with their units', () => {
  expect([0.012, 0.4, 3, 11, 240, 10_800].map(duration)).toEqual([
    '12 ms',
    '0.4 s',
    '3 s',
    '11 s',
    '4 min',
    '3 h',
  ]);
  expect([418, 3723].map(clock)).toEqual(['6:58', '1:02:03']);
  expect([0, 0.0041, 1.12, null].map(money)).toEqual(['$0.00', '$0.0041', '$1.12', 'unknown']);
  expect([980, 2400, 61_000, 1_200_000].map(count)).toEqual(['980', '2.4 k', '61 k', '1.2 M']);
  const now = new Date('2026-11-21T12:00:00Z');
  expect(
    ['2026-11-21T11:59:58Z', '2026-11-21T11:53:00Z', '2026-11-20T11:00:00Z', '2025-03-02T00:00:00Z'].map(
      (at) => ago(at, now),
    ),
  ).toEqual(['just now', '7 min ago', 'yesterday', '2 March 2025']);
});

test('the address of a list is read leniently and written back', () => {
  const query = readQuery(new URLSearchParams('show=live&project_id=3&q=a%26b&sort=nonsense&cursor=abc'));
  expect(query).toEqual({ show: 'live', project_id: 3, sort: 'live', q: 'a&b', cursor: 'abc' });
  expect(queryString(query, { show: 'failed' })).toBe('/?show=failed&project_id=3&q=a%26b');
  expect(queryString(readQuery(new URLSearchParams('project_id=x')), {})).toBe('/');
});

test('a message for htmx holds none of its tags but its own', () => {
  const html = '<p title="<hx-partial hx-target=body>">x</p><header>y</header><HX-oob ><head >';
  expect(partial('#a', 'outerMorph', html)).toBe(
    '<hx-partial hx-target="#a" hx-swap="outerMorph"><p title="&lt;hx-partial hx-target=body>">x</p><header>y</header>&lt;HX-oob >&lt;head ></hx-partial>',
  );
});
