import { Elysia } from 'elysia';
import type { Page, Project } from '../core/contract';
import { BakeoffError } from '../core/errors';
import { deleteProject, getProject, listProjects } from '../core/project';
import { readProjectFigures } from '../core/project-figures';
import { listRuns } from '../core/run-list';
import { ProjectPage } from '../views/project';
import type { ProjectEntry, ProjectError } from '../views/project-entry';
import { type NewProjectEntry, type NewProjectError, ProjectsPage } from '../views/projects';
import { readForm, searchOf } from './form-fields';
import { pageHeaders, seeOther, shellOf } from './page-shell';
import { parseNewProject, parseProjectChange } from './project-body';
import { changeOf, entryOf, projectError, readEntry } from './project-entry';
import { changeProject, makeProject } from './project-input';
import { readId } from './query';
import type { Services } from './services';

const pageProjects = 25;
const newestRuns = 10;

/** Projects as pages with forms, which take the same road as the API. */
export function projectsPages(services: Services) {
  const { database } = services;
  return new Elysia({ name: 'projects-pages', detail: { hide: true } })
    .get('/projects', ({ request }) => listPage(services, request))
    .post(
      '/projects',
      async ({ request, body }) => {
        const form = readForm(body);
        const text = (name: string) => (form.get(name) ?? '').trim();
        const entry = { source: text('source'), name: text('name') };
        const made = await tried(() => makeProject(services, parseNewProject(newBody(entry)), null));
        if (made instanceof BakeoffError)
          return listPage(services, request, { entry, error: newProjectError(made) });
        return seeOther(`/projects/${made.id}`);
      },
      { parse: 'text' },
    )
    .get('/projects/:id', ({ request, params }) => onePage(services, request, readId(params.id)))
    .post(
      '/projects/:id',
      async ({ request, params, body }) => {
        const project = await getProject(database, readId(params.id));
        const entry = readEntry(readForm(body));
        const asked = changeOf(entry, project);
        if ('error' in asked)
          return onePage(services, request, project.id, { entry, error: asked.error, status: 422 });
        const change = () => changeProject(services, project.id, parseProjectChange(asked.body));
        const changed = await tried(change);
        if (changed instanceof BakeoffError) {
          const error = projectError(changed, asked.rows);
          return onePage(services, request, project.id, { entry, error, status: changed.status });
        }
        return seeOther(`/projects/${project.id}?saved`);
      },
      { parse: 'text' },
    )
    .post(
      '/projects/:id/token',
      async ({ request, params, body }) => {
        const { id, has_token } = await getProject(database, readId(params.id));
        const form = readForm(body);
        const user = (form.get('token_user') ?? '').trim();
        const change = () =>
          changeProject(services, id, parseProjectChange(tokenBody(form, user, has_token)));
        const changed = await tried(change);
        if (!(changed instanceof BakeoffError)) return seeOther(`/projects/${id}?saved`);
        const error = tokenError(changed);
        return onePage(services, request, id, { token: { user, error }, status: changed.status });
      },
      { parse: 'text' },
    )
    .post(
      '/projects/:id/delete',
      async ({ request, params }) => {
        const { id, name } = await getProject(database, readId(params.id));
        const gone = await tried(() => deleteProject(database, id));
        if (!(gone instanceof BakeoffError)) return seeOther('/projects?removed');
        const problem = { strong: `Could not remove ${name}.`, rest: gone.message };
        return onePage(services, request, id, { problem, status: gone.status });
      },
      { parse: 'text' },
    );
}

/** What came of it, or why it was refused; what is no refusal of a form's is thrown on. */
async function tried<T>(act: () => Promise<T>): Promise<T | BakeoffError> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof BakeoffError) || error.status >= 500 || error.status === 404) throw error;
    return error;
  }
}

async function listPage(
  services: Services,
  request: Request,
  sent?: { entry: NewProjectEntry; error: NewProjectError },
): Promise<Response> {
  const { database } = services;
  const search = sent ? new URLSearchParams() : searchOf(request.url);
  const [shell, { page, older }] = await Promise.all([
    shellOf(services, request),
    readPage(services, search.get('cursor')),
  ]);
  const figures = await readProjectFigures(
    database,
    page.items.map((project) => project.id),
  );
  const removed = search.has('removed');
  const markup = await ProjectsPage({
    shell: { ...shell, path: '/projects' },
    page,
    figures,
    older,
    removed,
    sent,
  });
  return new Response(markup, { status: sent ? 422 : 200, headers: pageHeaders });
}

/** A cursor that cannot be read shows the first page. */
async function readPage(
  { database }: Services,
  cursor: string | null,
): Promise<{ page: Page<Project>; older: boolean }> {
  const first = async () => ({ page: await listProjects(database, { limit: pageProjects }), older: false });
  if (!cursor) return first();
  const page = await tried(() => listProjects(database, { limit: pageProjects, cursor }));
  return page instanceof BakeoffError ? first() : { page, older: true };
}

interface Shown {
  entry?: ProjectEntry;
  error?: ProjectError;
  token?: { user: string; error: ProjectError };
  problem?: { strong: string; rest: string };
  status?: number;
}

async function onePage(
  services: Services,
  request: Request,
  id: number,
  { entry, error, token, problem, status = 200 }: Shown = {},
): Promise<Response> {
  const { database } = services;
  const project = await getProject(database, id);
  const [shell, figures, runs] = await Promise.all([
    shellOf(services, request),
    readProjectFigures(database, [id]),
    listRuns(database, { project_id: [id], sort: 'newest', limit: newestRuns }),
  ]);
  const markup = await ProjectPage({
    shell: { ...shell, path: `/projects/${id}` },
    project,
    figures: figures.get(id),
    runs,
    entry: entry ?? entryOf(project),
    error,
    token,
    problem,
    saved: request.method === 'GET' && searchOf(request.url).has('saved'),
  });
  return new Response(markup, { status, headers: pageHeaders });
}

function newBody({ source, name }: NewProjectEntry): Record<string, unknown> {
  const place = /^[/~.]/.test(source) ? { local_path: source } : { repo_url: source };
  return { ...place, ...(name === '' ? {} : { name }) };
}

function newProjectError({ field, code, message }: BakeoffError): NewProjectError {
  if (field === 'repo_url' || field === 'local_path') return { field: 'source', message };
  return { field: field === 'name' || code === 'name_taken' ? 'name' : null, message };
}

/** An empty token leaves the one there is, and an empty name means the usual one. */
function tokenBody(form: URLSearchParams, user: string, has: boolean): Record<string, unknown> {
  if (form.get('do') === 'clear') return { token: null };
  const token = (form.get('token') ?? '').trim();
  const token_user = user === '' ? null : user;
  return token === '' && has ? { token_user } : { token, token_user };
}

/** Without what was typed: the schema's words would show how a token must look, not this one. */
function tokenError({ field, message }: BakeoffError): ProjectError {
  if (field === 'token_user')
    return { field, message: 'Letters, digits, dots and dashes, such as x-access-token.' };
  if (field !== 'token') return { field: null, message };
  const says = /^token: /.test(message)
    ? 'A token on one line, without spaces; at most 2000 characters.'
    : message;
  return { field, message: says };
}
