import type { Remote } from '../agent/landing/push';
import type { MirroredProject } from '../agent/mirror';
import type { Project, Run, Variation } from '../core/contract';
import type { Errand } from '../core/errand';
import { VariationFailure } from '../core/failure';
import { LandingFailure } from '../core/landing-failure';
import { type LandingRow, readLandingRow } from '../core/landing-progress';
import { getProject } from '../core/project';
import { getRun } from '../core/run';
import { type Forge, ForgeError } from '../forges/forge';
import { forgeFor } from '../forges/index';
import { type Access, accessTo } from './credential';
import type { Parts } from './parts';

/** Everything that landing a winner, or undoing that, goes by. */
export interface LandingWork {
  parts: Parts;
  errand: Errand;
  row: LandingRow;
  run: Run;
  variation: Variation;
  project: Project;
  mirrored: MirroredProject;
  forge: Access['forge'];
  signal: AbortSignal;
}

/** Null when the landing is gone, with its run. */
export async function openLandingWork(
  parts: Parts,
  errand: Errand,
  signal: AbortSignal,
): Promise<(LandingWork & { token: string | null }) | null> {
  const row = await readLandingRow(parts.database, errand.id);
  if (!row) return null;
  const run = await getRun(parts.database, row.run_id);
  const variation = run.variations.find((one) => one.position === row.variation);
  if (!variation) return null;
  const project = await getProject(parts.database, run.project_id);
  const { mirrored, forge, token } = await accessTo(parts, project);
  return { parts, errand, row, run, variation, project, mirrored, forge, token, signal };
}

export function deliveryOf({ parts, mirrored, signal }: LandingWork): Remote {
  const mirror = parts.mirrors.pathOf(mirrored.id);
  return { project: mirrored, mirror, config: parts.config, signal };
}

/**
 * @throws LandingFailure `forge_not_configured`; of a remote repository it may pass, since it was accepted where its
 * forge is known: another worker may know it too
 */
export function requireForge({
  parts,
  forge,
  project,
}: Pick<LandingWork, 'parts' | 'forge' | 'project'>): Forge {
  const found = forgeFor(forge, parts.config);
  if (found) return found;
  if (project.repo_url === null)
    throw new LandingFailure(
      'forge_not_configured',
      'A local repository has no pull requests: land a branch instead.',
    );
  const words = 'The worker that took it knows no forge for this repository.';
  throw new LandingFailure('forge_not_configured', words, { transient: true });
}

/** What is thrown on the way of a landing, with its code; null for what nobody has foreseen. */
export function asLandingFailure(error: unknown): LandingFailure | null {
  if (error instanceof LandingFailure) return error;
  if (error instanceof ForgeError)
    return new LandingFailure(error.code, error.message, { transient: error.transient });
  if (!(error instanceof VariationFailure)) return null;
  const { code, message, transient } = error;
  if (code === 'clone_failed')
    return new LandingFailure(transient ? 'forge_unavailable' : 'repository_refused', message, { transient });
  if (code === 'disk_full' || code === 'base_not_found' || code === 'patch_rejected')
    return new LandingFailure(code, message);
  return null;
}
