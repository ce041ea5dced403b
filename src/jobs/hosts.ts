import { isIP } from 'node:net';
import { isPrivateAddress } from '../agent/addresses';
import type { Config } from '../config';
import { invalid } from '../core/errors';

/**
 * The hosts that a project's environments may reach, as they are kept: `example.org`, `*.example.org` or an address
 * (IPv6 in brackets), each perhaps with `:port`; lower case, none twice. What a name leads to is looked at when it is
 * reached; an address of this machine or of a private network has to be named by the operator.
 * @throws BakeoffError 422 naming the place, such as `network.0`
 */
export function readHosts(given: readonly string[], { forgeHosts }: Pick<Config, 'forgeHosts'>): string[] {
  const named = new Set(forgeHosts.map(hostOf));
  const hosts = given.map((text, i) => {
    const field = `network.${i}`;
    const read = parse(text.trim());
    if (typeof read === 'string') throw invalid(field, `${JSON.stringify(text.slice(0, 100))} ${read}`);
    const { host, port } = read;
    const whole = port === '' ? host : `${host}:${port}`;
    if (isPrivate(host) && ![host, bare(host), whole].some((one) => named.has(one)))
      throw invalid(
        field,
        `${whole.slice(0, 100)} is on this machine or in a private network: the operator names such hosts in BAKEOFF_FORGE_HOSTS`,
      );
    return whole;
  });
  return [...new Set(hosts)];
}

/** `BAKEOFF_FORGE_HOSTS` names hosts with or without a port, or by a URL. */
function hostOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/^[a-z]+:\/\//, '')
    .replace(/\/.*$/, '');
}

/** Host and port, or what is wrong with them. */
function parse(text: string): { host: string; port: string } | string {
  // Before it is made lower case: some letters beyond ASCII become ASCII by that.
  if (!/^[\x21-\x7e]+$/.test(text)) return 'is no host: a name in other letters is written as xn--…';
  if (/:\/\/|\//.test(text)) return 'is more than a host: leave out https:// and any path';
  const [, host = '', port = ''] = /^(\[[^\]]*\]|[^:[\]]*)(?::(\d{1,5}))?$/.exec(text.toLowerCase()) ?? [];
  if (host === '') return 'is no host, such as example.org, *.example.org or example.org:8443';
  if (port !== '' && !(Number(port) >= 1 && Number(port) <= 65_535)) return 'has no port from 1 to 65535';
  const known = host.startsWith('[') ? address6(host) : isIP(host) === 4 ? host : nameOf(host);
  return known === null
    ? 'is no host, such as example.org, *.example.org or example.org:8443'
    : { host: known, port: port === '' ? '' : String(Number(port)) };
}

/** In the one way that it is written by all. */
function address6(host: string): string | null {
  if (isIP(host.slice(1, -1)) !== 6 || host.includes('%')) return null;
  return new URL(`http://${host}`).hostname;
}

const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** A name that cannot be read as a number, which would be an address; under a `*` there must be more than `org`. */
function nameOf(host: string): string | null {
  const wild = host.startsWith('*.');
  const name = (wild ? host.slice(2) : host).replace(/\.$/, '');
  const labels = name.split('.');
  const last = labels.at(-1) ?? '';
  if (name.length > 253 || !labels.every((one) => label.test(one)) || /^(\d+|0x[0-9a-f]*)$/.test(last))
    return null;
  if (wild && labels.length < 2) return null;
  return wild ? `*.${name}` : name;
}

function isPrivate(host: string): boolean {
  const address = bare(host);
  return isIP(address) === 0 ? /(^|\.)localhost$/.test(address) : isPrivateAddress(address);
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}
