/** Callers whose pace is remembered; beyond that, who was not seen for longest is forgotten. */
const maxCallers = 1_000;

/** Lets so many calls of one caller through at once, and so many a second on and on. */
export class Pace {
  private readonly callers = new Map<string, { left: number; at: number }>();

  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Null when the call may go on; else the seconds after which another may. */
  wait(caller: string): number | null {
    const now = this.now();
    const { left, at } = this.callers.get(caller) ?? { left: this.burst, at: now };
    const grown = Math.min(this.burst, left + ((now - at) / 1000) * this.perSecond);
    this.callers.delete(caller);
    this.callers.set(caller, { left: grown >= 1 ? grown - 1 : grown, at: now });
    if (this.callers.size > maxCallers) this.callers.delete(this.callers.keys().next().value ?? '');
    return grown >= 1 ? null : Math.ceil((1 - grown) / this.perSecond);
  }
}
