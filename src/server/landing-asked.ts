import type { LandingRequest } from '../../drizzle/schema';
import { invalid } from '../core/errors';
import { getProject } from '../core/project';
import { getRun } from '../core/run';
import { checkLanding, type LandingBody, readLanding } from './landing-body';
import type { Services } from './services';
import { asSource } from './start-run';

/**
 * A landing of a run's winner as it was asked for, looked at as far as that goes beforehand.
 * @throws BakeoffError 404, or 422 naming the field
 */
export async function landingAsked(
  services: Services,
  id: number,
  body: LandingBody,
): Promise<LandingRequest> {
  const source = await sourceOf(services, id);
  const request = readLanding(body);
  await checkLanding(services, source, request);
  if (request.mode === 'pull_request' && !services.agentSide.hasForge(source))
    throw invalid(
      'mode',
      'No forge is known for this repository: set FORGEJO_URL or GITHUB_API_URL, or use branch',
    );
  return request;
}

/** A branch that was named; null where none was. @throws BakeoffError 404, or 422 naming `target` */
export async function branchOf(
  services: Services,
  id: number,
  name: string | undefined,
): Promise<string | null> {
  const branch = name?.trim() || null;
  if (branch === null) return null;
  if (branch.length > 250)
    throw invalid('target', 'target is longer than any name of a branch: 250 characters');
  await services.agentSide.checkBranch(await sourceOf(services, id), branch, 'target');
  return branch;
}

async function sourceOf({ database }: Pick<Services, 'database'>, id: number) {
  const project = await getProject(database, (await getRun(database, id)).project_id);
  return asSource(project.repo_url, project.local_path);
}
