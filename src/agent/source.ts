import { lookup } from 'node:dns/promises';
import { realpath } from 'node:fs/promises';
import { isIP } from 'node:net';
import { isAbsolute, join, sep } from 'node:path';
import type { Config, Credential } from '../config';
import { isNamedHost, isPrivateAddress } from './addresses';
import { askpassEnv, isCredential } from './askpass';
import { GitError, gitText, sshCommand } from './git';
import { gitFolder, staysWithin } from './git-folder';

/** Where code comes from, as a person gave it: exactly one of the two. */
export interface SourceRequest {
  repo_url: string | null;
  local_path: string | null;
  /** What to log in with where the URL is http(s) and its server asks; given to git, never kept. */
  credential?: Credential | null;
}

/** A source that was looked at and may be given to git. Good for one use: it pins the address that was checked. */
export interface Source {
  url: string;
  /** Options for git before its command. */
  options: string[];
  /** Options of `fetch` and `ls-remote`. */
  flags: string[];
  env: Record<string, string>;
}

/** A source that is refused; `message` says why, in words a person can act on. */
export class SourceError extends Error {
  override name = 'SourceError';
}

export type SourceConfig = Pick<Config, 'forgeHosts' | 'localRoots' | 'dataDir' | 'sslCertFile'>;

/**
 * Checks a source before git sees it: https, ssh, or a repository under the allowed folders; no credentials; no address
 * of this machine or a private network unless the operator named the host.
 * @throws SourceError.
 */
export async function validateSource(request: SourceRequest, config: SourceConfig): Promise<Source> {
  if (request.local_path !== null) return await localSource(request.local_path, config);
  if (request.repo_url !== null) {
    return await remoteSource(request.repo_url, request.credential ?? null, config);
  }
  throw new SourceError('Give repo_url or local_path.');
}

/**
 * What can be said of a source within five seconds, without fetching it.
 * @throws SourceError when it is refused, cannot be reached, or is no repository.
 */
export async function inspectSource(
  request: SourceRequest,
  config: SourceConfig,
): Promise<{ empty: boolean; heads: string[]; tags: string[]; head: string | null }> {
  const source = await validateSource(request, config);
  let said: string;
  try {
    said = await gitText(
      '/',
      [...source.options, 'ls-remote', '--symref', ...source.flags, '--', source.url],
      {
        env: source.env,
        timeoutMs: 5000,
      },
    );
  } catch (error) {
    if (error instanceof GitError) throw new SourceError(`The repository cannot be read: ${error.message}`);
    throw error;
  }
  const names = [...said.matchAll(/^[0-9a-f]{40,64}\t(.+)$/gm)].map((match) => match[1] ?? '');
  const under = (prefix: string) =>
    names
      .filter((name) => name.startsWith(prefix) && !name.endsWith('^{}'))
      .map((name) => name.slice(prefix.length));
  const heads = under('refs/heads/');
  const tags = under('refs/tags/');
  const head = said.match(/^ref: refs\/heads\/(.+)\tHEAD$/m)?.[1] ?? null;
  return { empty: heads.length === 0 && tags.length === 0, heads, tags, head };
}

async function remoteSource(
  text: string,
  credential: Credential | null,
  config: SourceConfig,
): Promise<Source> {
  const address = parse(text);
  const named = isNamedHost(config.forgeHosts, address.host, address.port);
  if (address.protocol === 'http' && !named) {
    throw new SourceError('Plain http is only for hosts named in BAKEOFF_FORGE_HOSTS; use https.');
  }
  const env = { GIT_ALLOW_PROTOCOL: address.protocol, ...loginEnv(address, credential, config) };
  // The operator's own hosts may change their addresses as they like.
  if (named) return { url: address.url, options: [], flags: [], env };
  const pinned = await publicAddress(address.host);
  if (address.protocol === 'ssh') {
    const more = [`HostName=${pinned}`, `HostKeyAlias=${address.host}`, 'CheckHostIP=no'];
    return { url: address.url, options: [], flags: [], env: { ...env, GIT_SSH_COMMAND: sshCommand(more) } };
  }
  const at = isIP(pinned) === 6 ? `[${pinned}]` : pinned;
  const pin = `http.curloptResolve=${address.host}:${address.port}:${at}`;
  return { url: address.url, options: isIP(address.host) ? [] : ['-c', pin], flags: [], env };
}

/** What git needs to trust the server, and to be trusted by it. */
function loginEnv(
  { protocol, url }: Address,
  credential: Credential | null,
  { sslCertFile }: SourceConfig,
): Record<string, string> {
  if (protocol === 'ssh') return {};
  if (credential !== null && !isCredential(credential)) {
    throw new SourceError('The token, or its user name, holds characters that no token has.');
  }
  return {
    ...(protocol === 'https' && sslCertFile !== null ? { GIT_SSL_CAINFO: sslCertFile } : {}),
    ...(credential === null ? {} : askpassEnv(url, credential)),
  };
}

interface Address {
  protocol: 'https' | 'http' | 'ssh';
  /** Lower case, without brackets. */
  host: string;
  port: string;
  url: string;
}

const ports = { https: '443', http: '80', ssh: '22' };

function parse(text: string): Address {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are refused
  if (/[\u0000-\u0020\u007f]/.test(text))
    throw new SourceError('The URL holds a space or a control character.');
  if (text.length > 2000) throw new SourceError('The URL is longer than 2000 characters.');
  if (text.startsWith('-')) throw new SourceError('The URL starts with a dash.');
  const scp = text.match(/^([\w.-]+)@([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?):(?![:/]*\/\/)([^:-].*)$/i);
  if (scp && !text.includes('://')) {
    const host = (scp[2] ?? '').toLowerCase();
    if (scp[1]?.startsWith('-')) throw new SourceError('The user name in the URL starts with a dash.');
    return { protocol: 'ssh', host, port: ports.ssh, url: text };
  }
  const protocol = (['https', 'http', 'ssh'] as const).find((one) =>
    text.toLowerCase().startsWith(`${one}://`),
  );
  if (!protocol || !URL.canParse(text)) {
    throw new SourceError(
      'Use an https:// or ssh:// URL, or user@host:path; for a repository on this machine, local_path.',
    );
  }
  const url = new URL(text);
  if (url.password !== '' || (url.username !== '' && protocol !== 'ssh')) {
    throw new SourceError('The URL holds a password or token; credentials do not belong in URLs.');
  }
  const host = url.hostname.toLowerCase().replace(/^\[|\]$/g, '');
  if (isIP(host) === 0 && !/^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?$/.test(host)) {
    throw new SourceError('The URL names no host.');
  }
  if (!/^[\w.-]*$/.test(url.username) || url.username.startsWith('-')) {
    throw new SourceError('The user name in the URL is not plain.');
  }
  return { protocol, host, port: url.port || ports[protocol], url: url.href };
}

/** All of a name's addresses must be public: which of them a connection takes is not ours to choose otherwise. */
async function publicAddress(host: string): Promise<string> {
  const answer = lookup(host, { all: true }).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
    throw new SourceError(`The host ${host} is not known${code}.`);
  });
  const found = await Promise.race([answer, Bun.sleep(5000).then(() => null)]);
  if (found === null) throw new SourceError(`The name server did not answer for ${host} within 5 s.`);
  const [first] = found;
  if (!first) throw new SourceError(`The host ${host} has no address.`);
  if (found.some((one) => isPrivateAddress(one.address))) {
    throw new SourceError(
      `The host ${host} has an address of this machine or of a private network; the operator can allow it in BAKEOFF_FORGE_HOSTS.`,
    );
  }
  return first.address;
}

/** Whether a real path, links resolved, lies where repositories of this machine may lie. */
export async function localPlaces({
  localRoots,
  dataDir,
}: Pick<SourceConfig, 'localRoots' | 'dataDir'>): Promise<(path: string) => boolean> {
  const real = async (paths: string[]) =>
    (await Promise.all(paths.map((path) => realpath(path).catch(() => null)))).filter(
      (path) => path !== null,
    );
  const roots = await real([...localRoots, join(dataDir, 'demo')]);
  // Other projects' code, and what agents can write: never a source, though the data directory may lie under a root.
  const ours = await real([join(dataDir, 'mirrors'), join(dataDir, 'workspaces')]);
  const under = (path: string) => (root: string) =>
    path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
  return (path) => roots.some(under(path)) && !ours.some(under(path));
}

async function localSource(text: string, config: SourceConfig): Promise<Source> {
  if (!isAbsolute(text)) throw new SourceError('local_path is not an absolute path.');
  if (text.includes('\0')) throw new SourceError('local_path holds a NUL character.');
  const allowed = await localPlaces(config);
  const refused = new SourceError(
    'local_path is not a folder under one of the allowed roots; the operator names them in BAKEOFF_LOCAL_ROOTS.',
  );
  // The same answer for what is missing and what is not allowed: paths of this machine are not to be probed.
  const path = await realpath(text).catch(() => null);
  if (path === null || !allowed(path)) throw refused;
  const gitDir = await gitFolder(path);
  if (gitDir === null)
    throw new SourceError('local_path is no git repository: run `git init` and commit there first.');
  if (!(await staysWithin(gitDir, allowed))) throw refused;
  // Strictly this folder: git would else try the path with `.git` added first, which nobody has looked at.
  const flags = ['--upload-pack=git-upload-pack --strict'];
  return { url: gitDir, options: [], flags, env: { GIT_ALLOW_PROTOCOL: 'file' } };
}
