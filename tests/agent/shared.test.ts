import { expect, test } from 'bun:test';
import { Shared } from '../../src/agent/shared';

const never = () => new AbortController().signal;

/** Work that ends when told to, and knows its signal. */
function work() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const seen: { runs: number; signal: AbortSignal | null } = { runs: 0, signal: null };
  const make = (signal: AbortSignal) => {
    seen.runs += 1;
    seen.signal = signal;
    signal.addEventListener('abort', () => reject(signal.reason));
    return promise;
  };
  return { make, seen, resolve, reject };
}

test('is done once for all who want it meanwhile, and again for who comes later', async () => {
  const shared = new Shared<number>();
  const first = work();
  const all = [1, 2, 3].map(() => shared.once(1, never(), first.make));
  const other = work();
  const apart = shared.once(2, never(), other.make);
  first.resolve();
  other.resolve();
  await Promise.all([...all, apart]);
  expect([first.seen.runs, other.seen.runs]).toEqual([1, 1]);
  const second = work();
  second.resolve();
  await shared.once(1, never(), second.make);
  expect(second.seen.runs).toBe(1);
});

test('fails for all who wait, and may be tried again', async () => {
  const shared = new Shared<string>();
  const bad = work();
  const all = [1, 2].map(() => shared.once('k', never(), bad.make).catch((error) => error.message));
  bad.reject(new Error('broken'));
  expect(await Promise.all(all)).toEqual(['broken', 'broken']);
  const good = work();
  good.resolve();
  await shared.once('k', never(), good.make);
});

test('goes on while anybody wants it, and ends with the last', async () => {
  const shared = new Shared<string>();
  const job = work();
  const [one, two] = [new AbortController(), new AbortController()];
  const first = shared.once('k', one.signal, job.make).catch((error) => error.message);
  const second = shared.once('k', two.signal, job.make).catch((error) => error.message);
  one.abort(new Error('one leaves'));
  expect(await first).toBe('one leaves');
  expect(job.seen.signal?.aborted).toBe(false);
  two.abort(new Error('two leaves'));
  expect(await second).toBe('two leaves');
  expect(job.seen.signal?.aborted).toBe(true);
});

test('the last to leave waits until what was under way is dead; a newcomer gets a new one', async () => {
  const shared = new Shared<string>();
  const dying = Promise.withResolvers<void>();
  const leave = new AbortController();
  let left = false;
  const last = shared
    .once('k', leave.signal, () => dying.promise)
    .catch(() => {
      left = true;
    });
  leave.abort(new Error('leaves'));
  await Bun.sleep(0); // The one who leaves hears of it.
  const fresh = work();
  const newcomer = shared.once('k', never(), fresh.make);
  expect(fresh.seen.runs).toBe(1);
  expect(left).toBe(false);
  dying.reject(new Error('dead'));
  await last;
  expect(left).toBe(true);
  fresh.resolve();
  await newcomer;
});

test('is not begun for a caller who has left already', async () => {
  const shared = new Shared<string>();
  const job = work();
  await shared.once('k', AbortSignal.abort(new Error('gone')), job.make).catch(() => {});
  expect(job.seen.runs).toBe(0);
});
