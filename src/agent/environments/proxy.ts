import { lookup as systemLookup } from 'node:dns/promises';
import { chmod, open } from 'node:fs/promises';
import { connect, createServer, isIP, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Transform } from 'node:stream';
import { isNamedHost, isOwnAddress, isPrivateAddress } from '../addresses';
import { isAllowed, readAllowedHosts } from './allowed-hosts';
import { lastAnswer, type ProxyRequest, readRequest } from './proxy-request';

/** What a command wanted to reach and might not. */
export interface Denied {
  host: string;
  port: number;
  /**
   * `not_allowed`: the project does not name the host, or not with this port. `private_address`: it does, but the name
   * leads to this machine or a private network, and the operator has not named it. `too_many`: more was denied than is
   * told one by one; host and port are those of the first that is not.
   */
  reason: 'not_allowed' | 'private_address' | 'too_many';
}

export interface ProxyOptions {
  /** The folder of the socket `proxy`. */
  folder: string;
  /** As a project names them; see `readAllowedHost`. */
  hosts: readonly string[];
  /** The operator's own hosts, which may have addresses of private networks (`BAKEOFF_FORGE_HOSTS`). */
  named: readonly string[];
  /** Told once of each; of 100 at most, and once that there are more. */
  onDenied?: (denied: Denied) => void;
  /** All addresses of a name. */
  lookup?: (host: string) => Promise<string[]>;
  limits?: Partial<typeof proxyLimits>;
}

export const proxyLimits = {
  /** At once; more are answered with 503. */
  connections: 128,
  headBytes: 16_384,
  headMs: 30_000,
  lookupMs: 5_000,
  connectMs: 10_000,
  /** Without a byte in either direction. */
  idleMs: 300_000,
  /** The same once the command has said all: it may be gone, which cannot be seen. */
  halfIdleMs: 30_000,
};
const maxDenied = 100;
const maxAddresses = 4;

export interface OpenProxy {
  /** Ends every connection. Idempotent. */
  close(): Promise<void>;
}

/**
 * The one way out of an environment with an allow list: an HTTP proxy (`CONNECT`, and plain requests by their URL) on
 * a unix socket. Names are looked up here, every address of a name is checked, and one that was checked is connected to,
 * so that no second answer of a name server counts. What is said inside a tunnel is not looked into.
 * @throws TypeError for an entry of `hosts` that names no host.
 */
export async function openProxy(options: ProxyOptions): Promise<OpenProxy> {
  const limits = { ...proxyLimits, ...options.limits };
  const way: Way = { ...options, limits, allowed: readAllowedHosts(options.hosts), tell: teller(options) };
  const clients = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    // Beyond that not even an answer.
    if (clients.size >= 2 * limits.connections) {
      client.destroy();
      return;
    }
    const tooMany = clients.size >= limits.connections;
    clients.add(client);
    client.on('error', () => client.destroy()).on('close', () => clients.delete(client));
    if (tooMany) refuse(client, new Refused(503, 'Too many connections at once.'), limits.headMs);
    else void serve(client, way);
  });
  // A path of a socket has 107 bytes at most; through the folder's descriptor any folder will do.
  const folder = await open(options.folder, 'r');
  const path = `/proc/self/fd/${folder.fd}/proxy`;
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
    await chmod(join(options.folder, 'proxy'), 0o666);
  } catch (error) {
    server.close();
    await folder.close();
    throw error;
  }
  let closed: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    const gone = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const client of clients) client.destroy();
    await gone;
    await folder.close();
  };
  return {
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

interface Way extends Pick<ProxyOptions, 'named' | 'lookup'> {
  limits: typeof proxyLimits;
  allowed: ReturnType<typeof readAllowedHosts>;
  tell: (denied: Denied) => void;
}

/** Why a request is not carried out, as the command is told. */
class Refused extends Error {
  constructor(
    readonly status: 400 | 403 | 408 | 431 | 502 | 503,
    message: string,
  ) {
    super(message);
  }
}

async function serve(client: Socket, way: Way): Promise<void> {
  try {
    const request = await readHead(client, way.limits);
    const upstream = await reach(client, request, way);
    if (request.head === null) client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    else upstream.write(request.head);
    if (request.rest.length > 0) upstream.write(request.rest);
    carry(client, upstream, request.head === null ? null : lastAnswer(way.limits.headBytes), way.limits);
  } catch (error) {
    if (error instanceof Refused) refuse(client, error, way.limits.headMs);
    else client.destroy();
  }
}

function readHead(client: Socket, limits: typeof proxyLimits): Promise<ProxyRequest> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const timer = setTimeout(
      () => done(new Refused(408, 'The request did not come in time.')),
      limits.headMs,
    );
    const done = (result: ProxyRequest | Error): void => {
      clearTimeout(timer);
      client.pause();
      client.off('data', take).off('end', ended).off('close', ended);
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    const ended = (): void => done(new Error('it left'));
    const take = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const read = readRequest(bytes);
      if (typeof read === 'string') done(new Refused(400, read));
      else if (read !== null) done(read);
      else if (bytes.length > limits.headBytes)
        done(new Refused(431, 'The head of the request is too long.'));
    };
    client.on('data', take).on('end', ended).on('close', ended).resume();
  });
}

/** @throws Refused */
async function reach(client: Socket, { host, port }: ProxyRequest, way: Way): Promise<Socket> {
  if (!isAllowed(way.allowed, host, port)) {
    way.tell({ host, port, reason: 'not_allowed' });
    throw new Refused(403, `${host}:${port} is not among the hosts that this project allows.`);
  }
  let why = 'it has no address';
  for (const address of (await addressesOf(host, port, way)).slice(0, maxAddresses)) {
    if (client.destroyed) throw new Error('it left');
    const made = await connectTo(client, address, port, way.limits.connectMs);
    if (typeof made !== 'string') return made;
    why = made;
  }
  throw new Refused(502, `${host}:${port} cannot be reached: ${why}.`);
}

/** All of a name's addresses must be good: a name that leads to both is not one to trust. */
async function addressesOf(host: string, port: number, way: Way): Promise<string[]> {
  const lookup = way.lookup ?? systemAddresses;
  const found =
    isIP(host) === 0
      ? await within(way.limits.lookupMs, lookup(host)).catch((error: unknown) => {
          const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
          throw new Refused(502, `The host ${host} is not known${code}.`);
        })
      : [host];
  // The operator's own hosts may have any address.
  if (isNamedHost(way.named, host, port)) return found;
  if (found.some((address) => isPrivateAddress(address) || isOwnAddress(address))) {
    way.tell({ host, port, reason: 'private_address' });
    throw new Refused(
      403,
      `${host} has an address of this machine or of a private network; the operator can allow it in BAKEOFF_FORGE_HOSTS.`,
    );
  }
  return found;
}

async function systemAddresses(host: string): Promise<string[]> {
  return (await systemLookup(host, { all: true })).map((one) => one.address);
}

/** The connection, or why there is none. */
function connectTo(client: Socket, address: string, port: number, ms: number): Promise<Socket | string> {
  return new Promise((resolve) => {
    const upstream = connect({ host: address, port, allowHalfOpen: true });
    const done = (result: Socket | string): void => {
      clearTimeout(timer);
      upstream.off('connect', connected).off('error', failed);
      client.off('close', left);
      if (typeof result === 'string') upstream.on('error', () => {}).destroy();
      resolve(result);
    };
    const connected = (): void => done(upstream);
    const failed = (error: Error): void => done('code' in error ? String(error.code) : 'no connection');
    const left = (): void => done('the command left');
    const timer = setTimeout(() => done('no answer'), ms);
    upstream.on('connect', connected).on('error', failed);
    client.on('close', left);
  });
}

/** Carries bytes both ways, as fast as the slower side takes them, until both have said all or one is gone. */
function carry(client: Socket, upstream: Socket, answer: Transform | null, limits: typeof proxyLimits): void {
  const drop = (): void => {
    client.destroy();
    upstream.destroy();
  };
  for (const one of [client, upstream]) one.on('error', drop).setTimeout(limits.idleMs, drop);
  client.on('close', drop).on('end', () => upstream.setTimeout(limits.halfIdleMs, drop));
  // One that said all and is gone leaves bytes that are still on their way to the command.
  upstream.on('close', () => upstream.readableEnded || client.destroy());
  if (client.destroyed) drop();
  client.pipe(upstream);
  if (answer === null) upstream.pipe(client);
  else upstream.pipe(answer).pipe(client);
}

function refuse(client: Socket, { status, message }: Refused, ms: number): void {
  const body = `Bakeoff: ${message}\n`;
  const head = `HTTP/1.1 ${status} ${words[status]}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}`;
  // What it still says is read and dropped: closed with bytes unread, it would never see the answer.
  client.setTimeout(ms, () => client.destroy());
  client.resume();
  client.end(`${head}\r\nConnection: close\r\n\r\n${body}`);
}

const words = {
  400: 'Bad Request',
  403: 'Not allowed by this project',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

/** Tells once of each, and not of more than can be looked at. */
function teller({ onDenied }: ProxyOptions): (denied: Denied) => void {
  const told = new Set<string>();
  return (denied) => {
    const key = `${denied.host} ${denied.port} ${denied.reason}`;
    if (!onDenied || told.has(key) || told.size > maxDenied) return;
    told.add(key);
    try {
      onDenied(told.size > maxDenied ? { ...denied, reason: 'too_many' } : denied);
    } catch {
      // Nobody stands above a connection who could be told; whoever records it hears of the same fault by itself.
    }
  };
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), ms);
  });
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
