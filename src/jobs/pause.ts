import { Suspended } from '../agent/steering';

/** How long a pause waits for a command that is being run, before it is ended to be run again later. */
export const pauseWaitsMs = 15_000;

/** A person's wish that a variation pauses: heard at its boundaries, and pressed when none comes. */
export class Pause {
  #wanted = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  readonly #cut = new AbortController();

  constructor(private readonly waitsMs = pauseWaitsMs) {}

  /** What a person wants now; a pause that has not been pressed yet can be taken back. */
  want(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.end();
    if (wanted) this.#timer = setTimeout(() => this.#cut.abort(new Suspended(null)), this.waitsMs);
  }

  get wanted(): boolean {
    return this.#wanted || this.#cut.signal.aborted;
  }

  /** Fires when it is not waited for any longer. */
  get cut(): AbortSignal {
    return this.#cut.signal;
  }

  /** @throws Suspended at a boundary at which a pause is wanted */
  boundary(): void {
    if (this.wanted) throw new Suspended(null);
  }

  end(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
