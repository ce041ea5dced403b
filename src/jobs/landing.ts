import { persist } from '../core/db';
import { Fenced } from '../core/errors';
import { failLanding, type LandingError, noteTrouble } from '../core/landing-progress';
import { masker } from '../core/secret';
import { ForgeError } from '../forges/forge';
import { type ErrandWork, Later } from './errands';
import { land } from './landing-forward';
import { undo } from './landing-undo';
import { asLandingFailure, openLandingWork } from './landing-work';

/** A failure that may pass, as it is told of. */
class LandLater extends Later {
  constructor(
    readonly told: LandingError,
    afterMs: number | null,
  ) {
    super(`${told.code}: ${told.message}`, afterMs);
  }
}

/** Landing a winner, and taking that back. What may pass is tried again, visibly; everything else ends it with its code. */
export const landing: ErrandWork = {
  async run(parts, errand, signal) {
    const { database } = parts;
    const work = await openLandingWork(parts, errand, signal);
    if (!work) return;
    const mask = masker([...parts.secrets, work.token]);
    try {
      await (errand.status === 'undoing' ? undo(work) : land(work));
    } catch (error) {
      const failure = signal.aborted || error instanceof Fenced ? null : asLandingFailure(error);
      if (failure === null) throw masked(error, mask);
      const told = tell(failure, mask);
      if (!failure.transient) return await persist(() => failLanding(database, errand, told), { signal });
      await noteTrouble(database, errand, told);
      const afterS = error instanceof ForgeError ? error.retryAfterS : null;
      throw new LandLater(told, afterS === null ? null : afterS * 1000);
    }
  },

  async giveUp({ database, secrets }, errand, error) {
    const internal = { code: 'internal', message: masker(secrets)(error.message).slice(0, maxMessage) };
    await failLanding(database, errand, error instanceof LandLater ? error.told : internal);
  },
};

const maxMessage = 1_000;

function tell(
  { code, message, paths }: { code: string; message: string; paths: readonly string[] },
  mask: (text: string) => string,
): LandingError {
  const told = { code, message: mask(message).slice(0, maxMessage) };
  return paths.length === 0 ? told : { ...told, paths: paths.map(mask) };
}

/** Errors are logged with their stacks, which begin with their message. */
function masked(error: unknown, mask: (text: string) => string): unknown {
  if (!(error instanceof Error)) return error;
  const stack = error.stack ?? '';
  if (mask(error.message + stack) === error.message + stack) return error;
  const other = new Error(mask(error.message));
  other.stack = mask(stack);
  return other;
}
