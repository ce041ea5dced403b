import type { ProjectCheck } from '../../drizzle/schema';
import { detectChecks } from '../agent/evidence/detect';
import type { Workspace } from '../agent/workspace';
import { persist } from '../core/db';
import { getProject, storeDetectedChecks } from '../core/project';
import type { Job } from './story';

/** The commit that a run starts from, on this machine, and how workspaces of it are had. */
export interface Place {
  /** Folder of the bare mirror. */
  mirror: string;
  baseSha: string;
  /** The project's checks: as a person has set them, or as they were detected. */
  checks: readonly ProjectCheck[];
  /**
   * Opens a fresh workspace of base and patch, with what the project's set-up makes in it.
   * @param what names it among those of the variation
   */
  open(what: string, signal: AbortSignal, patch?: Uint8Array): Promise<Workspace>;
}

export async function openPlace(
  job: Job,
  mirror: string,
  baseSha: string,
  signal: AbortSignal,
): Promise<Place> {
  const { run } = job.assignment;
  const { position, epoch } = job.claimed;
  return {
    mirror,
    baseSha,
    checks: await checksOf(job, mirror, baseSha, signal),
    open: (what, until, patch) =>
      job.workspaces.open({
        mirror,
        baseSha,
        id: `run-${run.id}-${position}-${epoch}-${what}`,
        signal: until,
        ...(patch ? { patch } : {}),
      }),
  };
}

/** Where nobody has said which checks there are, they are detected on the run's base, and are the project's from then on. */
async function checksOf(
  job: Job,
  mirror: string,
  baseSha: string,
  signal: AbortSignal,
): Promise<readonly ProjectCheck[]> {
  const { project, run } = job.assignment;
  if (project.checks_set || project.checks.length > 0 || run.options.dry_run) return project.checks;
  const { checks } = await detectChecks(mirror, baseSha, signal);
  if (checks.length === 0) return [];
  // A person, or another worker, may have said which there are in the meantime: then those hold.
  await persist(() => storeDetectedChecks(job.database, project.id, checks), { signal });
  return (await persist(() => getProject(job.database, project.id), { signal })).checks;
}
