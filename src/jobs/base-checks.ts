import type { ProjectCheck } from '../../drizzle/schema';
import { checkBase, confirmBase } from './checks';
import type { Place } from './place';
import type { Job } from './story';

/** The run's variations wait for one and the same check of their base. */
export async function checkBaseOnce(job: Job, place: Place, wanted: AbortSignal): Promise<void> {
  const { run } = job.assignment;
  if (run.options.dry_run) return;
  await job.baseChecks.once(`${run.id}`, wanted, async (signal) => {
    await checkBase(job.database, job.claimed, {
      ...{ checks: place.checks, signal },
      open: () => place.open('base', signal),
    });
  });
}

/** Each of these checks is run on the base a second time, once for all of the run's variations that doubt it. */
export async function confirmBaseOnce(
  job: Job,
  place: Place,
  checks: readonly ProjectCheck[],
  wanted: AbortSignal,
): Promise<void> {
  for (const check of checks) {
    await job.baseChecks.once(`${job.assignment.run.id}/${check.name}`, wanted, async (signal) => {
      await confirmBase(job.database, job.claimed, {
        ...{ checks: [check], signal },
        open: () => place.open('base', signal),
      });
    });
  }
}
