import { createHash, randomUUID } from 'node:crypto';
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from './remove';
import { isErrno, runProcess } from './spawn';

/**
 * Makes the /etc that commands see, once for each state of the system's own: copies of what programs need and what
 * holds nothing private, and users that are made up; `etcMounts` go on top. One folder to mount rather than thirty files,
 * which cost 4 ms a command.
 * @returns its path, in `folder`.
 */
export async function makeEtc(folder: string): Promise<string> {
  const java = readdirSync('/etc').filter((name) => name.startsWith('java-'));
  const paths = [...copied, ...java].map((name) => `etc/${name}`).filter((path) => existsSync(`/${path}`));
  const state = paths.map((path) => [path, lstatSync(`/${path}`).mtimeMs]);
  const key = createHash('sha256')
    .update(JSON.stringify([state, madeUp, etcMounts()]))
    .digest('hex')
    .slice(0, 16);
  const whole = join(folder, `etc-${key}`);
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  if (existsSync(whole)) return whole;
  const half = join(folder, `half-${randomUUID()}`);
  try {
    await mkdir(join(half, 'etc'), { recursive: true });
    for (const path of [half, join(half, 'etc')]) await chmod(path, 0o755);
    // What an ordinary user may not read is left out, and is none of a command's business.
    const argv = ['cp', '-a', '--parents', '--', ...paths, half];
    const env = { PATH: '/usr/bin:/bin' };
    await runProcess({ argv, cwd: '/', env, timeoutMs: 30_000 });
    for (const path of etcMounts()) await mkdir(join(half, path), { recursive: true });
    for (const [name, text] of Object.entries(madeUp)) {
      await writeFile(join(half, 'etc', name), text);
      await chmod(join(half, 'etc', name), 0o644);
    }
    await rename(join(half, 'etc'), whole);
  } catch (error) {
    // Somebody else made it meanwhile.
    if (!isErrno(error, 'ENOTEMPTY') && !isErrno(error, 'EEXIST')) throw error;
  } finally {
    await removeTree(half);
  }
  return whole;
}

/** `ssl/private`, `shadow`, anything that names hosts, users or passwords stays out. */
const copied = (
  'ca-certificates debian_version gai.conf ld.so.cache ld.so.conf ld.so.conf.d localtime lsb-release ' +
  'magic mime.types os-release perl pki/ca-trust pki/tls/certs protocols python3 services ssl/openssl.cnf ' +
  'terminfo timezone'
).split(' ');

/** Folders of many files, mounted as they are: a copy of their hundreds of links costs more than three mounts. */
const mounted = ['alternatives', 'fonts', 'ssl/certs'];

/** What of the system's own /etc is mounted, read-only, into the one that was made. */
export function etcMounts(): string[] {
  return mounted.map((name) => `/etc/${name}`).filter((path) => existsSync(path));
}

const madeUp = {
  passwd:
    'root:x:0:0:root:/:/usr/sbin/nologin\nagent:x:1000:1000:agent:/home/agent:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n',
  group: 'root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n',
  hosts: '127.0.0.1 localhost bakeoff\n::1 localhost\n',
  gitconfig:
    '[user]\n\tname = agent\n\temail = agent@bakeoff.invalid\n[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
};
