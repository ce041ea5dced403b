import { createHash, randomUUID } from 'node:crypto';
import { chmod, constants, copyFile, mkdir, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { openProxy } from './proxy';
import type { Mount, NetworkRequest, Sandbox } from './sandbox';

/** What every environment with an allow list needs of the host. */
export interface WayOutParts {
  makeReadable: Sandbox['makeReadable'];
  /** Hosts that the operator named. */
  named: readonly string[];
  /** Bun and the relay, where commands may read them. */
  programs(): Promise<{ bun: string; relay: string }>;
}

/** From inside an environment to its proxy. */
export interface WayOut {
  mounts: Mount[];
  variables: Record<string, string>;
  close(): Promise<void>;
}

const inside = '/run/bakeoff';
/** Above what programs under test listen on, and beside what the kernel hands out by itself. */
const port = 61_080;
const proxyUrl = `http://127.0.0.1:${port}`;
const local = 'localhost,127.0.0.1,::1';

/**
 * Starts the relay and goes on when it listens; a part of the script that is process 1, before that enters a folder of
 * the command's, whose files could tell Bun what to load.
 */
export const startRelay =
  `ready=$(${inside}/bun ${inside}/relay.ts ${inside}/net/proxy ${port} </dev/null 2>/dev/null &); ` +
  'if [ "$ready" != ready ]; then ' +
  'echo "The way to the allowed hosts could not be opened: too little memory, or too few processes." >&2; exit 126; fi; ';

const variables = {
  http_proxy: proxyUrl,
  https_proxy: proxyUrl,
  HTTP_PROXY: proxyUrl,
  HTTPS_PROXY: proxyUrl,
  all_proxy: proxyUrl,
  ALL_PROXY: proxyUrl,
  no_proxy: local,
  NO_PROXY: local,
  // Those that do not look at the ones above.
  NODE_USE_ENV_PROXY: '1',
  YARN_HTTP_PROXY: proxyUrl,
  YARN_HTTPS_PROXY: proxyUrl,
  GRADLE_OPTS: javaOptions(),
  MAVEN_OPTS: javaOptions(),
};

/** @throws TypeError for a host that cannot be read; errors of the file system. */
export async function openWayOut(request: NetworkRequest, parts: WayOutParts): Promise<WayOut> {
  await mkdir(request.folder, { recursive: true });
  await parts.makeReadable(request.folder);
  const { hosts, folder, onDenied } = request;
  const proxy = await openProxy({ folder, hosts, named: parts.named, onDenied });
  try {
    const { bun, relay } = await parts.programs();
    return {
      mounts: [
        { host: bun, inside: `${inside}/bun` },
        { host: relay, inside: `${inside}/relay.ts` },
        { host: folder, inside: `${inside}/net` },
      ],
      variables,
      close: () => proxy.close(),
    };
  } catch (error) {
    await proxy.close();
    throw error;
  }
}

/**
 * Puts what runs inside where commands may read it, once, when it is first asked for.
 * @param folder of the service, which commands may read
 * @param otherUser whether commands run as another user than the service
 */
export function programsIn(folder: string, otherUser: boolean): WayOutParts['programs'] {
  let made: ReturnType<WayOutParts['programs']> | null = null;
  const make = async () => ({
    bun: await readable(await realpath(process.execPath), 'bun', folder, otherUser),
    relay: await readable(join(import.meta.dir, 'relay.ts'), 'relay', folder, otherUser),
  });
  return () => {
    made ??= make().catch((error) => {
      made = null;
      throw error;
    });
    return made;
  };
}

/** The file itself, if commands can get there; else what is the same file under another name in our folder. */
export async function readable(
  path: string,
  name: string,
  folder: string,
  otherUser: boolean,
): Promise<string> {
  if (!otherUser || (await isOpen(path))) return path;
  const { size, mtimeMs } = await stat(path);
  const key = createHash('sha256').update(`${path} ${size} ${mtimeMs}`).digest('hex').slice(0, 16);
  const whole = join(folder, `${name}-${key}`);
  const half = join(folder, `half-${randomUUID()}`);
  const present = await readdir(folder);
  if (present.includes(basename(whole))) return whole;
  try {
    await copyFile(path, half, constants.COPYFILE_FICLONE);
    await chmod(half, 0o755);
    await rename(half, whole);
  } finally {
    await rm(half, { force: true });
  }
  // Of processes that are gone: the folder is this one's alone, and a Bun is large.
  for (const old of present) if (old.startsWith(`${name}-`)) await rm(join(folder, old), { force: true });
  return whole;
}

/** Whether everybody may run it. */
async function isOpen(path: string): Promise<boolean> {
  if (((await stat(path)).mode & 0o005) !== 0o005) return false;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

function javaOptions(): string {
  const host = (scheme: string) => [`-D${scheme}.proxyHost=127.0.0.1`, `-D${scheme}.proxyPort=${port}`];
  return [...host('http'), ...host('https'), '-Dhttp.nonProxyHosts=localhost|127.0.0.1'].join(' ');
}
