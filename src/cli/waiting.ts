import type { Approval, Run } from '../core/contract';
import { fit, plain } from './screen';
import { diffStat, moment } from './words';

/** What is asked, in a few words: `plan`, `run: rm -rf dist`, `commit 2 files +10 −3`. */
export function questionWords({ kind, question }: Pick<Approval, 'kind' | 'question'>): string {
  switch (kind) {
    case 'plan': {
      const steps = (question.plan ?? '').split('\n').filter((line) => line.trim() !== '');
      return `plan of ${steps.length} ${steps.length === 1 ? 'step' : 'steps'}`;
    }
    case 'commands':
      return `run: ${fit(plain(question.command ?? ''), 100)}`;
    case 'commit':
      return `commit ${diffStat(question.patch ?? null)}`;
  }
}

/** The command that says yes; its number makes clear to what. */
export function approveWith(run: number, approval: number): string {
  return `./bakeoff approve ${run} ${approval}`;
}

/**
 * What a run waits for, and what lets it go on, one line each; none when it waits for no one.
 * @param open the questions that it asks now
 */
export function waitsFor(run: Run, open: readonly Approval[]): string[] {
  const paused = run.variations.filter((one) => one.status === 'paused');
  const whole = paused.length > 0 && paused.length === run.variations.length;
  return [
    ...(run.status === 'pending' ? [`Waits for ${pendingFor(run)}`] : []),
    ...open.flatMap((one) => [
      `Variation ${one.position} asks: ${questionWords(one)}`,
      ...(one.question.plan ?? '')
        .split('\n')
        .filter((line) => line.trim() !== '')
        .slice(0, 40)
        .map((line) => `     ${fit(plain(line), 160)}`),
      `     ${approveWith(run.id, one.id)}    or: ./bakeoff deny ${run.id} ${one.id} "why"`,
    ]),
    ...(whole
      ? [`Paused: ./bakeoff resume ${run.id}`]
      : paused.map(
          (one) => `Variation ${one.position} is paused: ./bakeoff resume ${run.id} ${one.position}`,
        )),
    ...run.variations
      .filter((one) => one.status === 'queued' && one.retry_at !== null)
      .map((one) => `Variation ${one.position} is tried again at ${moment(one.retry_at ?? '')}`),
  ];
}

/** The time or the runs that a run waits for; what a person can do about it. */
export function pendingFor(run: Run): string {
  const base = run.waits_for_winner_of;
  const runs = run.depends_on
    .map((id) => (id === base ? `the winner of run ${id} (./bakeoff pick ${id} <variation>)` : `run ${id}`))
    .join(', ');
  const late = run.scheduled_at !== null && Date.parse(run.scheduled_at) > Date.now();
  const time = late ? moment(run.scheduled_at ?? '') : '';
  return [runs, time].filter((one) => one !== '').join(' and ') || 'its release';
}
