import { expect, test } from 'bun:test';
import { Value } from '@sinclair/typebox/value';
import { type LandingMode, landingModes } from '../../drizzle/schema';
import { type LandingBody, landingBody, readLanding } from '../../src/server/landing-body';
import { bodyOf } from '../../src/server/landing-typed';

const fieldOf = (body: LandingBody, within?: string): string => {
  try {
    readLanding(body, within);
    return 'none';
  } catch (error) {
    return (error as { field: string }).field;
  }
};

test('a landing is read with what is usual where it says nothing', () => {
  expect(readLanding({ mode: 'branch' })).toEqual({
    ...{ mode: 'branch', target: null, title: null, body: null, labels: [], squash: true },
    ...{ author: null, co_authors: [], checkout: false },
  });
  expect(readLanding({ mode: 'branch', target: ' ', title: '\n', body: ' ' })).toMatchObject({
    ...{ target: null, title: null, body: null },
  });
});

test('a landing is read without blanks around, and no label twice', () => {
  const ada = { name: ' Ada Lovelace ', email: ' ada@example.org ' };
  expect(
    readLanding({
      ...{ mode: 'pull_request', target: ' main ', title: ' Round refunds ', body: '\nWhy\n', squash: false },
      ...{ labels: ['bug', ' bug', 'bakeoff'], author: ada, co_authors: [ada] },
    }),
  ).toEqual({
    ...{ mode: 'pull_request', target: 'main', title: 'Round refunds', body: 'Why', squash: false },
    labels: ['bug', 'bakeoff'],
    author: { name: 'Ada Lovelace', email: 'ada@example.org' },
    co_authors: [{ name: 'Ada Lovelace', email: 'ada@example.org' }],
    checkout: false,
  });
  expect(readLanding({ mode: 'merge', checkout: true }).checkout).toBe(true);
});

test('a refusal names the field where it stands in the request', () => {
  expect(fieldOf({ mode: 'branch', checkout: true })).toBe('checkout');
  expect(fieldOf({ mode: 'branch', title: 'a\u0007b' }, 'options.land')).toBe('options.land.title');
});

test('a title and a body are refused where only the agent’s steps go out', () => {
  for (const mode of ['branch', 'merge'] as const) {
    expect(fieldOf({ mode, squash: false, title: 'Mine' })).toBe('title');
    expect(fieldOf({ mode, squash: false, body: 'Mine' })).toBe('body');
    expect(fieldOf({ mode, squash: false, title: ' ', body: '\n' })).toBe('none');
    expect(fieldOf({ mode, title: 'Mine', body: 'Mine' })).toBe('none');
  }
});

test('its examples are what it takes', () => {
  for (const example of landingBody.examples as LandingBody[]) {
    expect(Value.Check(landingBody, example)).toBe(true);
    expect(fieldOf(example)).toBe('none');
  }
});

test('the dialog sends no field that its choices have no use for', () => {
  const typed = { target: '', title: 'Mine', labels: 'a, b', checkout: true };
  const sent = (mode: LandingMode, squash: boolean) => bodyOf(mode, { ...typed, mode, squash });
  expect(sent('branch', true)).toEqual({ mode: 'branch', squash: true, title: 'Mine' });
  expect(sent('branch', false)).toEqual({ mode: 'branch', squash: false });
  expect(sent('merge', false)).toEqual({ mode: 'merge', squash: false, checkout: true });
  expect(sent('pull_request', false)).toEqual({
    ...{ mode: 'pull_request', squash: false, title: 'Mine', labels: ['a', 'b'] },
  });
  for (const mode of landingModes)
    for (const squash of [true, false]) expect(fieldOf(sent(mode, squash))).toBe('none');
});
