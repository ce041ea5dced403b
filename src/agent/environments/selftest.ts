import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../config';
import { VariationFailure } from '../../core/failure';
import { decode } from '../environment';
import { SandboxMissing, sandboxUid } from './bubblewrap';
import { openSandbox } from './open';
import { removeTree } from './remove';
import type { Sandbox } from './sandbox';
import { isErrno } from './spawn';

export type Probe =
  | { kind: 'bubblewrap'; detail: string }
  /** `detail` says what is wrong, `remedy` what to do, one line each. */
  | { kind: 'none'; detail: string; remedy: string };

const probeMs = 10_000;

/**
 * Starts the real sandbox and tries to get out of it: write outside, connect to a server on this machine, remount /usr,
 * read the variables of another process, read a file of the host, start too many processes, find a capability. Takes at
 * most 10 seconds; leaves nothing behind.
 */
export async function probeSandbox(config: Pick<Config, 'dataDir'>): Promise<Probe> {
  try {
    const sandbox = await openSandbox(config);
    const leaks = await attack(config.dataDir, sandbox);
    if (leaks.length === 0) return { kind: 'bubblewrap', detail: sandbox.detail };
    return {
      kind: 'none',
      detail: `the sandbox does not hold: ${leaks.join('; ')}`,
      remedy: 'update bubblewrap and the kernel, and report this',
    };
  } catch (error) {
    if (error instanceof SandboxMissing) return { kind: 'none', detail: error.message, remedy: error.remedy };
    if (error instanceof VariationFailure) return { kind: 'none', ...explain(error.message, config.dataDir) };
    if (isErrno(error, 'EACCES') || isErrno(error, 'EROFS') || isErrno(error, 'ENOSPC')) {
      const detail = error instanceof Error ? error.message : 'the data directory cannot be written';
      return { kind: 'none', detail, remedy: 'set BAKEOFF_DATA to a folder that can be written' };
    }
    throw error;
  }
}

async function attack(dataDir: string, sandbox: Sandbox): Promise<string[]> {
  const token = randomUUID();
  const folder = join(dataDir, `selftest-${token}`);
  const secret = join(dataDir, `selftest-secret-${token}`);
  let connections = 0;
  const server = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      open: () => {
        connections += 1;
      },
      data: () => {},
    },
  });
  // Another process under the very uid that commands run as: without walls it could be looked into.
  const asSandbox =
    process.getuid?.() === 0
      ? [
          'setpriv',
          '--reuid',
          `${sandboxUid}`,
          '--regid',
          `${sandboxUid}`,
          '--clear-groups',
          '--no-new-privs',
        ]
      : [];
  const neighbour = Bun.spawn([...asSandbox, 'sleep', '10'], {
    env: { PATH: '/usr/bin:/bin', SECRET: token },
    stdout: 'ignore',
    stderr: 'ignore',
  });
  try {
    await writeFile(secret, token);
    await chmod(secret, 0o644);
    await sandbox.makeFolder(folder);
    const environment = sandbox.open({ workspace: folder, limits: { processes: 32 } });
    const script = ['sh', '-c', attempts, 'sh', token, secret, String(server.port)];
    const result = await environment.exec(script, { timeoutMs: probeMs - 1000 });
    const said = decode(result.stdout);
    if (!said.includes('tried everything') || !(await proof(folder, token))) {
      const why = result.timed_out ? 'it took too long' : decode(result.stderr).trim().slice(-500);
      throw new VariationFailure('sandbox_unavailable', `the sandbox cannot run a command: ${why}`);
    }
    const leaks = [...said.matchAll(/^leak: (.*)$/gm)].map((match) => match[1] ?? '');
    if (connections > 0) leaks.push('a command can connect to a server of this machine');
    if (existsSync(join(tmpdir(), token))) leaks.push('a command can write to the /tmp of this machine');
    return leaks;
  } finally {
    neighbour.kill('SIGKILL');
    server.stop(true);
    await rm(secret, { force: true });
    await removeTree(folder);
  }
}

/** $1 token, $2 a file of the host, $3 a port of the host. */
const attempts = `
token=$1 secret=$2 port=$3
echo "$token" >/workspace/proof
echo "$token" >"/tmp/$token"
mount -o remount,rw /usr 2>/dev/null
mount -o remount,rw,bind /usr 2>/dev/null
for path in /usr /etc / /bin /dev "\${secret%/*}"; do
  if (: >"$path/bakeoff-$token") 2>/dev/null; then
    rm -f "$path/bakeoff-$token"
    echo "leak: a command can write to $path"
  fi
done
if [ -e "$secret" ] || cat "$secret" 2>/dev/null; then echo "leak: a command can read files of the host"; fi
if [ -e /etc/shadow ]; then echo "leak: a command can see /etc/shadow"; fi
bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$port" 2>/dev/null && echo "leak: a command can connect to this machine"
if [ "$(grep -c : /proc/net/dev)" -gt 1 ]; then echo "leak: a command sees a network"; fi
if cat /proc/[0-9]*/environ 2>/dev/null | grep -q "SECRET=$token"; then
  echo "leak: a command can read the variables of other processes"
fi
if grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb):' /proc/self/status | grep -qv '0000000000000000$'; then
  echo "leak: a command has capabilities"
fi
if grep -q '^NoNewPrivs:[^1]*$' /proc/self/status; then echo "leak: a command can gain privileges"; fi
(count=0; while [ $count -lt 64 ]; do sleep 9 & count=$((count + 1)); done; echo "leak: the process limit does not hold") 2>/dev/null
echo "tried everything"
`;

async function proof(folder: string, token: string): Promise<boolean> {
  return (await readFile(join(folder, 'proof'), 'utf8').catch(() => '')) === `${token}\n`;
}

/** What bubblewrap's own words mean here, and the one thing that helps. */
function explain(said: string, dataDir: string): { detail: string; remedy: string } {
  const detail = said.replaceAll(/\s+/g, ' ').slice(0, 500);
  if (/source path|Can't (find|access)/.test(said) && /Permission denied/.test(said)) {
    return {
      detail,
      remedy: `commands run as uid ${sandboxUid}, which cannot enter ${dataDir}: set BAKEOFF_DATA to a folder that others may enter, such as /var/lib/bakeoff`,
    };
  }
  if (isContainer()) {
    return {
      detail: `this container may not make namespaces (${detail})`,
      remedy:
        'start it with --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined',
    };
  }
  if (setting('kernel/apparmor_restrict_unprivileged_userns') === '1') {
    return {
      detail: `AppArmor refuses user namespaces to bubblewrap (${detail})`,
      remedy: 'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
    };
  }
  if (setting('kernel/unprivileged_userns_clone') === '0') {
    return {
      detail: `the kernel refuses user namespaces (${detail})`,
      remedy: 'sudo sysctl -w kernel.unprivileged_userns_clone=1',
    };
  }
  if (setting('user/max_user_namespaces') === '0') {
    return {
      detail: `the kernel allows no user namespace (${detail})`,
      remedy: 'sudo sysctl -w user.max_user_namespaces=10000',
    };
  }
  return { detail, remedy: 'run `bwrap --unshare-all --ro-bind / / true` to see what this machine refuses' };
}

function isContainer(): boolean {
  if (existsSync('/.dockerenv') || existsSync('/run/.containerenv')) return true;
  return /docker|kubepods|containerd|lxc/.test(read('/proc/1/cgroup'));
}

function setting(name: string): string {
  return read(`/proc/sys/${name}`).trim();
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
