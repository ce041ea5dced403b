import type { Config, Credential } from '../config';

/** A repository on one of the operator's forges. */
export interface Place {
  kind: 'github' | 'forgejo';
  owner: string;
  repo: string;
}

/** Where code lies, and the token that is the project's own. */
export interface ForgeProject {
  repo_url: string | null;
  credential?: { username?: string | null; token: string } | null;
}

type Forges = Pick<Config, 'forges'>;

/** What GitHub names for its own apps, and what every forge takes beside a token. */
const anyUser = 'x-access-token';

/** Which repository a project's URL (https, http, ssh or user@host:path) names; null when its forge is not configured. */
export function placeOf({ repo_url }: Pick<ForgeProject, 'repo_url'>, { forges }: Forges): Place | null {
  const address = repo_url === null ? null : parse(repo_url);
  if (address === null) return null;
  const own = forges.forgejo === null ? null : nameUnder(forges.forgejo.url, address);
  if (own !== null) return { kind: 'forgejo', ...own };
  const github = nameUnder(webUrlOf(forges.github.apiUrl), address);
  return github === null ? null : { kind: 'github', ...github };
}

/**
 * What git logs in with at a project's URL: the project's own token, else the operator's for that forge. None over ssh,
 * which has keys, and none of the operator's over http where the forge is named by https.
 */
export function credentialFor(project: ForgeProject, config: Forges): Credential | null {
  if (project.repo_url === null || !/^https?:\/\//i.test(project.repo_url)) return null;
  const token = tokenFor(project, config);
  return token === null ? null : { username: project.credential?.username || anyUser, token };
}

/** The token for the forge's API: the project's own, else the operator's. */
export function tokenFor(project: ForgeProject, config: Forges): string | null {
  if (project.credential) return project.credential.token;
  const place = placeOf(project, config);
  return place === null ? null : (config.forges[place.kind]?.token ?? null);
}

/** Whether two URLs name one repository, however they are spelled: by https or ssh, with `.git` or without. */
export function sameRepository(one: string, other: string): boolean {
  const [a, b] = [parse(one), parse(other)];
  if (a === null || b === null || a.hostname !== b.hostname) return false;
  const ports = a.protocol !== 'ssh:' && b.protocol !== 'ssh:' ? a.host === b.host : true;
  return ports && a.path.join('/').toLowerCase() === b.path.join('/').toLowerCase();
}

interface Address {
  protocol: 'https:' | 'http:' | 'ssh:';
  /** With its port, if that is no usual one. */
  host: string;
  hostname: string;
  path: string[];
}

function parse(url: string): Address | null {
  const scp = url.match(/^[\w.-]+@([a-z0-9.-]+):(?!\/\/)(.+)$/i);
  const text = scp && !url.includes('://') ? `ssh://${scp[1]}/${scp[2]}` : url;
  if (!URL.canParse(text)) return null;
  const { protocol, host, hostname, pathname } = new URL(text);
  if (protocol !== 'https:' && protocol !== 'http:' && protocol !== 'ssh:') return null;
  const path = pathname
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
    .split('/')
    .filter((part) => part !== '');
  return { protocol, host: host.toLowerCase(), hostname: hostname.toLowerCase(), path };
}

/** The owner and name that follow the address of a forge. */
function nameUnder(webUrl: string, address: Address): { owner: string; repo: string } | null {
  const forge = parse(webUrl);
  if (forge === null || forge.hostname !== address.hostname) return null;
  const ssh = address.protocol === 'ssh:';
  if (!ssh && (forge.protocol !== address.protocol || forge.host !== address.host)) return null;
  const prefix = ssh ? [] : forge.path;
  const [owner, repo, ...more] = address.path.slice(prefix.length);
  const fits = prefix.every((part, at) => part === address.path[at]);
  if (!fits || !owner || !repo || more.length > 0) return null;
  return [owner, repo].every((part) => /^[\w.-]{1,200}$/.test(part) && !/^\.+$/.test(part))
    ? { owner, repo }
    : null;
}

/** Where the repositories of a GitHub lie, whose API is elsewhere: on github.com, a server's own host, or its domain. */
function webUrlOf(apiUrl: string): string {
  const { protocol, hostname, host } = new URL(apiUrl);
  return hostname.startsWith('api.') ? `${protocol}//${host.slice('api.'.length)}` : `${protocol}//${host}`;
}
