import type { ModelRequest } from '../model';
import { abortError, type Sleep, sleep } from './abort';
import { Fault, faultOf, type Place } from './faults';

/** Time and chance of a call; tests bring their own. Milliseconds. */
export interface Pace {
  /** Tries in all. */
  tries: number;
  /** One try, from sending to the end of the answer. */
  timeoutMs: number;
  /** Between two pieces of an answer that has begun. */
  idleMs: number;
  /** The first back-off; each next one is twice as long. */
  backoffMs: number;
  /** Longest wait between tries, also when the provider asks for more. */
  maxWaitMs: number;
  sleep: Sleep;
  /** 0 (inclusive) to 1. */
  random: () => number;
  now: () => number;
}

/** The pace of the service, for a time-out per try in seconds. */
export function paceOf(timeoutS: number): Pace {
  return {
    tries: 4,
    timeoutMs: timeoutS * 1000,
    idleMs: Math.min(90_000, timeoutS * 500),
    backoffMs: 1000,
    maxWaitMs: 60_000,
    sleep,
    random: Math.random,
    now: Date.now,
  };
}

/** Characters of text and thoughts in one answer: more than any model writes, less than the record cannot keep up with. */
const maxSaid = 8 * 2 ** 20;

/** What a try is given. After the try is over nothing it says is heard. */
export interface Try {
  signal: AbortSignal;
  /** The provider was heard: bytes came. */
  heard: () => void;
  /** Hands a piece of the answer on. */
  say: (kind: 'text' | 'thinking', text: string) => void;
}

/**
 * Tries until there is an answer: passing faults are waited out, with growing and jittered pauses or as long as the
 * provider asked for; others end it at once. Whatever a try throws is taken to be the provider's fault, but not what
 * the receiver of the pieces throws, which comes through as it is.
 * @throws Fault, or AbortError as soon as `request.signal` fires, also when the try does not notice.
 */
export async function withRetries<T>(
  request: Pick<ModelRequest, 'signal' | 'onDelta' | 'onRetry'>,
  place: Place,
  pace: Pace,
  attempt: (one: Try) => Promise<T>,
): Promise<T> {
  for (let number = 1; ; number += 1) {
    try {
      return await once(request, place, pace, attempt);
    } catch (error) {
      if (!(error instanceof Fault) || !error.passing) throw error;
      if (number >= pace.tries) throw spent(error, number);
      const delay = waitAfter(error, number, pace);
      request.onRetry?.({ error: error.message, try: number, delay_ms: delay });
      await pace.sleep(delay, request.signal);
    }
  }
}

/** One try under its two limits. */
function once<T>(
  request: Pick<ModelRequest, 'signal' | 'onDelta'>,
  place: Place,
  pace: Pace,
  attempt: (one: Try) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (request.signal.aborted) return reject(abortError());
    const controller = new AbortController();
    const total = setTimeout(
      () => end(tooSlow(`no whole answer within ${pace.timeoutMs / 1000} s`)),
      pace.timeoutMs,
    );
    let idle: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    let said = 0;
    const stop = () => end(abortError());
    request.signal.addEventListener('abort', stop, { once: true });

    function tooSlow(what: string): Fault {
      return new Fault('model_unavailable', `${place.name} gave ${what}`, { passing: true });
    }
    function release() {
      over = true;
      clearTimeout(total);
      clearTimeout(idle);
      request.signal.removeEventListener('abort', stop);
    }
    function end(error: unknown) {
      release();
      reject(error);
      // Last: listeners run at once, and must not be the first to settle.
      controller.abort();
    }
    const one: Try = {
      signal: controller.signal,
      heard() {
        if (over) return;
        clearTimeout(idle);
        idle = setTimeout(
          () => end(tooSlow(`nothing for ${pace.idleMs / 1000} s in mid-answer`)),
          pace.idleMs,
        );
      },
      say(kind, text) {
        if (text === '' || over) return;
        said += text.length;
        if (said > maxSaid) {
          return end(
            new Fault('model_unavailable', `${place.name} sent more than ${maxSaid / 2 ** 20} MB of text`),
          );
        }
        try {
          request.onDelta?.(kind, text);
        } catch (error) {
          end(error);
        }
      },
    };
    attempt(one).then(
      (value) => {
        release();
        resolve(value);
      },
      (error) => end(faultOf(error, place)),
    );
  });
}

function waitAfter(fault: Fault, number: number, pace: Pace): number {
  // Many variations are refused in the same moment: without jitter they would come back in the same moment too.
  const wish =
    fault.retryAfterMs === null
      ? pace.backoffMs * 2 ** (number - 1) * (0.5 + pace.random() / 2)
      : fault.retryAfterMs * (1 + pace.random() / 10);
  return Math.round(Math.min(wish, pace.maxWaitMs));
}

function spent(fault: Fault, tries: number): Fault {
  return new Fault('model_unavailable', `${fault.message} (tried ${tries} times)`, {
    status: fault.status,
    retryAfterMs: fault.retryAfterMs,
  });
}
