import { join } from 'node:path';
import type { ProjectCheck } from '../../drizzle/schema';
import { detectChecks } from '../agent/evidence/detect';
import type { SetupFact, SetupRequest } from '../agent/setup';
import type { Workspace, WorkspaceRequest } from '../agent/workspace';
import { persist } from '../core/db';
import type { CheckedOn } from '../core/fact';
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
   * @param on what is done in it; names it among those of the variation
   * @throws VariationFailure `setup_failed`, and what `WorkspaceSource.open` throws
   */
  open(on: Purpose, signal: AbortSignal, patch?: Uint8Array): Promise<Workspace>;
}

export type Purpose = CheckedOn | 'work';

export async function openPlace(
  job: Job,
  mirror: string,
  baseSha: string,
  signal: AbortSignal,
): Promise<Place> {
  const { run, project } = job.assignment;
  const { position, epoch } = job.claimed;
  const network = (on: Purpose): Pick<WorkspaceRequest, 'network' | 'onDenied'> => ({
    network: project.network,
    onDenied: (denied) => job.recorder.emit({ type: 'network.denied', payload: { on, ...denied } }),
  });
  return {
    mirror,
    baseSha,
    checks: await checksOf(job, mirror, baseSha, signal),
    open: (on, until, patch) =>
      job.workspaces.open({
        ...{ mirror, baseSha, signal: until, ...network(on) },
        id: `run-${run.id}-${position}-${epoch}-${on.replace('_', '-')}`,
        ...(patch ? { patch } : {}),
        ...(project.setup === null ? {} : { setup: setupOf(job, project.setup, on) }),
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

/** Characters of a set-up's output that are kept in the record: its end says why it failed. */
const outputChars = 8_000;

function setupOf(job: Job, command: string, on: Purpose): SetupRequest {
  let output = '';
  const onFact = (fact: SetupFact): void => {
    switch (fact.type) {
      case 'started':
        job.recorder.emit({ type: 'setup.started', payload: { on, command } });
        return;
      case 'output':
        output = (output + fact.text).slice(-outputChars);
        return;
      case 'finished': {
        const { cached, exit_code, duration_ms } = fact;
        job.recorder.emit({
          type: 'setup.finished',
          payload: { on, cached, exit_code, duration_ms, output },
        });
        return;
      }
    }
  };
  const cacheDir = join(setupsDir(job.config), String(job.assignment.project.id));
  return { command, cacheDir, onFact };
}

/** Where what set-ups make is kept, a folder for each project. */
export function setupsDir({ dataDir }: { dataDir: string }): string {
  return join(dataDir, 'setups');
}
