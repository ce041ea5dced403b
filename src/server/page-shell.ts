import { defaultAgent, listAgents } from '../core/agent';
import { listProjects } from '../core/project';
import { type Shell, type Theme, themes } from '../views/shell';
import { assetPaths } from './assets';
import { readCookie } from './auth';
import type { Services } from './services';

/** Nothing from elsewhere, nothing inline: what an agent or a repository writes can at worst be read. */
const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': contentSecurityPolicy,
  'cache-control': 'private, no-cache',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
};

/** What every page needs besides its own matter. */
export async function shellOf(services: Services, request: Request): Promise<Shell> {
  const { database, config } = services;
  const [health, projects, agents, preset] = await Promise.all([
    services.health.read(),
    listProjects(database, { limit: 200 }),
    listAgents(database, { limit: 200 }),
    defaultAgent(database, config.providers),
  ]);
  const { pathname, search } = new URL(request.url);
  return {
    health,
    theme: themeOf(request),
    assets: assetPaths(),
    now: new Date(),
    projects: projects.items,
    agents: agents.items,
    defaultAgent: preset?.name ?? null,
    path: request.method === 'GET' ? pathname + search : '/',
  };
}

/** The same for who is told nothing of the service, or where its database may be what is broken. */
export function bareShell(request: Request): Shell {
  return {
    health: null,
    theme: themeOf(request),
    assets: assetPaths(),
    now: new Date(),
    projects: [],
    agents: [],
    defaultAgent: null,
    path: '/',
  };
}

function themeOf(request: Request): Theme | null {
  const value = readCookie(request, 'theme');
  return themes.find((theme) => theme === value) ?? null;
}

/** Whether a script of the page asks, which takes parts of a page; else a browser, which takes a whole one. */
export function takesParts(request: Request): boolean {
  return request.headers.get('hx-request') === 'true';
}

/** After a POST: the browser goes on with a GET. */
export function seeOther(path: string): Response {
  return new Response(null, { status: 303, headers: { location: path, 'cache-control': 'no-store' } });
}

/** Only a path of ours: `//host` would lead elsewhere. */
export function ownPath(path: string): string {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(path) ? path : '/';
}
