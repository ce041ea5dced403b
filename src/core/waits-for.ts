import type { RunStatus } from '../../drizzle/schema';

/** A run that another one waits for. */
export interface Dependency {
  id: number;
  status: RunStatus;
}

/**
 * What a pending run waits for, in words.
 * @param undecided the run whose winner it is to start from, where that has to be picked
 */
export function waitsFor(
  { scheduled_at }: { scheduled_at: Date | null },
  dependencies: readonly Dependency[],
  undecided: number | null,
): string {
  const open = dependencies.filter((one) => one.status !== 'completed');
  const time = scheduled_at && scheduled_at.getTime() > Date.now() ? scheduled_at.toISOString() : null;
  const at = time ? `${time.slice(0, 10)} ${time.slice(11, 16)} UTC` : null;
  const named = open.slice(0, 3).map(({ id, status }) => `${id}${endings[status] ?? ''}`);
  const rest = open.length - named.length;
  const others = [
    ...(open.length === 0
      ? []
      : [`${open.length === 1 ? 'run' : 'runs'} ${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`]),
    ...(undecided === null ? [] : [`the winner of run ${undecided}`]),
  ].join(' and ');
  if (others === '') return at ? `Starts at ${at}` : 'Starts in a moment';
  return at ? `Waits for ${others}, until ${at} at least` : `Waits for ${others}`;
}

const endings: Partial<Record<RunStatus, string>> = {
  failed: ' (failed)',
  needs_review: ' (needs review)',
  stopped: ' (stopped)',
};
