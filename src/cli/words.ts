import type { PatchStat, RunStatus } from '../../drizzle/schema';
import type { CheckOutcome, Run, Variation } from '../core/contract';
import type { Tone } from './screen';

/** A status as shape, colour and word. */
export const marks: Record<RunStatus, { mark: string; tone: Tone | null }> = {
  pending: { mark: '◌', tone: 'quiet' },
  queued: { mark: '○', tone: 'quiet' },
  running: { mark: '◐', tone: 'accent' },
  paused: { mark: '‖', tone: 'quiet' },
  awaiting_approval: { mark: '◆', tone: 'warn' },
  needs_review: { mark: '△', tone: 'warn' },
  completed: { mark: '✔', tone: 'good' },
  failed: { mark: '✘', tone: 'bad' },
  stopped: { mark: '■', tone: 'quiet' },
};

const ends: ReadonlySet<RunStatus> = new Set<RunStatus>(['completed', 'failed', 'needs_review', 'stopped']);

/** Nothing happens any more in this status, until a person acts. */
export function over(status: RunStatus): boolean {
  return ends.has(status);
}

export function statusWord(status: RunStatus): string {
  return status.replaceAll('_', ' ');
}

/** `2 files +10 −3`; a tie in nothing is said too. */
export function diffStat(patch: PatchStat | null): string {
  if (patch === null) return 'no patch';
  if (patch.files === 0) return 'no change';
  return `${patch.files} ${patch.files === 1 ? 'file ' : 'files'} +${patch.additions} −${patch.deletions}`;
}

/** A check on the patch against the base, by exit codes: `tests fixed (exit 1 → 0)`. */
export function checkWords(check: CheckOutcome, base: readonly CheckOutcome[]): { text: string; tone: Tone } {
  const before = base.find((one) => one.name === check.name);
  const exits = before ? `exit ${exitWord(before)} → ${exitWord(check)}` : `exit ${exitWord(check)}`;
  return {
    text: `${check.name} ${check.result.replaceAll('_', ' ')} (${exits})`,
    tone: checkTones[check.result],
  };
}

const checkTones: Record<CheckOutcome['result'], Tone> = {
  passed: 'good',
  passes: 'good',
  fixed: 'good',
  failed: 'warn',
  still_fails: 'warn',
  broken: 'bad',
  could_not_run: 'quiet',
};

export function exitWord(check: Pick<CheckOutcome, 'exit_code'>): string {
  return check.exit_code === null ? 'none' : String(check.exit_code);
}

/** `850 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** Dollars; a price that is not known is said to be. */
export function cost(usd: number | null): string {
  if (usd === null) return 'cost unknown';
  return usd !== 0 && usd < 0.01 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`;
}

/** From start to end, or null while one of them is not known. */
export function elapsed(of: Run | Variation): number | null {
  return of.started_at && of.completed_at ? Date.parse(of.completed_at) - Date.parse(of.started_at) : null;
}

/** A time as the person's clock shows it; the day only when it is another one. */
export function moment(iso: string, now: Date = new Date()): string {
  const at = new Date(iso);
  const clock = at.toTimeString().slice(0, 8);
  if (at.toDateString() === now.toDateString()) return clock;
  const two = (number: number) => String(number).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock}`;
}
