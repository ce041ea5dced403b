import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type FailureCode, failures } from '../../src/core/failure';
import { landingFailures } from '../../src/core/landing-failure';
import { statusOf } from '../../src/jobs/result';

const root = resolve(import.meta.dir, '../..');
const [whyEnded, whyRefused, whyNotLanded] = readFileSync(join(root, 'docs/errors.md'), 'utf8').split(
  /^## Why a (?:request|winner)/m,
);

/** The cells of a document's table rows that begin with a code. */
function rows(text = ''): string[][] {
  return [...text.matchAll(/^\| `(\w+)` \| (.+) \|$/gm)].map(([, code, rest]) => [
    code!,
    ...rest!.split(' | '),
  ]);
}

test('docs/errors.md says of every failure what the code says, and where it leads', () => {
  const expected = (Object.keys(failures) as FailureCode[]).map((code) => [
    code,
    failures[code],
    `\`${statusOf(code)}\``,
  ]);
  expect(rows(whyEnded)).toEqual(expected);
});

test('docs/errors.md says of every landing that failed what the code says', () => {
  expect(rows(whyNotLanded)).toEqual(Object.entries(landingFailures));
});

test('docs/errors.md lists every code with which the API refuses, and no other', () => {
  const codes = new Set<string>(['invalid']);
  for (const name of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!/\.tsx?$/.test(name)) continue;
    const text = readFileSync(join(root, 'src', name), 'utf8');
    for (const [, code] of text.matchAll(/\b(?:BakeoffError|conflict)\(\s*'(\w+)'/g)) codes.add(code!);
    for (const [, code] of text.matchAll(/\binvalid\([^;]*?,\s*'([a-z_]+)',?\s*\)/g)) codes.add(code!);
    for (const [, noun] of text.matchAll(/\bnotFound\(\s*'(\w+)'/g)) codes.add(`${noun}_not_found`);
  }
  const told = rows(whyRefused);
  expect(told.map(([code]) => code!).sort()).toEqual([...codes].sort());
  for (const [, status, meaning] of told) {
    expect(status).toMatch(/^[45]\d\d$/);
    expect(meaning!.length).toBeGreaterThan(20);
  }
});
