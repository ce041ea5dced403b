import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificate } from './certificate';
import { git } from './repository';
import { openPort } from './tcp';
import { removeTemp, tempDir } from './temp';

/** What the server does to the next pushes and fetches, until it is told otherwise. */
export interface Faults {
  /** 401 to everybody, or 403 to those who log in. */
  refuse?: 401 | 403;
  /** Takes what is pushed, and drops the connection instead of answering. */
  cutAfterPush?: boolean;
  /** Drops the connection when the push comes, before git has seen it. */
  cutBeforePush?: boolean;
  /** Answers with this status. */
  status?: number;
  /** Sends everybody there. */
  redirect?: string;
  /** Answers only when this has come about. */
  hold?: Promise<void>;
  /** Repeats the credentials that it was told, as a chatty proxy would. */
  echo?: boolean;
}

export interface GitServer {
  /** `https://127.0.0.1:<port>`. */
  url: string;
  host: string;
  /** PEM file of its own certificate: what SSL_CERT_FILE would name. */
  caFile: string;
  token: string;
  faults: Faults;
  /** Requests as they came: method, path, and user name. */
  requests: string[];
  /** Makes `<name>.git`, bare, with the commits of a repository. Returns its folder. */
  add(name: string, from: string): string;
  pathOf(name: string): string;
  urlOf(name: string): string;
  /** Drops all connections, in place of an answer. */
  cut(): Response;
  stop(): Promise<void>;
}

/**
 * Git over HTTPS as servers do it: `git http-backend` behind TLS and basic authentication, for reading too. Other paths go
 * to `also`: a forge's API on the same host.
 */
export async function startGitServer(
  also?: (request: Request, path: string) => Promise<Response> | Response,
): Promise<GitServer> {
  const dir = tempDir('git-server');
  const { cert, key } = makeCertificate();
  const caFile = join(dir, 'ca.pem');
  await Bun.write(caFile, cert);
  const token = `secret-${crypto.randomUUID()}`;
  const requests: string[] = [];
  const state: { faults: Faults } = { faults: {} };
  const server = Bun.serve({
    unix: join(dir, 'socket'),
    tls: { cert, key },
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (!pathname.includes('.git/')) {
        return (await also?.(request, pathname)) ?? new Response('nothing here', { status: 404 });
      }
      const { faults } = state;
      const login = loginOf(request);
      requests.push(`${request.method} ${pathname} ${login?.username ?? '-'}`);
      await faults.hold;
      if (faults.redirect) return Response.redirect(faults.redirect, 302);
      if (faults.status) return new Response('broken', { status: faults.status });
      if (faults.refuse === 401 || login?.token !== token) {
        const said = faults.echo && login ? `no: ${login.username}:${login.token}` : 'no';
        return new Response(said, { status: 401, headers: { 'www-authenticate': 'Basic realm="git"' } });
      }
      if (faults.refuse === 403) return new Response('forbidden', { status: 403 });
      const pushes = pathname.endsWith('/git-receive-pack');
      if (pushes && faults.cutBeforePush) return cut();
      const answer = await backend(dir, request, login.username);
      return pushes && faults.cutAfterPush ? cut() : answer;
    },
  });
  // Connections lead through a port of their own, where they can be cut.
  const port = await openPort(join(dir, 'socket'));
  const cut = (): Response => {
    port.cut();
    return new Response();
  };
  const url = `https://127.0.0.1:${port.port}`;
  return {
    ...{ url, caFile, token, requests, cut, host: `127.0.0.1:${port.port}` },
    get faults() {
      return state.faults;
    },
    set faults(faults) {
      state.faults = faults;
    },
    add(name, from) {
      const path = join(dir, `${name}.git`);
      mkdirSync(join(path, '..'), { recursive: true });
      git(dir, 'clone', '-q', '--bare', from, path);
      return path;
    },
    pathOf: (name) => join(dir, `${name}.git`),
    urlOf: (name) => `${url}/${name}.git`,
    async stop() {
      port.close();
      await server.stop(true);
      removeTemp(dir);
    },
  };
}

function loginOf(request: Request): { username: string; token: string } | null {
  const encoded = request.headers.get('authorization')?.match(/^Basic (.+)$/)?.[1];
  if (!encoded) return null;
  const [username = '', ...rest] = Buffer.from(encoded, 'base64').toString().split(':');
  return { username, token: rest.join(':') };
}

/** One request through the CGI program (RFC 3875) that comes with git. */
async function backend(root: string, request: Request, user: string): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const body = new Uint8Array(await request.arrayBuffer());
  const child = Bun.spawn(['git', '-c', 'safe.directory=*', 'http-backend'], {
    env: {
      PATH: process.env.PATH ?? '/usr/bin:/bin',
      HOME: '/nonexistent',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers.get('content-type') ?? '',
      CONTENT_LENGTH: `${body.length}`,
      HTTP_CONTENT_ENCODING: request.headers.get('content-encoding') ?? '',
      GIT_PROTOCOL: request.headers.get('git-protocol') ?? '',
      REMOTE_USER: user,
    },
    stdin: body.length > 0 ? body : 'ignore',
    stdout: 'pipe',
    stderr: 'ignore',
  });
  const said = Buffer.from(await new Response(child.stdout).arrayBuffer());
  const end = said.indexOf('\r\n\r\n');
  const headers = new Headers();
  let status = 200;
  for (const line of said.subarray(0, end).toString().split('\r\n')) {
    const [name = '', ...rest] = line.split(':');
    if (name.toLowerCase() === 'status') status = Number.parseInt(rest.join(':'), 10);
    else if (name !== '') headers.set(name, rest.join(':').trim());
  }
  return new Response(said.subarray(end + 4), { status, headers });
}
