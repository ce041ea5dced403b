import { BakeoffError } from '../core/errors';
import { sameSecret, type Vault } from '../core/secret';

const cookieDays = 90;

export interface Gate {
  apiKey: string;
  vault: Vault;
  /** Names in the Host header that are us. */
  hosts: ReadonlySet<string>;
  publicUrl: string | null;
}

/**
 * Refuses a request whose Host is not ours: a page of another site that had its name pointed at us (DNS rebinding)
 * would otherwise be let in as ours.
 * @throws BakeoffError 403
 */
export function requireHost(request: Request, gate: Gate): void {
  const host = request.headers.get('host') ?? '';
  const name = host.replace(/:\d+$/, '').toLowerCase();
  if (!gate.hosts.has(name)) {
    throw new BakeoffError(
      'host_refused',
      `This service does not answer to the name ${name.slice(0, 100)}; see BAKEOFF_ALLOWED_HOSTS`,
      403,
    );
  }
}

/**
 * Refuses a changing request that a browser sends from a page that is not ours. Scripts send no Origin.
 * @throws BakeoffError 403
 */
export function requireOrigin(request: Request, gate: Gate): void {
  if (request.method === 'GET' || request.method === 'HEAD') return;
  const origin = request.headers.get('origin');
  const site = request.headers.get('sec-fetch-site');
  if (origin === null && (site === null || site === 'same-origin' || site === 'none')) return;
  const own = request.headers.get('host') ?? new URL(request.url).host;
  const allowed = [`http://${own}`, `https://${own}`, gate.publicUrl ? new URL(gate.publicUrl).origin : null];
  if (origin === null || !allowed.includes(origin)) {
    throw new BakeoffError('origin_refused', 'This request comes from a page of another site', 403);
  }
}

/**
 * The name of the cookie. Browsers keep one cookie jar for all ports of a host, so each service has a name of its own:
 * two on one machine would otherwise log each other's browsers out.
 */
export function cookieName({ vault }: Pick<Gate, 'vault'>): string {
  return `bakeoff-${vault.sign('cookie name', 'browser').slice(0, 12)}`;
}

/** Whether the request states the API key, or carries the cookie that the printed link sets. */
export function isKnown(request: Request, gate: Gate, now = Date.now()): boolean {
  const stated = request.headers.get('authorization')?.match(/^Bearer +(\S+)$/i)?.[1];
  if (stated !== undefined) return sameSecret(stated, gate.apiKey);
  const cookie = readCookie(request, cookieName(gate));
  return cookie !== null && isGoodTicket(cookie, gate, now);
}

/** A cookie's value: until when, signed. Another API key or secret makes all of them void. */
function ticket(gate: Gate, until: number): string {
  return `${until}.${gate.vault.sign('browser', `${until}.${gate.apiKey}`)}`;
}

function isGoodTicket(value: string, gate: Gate, now: number): boolean {
  const until = Number(value.split('.')[0]);
  return until > now && sameSecret(value, ticket(gate, until));
}

/** The token in the link that the service prints at its start. */
export function entryToken(gate: Pick<Gate, 'apiKey' | 'vault'>): string {
  return gate.vault.sign('entry', gate.apiKey);
}

/** Answers the printed link: a right token sets the cookie and leads to the first page. */
export function enter(request: Request, gate: Gate, now = Date.now()): Response | null {
  const url = new URL(request.url);
  const token = url.searchParams.get('token') ?? '';
  if (!sameSecret(token, entryToken(gate))) return null;
  const until = now + cookieDays * 86_400_000;
  const secure = gate.publicUrl?.startsWith('https:') ? '; Secure' : '';
  const to = url.searchParams.get('to') ?? '/';
  return new Response(null, {
    status: 303,
    headers: {
      // Only a path of ours: `//host` would lead elsewhere.
      location: /^\/(?![/\\])[\x21-\x7e]*$/.test(to) ? to : '/',
      'set-cookie': `${cookieName(gate)}=${ticket(gate, until)}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${cookieDays * 86_400}${secure}`,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    },
  });
}

/** A cookie of the request by name. */
export function readCookie(request: Request, name: string): string | null {
  for (const part of (request.headers.get('cookie') ?? '').split(';')) {
    const [key, ...value] = part.trim().split('=');
    if (key === name) return value.join('=');
  }
  return null;
}
