import { Transform } from 'node:stream';
import { readAuthority } from './allowed-hosts';

/** What a command asks of the proxy (RFC 9112, 3.2.2 and 3.2.3). */
export interface ProxyRequest {
  host: string;
  port: number;
  /** What the host is sent first; null for a tunnel (`CONNECT`), which gets an answer instead. */
  head: Buffer | null;
  /** What came after the head. */
  rest: Buffer;
}

/** @returns null while the head is not whole; words when it is none that is served. */
export function readRequest(bytes: Buffer): ProxyRequest | string | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first = '', ...fields] = bytes.toString('latin1', 0, end).split('\r\n');
  const rest = bytes.subarray(end + 4);
  const line = /^([A-Z-]{1,30}) (\S+) (HTTP\/1\.[01])$/.exec(first);
  if (!line) return 'This is no request of HTTP/1.1.';
  const [, method = '', target = '', version = ''] = line;
  if (method === 'CONNECT') {
    const asked = readAuthority(target);
    if (asked === null || asked.port === null) return 'CONNECT needs host:port.';
    return { host: asked.host, port: asked.port, head: null, rest };
  }
  const parts = /^http:\/\/([^/?#]*)([/?][^#]*)?$/i.exec(target);
  const asked = readAuthority(parts?.[1] ?? '');
  if (!parts || asked === null)
    return 'This is a proxy: it takes CONNECT, and requests that name an http:// URL.';
  // What is not a field by the letter, servers read in more than one way.
  if (!fields.every((field) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*$/.test(field)))
    return 'The request has a field that is none.';
  const path = parts[2] ?? '/';
  const sent = [
    `${method} ${path.startsWith('?') ? '/' : ''}${path} ${version}`,
    `Host: ${parts[1]}`,
    ...fields.filter((field) => !own.test(field)),
    'Connection: close',
  ];
  return {
    host: asked.host,
    port: asked.port ?? 80,
    head: Buffer.from(`${sent.join('\r\n')}\r\n\r\n`, 'latin1'),
    rest,
  };
}

/** Fields that are between a client and its proxy, and the host, which is the target's. */
const own = /^(?:host|connection|keep-alive|upgrade|te|proxy-[a-z-]+):/i;

/**
 * Says in the head of an answer that nothing follows it, whatever the host said: the next request on the same connection
 * may be meant for another host, and would reach this one. A head that is longer than `limit` bytes goes as it is.
 */
export function lastAnswer(limit: number): Transform {
  let held: Buffer | null = Buffer.alloc(0);
  const whole = (): Buffer | null => {
    if (held === null) return null;
    const end = held.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const [first = '', ...fields] = held.toString('latin1', 0, end).split('\r\n');
    const rest = held.subarray(end + 4);
    // 100 Continue and its kind come before the answer.
    if (/^HTTP\/1\.[01] 1\d\d\b/.test(first)) {
      held = rest;
      return Buffer.from(`${[first, ...fields].join('\r\n')}\r\n\r\n`, 'latin1');
    }
    held = null;
    const sent = [first, ...fields.filter((field) => !own.test(field)), 'Connection: close'];
    return Buffer.concat([Buffer.from(`${sent.join('\r\n')}\r\n\r\n`, 'latin1'), rest]);
  };
  return new Transform({
    transform(chunk: Buffer, _, done) {
      if (held === null) return done(null, chunk);
      held = Buffer.concat([held, chunk]);
      for (let part = whole(); part !== null; part = whole()) this.push(part);
      if (held !== null && held.length > limit) {
        this.push(held);
        held = null;
      }
      done();
    },
    flush(done) {
      done(null, held);
    },
  });
}
