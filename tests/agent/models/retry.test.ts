import { describe, expect, test } from 'bun:test';
import { sleep } from '../../../src/agent/models/abort';
import { clean, Fault, retryAfter } from '../../../src/agent/models/faults';
import { type Pace, paceOf, withRetries } from '../../../src/agent/models/retry';
import { ask, rejection } from './setup';

const place = { name: 'somebody', secrets: [], now: () => 0 };
const passing = () => new Fault('model_unavailable', 'busy', { passing: true });

function pace(change: Partial<Pace> = {}): Pace & { waits: number[] } {
  const waits: number[] = [];
  return { ...paceOf(180), sleep: async (ms) => void waits.push(ms), random: () => 0, ...change, waits };
}

describe('withRetries', () => {
  test('waits longer each time, with jitter, and not past its cap', async () => {
    for (const [random, waits] of [
      [0, [500, 1000, 2000, 4000, 4000]],
      [1, [1000, 2000, 4000, 4000, 4000]],
    ] as const) {
      const held = pace({ tries: 6, maxWaitMs: 4000, random: () => random });
      const failed = await rejection(withRetries(ask(), place, held, () => Promise.reject(passing())));
      expect(failed).toMatchObject({ code: 'model_unavailable', message: 'busy (tried 6 times)' });
      expect(held.waits).toEqual([...waits]);
    }
  });

  test('tells of each wait before it', async () => {
    const request = ask();
    let tries = 0;
    const held = pace();
    const answer = await withRetries(request, place, held, async () => {
      tries += 1;
      if (tries < 3) throw passing();
      return 'answer';
    });
    expect(answer).toBe('answer');
    expect(request.heard.retries).toEqual([
      { error: 'busy', try: 1, delay_ms: 500 },
      { error: 'busy', try: 2, delay_ms: 1000 },
    ]);
  });

  test('hears nothing more from a try that is over', async () => {
    const request = ask();
    let late = () => {};
    await rejection(
      withRetries(request, place, pace({ tries: 1, timeoutMs: 5 }), (one) => {
        late = () => {
          one.heard();
          one.say('text', 'too late');
        };
        return new Promise(() => {});
      }),
    );
    late();
    expect(request.heard.text).toBe('');
  });

  test('cuts off who says more than can be kept, and does not ask again', async () => {
    let tries = 0;
    const failed = await rejection(
      withRetries(ask(), place, pace(), (one) => {
        tries += 1;
        for (let i = 0; i < 9; i += 1) one.say(i % 2 ? 'text' : 'thinking', 'x'.repeat(2 ** 20));
        return new Promise(() => {});
      }),
    );
    expect(failed).toMatchObject({
      code: 'model_unavailable',
      message: 'somebody sent more than 8 MB of text',
    });
    expect(tries).toBe(1);
  });

  test('ends a call that is called off even when the try does not notice', async () => {
    const controller = new AbortController();
    const ended = rejection(
      withRetries(ask({ signal: controller.signal }), place, pace(), () => new Promise(() => {})),
    );
    controller.abort();
    expect((await ended).name).toBe('AbortError');
  });
});

test('a wait that is called off leaves at once', async () => {
  const controller = new AbortController();
  const ended = rejection(sleep(60_000, controller.signal));
  controller.abort('why not');
  expect((await ended).name).toBe('AbortError');
  expect((await rejection(sleep(60_000, controller.signal))).name).toBe('AbortError');
});

describe('retryAfter', () => {
  const now = Date.parse('2030-01-01T00:00:00Z');
  test.each([
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': 'Tue, 01 Jan 2030 00:01:00 GMT' }, 60_000],
    [{ 'retry-after': 'Mon, 31 Dec 2029 23:00:00 GMT' }, 0],
    [{ 'retry-after-ms': '120', 'retry-after': '2' }, 120],
    [{ 'retry-after-ms': 'x', 'retry-after': '2' }, 2000],
    [{ 'retry-after': 'later' }, null],
    [{}, null],
  ])('reads %j', (headers, expected) => {
    expect(retryAfter(new Headers(headers as Record<string, string>), now)).toBe(expected);
  });
});

describe('clean', () => {
  test('masks the key, and what looks like one', () => {
    const told = clean('key hunter2-hunter2 or sk-abcdefghijklmnop or Bearer abcdefghijklmnop', [
      'hunter2-hunter2',
    ]);
    expect(told).toBe('key *** or sk-*** or Bearer-***');
  });

  test('leaves one bounded line without terminal codes, and no page', () => {
    expect(clean('a\n\u001b[2Jb\u0000\u202ec', [])).toBe('a [2Jb c');
    expect(clean('x'.repeat(2000), [])).toHaveLength(500);
    expect(clean(' <!DOCTYPE html><p>', [])).toBe('(an HTML page)');
  });
});
