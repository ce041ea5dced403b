import type { CheckResult, Event } from '../core/fact';
import { duration, words } from './format';

/** The events that the lanes are made of: ends of things, which know how long they took, and ends of waits. */
export const timelineTypes = [
  'model.responded',
  'tool.finished',
  'check.finished',
  'checkpoint.saved',
  'directive.delivered',
  'variation.paused',
  'variation.retrying',
  'approval.requested',
  'approval.decided',
  'variation.queued',
  'variation.started',
  'variation.stopped',
  'variation.failed',
] as const;

export interface Step {
  variation: number;
  seq: number;
  kind: 'model' | 'cmd' | 'good' | 'bad' | 'still' | 'unknown' | 'pin' | 'wait' | 'say';
  title: string;
  /** Milliseconds since the epoch. */
  from: number;
  /** Null for a wait that is not over. */
  to: number | null;
}

/** What the lanes show, kept small: an event is read once. */
export class TimelineSteps {
  readonly steps: Step[] = [];
  /** The wait of each variation that waits. */
  readonly #waits = new Map<number, Step>();

  /** Whether it changed the picture. */
  take(event: Event): boolean {
    const { variation } = event;
    if (variation === null) return false;
    const ended = endsWait(event) && this.#endWait(variation, Date.parse(event.created_at));
    const step = stepOf(event, variation);
    if (step === null) return ended;
    if (step.kind === 'wait') this.#waits.set(variation, step);
    this.steps.push(step);
    // The oldest make room: a lane cannot show thousands of steps apart.
    if (this.steps.length > 4000) this.steps.splice(0, 1000);
    return true;
  }

  #endWait(variation: number, at: number): boolean {
    const wait = this.#waits.get(variation);
    if (!wait) return false;
    wait.to = at;
    this.#waits.delete(variation);
    return true;
  }
}

/** One wait follows another without a gap: a pause of what awaits an approval, for one. */
function endsWait({ type }: Event): boolean {
  return /^(variation\.|approval\.(requested|decided))/.test(type);
}

/** Red is for what the patch broke; what fails as it did on the base, or could not be run, is no fault of it. */
const checkKinds = {
  ...{ passed: 'good', passes: 'good', fixed: 'good' },
  ...{ broken: 'bad', failed: 'still', still_fails: 'still', could_not_run: 'unknown' },
} as const satisfies Record<CheckResult, Step['kind']>;

function stepOf(event: Event, variation: number): Step | null {
  const { seq } = event;
  const to = Date.parse(event.created_at);
  const step = (kind: Step['kind'], title: string, ms: number): Step => ({
    variation,
    seq,
    kind,
    title,
    from: to - ms,
    to,
  });
  const wait = (title: string): Step => ({ variation, seq, kind: 'wait', title, from: to, to: null });
  switch (event.type) {
    case 'model.responded':
      return step(
        'model',
        `Model call, ${duration(event.payload.latency_ms / 1000)}`,
        event.payload.latency_ms,
      );
    case 'tool.finished':
      return step(
        'cmd',
        `${event.payload.name}, ${duration(event.payload.duration_ms / 1000)}`,
        event.payload.duration_ms,
      );
    case 'check.finished': {
      const { result, name, duration_ms } = event.payload;
      return step(checkKinds[result], `Check ${name}: ${words(result)}`, duration_ms);
    }
    case 'checkpoint.saved':
      return step('pin', `Checkpoint ${event.payload.checkpoint}`, 0);
    case 'directive.delivered':
      return step('say', 'Directive taken up', 0);
    case 'variation.paused':
      return wait('Paused');
    case 'variation.retrying':
      return wait(`Waits before retry ${event.payload.retry}, after ${event.payload.error.code}`);
    case 'approval.requested':
      return wait(
        {
          plan: 'Waits for a word on its plan',
          commands: 'Waits for a word on a command',
          commit: 'Waits for a word on the commit',
        }[event.payload.kind],
      );
    default:
      return null;
  }
}
