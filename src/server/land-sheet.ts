import { randomUUID } from 'node:crypto';
import type { LandingMode } from '../../drizzle/schema';
import type { Preflight, Run } from '../core/contract';
import { BakeoffError } from '../core/errors';
import { getProject } from '../core/project';
import { LandSheet, type LandTyped } from '../views/sheet-land';
import { branchOf } from './landing-asked';
import { typedOf } from './landing-typed';
import { pause } from './pause';
import type { Services } from './services';
import { asSource } from './start-run';

/** A dialog that waits longer for a look at a remote repository comes without it. */
const lookMs = 10_000;

/** The dialog that lands a run's winner; null while there is none. `typed` is what came back with a refusal. */
export async function landSheet(
  services: Services,
  run: Run,
  search: URLSearchParams,
  refused: LandTyped | undefined,
): Promise<JSX.Element | null> {
  if (run.winner === null) return null;
  const project = await getProject(services.database, run.project_id);
  const source = asSource(project.repo_url, project.local_path);
  const local = source.repo_url === null;
  // Whoever looks again has chosen something already.
  const typed = refused ?? (search.has('mode') || search.has('target') ? typedOf(search) : null);
  const why: Record<LandingMode, string | null> = {
    branch: null,
    pull_request: local
      ? 'a local repository takes none'
      : services.agentSide.hasForge(source)
        ? null
        : 'no forge is known for this repository',
    merge: local ? null : 'that is for local repositories',
  };
  const order: LandingMode[] =
    why.pull_request === null ? ['pull_request', 'branch', 'merge'] : ['branch', 'merge', 'pull_request'];
  return LandSheet({
    ...{ run, local, typed, token: randomUUID() },
    modes: order.map((mode) => ({ mode, why: why[mode] })),
    preflight: await look(services, run.id, typed?.target || run.options.land?.target || undefined),
  });
}

/** @returns the words of why it could not be looked at, where that is so */
async function look(services: Services, id: number, target: string | undefined): Promise<Preflight | string> {
  const clock = new AbortController();
  const late = pause(lookMs, clock.signal).then(
    () => 'The repository takes long to answer. Look again in a while.',
  );
  const found = branchOf(services, id, target)
    .then((branch) => services.agentSide.preflight(id, branch))
    .catch((error: unknown) => {
      if (error instanceof BakeoffError && (error.status < 500 || error.status === 503)) return error.message;
      throw error;
    });
  try {
    return await Promise.race([found, late]);
  } finally {
    clock.abort();
    found.catch(() => {});
  }
}
