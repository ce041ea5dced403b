import { isIP } from 'node:net';

/** A host, or all below it, that a project allows its commands to reach. */
export interface AllowedHost {
  /** As `readAuthority` gives it. */
  host: string;
  /** `*.host`: every name below it, and not the host itself. */
  below: boolean;
  ports: readonly number[];
}

const usualPorts = [80, 443];

/**
 * Reads `example.org`, `*.example.org`, an address, each with a `:port` if wanted; without one the ports are 80 and 443.
 * Null for what is none of these; all hosts at once (`*`) cannot be said.
 */
export function readAllowedHost(entry: string): AllowedHost | null {
  const below = entry.startsWith('*.');
  const read = readAuthority(below ? entry.slice(2) : entry);
  if (read === null || (below && isIP(read.host) !== 0)) return null;
  return { host: read.host, below, ports: read.port === null ? usualPorts : [read.port] };
}

/** @throws TypeError for an entry that names no host: whoever takes a list from people reads it first. */
export function readAllowedHosts(entries: readonly string[]): AllowedHost[] {
  return entries.map((entry) => {
    const read = readAllowedHost(entry);
    if (read === null) throw new TypeError(`${JSON.stringify(entry.slice(0, 300))} names no host`);
    return read;
  });
}

/** @param host as `readAuthority` gives it */
export function isAllowed(allowed: readonly AllowedHost[], host: string, port: number): boolean {
  return allowed.some(
    (one) => one.ports.includes(port) && (one.below ? host.endsWith(`.${one.host}`) : host === one.host),
  );
}

/**
 * Reads `host` or `host:port`, the host in the one spelling that is compared and looked up: lower case, without the dot
 * at its end, without brackets, an address as it is usually written (`127.1` is 127.0.0.1). Null for anything else.
 */
export function readAuthority(text: string): { host: string; port: number | null } | null {
  const match = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?)\.?(?::(\d{1,5}))?$/i.exec(
    text,
  );
  if (!match) return null;
  const port = match[2] === undefined ? null : Number(match[2]);
  if (port !== null && (port < 1 || port > 65_535)) return null;
  const url = URL.parse(`http://${match[1]}/`);
  const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
  if (host === '' || host.includes('..')) return null;
  return { host, port };
}
