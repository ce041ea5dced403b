import type { ProjectCheck } from '../../drizzle/schema';
import type { Project } from '../core/contract';
import { BakeoffError, invalid, notYet } from '../core/errors';
import { recall } from '../core/idempotency';
import {
  createProject,
  getProject,
  nameOfSource,
  type ProjectChange,
  type Source,
  updateProject,
} from '../core/project';
import type { Vault } from '../core/secret';
import { defaultTokenUser, noToken, sealToken, type TokenColumns } from '../core/token';
import type { AgentSide } from '../jobs/agent-side';
import { requireBytes } from './body';
import type { CheckBody, NewProjectBody, ProjectChangeBody } from './project-body';
import type { Services } from './services';
import { asSource, idempotencyOf } from './start-run';

const setupBytes = 10_000;

/**
 * Makes a project as the API and the page ask for it; everything that can be known to be wrong is refused before.
 * @returns its id, and whether the same idempotency key had made it before
 * @throws BakeoffError of the contract
 */
export async function makeProject(
  services: Services,
  body: NewProjectBody,
  idempotencyKey: string | null,
): Promise<{ id: number; existed: boolean }> {
  const { database, agentSide } = services;
  refuseLater(body);
  const key = idempotencyOf(idempotencyKey, body);
  const before = await recall(database, 'projects', key);
  if (before !== null) return { id: before, existed: true };
  if ((body.repo_url === undefined) === (body.local_path === undefined)) {
    throw invalid('repo_url', 'Give exactly one of repo_url and local_path');
  }
  const source = asSource(body.repo_url?.trim() ?? null, body.local_path ?? null);
  await agentSide.checkSource(source);
  const { name, default_branch, checks, ...change } = await read(services, source, body, null);
  const input = {
    ...source,
    ...change,
    name: name || nameOfSource(source.repo_url ?? source.local_path),
    default_branch: default_branch ?? null,
    checks: checks ?? [],
    checks_set: checks !== undefined && checks !== null,
  };
  return createProject(database, input, key);
}

/**
 * Changes what is given and leaves the rest.
 * @throws BakeoffError of the contract
 */
export async function changeProject(
  services: Services,
  id: number,
  body: ProjectChangeBody,
): Promise<Project> {
  const { database } = services;
  refuseLater(body);
  const project = await getProject(database, id);
  const source = asSource(project.repo_url, project.local_path);
  return updateProject(database, project.id, await read(services, source, body, project));
}

/** What is given, as the core takes it. */
async function read(
  services: Services,
  source: Source,
  body: ProjectChangeBody,
  project: Project | null,
): Promise<ProjectChange> {
  const { agentSide, vault } = services;
  const { name, default_branch, setup, checks, network, allowed_commands } = body;
  requireBytes('setup', setup, setupBytes);
  await checkBranch(agentSide, source, default_branch);
  return {
    ...(name === undefined ? {} : { name: name.trim() }),
    ...(default_branch === undefined ? {} : { default_branch }),
    ...(setup === undefined ? {} : { setup }),
    ...(checks === undefined ? {} : { checks: checks === null ? null : checksOf(checks) }),
    ...(network === undefined ? {} : { network: agentSide.readHosts(network) }),
    ...(allowed_commands === undefined ? {} : { allowed_commands }),
    ...tokenChange(vault, source, body, project),
  };
}

/** The same looks as at a run's base, under this field's name. */
async function checkBranch(
  agentSide: AgentSide,
  source: Source,
  branch: string | null | undefined,
): Promise<void> {
  try {
    await agentSide.checkBase(source, branch ?? null);
  } catch (error) {
    if (!(error instanceof BakeoffError) || error.field !== 'base') throw error;
    throw invalid('default_branch', error.message, error.code);
  }
}

function checksOf(given: readonly CheckBody[]): ProjectCheck[] {
  const names = given.map((check) => check.name);
  const twice = names.find((one, i) => names.indexOf(one) !== i);
  if (twice !== undefined) throw invalid('checks', `Two checks are called ${twice}`);
  return given.map(({ report, ...check }, i) => ({
    ...check,
    timeout_s: check.timeout_s ?? 300,
    required: check.required ?? true,
    ...(report === undefined ? {} : { report: reportOf(report, `checks.${i}.report`) }),
  }));
}

/** A file below the workspace, in the one way that its path is written. */
function reportOf(path: string, field: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const leaves = path.startsWith('/') || parts.length === 0 || parts.includes('..');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are refused
  if (leaves || /[\u0000-\u001f\u007f\\]/.test(path) || parts.some((part) => part.toLowerCase() === '.git'))
    throw invalid(field, `${field}: name a file of the workspace, such as reports/junit.xml`);
  return parts.join('/');
}

function tokenChange(
  vault: Vault,
  source: Source,
  { token, token_user }: ProjectChangeBody,
  project: Project | null,
): Partial<TokenColumns> {
  if (token === undefined && (token_user === undefined || project?.has_token)) {
    return token_user === undefined ? {} : { token_user: token_user ?? defaultTokenUser };
  }
  if (token === undefined || token === null) {
    if (token_user) throw invalid('token_user', 'token_user goes with a token: there is none');
    return noToken;
  }
  if (!/^https:\/\//i.test(source.repo_url ?? ''))
    throw invalid('token', 'A token is of use with an https repo_url only: it is not sent anywhere else');
  const username = token_user ?? project?.token_user ?? defaultTokenUser;
  return sealToken(vault, { username, token });
}

function refuseLater(body: ProjectChangeBody): void {
  if (body.executor !== undefined) throw notYet('executor', 'executor');
}
