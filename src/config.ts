import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Everything the environment can say, parsed once; nothing else in the program reads `process.env`. */
export interface Config {
  port: number;
  host: string;
  /** An outside Postgres; `null` starts the private one in the data directory. */
  databaseUrl: string | null;
  /** Redis for the queue; `null` keeps the queue in Postgres. */
  redisUrl: string | null;
  dataDir: string;
  /** The first API key, when the operator brings one; else one is generated in the data directory. */
  apiKey: string | null;
  /** Key material for encrypted columns, when the operator brings it; else generated in the data directory. */
  secret: string | null;
  /** Variations that one process works on at the same time. */
  concurrency: number;
  /** Folders under which a `local_path` may lie. */
  localRoots: string[];
  unsafeExec: boolean;
  publicUrl: string | null;
  /** Host header names answered besides loopback and `publicUrl`. */
  allowedHosts: string[];
  /** Hosts of private addresses, or plain http, that repositories may use; those of the operator's own forges among them. */
  forgeHosts: string[];
  sweepIntervalS: number;
  /** Seconds a worker's lock on a job of the queue lives without renewal; who has a variation is for the record to say. */
  lockS: number;
  modelTimeoutS: number;
  /** Days after its end at which a run is thinned, where the settings say nothing; null keeps everything. */
  retentionDays: number | null;
  logLevel: LogLevel;
  providers: {
    openai: { apiKey: string; baseUrl: string | null } | null;
    anthropic: { apiKey: string; baseUrl: string | null } | null;
    ollama: { baseUrl: string } | null;
  };
  /** PEM file of the authorities trusted for git over https and for forges, in place of the system's. */
  sslCertFile: string | null;
  forges: {
    github: { apiUrl: string; token: string | null; webhookSecret: string | null };
    forgejo: { url: string; token: string | null; webhookSecret: string | null } | null;
  };
}

/** What git logs in with, over https. */
export interface Credential {
  username: string;
  token: string;
}

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A value of the environment that cannot be used; `message` is one line that names it and the remedy. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

type Env = Record<string, string | undefined>;

const knownNames = new Set(
  (
    'BAKEOFF_DATA BAKEOFF_API_KEY BAKEOFF_SECRET BAKEOFF_CONCURRENCY BAKEOFF_LOCAL_ROOTS BAKEOFF_UNSAFE_EXEC ' +
    'BAKEOFF_PUBLIC_URL BAKEOFF_ALLOWED_HOSTS BAKEOFF_FORGE_HOSTS BAKEOFF_SWEEP_INTERVAL_S BAKEOFF_LOCK_S ' +
    'BAKEOFF_MODEL_TIMEOUT_S BAKEOFF_RETENTION_DAYS BAKEOFF_URL'
  ).split(' '),
);

/**
 * Reads the environment. Empty values count as absent.
 * @throws ConfigError on an unknown `BAKEOFF_…` name or an unreadable value.
 */
export function readConfig(env: Env = process.env): Config {
  for (const name of Object.keys(env)) {
    if (!name.startsWith('BAKEOFF_')) continue;
    if (!knownNames.has(name)) {
      throw new ConfigError(`${name} is not a setting of Bakeoff; README.md lists them all`);
    }
  }
  const openaiKey = text(env, 'OPENAI_API_KEY');
  const anthropicKey = text(env, 'ANTHROPIC_API_KEY');
  const ollamaHost = text(env, 'OLLAMA_HOST');
  const apiKey = text(env, 'BAKEOFF_API_KEY');
  if (apiKey !== null && apiKey.length < 16) {
    throw new ConfigError('BAKEOFF_API_KEY is too short: 16 characters at least');
  }
  // It is stated in a header, where anything else would not arrive as it is.
  if (apiKey !== null && !/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new ConfigError('BAKEOFF_API_KEY may hold no spaces, and ASCII only');
  }
  const secret = text(env, 'BAKEOFF_SECRET');
  if (secret !== null && secret.length < 32) {
    throw new ConfigError('BAKEOFF_SECRET is too short: 32 characters at least');
  }
  const forges = { github: github(env), forgejo: forgejo(env) };
  return {
    port: integer(env, 'PORT', 3001, 0, 65535),
    host: text(env, 'HOST') ?? '127.0.0.1',
    databaseUrl: url(env, 'DATABASE_URL', ['postgres:', 'postgresql:']),
    redisUrl: url(env, 'REDIS_URL', ['redis:', 'rediss:', 'redis+unix:', 'unix:']),
    dataDir: resolve(text(env, 'BAKEOFF_DATA') ?? defaultDataDir(env)),
    apiKey,
    secret,
    concurrency: integer(env, 'BAKEOFF_CONCURRENCY', 4, 1, 256),
    localRoots: list(env, 'BAKEOFF_LOCAL_ROOTS', ':', [homedir()]).map((path) => resolve(path)),
    unsafeExec: flag(env, 'BAKEOFF_UNSAFE_EXEC'),
    publicUrl: url(env, 'BAKEOFF_PUBLIC_URL', ['http:', 'https:']),
    allowedHosts: list(env, 'BAKEOFF_ALLOWED_HOSTS', ',', []),
    forgeHosts: [...list(env, 'BAKEOFF_FORGE_HOSTS', ',', []), ...hostsOf(forges)],
    sweepIntervalS: integer(env, 'BAKEOFF_SWEEP_INTERVAL_S', 5, 1, 3600),
    lockS: integer(env, 'BAKEOFF_LOCK_S', 15, 2, 600),
    modelTimeoutS: integer(env, 'BAKEOFF_MODEL_TIMEOUT_S', 180, 1, 3600),
    retentionDays:
      text(env, 'BAKEOFF_RETENTION_DAYS') === null
        ? null
        : integer(env, 'BAKEOFF_RETENTION_DAYS', 1, 1, 36_500),
    logLevel: oneOf(env, 'LOG_LEVEL', logLevels, 'info'),
    providers: {
      openai: openaiKey
        ? { apiKey: openaiKey, baseUrl: url(env, 'OPENAI_BASE_URL', ['http:', 'https:']) }
        : null,
      anthropic: anthropicKey
        ? { apiKey: anthropicKey, baseUrl: url(env, 'ANTHROPIC_BASE_URL', ['http:', 'https:']) }
        : null,
      ollama: ollamaHost ? { baseUrl: ollamaUrl(ollamaHost) } : null,
    },
    sslCertFile: file(env, 'SSL_CERT_FILE'),
    forges,
  };
}

/**
 * Where the command line looks for the service, when the environment says so.
 * @throws ConfigError when `BAKEOFF_URL` is no address.
 */
export function readServiceUrl(env: Env = process.env): string | null {
  return url(env, 'BAKEOFF_URL', ['http:', 'https:'])?.replace(/\/+$/, '') ?? null;
}

/** What the person wants of a terminal: `NO_COLOR` (no-color.org), and `TERM=dumb` that cannot redraw. */
export function readTerminal(env: Env = process.env): { color: boolean; dumb: boolean } {
  return { color: text(env, 'NO_COLOR') === null, dumb: env.TERM === 'dumb' };
}

/** Whether what listens on `host` can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

/** `/var/lib/bakeoff` for root, since other uids must reach it; else the XDG data directory. */
function defaultDataDir(env: Env): string {
  if (process.getuid?.() === 0) return '/var/lib/bakeoff';
  return join(text(env, 'XDG_DATA_HOME') ?? join(homedir(), '.local', 'share'), 'bakeoff');
}

function text(env: Env, name: string): string | null {
  const value = env[name]?.trim();
  return value ? value : null;
}

function integer(env: Env, name: string, fallback: number, min: number, max: number): number {
  const value = text(env, name);
  if (value === null) return fallback;
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= min && number <= max)) {
    throw new ConfigError(`${name}=${value} is not a whole number from ${min} to ${max}`);
  }
  return number;
}

function flag(env: Env, name: string): boolean {
  return oneOf(env, name, ['0', '1', 'false', 'true'], '0').match(/^(1|true)$/) !== null;
}

function oneOf<T extends string>(env: Env, name: string, allowed: readonly T[], fallback: T): T {
  const value = text(env, name);
  if (value === null) return fallback;
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new ConfigError(`${name}=${value} is not one of ${allowed.join(', ')}`);
  return found;
}

function list(env: Env, name: string, separator: string, fallback: string[]): string[] {
  const value = text(env, name);
  if (value === null) return fallback;
  return value
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** The value is not repeated in the error: URLs carry passwords. */
function url(env: Env, name: string, protocols: string[]): string | null {
  const value = text(env, name);
  if (value === null) return null;
  if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
    throw new ConfigError(
      `${name} is not a URL that starts with ${protocols.map((p) => `${p}//`).join(' or ')}`,
    );
  }
  return value;
}

function github(env: Env): Config['forges']['github'] {
  return {
    apiUrl: forgeUrl(env, 'GITHUB_API_URL') ?? 'https://api.github.com',
    token: token(env, 'GITHUB_TOKEN'),
    webhookSecret: text(env, 'GITHUB_WEBHOOK_SECRET'),
  };
}

function forgejo(env: Env): Config['forges']['forgejo'] {
  const address = forgeUrl(env, 'FORGEJO_URL');
  const told = { token: token(env, 'FORGEJO_TOKEN'), webhookSecret: text(env, 'FORGEJO_WEBHOOK_SECRET') };
  if (address !== null) return { url: address, ...told };
  if (told.token === null && told.webhookSecret === null) return null;
  throw new ConfigError(
    'FORGEJO_TOKEN and FORGEJO_WEBHOOK_SECRET need FORGEJO_URL, the address of the forge',
  );
}

/** The operator's own forges: their repositories may be reached where the API is, and at the usual port of ssh. */
function hostsOf({ github, forgejo }: Config['forges']): string[] {
  const own = [forgejo?.url, github.apiUrl].filter((one) => one !== undefined && !isPublicGitHub(one));
  return own.flatMap((one) => {
    const { hostname, port, protocol } = new URL(one ?? '');
    return [`${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`, `${hostname}:22`];
  });
}

function isPublicGitHub(apiUrl: string): boolean {
  return new URL(apiUrl).hostname === 'api.github.com';
}

/** Without a slash at its end. */
function forgeUrl(env: Env, name: string): string | null {
  const value = url(env, name, ['http:', 'https:']);
  if (value === null) return null;
  const { username, password, search, hash } = new URL(value);
  if (username + password + search + hash !== '') {
    throw new ConfigError(`${name} is to be an address alone: no user, password or token, no ? and no #`);
  }
  return new URL(value).href.replace(/\/+$/, '');
}

/** It is stated in headers; the value is not repeated. */
function token(env: Env, name: string): string | null {
  const value = text(env, name);
  if (value !== null && !/^[\x21-\x7e]{1,2000}$/.test(value)) {
    throw new ConfigError(`${name} may hold no spaces, and ASCII only`);
  }
  return value;
}

function file(env: Env, name: string): string | null {
  const value = text(env, name);
  if (value === null) return null;
  const path = resolve(value);
  try {
    accessSync(path, constants.R_OK);
  } catch {
    throw new ConfigError(`${name}=${value} is no file that can be read`);
  }
  return path;
}

/** Ollama's own variable holds `host`, `host:port`, `:port` or a URL; 0.0.0.0 is where it listens, not where it is. */
function ollamaUrl(value: string): string {
  const whole = /^https?:\/\//.test(value);
  const full = whole ? value : `http://${value.startsWith(':') ? '127.0.0.1' : ''}${value}`;
  if (!URL.canParse(full) || (!whole && value.includes('://'))) {
    throw new ConfigError('OLLAMA_HOST is not a host, host:port or URL');
  }
  const parsed = new URL(full);
  if (parsed.hostname === '0.0.0.0') parsed.hostname = '127.0.0.1';
  if (parsed.port === '' && !whole) parsed.port = '11434';
  return parsed.toString().replace(/\/$/, '');
}
